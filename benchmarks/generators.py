"""Do two generators share units? `python benchmarks/generators.py A B`

A and B are names of generators, such as mini_stylegan2 and mini_biggan. Measured are:

- `planted`, for each of the two: a copy whose units are shuffled within their layers, on other
  latents, so that the right partner of each unit is known. Precision and recall of matching by
  profiles (`match_generators`), and of the rule that needs best buddies of the same unit of a vision
  model on both sides; through trained and untrained vision models, and on shuffled images.
  Means over three pairs of draws of latents, with 95 % intervals (Student's t).
- `pairs`: the two with each other. Do partners fire on the same part, as the private evaluator sees
  it in each one's own samples? Beside random units of the same layers; with 95 % bootstraps over the
  parts (drawn again are the parts that the first units detect best, with all pairs of each).
- `direct`, where B is a diffusion transformer: `Noised` at each step but the first, against B's own
  maps while it samples (planted truth), and matched with A on A's samples.

What was drawn at random is said in each row. Nothing was tuned on these rows. A row that is in
`generators.json` is kept unless --again. Of a core, two minutes and a half for pairs of GANs, and as
many and four for planted truth; a network of more units takes more.
"""
import argparse
import json
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from rosetta_neurons.correlation import PairCorrelation
from rosetta_neurons.evidence import interval
from rosetta_neurons.fdr import q_values
from rosetta_neurons.generators import Noised, _alike, _buddy_scores, _pairs, _Profiles, _profiles, _Sums
from rosetta_neurons.hooks import evaluating
from rosetta_neurons.matching import best_buddies
from rosetta_neurons.runtime import _write_beside, observe
from rosetta_neurons.train.eval_net import load_evaluator
from rosetta_neurons.truth import agreement, ground_truth_masks
from rosetta_neurons.world import PARTS
from rosetta_neurons.zoo import create_model

OUT = Path(__file__).with_suffix(".json")
LOOKING = ["mini_dino_vit", "mini_resnet", "mini_clip_resnet"]
ROWS = ["pairs", "direct", "planted"]
DRAWS = 3 # pairs of draws of latents
BATCH = 25


def vision():
    "The vision models, and one of them untrained"
    nets = {m: create_model(m) for m in LOOKING}
    return nets | {"untrained": create_model("mini_resnet", pretrained=False)}


def some(p, models):
    "Profiles in some of the vision models"
    def of(x):
        return {m: x[m] for m in models}
    return _Profiles(p.units, of(p.seen), of(p.true), of(p.null))


def over_draws(values):
    "Mean of a few draws, with a 95 % interval by Student's t [mean, lower, upper]"
    from scipy.stats import t
    x = torch.tensor(values).double()
    half = t.ppf(.975, len(x) - 1)*x.std().item()/len(x)**.5
    return [round(float(x.mean() + o), 4) for o in (0, -half, half)]


# the rule that needs best buddies on both sides

def buddy_table(a, b, k):
    """The larger, over units of vision models that are a best buddy of both, of the smaller of the two
    centred correlations; NaN where there is no such unit `[units_a, units_b]`"""
    best = None
    for m in a:
        found = torch.full((len(a[m]), len(b[m])), -2.)
        of_a = best_buddies(a[m], k)
        of_b = best_buddies(b[m], k)
        for u in of_a[:, 1].unique():
            i = of_a[of_a[:, 1] == u, 0]
            j = of_b[of_b[:, 1] == u, 0]
            both = torch.minimum(a[m][i, u][:, None], b[m][j, u])
            found[i[:, None], j] = torch.maximum(found[i[:, None], j], both)
        best = found if best is None else torch.maximum(best, found)
    return best.masked_fill(best < -1, torch.nan)


TABLES = {
    "profiles": _alike,
    "buddies, K = 1": lambda a, b: buddy_table(a, b, 1),
    "buddies, K = 5": lambda a, b: buddy_table(a, b, 5)}


# planted truth

def order_within_layers(units, seed):
    "A random order of units that keeps each in its layer"
    rng = torch.Generator().manual_seed(seed)
    order, start = [], 0
    for n in units.layers.values():
        order.append(start + torch.randperm(n, generator=rng))
        start += n
    return torch.cat(order)


