"""Does the number of Rosetta Neurons follow the size of a network? `python benchmarks/scaling.py`

The classifier mini_resnet is trained at five widths, from three seeds each, and each of them is matched with one fixed generator; beside it the same network
untrained, and, where nothing is fixed, two seeds of one width with each other on true scenes. A test on a small scale of Dravid et al. 2026 (arXiv 2606.03990).
Trainings and rows are kept in `runs/scaling`, so that it can be stopped and goes on; the table is `scaling.json`.
About 35 minutes of one core."""
import argparse, json, time
from pathlib import Path
import torch
from rosetta_neurons.runtime import _write_beside
from rosetta_neurons.mining import mine
from rosetta_neurons.train import train
from rosetta_neurons.train.core import TASKS
from rosetta_neurons.train.resnet import _ResNetTask, accuracy
from rosetta_neurons.world import sample_scenes
from rosetta_neurons.zoo import create_model
from rosetta_neurons.zoo.core import Vision, load_weights
from rosetta_neurons.zoo.resnet import _STAGES, mini_resnet

WIDTHS, SEEDS = (3, 6, 12, 24, 48), (0, 1, 2)
OUT = Path(__file__).with_suffix(".json")

def network(width, seed, path=None):
    torch.manual_seed(1000*width + seed)
    model = Vision(mini_resnet(width=width), _STAGES, 64)
    if path: load_weights(model, path)
    model.name = f"width {width}, seed {seed}{'' if path else ', untrained'}"
    return model.eval().requires_grad_(False)

def trained(width, seed, steps, folder):
    name = f"resnet_w{width}.seed{seed}"
    TASKS[f"resnet_w{width}"] = type(f"Width{width}", (_ResNetTask,), dict(width=width))
    path = folder/name/f"{name}.safetensors"
    if not path.is_file(): train(name, steps, folder/name, show=lambda o: None)
    return network(width, seed, path)

def counts(A, B, n, **kw):
    "Best buddies, and what is significant at 5 %: pairs, and different units of either side; matched by Eq. 2, and by centred correlation"
    row = {}
    for center in ("unit", "position"):
        d = mine(A, {"D": B}, n=n, center=center, progress=False, **kw)
        kept = [o for o in d.matches if o.q <= .05]
        row |= {f"{center}.{k}": v for k, v in dict(buddies=len(d.matches), pairs=len(kept), units_a=len({o.unit for o in kept}), units_b=len({o.partner for o in kept}), strong=len({o.partner for o in kept if o.centred >= .3})).items()}
    return {"of": len(d.units["G"]), "units": len(d.units["D"]), **row}

def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--steps", type=int, default=400, help="of each training, 64 scenes a step")
    p.add_argument("-n", type=int, default=400, help="images of each mining")
    p.add_argument("--folder", default="runs/scaling")
    p.add_argument("--out", default=OUT)
    o = p.parse_args()
    torch.set_num_threads(1)
    folder, out = Path(o.folder), Path(o.out)
    table = json.loads(out.read_text()) if out.is_file() else {}
    if table.get("steps", o.steps) != o.steps or table.get("n", o.n) != o.n: raise SystemExit(f"{out} is of steps={table['steps']}, n={table['n']}: delete it, or give --out")
    table |= dict(generator="mini_stylegan2", steps=o.steps, n=o.n)
    rows, G, scenes = table.setdefault("rows", {}), create_model("mini_stylegan2"), sample_scenes(o.n, seed=3_800_000).render()
    def row(name, f):
        if name in rows: return
        start = time.process_time()
        rows[name] = f()
        print(name, json.dumps(rows[name]), f"({time.process_time() - start:.0f} CPU-seconds)", flush=True)
        _write_beside(out, (json.dumps(table, indent=1) + "\n").encode())
    for i, seed in enumerate(SEEDS):
        for w in WIDTHS:
            net = lambda s: trained(w, s, o.steps, folder)
            row(f"generator.{w}.{seed}", lambda: dict(width=w, seed=seed, **accuracy(D := net(seed), 1000), **counts(G, D, o.n)))
            row(f"untrained.{w}.{seed}", lambda: dict(width=w, seed=seed, **counts(G, network(w, seed), o.n)))
            for other in SEEDS[:i]: row(f"seeds.{w}.{other}{seed}", lambda: dict(width=w, seed=seed, other=other, **counts(net(other), net(seed), o.n, images=scenes)))

if __name__ == "__main__": main()
