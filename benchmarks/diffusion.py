"""GAN against diffusion: `python benchmarks/diffusion.py [ROW ...]`

`steps`: `mini_dit` draws in four steps. Its units at each step are matched with those of five vision
models, on 200 samples of seed 0 (on which the step to mine was chosen) and 200 of seed 1. `flow`: how far
its images are from true scenes, by the evaluator, and those of the network before it was distilled,
which is in the folder of its training, `runs/mini_dit`. `generators`:
concepts of `mini_dit`, `mini_stylegan2` and `mini_biggan`, trained and untrained, their names, and how
well their units agree with what the evaluator finds in their images. An untrained transformer of this
kind draws nothing (each of its blocks begins as the identity), so the control of `mini_dit` is itself
with the numbers of each of its transformer's tensors shuffled; the autoencoder stays. Intervals are 95 %
bootstraps over concepts or units. A row that is in `diffusion.json` is kept unless it is named; mined
dictionaries are kept in `runs/diffusion`. Half an hour of a core or more."""
import argparse
import json
import time
from pathlib import Path

import torch
from evidence import KINDS, judged
from zoo import distances

from rosetta_neurons.cli import _VISION
from rosetta_neurons.dictionary import RosettaDictionary
from rosetta_neurons.evidence import compare_groups, interval, unit_groups
from rosetta_neurons.mining import mine
from rosetta_neurons.runtime import _write_beside
from rosetta_neurons.train.dit import _DiTTask
from rosetta_neurons.train.eval_net import evaluated, load_evaluator
from rosetta_neurons.truth import _GROUND_TRUTH, agreement, concept_names, coverage
from rosetta_neurons.world import sample_scenes
from rosetta_neurons.zoo import create_model

OUT = Path(__file__).with_suffix(".json")
FOLDER = Path("runs/diffusion")
RUN = Path("runs/mini_dit/checkpoint.pt") # of the training: holds mini_dit before it was distilled
GENERATORS = ("mini_dit", "mini_stylegan2", "mini_biggan")


def models(pretrained=True):
    return {m: create_model(m, pretrained=pretrained) for m in _VISION}


def mined(name, G, nets, n=400, **options):
    "A dictionary, from the disk if it is there"
    out = FOLDER/name
    if not (out/"dictionary.json").is_file():
        mine(G, nets, n=n, out=out, progress=False, **options)
    return RosettaDictionary.load(out)


def shuffled(G, seed=0):
    "The numbers of each of the transformer's tensors in another order"
    rng = torch.Generator().manual_seed(seed)
    for name, p in G.named_parameters():
        if not name.startswith(("encoder.", "decoder.")):
            p.data = p.flatten()[torch.randperm(p.numel(), generator=rng)].reshape(p.shape)
    return G


def untrained(name):
    "A control: an untrained generator, or `mini_dit` with its weights shuffled"
    if name == "mini_dit":
        return shuffled(create_model(name))
    return create_model(name, pretrained=False)


def matched(d):
    "How many units and concepts of a dictionary are significant at 5 %"
    kept = d.filter(q=.05)
    units = len(d.units["G"])
    found = {o.unit for o in d.matches if o.q <= .05}
    centred = torch.tensor([o.centred for o in kept.matches]).double()
    return dict(
        units=units,
        matched=len(found),
        rosetta=len({u for c in kept.concepts for u in c.units}),
        concepts=len(kept.concepts),
        centred=interval(centred) if len(centred) > 1 else None)


def steps():
    "Significant matches of each step's units"
    G, found = create_model("mini_dit"), {}
    for seed in (0, 1):
        for step in range(G.steps):
            G.mine_step(step)
            d = mined(f"step{step}_seed{seed}", G, models(), n=200, seed=seed)
            found[f"seed {seed}, step {step}"] = matched(d)
            print(seed, step, found[f"seed {seed}, step {step}"], flush=True)
    return found


@torch.no_grad()
def flow(n=1000):
    "Fréchet distance, precision, recall and the asked animal, by steps and guidance"
    G, evaluator = create_model("mini_dit"), load_evaluator()
    teacher = create_model("mini_dit")
    teacher.load_state_dict(torch.load(RUN, weights_only=True)["job"]["teacher"])
    def scenes(seed):
        return (sample_scenes(n, seed)[i:i+100].render() for i in range(0, n, 100))
    fresh = evaluated(scenes(2_000_021), evaluator)["features"]
    z = G.sample(n, seed=1)
    def drawn(net, count, guidance):
        for i in range(0, n, 100):
            part = z[i:i+100]
            codes = net.flow(net.noise(part.z), part.label, net.times(count), guidance)
            yield net.decode(codes)
    def row(batches, asked=None):
        found = distances(fresh, evaluated(batches, evaluator), asked)
        return {k: round(v, 3) for k, v in found.items()}
    found = {"true scenes": row(scenes(2_000_020))}
    found["encoded and decoded"] = row(G.decode(G.encode(x)) for x in scenes(2_000_020))
    found["distilled, 4 steps"] = row(drawn(G, 4, 1.), z.label)
    taught = _DiTTask.guidance
    for count, guidance in ((4, taught), (12, taught), (24, taught), (24, 2.), (24, 1.)):
        name = f"before, {count} steps, guidance {guidance:g}"
        found[name] = row(drawn(teacher, count, guidance), z.label)
        print(name, found[name], flush=True)
    return found


def named(d, nets):
    "What the concepts of a dictionary are called, by ground truth"
    o = concept_names(d, nets, n=160, size=32)
    purity = torch.tensor([c.purity for c in o])
    names = {t: sum(c.name == t for c in o) for t in _GROUND_TRUTH}
    return dict(
        concepts=len(o),
        named=sum(c.name is not None for c in o),
        coverage=coverage(o),
        purity=interval(purity) if len(purity) > 1 else None,
        names={k: v for k, v in names.items() if v})


def generators():
    "Concepts and the selectivity of units of each generator"
    found = {}
    for name in GENERATORS:
        G = create_model(name)
        d = mined(name, G, models())
        a = agreement(G, *judged(G)).among(KINDS["animal"])
        found[name] = dict(
            trained={**matched(d), **named(d.filter(q=.05), models())},
            selectivity=compare_groups(a, unit_groups(d, "G", a)))
        d = mined(f"{name}_untrained", untrained(name), models())
        found[name]["untrained"] = matched(d)
        print(name, found[name], flush=True)
    return found


ROWS = dict(flow=flow, steps=steps, generators=generators)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("rows", nargs="*", help=f"which to measure anew, of {', '.join(ROWS)}")
    o = p.parse_args()
    torch.set_num_threads(1)
    table = json.loads(OUT.read_text()) if OUT.is_file() else {}
    for name in o.rows or [r for r in ROWS if r not in table]:
        start = time.process_time()
        table[name] = ROWS[name]()
        print(name, f"({time.process_time() - start:.0f} CPU-seconds)", flush=True)
        _write_beside(OUT, (json.dumps(table, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