def recovered(a, b, units, seed):
    "Precision and recall of every rule for the copy `b`, whose units are shuffled first"
    order = order_within_layers(units, seed)
    copy = {m: o[order] for m, o in b.items()}
    vary = next(~o.isnan().all(1) for o in a.values()).sum().item()
    told = {}
    for kind, table in TABLES.items():
        i, j = best_buddies(table(a, copy), 1).T
        right = (order[j] == i).sum().item()
        told[kind] = dict(pairs=len(i), precision=right/max(1, len(i)), recall=right/vary)
    return told


def planted(name):
    G, nets = create_model(name), vision()
    drawn = {}
    for draw in range(DRAWS):
        seeds = [1000 + 2*draw, 1001 + 2*draw]
        a, b = (_profiles(G, nets, 200, s, BATCH) for s in seeds)
        trained = {m: nets[m] for m in LOOKING}
        narrow = _profiles(G, trained, 200, seeds[1], BATCH, truncation=.5)
        few = [_profiles(G, trained, 50, s, BATCH).true for s in seeds]
        true, other = some(a, LOOKING).true, some(b, LOOKING)
        cases = {
            "200 samples": (true, other.true), "50 samples": few,
            "the copy's at truncation 0.5": (true, narrow.true),
            "through mini_resnet alone": (some(a, ["mini_resnet"]).true, some(b, ["mini_resnet"]).true),
            "through it untrained": (some(a, ["untrained"]).true, some(b, ["untrained"]).true),
            "the copy's shuffled": (true, other.null)}
        for what, (x, y) in cases.items():
            drawn.setdefault(what, []).append(recovered(x, y, a.units, draw))
    rows = {}
    for what, several in drawn.items():
        rows[what] = {}
        for kind in TABLES:
            of = [o[kind] for o in several]
            rows[what][kind] = {k: over_draws([float(o[k]) for o in of]) for k in ("pairs", "precision", "recall")}
    said = f"{DRAWS} pairs of draws of latents and orders of units; intervals over these"
    return dict(random=said, units=len(a.units), vision=LOOKING, rows=rows)


# the evaluator

def parts_of(G, n=160):
    "How well each unit detects each part of the generator's own samples, as the evaluator sees them"
    z, judge, masks = G.sample(n, seed=60), load_evaluator(), []
    with evaluating(G):
        for i in range(0, n, 32):
            x = G(z[i:i+32])
            said = judge(x)
            parts = F.one_hot(said["parts"].argmax(1), len(PARTS)).permute(0, 3, 1, 2).float()
            masks.append(ground_truth_masks(x, parts, said["animal"].argmax(1)))
    # 40 images at a time, as 64 are as many as the tokens of a transformer on an 8 x 8 grid
    return agreement(G, z, torch.cat(masks), batch_size=40).among(list(PARTS))


def layer_means(told, layers, vary):
    "Of each layer's units that vary: shares of their best parts, and their mean AUROC of each part"
    shares, auroc = {}, {}
    best = F.one_hot(told.best(), len(PARTS)).double()
    for layer in layers:
        of = torch.tensor([u[0] == layer for u in told.units]) & vary
        shares[layer] = best[of].mean(0)
        auroc[layer] = told.auroc[of].nan_to_num(nan=.5).double().mean(0)
    return shares, auroc


class Judge:
    "Do partners fire on the same part?"
    def __init__(self, told_a, told_b, vary_a, vary_b):
        self.a, self.b = told_a, told_b
        self.shares_a, _ = layer_means(told_a, dict(told_a.units), vary_a)
        self.shares_b, self.auroc_b = layer_means(told_b, dict(told_b.units), vary_b)

    def part(self, unit):
        "Number of the part that a unit of A detects best"
        return int(self.a.best()[self.a.row[unit]])

    def __call__(self, pairs):
        "`pairs` of (unit, partner); None where the units detect fewer than two parts"
        best_b, sums = self.b.best(), {}
        for unit, partner in pairs:
            part, j = self.part(unit), self.b.row[partner]
            p = self.shares_a[unit[0]]
            row = [
                float(best_b[j] == part), float(p @ self.shares_b[partner[0]]),
                self.b.auroc[j, part].nan_to_num(nan=.5).item(), float(p @ self.auroc_b[partner[0]]), 1.]
            sums.setdefault(part, []).append(row)
        if len(sums) < 2:
            return None
        x = torch.stack([torch.tensor(o).double().sum(0) for o in sums.values()])
        def told(f):
            return interval(x, lambda s: f(s.sum(0)))
        return dict(
            pairs=len(pairs), parts={PARTS[k]: len(o) for k, o in sums.items()},
            same=told(lambda s: s[0]/s[4]), chance=told(lambda s: s[1]/s[4]), more=told(lambda s: (s[0] - s[1])/s[4]),
            auroc=told(lambda s: s[2]/s[4]), auroc_chance=told(lambda s: s[3]/s[4]), auroc_more=told(lambda s: (s[2] - s[3])/s[4]))


