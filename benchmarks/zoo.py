"""How good are the shipped models? Prints and writes benchmarks/zoo.json.

    python benchmarks/zoo.py [name ...]

Everything is measured on scenes that no training has seen (seeds from 2,000,000 on). Generators are judged by
`eval_net`, or by `eval_net32` where they draw 32 pixels: private networks that are neither mined nor had a part in any training. As these learned what the
critics of two generators learned too, `spaces` measures the Fréchet distance in other spaces as well."""
import json, sys, time
from functools import partial
from pathlib import Path
import torch, torch.nn.functional as F
from rosetta_neurons.hooks import record
from rosetta_neurons.train.autoencoder import _load_autoencoder
from rosetta_neurons.train.clip import zero_shot
from rosetta_neurons.train.dino import knn_animals
from rosetta_neurons.train.eval_net import frechet, _check_evaluator, evaluated, load_evaluator, precision_recall
from rosetta_neurons.train.mae import animal_error, linear_probe, _mean_units
from rosetta_neurons.train.resnet import accuracy
from rosetta_neurons.world import ANIMALS, sample_scenes
from rosetta_neurons.zoo import create_model, list_models
from rosetta_neurons.zoo.biggan import standing_statistics
from rosetta_neurons.zoo.core import WEIGHTS
from rosetta_neurons.zoo.mae import MaskedAutoencoder, load_autoencoder

HERE = Path(__file__).parent

def eval_net(): return _check_evaluator(load_evaluator(), 4000)
def eval_net32(): return _check_evaluator(load_evaluator(32), 4000, size=32)

def trainings(name):
    "What is measured of a network, {label: its name}: itself and, if it was trained again, its other seed and its training without labels"
    return {"trained": name} | {"another seed": o for o in list_models(f"{name}.seed1")} | {"without labels": o for o in list_models(f"{name}.unlabelled")}

def beside_untrained(measure, name): return {k: measure(create_model(o)) for k, o in trainings(name).items()} | {"untrained": measure(create_model(name, pretrained=False))}

def mini_resnet(): return beside_untrained(lambda m: accuracy(m, 4000), "mini_resnet")

def mini_mae():
    nets = {k: load_autoencoder(o) for k, o in trainings("mini_mae").items()} | {"untrained": MaskedAutoencoder(create_model("mini_mae", pretrained=False).net)}
    return {k: dict(probe=linear_probe(m), probe_of_units=linear_probe(m, read=_mean_units), **{f"animal_error_{o}": v for o, v in animal_error(m, 1000).items()}) for k, m in nets.items()}

def mini_dino_resnet(): return beside_untrained(lambda m: dict(knn=knn_animals(m)), "mini_dino_resnet")
def mini_dino_vit(): return beside_untrained(lambda m: dict(knn=knn_animals(m)), "mini_dino_vit")
def mini_clip_resnet(): return beside_untrained(lambda m: zero_shot(m, sample_scenes(4000, 2_000_033)), "mini_clip_resnet")

@torch.no_grad()
def drawn(G, latents): return (G(latents[i:i+100]) for i in range(0, len(latents), 100))

def real(n, seed, size): return (sample_scenes(n, seed)[i:i+100].render(size) for i in range(0, n, 100))

def distances(fresh, seen, asked=None):
    "How far images are from fresh scenes, by the features that the judge saw; and how many show the animal that was asked for"
    precision, recall = precision_recall(fresh, seen["features"])
    right = {} if asked is None else dict(asked_animal=(seen["animal"] == asked).float().mean().item())
    return dict(frechet=frechet(fresh, seen["features"]), precision=precision, recall=recall, **right)

def generator(name, n=2000):
    "Fresh scenes, the generator (if it is conditional, truncated too), its other seed, its early checkpoint and itself untrained, as the judge sees them beside other fresh scenes"
    nets = {o: create_model(o) for o in trainings(name).values()}
    if (early := HERE/f"{name}.early.safetensors").is_file(): nets["early checkpoint"] = create_model(name, checkpoint_path=early)
    nets["untrained"] = create_model(name, pretrained=False)
    if name == "mini_biggan": standing_statistics(nets["untrained"], 64)
    size = nets[name](nets[name].sample(1)).shape[-1]
    judge = load_evaluator(size)
    fresh, rows = evaluated(real(n, 2_000_021, size), judge)["features"], {}
    def row(batches, asked=None):
        o = evaluated(batches, judge)
        share = torch.bincount(o["animal"], minlength=len(ANIMALS))/n
        return dict(**distances(fresh, o, asked), rarest_animal=share.min().item(), animals=dict(zip(ANIMALS, share.tolist())))
    rows["real"] = row(real(n, 2_000_020, size))
    for k, G in nets.items():
        latents = G.sample(n, seed=1)
        rows[k] = row(drawn(G, latents), latents.label)
        if k == name and latents.label is not None:
            latents = G.sample(n, seed=1, truncation=.7) # as the authors match StyleGAN-XL
            rows["truncation 0.7"] = row(drawn(G, latents), latents.label)
    return rows

