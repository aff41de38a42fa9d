"""How good are the shipped models? Prints and writes benchmarks/zoo.json; about five minutes on two cores.

    python benchmarks/zoo.py [name ...]

Everything is measured on scenes that no training has seen (seeds from 2,000,000 on). Generators are judged by
`eval_net`, a private network that is neither mined nor had a part in any training."""
import json, sys, time
from pathlib import Path
import torch
from rosetta_neurons.train.eval_net import frechet, judge_the_judge, judged, load_judge, precision_recall
from rosetta_neurons.train.mae import animal_error, linear_probe, mean_units
from rosetta_neurons.train.resnet import accuracy
from rosetta_neurons.world import ANIMALS, sample_scenes
from rosetta_neurons.zoo import create_model
from rosetta_neurons.zoo.mae import MaskedAutoencoder, load_autoencoder

HERE = Path(__file__).parent

def eval_net(): return judge_the_judge(load_judge(), 4000)

def mini_resnet(): return {k: accuracy(create_model("mini_resnet", pretrained=k == "trained"), 4000) for k in ("trained", "untrained")}

def mini_mae():
    nets = dict(trained=load_autoencoder(), untrained=MaskedAutoencoder(create_model("mini_mae", pretrained=False).net))
    return {k: dict(probe=linear_probe(m), probe_of_units=linear_probe(m, read=mean_units), **{f"animal_error_{o}": v for o, v in animal_error(m, 1000).items()}) for k, m in nets.items()}

@torch.no_grad()
def drawn(G, n=2000, seed=1): return (G(z) for z in (G.sample(n, seed=seed)[i:i+100] for i in range(0, n, 100)))

def real(n, seed): return (sample_scenes(n, seed)[i:i+100].render() for i in range(0, n, 100))

def mini_stylegan2(n=2000):
    judge, early = load_judge(), HERE/"mini_stylegan2.early.safetensors"
    sets = {"real": real(n, 2_000_020), "mini_stylegan2": drawn(create_model("mini_stylegan2"), n)}
    if early.is_file(): sets["early checkpoint"] = drawn(create_model("mini_stylegan2", checkpoint_path=early), n)
    sets["untrained"] = drawn(create_model("mini_stylegan2", pretrained=False), n)
    fresh, rows = judged(real(n, 2_000_021), judge)["features"], {}
    for name, batches in sets.items():
        o = judged(batches, judge)
        precision, recall = precision_recall(fresh, o["features"])
        share = torch.bincount(o["animal"], minlength=len(ANIMALS))/n
        rows[name] = dict(frechet=frechet(fresh, o["features"]), precision=precision, recall=recall, rarest_animal=share.min().item(), animals=dict(zip(ANIMALS, share.tolist())))
    return rows

def rounded(x): return {k: rounded(v) for k, v in x.items()} if isinstance(x, dict) else round(x, 4)

if __name__ == "__main__":
    path = HERE/"zoo.json"
    result = json.loads(path.read_text()) if path.is_file() else {}
    for f in (eval_net, mini_resnet, mini_mae, mini_stylegan2):
        if sys.argv[1:] and f.__name__ not in sys.argv[1:]: continue
        start = time.perf_counter()
        result[f.__name__] = rounded(f())
        print(f.__name__, f"({time.perf_counter()-start:.0f} s)", json.dumps(result[f.__name__], indent=1), flush=True)
        path.write_text(json.dumps(result, indent=1) + "\n")