def varying(p):
    return ~next(iter(p.true.values())).isnan().all(1)


def matched(a, b, judge):
    "By profiles; parts are those of the significant pairs"
    found = _pairs(a, b)
    kept = [o for o in found if o.q <= .05]
    alike = torch.tensor([o.alike for o in kept]).double()
    strength = torch.tensor([o.strength for o in kept]).double()
    return kept, dict(
        pairs=len(found), significant=len(kept), alike=interval(alike, torch.median) if len(kept) > 1 else None,
        strength=interval(strength, torch.median) if len(kept) > 1 else None, parts=judge([o[:2] for o in kept]))


def by_table(table, a, b, judge):
    "By another table; there is no q, so parts are those of all pairs"
    pairs = best_buddies(table, 1).tolist()
    return dict(pairs=len(pairs), significant=None, parts=judge([(a.units[i], b.units[j]) for i, j in pairs]))


def five_of(kept, judge, told_a):
    "The strongest pairs, each of another part"
    found = {}
    for o in kept:
        part = PARTS[judge.part(o.unit)]
        if part not in found and len(found) < 5:
            row = {k: round(v, 4) if isinstance(v, float) else v for k, v in o._asdict().items()}
            auroc = [told_a.auroc[told_a.row[o.unit]], judge.b.auroc[judge.b.row[o.partner]]]
            found[part] = dict(row, part=part, auroc=[round(x[PARTS.index(part)].item(), 3) for x in auroc])
    return list(found.values())