def coarse_pixels(images): return F.adaptive_avg_pool2d(images, 6).flatten(1)

def mean_of_last_layer(model, images):
    "Mean over the positions of each unit of the last layer that is mined [n, units]"
    with record(model, model.layers[-1:]) as maps: model(images)
    return maps[model.layers[-1]].mean((2, 3))

def in_spaces(batches, spaces):
    "Features of images in all spaces"
    seen = {k: [] for k in spaces}
    for images in batches:
        for k, f in spaces.items(): seen[k].append(f(images))
    return {k: torch.cat(v) for k, v in seen.items()}

@torch.no_grad()
def spaces(n=2000):
    """Fréchet distance of generators, and of other true scenes, from fresh scenes of their size, {pixels a side: {space: {generator: distance}}}. Numbers of different
    spaces are not on one scale; images of 32 pixels are enlarged to 64 for networks"""
    nets = {f"{k} (last layer)": partial(mean_of_last_layer, create_model(o, pretrained=p)) for k, o, p in (("mini_dino_vit", "mini_dino_vit", True), ("mini_mae", "mini_mae", True), ("untrained ResNet", "mini_resnet", False))}
    res = {}
    for size, generators in ((64, ["mini_stylegan2", "mini_stylegan2.seed1", "mini_stylegan2.unlabelled", "mini_biggan", "mini_dit"]), (32, ["mini_styleganxl"])):
        judge = load_evaluator(size)
        large = {k: (lambda f: lambda x: f(x if size == 64 else F.interpolate(x, size=64, mode="bilinear")))(f) for k, f in nets.items()}
        of = {"evaluator": lambda x: judge(x)["features"], "pixels at 6 x 6": coarse_pixels, **large}
        fresh = in_spaces(real(n, 2_000_021, size), of)
        seen = {"other true scenes": in_spaces(real(n, 2_000_020, size), of)}
        for name in generators:
            G = create_model(name)
            seen[name] = in_spaces(drawn(G, G.sample(n, seed=1)), of)
        res[str(size)] = {k: {name: frechet(fresh[k], o[k]) for name, o in seen.items()} for k in of}
    return res

def mini_stylegan2(): return generator("mini_stylegan2")
def mini_biggan(): return generator("mini_biggan")
def mini_styleganxl(): return generator("mini_styleganxl")
def mini_dit(): return generator("mini_dit")

@torch.no_grad()
def autoencoder(n=2000):
    "True scenes as they come back from the autoencoder of mini_dit, beside other true scenes"
    net, judge = _load_autoencoder(), load_evaluator()
    fresh = evaluated(real(n, 2_000_021, 64), judge)["features"]
    def row(batches): return distances(fresh, evaluated(batches, judge))
    back = ((net(x*2 - 1)*.5 + .5).clamp(0, 1) for x in real(n, 2_000_020, 64))
    return dict(real=row(real(n, 2_000_020, 64)), autoencoder=row(back))

ALL = (eval_net, eval_net32, mini_resnet, mini_dino_resnet, mini_dino_vit, mini_mae, mini_clip_resnet, mini_biggan, mini_stylegan2, mini_styleganxl, autoencoder, mini_dit, spaces)

def rounded(x): return {k: rounded(v) for k, v in x.items()} if isinstance(x, dict) else round(x, 4)

if __name__ == "__main__":
    path = HERE/"zoo.json"
    result = json.loads(path.read_text()) if path.is_file() else {}
    if unknown := set(sys.argv[1:]) - {f.__name__ for f in ALL}: sys.exit(f"nothing says how to measure {unknown.pop()}: write a function of that name, and add it to ALL. There are {', '.join(f.__name__ for f in ALL)}")
    for f in ALL:
        if sys.argv[1:] and f.__name__ not in sys.argv[1:]: continue
        if f is not spaces and not (WEIGHTS/f"{f.__name__}.safetensors").is_file(): print(f.__name__, "has no weights yet"); continue
        start = time.perf_counter()
        result[f.__name__] = rounded(f())
        print(f.__name__, f"({time.perf_counter()-start:.0f} s)", json.dumps(result[f.__name__], indent=1), flush=True)
        path.write_text(json.dumps(result, indent=1) + "\n")
