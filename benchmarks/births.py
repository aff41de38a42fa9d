"""When do units become matched? `python benchmarks/births.py [RUN ...]`

Three trainings whose weights were kept at log-spaced steps (`rosetta-train NAME --keep-every 2`) are
mined with the generator, all checkpoints of a run at once, on 400 of its samples; and every unit is
compared with what it is at the end of its training, on 200 others. Told for each checkpoint: how many units
have a significant match, how many of these have one at the end and with how many of the same partners, and
how alike each unit is to itself at the end; with the controls that `births.json` names. Intervals are 95 %
bootstraps over the network's units. Nothing was tuned. A run that is in `births.json` is kept unless it is
named. A minute or two of a core a run, after the trainings (15 minutes each of `mini_resnet.seed2` and
`.seed3`, and as long of `mini_mae.seed2 --steps 4000`)."""
import argparse
import json
import time
from pathlib import Path

import torch

from rosetta_neurons.correlation import PairCorrelation
from rosetta_neurons.dictionary import RosettaDictionary
from rosetta_neurons.evidence import interval
from rosetta_neurons.hooks import evaluating
from rosetta_neurons.mining import mine
from rosetta_neurons.runtime import _write_beside, observe
from rosetta_neurons.zoo import create_model

OUT = Path(__file__).with_suffix(".json")
RUNS = dict.fromkeys(["mini_resnet.seed2", "mini_resnet.seed3"], "mini_resnet")
RUNS["mini_mae.seed2"] = "mini_mae"
DRAWS = 20 # of units exchanged within their layers


def checkpoints(folder, kind):
    "The network at each step that was kept, by step"
    found = {}
    for path in sorted(Path(folder).glob("step_*.safetensors")):
        found[int(path.stem[5:])] = create_model(kind, checkpoint_path=path)
    return found


def mined(G, nets, n, out):
    "The dictionary of the generator and all checkpoints"
    if not (out/"dictionary.json").is_file():
        mine(G, {str(step): D for step, D in nets.items()}, n=n, out=out)
    return RosettaDictionary.load(out)


@torch.no_grad()
def alike(G, nets, n):
    "Correlation of each unit with each of the last network `{step: [units, units]}`; the units"
    z, last = G.sample(n, seed=71), nets[max(nets)]
    sums = {step: PairCorrelation() for step in nets}
    with evaluating(G), evaluating(last):
        for i in range(0, n, 20):
            images = G(z[i:i+20])
            end = observe("end", last, images, last.layers)[1]
            for step, D in nets.items():
                with evaluating(D):
                    sums[step].update(observe(str(step), D, images, D.layers)[1], end)
    tables = {step: o.compute("position").nan_to_num(nan=0) for step, o in sums.items()}
    return tables, [tuple(o) for o in sums[max(nets)].units_b]


def significant(d, step, q=.05):
    "Pairs `{unit of the network: {unit of G: centred correlation}}` whose q is at most .05"
    pairs = {}
    for o in d.matches:
        if o.model == str(step) and o.q <= q:
            pairs.setdefault(tuple(o.partner), {})[tuple(o.unit)] = o.centred
    return pairs


def exchanged(units, seed):
    "Each unit and another, drawn at random from its layer"
    rng = torch.Generator().manual_seed(seed)
    found = {}
    for layer in dict.fromkeys(layer for layer, _ in units):
        own = [u for u in units if u[0] == layer]
        order = torch.randperm(len(own), generator=rng).tolist()
        found |= {u: own[j] for u, j in zip(own, order)}
    return found


def kept_pairs(now, end, name=None):
    "The share of pairs that are there at the end; of units that `name` renames"
    pairs = [(name[u] if name else u, g) for u, some in now.items() for g in some]
    return sum(g in end.get(u, ()) for u, g in pairs)/len(pairs) if pairs else None


def mean_of(values):
    "Mean, and its interval over units; None for fewer than ten"
    if len(values) < 10:
        return None
    return interval(torch.tensor(values, dtype=torch.float))


def told(step, d, table, units):
    "One checkpoint"
    now, end = significant(d, step), significant(d, max(map(int, d.models)))
    itself = dict(zip(units, table.diagonal().tolist()))
    place = {u: i for i, u in enumerate(units)}
    found = table.argmax(1).tolist()
    matched = [u for u in units if u in now]
    others = [u for u in units if u not in now]
    by_chance = [kept_pairs(now, end, exchanged(units, seed)) for seed in range(DRAWS)]
    return dict(
        step=step, units=len(units), matched=len(matched),
        pairs=sum(map(len, now.values())),
        # centred correlation of a matched unit with its best partner
        best=mean_of([max(some.values()) for some in now.values()]),
        by_layer={layer: sum(u[0] == layer for u in matched) for layer in dict(units)},
        # of units with a match now, and of those without: the share with one at the end
        stay=mean_of([u in end for u in matched]), come=mean_of([u in end for u in others]),
        # of pairs now: the share there at the end, and that if units were exchanged in their layers
        pairs_stay=kept_pairs(now, end),
        pairs_exchanged=None if None in by_chance else sum(by_chance)/DRAWS,
        # centred correlation of a unit with itself at the end
        itself_matched=mean_of([itself[u] for u in matched]),
        itself_others=mean_of([itself[u] for u in others]),
        # is no unit of the last network more like it than itself?
        found_matched=mean_of([found[place[u]] == place[u] for u in matched]),
        found_others=mean_of([found[place[u]] == place[u] for u in others]))


def births(d, steps):
    "For units with a match at the end: how many have had one since which step, by layer"
    pairs = [set(significant(d, step)) for step in steps]
    rows = {}
    for u in sorted(pairs[-1]):
        since = len(pairs) - 1
        while since and u in pairs[since - 1]:
            since -= 1
        counts = rows.setdefault(u[0], dict.fromkeys(steps, 0))
        counts[steps[since]] += 1
    return rows


def run(name, folder, n):
    "All checkpoints of one training"
    G = create_model("mini_stylegan2")
    nets = checkpoints(folder/name, RUNS[name])
    if not nets:
        raise SystemExit(f"no checkpoints in {folder/name}: rosetta-train {name} --keep-every 2")
    d = mined(G, nets, n, folder/"births"/name)
    tables, units = alike(G, nets, n//2)
    steps = list(nets)
    rows = [told(step, d, tables[step], units) for step in steps]
    return dict(images=n, checkpoints=rows, births=births(d, steps))


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("runs", nargs="*", help=f"which to measure anew, of {', '.join(RUNS)}")
    p.add_argument("-n", type=int, default=400, help="samples to mine on")
    p.add_argument("--folder", type=Path, default=Path("runs"))
    p.add_argument("--out", type=Path, default=OUT)
    o = p.parse_args()
    torch.set_num_threads(1)
    table = json.loads(o.out.read_text()) if o.out.is_file() else {}
    for name in o.runs or [r for r in RUNS if r not in table]:
        start = time.process_time()
        table[name] = run(name, o.folder, o.n)
        print(name, f"({time.process_time() - start:.0f} CPU-seconds)", flush=True)
        _write_beside(o.out, (json.dumps(table, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