def pairs(first, second, n=300):
    A, B, nets = create_model(first), create_model(second), vision()
    a, b = _profiles(A, nets, n, 7, BATCH), _profiles(B, nets, n, 8, BATCH)
    H = create_model(second, pretrained=False)
    told = [parts_of(G) for G in (A, B)]
    judge = Judge(*told, varying(a), varying(b))
    x, y = some(a, LOOKING), some(b, LOOKING)
    kept, row = matched(x, y, judge)
    kinds = {"profiles": row}
    for kind in list(TABLES)[1:]:
        kinds[kind] = by_table(TABLES[kind](x.true, y.true), x, y, judge)
    kinds["profiles, through mini_resnet alone"] = matched(some(a, ["mini_resnet"]), some(b, ["mini_resnet"]), judge)[1]
    kinds["profiles, through it untrained"] = matched(some(a, ["untrained"]), some(b, ["untrained"]), judge)[1]
    kinds[f"profiles, {second} shuffled"] = by_table(_alike(x.true, y.null), x, y, judge)
    other = some(_profiles(H, nets, n//2, 8, BATCH), LOOKING)
    kinds[f"profiles, {second} untrained"] = matched(x, other, Judge(told[0], parts_of(H), varying(a), varying(other)))[1]
    layers = {}
    for o in kept:
        key = f"{o.unit[0]} x {o.partner[0]}"
        layers[key] = layers.get(key, 0) + 1
    said = f"latents, once: {n} of each; 160 others for the evaluator; intervals over the parts"
    return dict(random=said, vision=LOOKING, units=[len(a.units), len(b.units)], kinds=kinds, layers=layers, five=five_of(kept, judge, told[0])), kept


# directly: a diffusion transformer looks at images

def looked_at(G, looking, n, seed):
    "Correlations of a generator's maps with those of `Noised`, on its own samples"
    z, sums = G.sample(n, seed=seed), _Sums()
    with evaluating(G, looking):
        for i in range(0, n, BATCH):
            images, maps = observe("G", G, z[i:i+BATCH])
            sums.update(maps, observe("noised", looking, images)[1])
    sums.finish()
    return sums


def itself(B, step):
    "Does a unit that looks find itself as it draws? Over draws of latents and of the noise"
    B.mine_step(step)
    rows = []
    for draw in range(DRAWS):
        table = looked_at(B, Noised(B, step, seed=draw), 100, 2000 + draw).true.compute("position")
        i, j = best_buddies(table, 1).T
        right = (i == j).sum().item()
        vary = (~table.isnan().all(1)).sum().item()
        rows.append([right/max(1, len(i)), right/vary, table.diagonal().nan_to_num(nan=0).mean().item()])
    B.mine_step(-1)
    return {k: over_draws(list(v)) for k, v in zip(("precision", "recall", "correlation"), zip(*rows))}


def same_noise(B, A, step):
    "Correlation of a unit with itself under another noise, on A's samples"
    one, two, sums = Noised(B, step, seed=0), Noised(B, step, seed=1), PairCorrelation()
    z = A.sample(100, seed=9)
    with evaluating(A, B):
        for i in range(0, 100, BATCH):
            x = A(z[i:i+BATCH])
            sums.update(observe("one", one, x)[1], observe("two", two, x)[1])
    told = sums.compute("position").diagonal()
    return interval(told[~told.isnan()])


def direct(first, second, bridged, n=300):
    A, B = create_model(first), create_model(second)
    rows = {}
    told_a = parts_of(A)
    for step in range(1, B.steps):
        sums = looked_at(A, Noised(B, step), n, 7)
        table = sums.true.compute("position")
        found, scores = _buddy_scores(table)
        q = q_values(scores, _buddy_scores(sums.null.compute("position"))[1])
        B.mine_step(step)
        judge = Judge(told_a, parts_of(B), ~table.isnan().all(1), ~table.isnan().all(0))
        B.mine_step(-1)
        units = sums.true.units_a, sums.true.units_b
        kept = [(units[0][i], units[1][j]) for (i, j), x in zip(found.tolist(), q.tolist()) if x <= .05]
        row = dict(pairs=len(found), significant=len(kept), itself=itself(B, step), other_noise=same_noise(B, A, step), parts=judge(kept))
        if step == B.steps - 1: # that of the bridge
            of = dict(kept)
            both = [o for o in bridged if o.unit in of]
            row["bridge"] = dict(pairs=len(bridged), unit_in_both=len(both), same_partner=sum(of[o.unit] == o.partner for o in both))
        rows[f"step {step}"] = row
    said = f"latents, once, {n}, and the noise; of `itself` {DRAWS} draws of both, with intervals over these; of `other_noise` intervals over units; of parts, over the parts"
    return dict(random=said, steps=rows)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("generators", nargs=2, metavar="NAME", help="two generators; a diffusion transformer comes second")
    p.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS, help="which to measure; all if not given")
    p.add_argument("--again", action="store_true", help="measure anew what is there")
    p.add_argument("--out", type=Path, default=OUT)
    o = p.parse_args()
    torch.set_num_threads(1)
    table = json.loads(o.out.read_text()) if o.out.is_file() else {}
    both = " x ".join(o.generators)
    bridged = []

    def row(kind, name, f):
        of = table.setdefault(kind, {})
        if name in of and not o.again:
            return
        start = time.process_time()
        of[name] = f()
        print(kind, name, f"({time.process_time() - start:.0f} CPU-seconds)", flush=True)
        _write_beside(o.out, (json.dumps(table, indent=1) + "\n").encode())

    def matched_pairs():
        found, kept = pairs(*o.generators)
        bridged.extend(kept)
        return found

    looks = hasattr(create_model(o.generators[1], pretrained=False), "encode")
    direct_too = looks and "direct" in o.rows
    if direct_too and (o.again or both not in table.get("direct", {})):
        table.get("pairs", {}).pop(both, None) # as `direct` compares with its pairs
    if "pairs" in o.rows or direct_too:
        row("pairs", both, matched_pairs)
    if direct_too:
        row("direct", both, lambda: direct(*o.generators, bridged))
    for name in o.generators if "planted" in o.rows else []:
        row("planted", name, lambda name=name: planted(name))


if __name__ == "__main__":
    with torch.no_grad():
        main()
