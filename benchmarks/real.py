"""Real networks on photographs: python benchmarks/real.py FOLDER [n]

FOLDER is what `tools/photos.py FOLDER` gathers. EfficientNet-Lite 0 in G's place against Lite 1 and 2 (extra `real`), all default
layers: what each null leaves, matched units by depth, concepts, time beside the forward passes and the products alone, memory.
Then the late layers of Lite 0 and Lite 2, trained and untrained, five random weights each; and which concepts are found again
when the same networks are mined on the other half of the photographs. Writes benchmarks/real.json.
CPU seconds of one thread; ratios are of the same run.
"""
import csv
import json
import resource
import sys
from pathlib import Path
from statistics import fmean, stdev

import torch
from floor import forward_seconds, matrix_rate, multiplications, seconds

from rosetta_neurons.all import (
    CLUSTERINGS, create_model, jaccard, mine, q_values)

LATE, FEW = 3, 200 # layers, and images, of trained against untrained
DRAWS = 5 # random weights of each


def left_by(d, m):
    "Matches with one model that each null calls significant at an FDR of 5 %"
    t = d.tables[m]
    centred = t["scores"][:, 1]
    both = [q_values(centred, t["decoys"][:, 1]) <= .05, q_values(t["z"], t["flip_decoys"][:, 2]) <= .05]
    row = dict(best_buddies=len(centred), shuffled=int(both[0].sum()), flipped=int(both[1].sum()), both=int((both[0] & both[1]).sum()))
    row["centred_above_half"] = int((centred > .5).sum())
    row["both_and_above_half"] = int((both[0] & both[1] & (centred > .5)).sum())
    return row


def by_depth(d):
    "Share of the units of each layer of G with a significant match in every model"
    kept = d.filter(q=.05)
    matched = {u for c in kept.concepts for u in c.units}
    return {l: round(sum((l, c) in matched for c in range(n))/n, 3) for l, n in d.recipe.channels["G"].items()}


def main_run(images, n, groups):
    "Lite 0 against Lite 1 and 2"
    G, others = create_model("efficientnet_lite0"), {f"lite{i}": create_model(f"efficientnet_lite{i}") for i in (1, 2)}
    took, d = seconds(lambda: mine(G, others, n=n, images=images, groups=groups, size=224, errors="skip", progress=False))
    forward = forward_seconds(d)
    products = multiplications(d)/matrix_rate()
    kept = d.filter(q=.05)
    sizes = [len(c.units) for c in d.concepts]
    row = dict(n=d.n, groups=d.recipe.groups, skipped=len(d.recipe.skipped), units={m: o["units"] for m, o in d.summary.items()},
        nulls={m: left_by(d, m) for m in d.models}, neurons=sum(sizes), concepts=len(sizes), largest_concept=max(sizes),
        largest_by_connected_components=max(len(c.units) for c in d.clustered("connected components").concepts),
        significant_neurons=sum(len(c.units) for c in kept.concepts), significant_concepts=len(kept.concepts), by_depth=by_depth(d),
        seconds=dict(mining=round(took), forward=round(forward), products=round(products), ratio=round(took/(forward+products), 2)),
        peak_gb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/2**20, 2))
    return row, d


def late(model): return model.layers[-LATE:]


def trained_or_not(images, groups):
    "Best buddies and significant matches of the late layers, over random weights"
    def network(name, trained, seed):
        torch.manual_seed(1000+seed)
        return create_model(name, pretrained=trained)
    rows = {}
    for a, b in ((True, True), (True, False), (False, True), (False, False)):
        draws = []
        for seed in range(1 if a and b else DRAWS):
            G, D = network("efficientnet_lite0", a, seed), network("efficientnet_lite2", b, 100+seed)
            d = mine(G, {"lite2": D}, n=FEW, images=images, groups=groups, size=224, errors="skip", seed=seed, progress=False,
                layers={"G": late(G), "lite2": late(D)})
            draws.append(left_by(d, "lite2"))
        words = ["trained" if o else "untrained" for o in (a, b)]
        rows[" x ".join(words)] = {k: [round(fmean(o[k] for o in draws), 1), round(stdev(o[k] for o in draws), 1) if len(draws) > 1 else None] for k in draws[0]}
        print(words, rows[" x ".join(words)], flush=True)
    return rows


def found_again(concepts, others):
    "Share of concepts of two and more units that are in the other list, too, by a Jaccard index of one half"
    shared = [c for c in concepts if len(c) > 1]
    return sum(any(jaccard(c, o) >= .5 for o in others) for c in shared)/max(1, len(shared))


def shuffled(concepts, seed):
    "Concepts of the same sizes, of the same units dealt out at random"
    units = [u for c in concepts for u in c]
    dealt = iter([units[i] for i in torch.randperm(len(units), generator=torch.Generator().manual_seed(seed)).tolist()])
    return [[next(dealt) for _ in c] for c in concepts]


def stability(images, groups, n):
    "Concepts of Lite 0 with Lite 1 and 2 on two sets of photographs that share no original, by each rule"
    originals = sorted(set(groups))
    half = {g: i % 2 for i, g in enumerate(originals)}
    both = []
    for h in (0, 1):
        some = [(f, g) for f, g in zip(images, groups) if half[g] == h]
        G, others = create_model("efficientnet_lite0"), {f"lite{i}": create_model(f"efficientnet_lite{i}") for i in (1, 2)}
        both.append(mine(G, others, n=min(n//2, len(some)), images=[f for f, _ in some], groups=[g for _, g in some], size=224,
            errors="skip", progress=False))
    rows = {}
    for rule in CLUSTERINGS:
        one, two = ([c.units for c in d.clustered(rule).concepts] for d in both)
        rows[rule] = dict(concepts=[len(one), len(two)], of_two_and_more=[sum(len(c) > 1 for c in o) for o in (one, two)],
            largest=[max(map(len, o)) for o in (one, two)],
            found_again=round((found_again(one, two)+found_again(two, one))/2, 3),
            found_again_if_dealt_at_random=round((found_again(one, shuffled(two, 0))+found_again(two, shuffled(one, 1)))/2, 3))
        print(rule, rows[rule], flush=True)
    return dict(images=[d.n for d in both], rules=rows)


def group_of(folder):
    "Groups that `tools/photos.py` wrote: crops of one photograph are one"
    table = next(Path(folder).glob("*.csv"), None)
    if table is None:
        return None
    with open(table, newline="", encoding="utf-8") as f:
        return {o["file"]: o["group"] for o in csv.DictReader(f)}


def photographs(folder):
    "Files in a folder, and the group of each, or None"
    files = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    group = group_of(folder)
    return files, group and [group[str(p.relative_to(folder))] for p in files]


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder, n = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 600
    files, groups = photographs(folder)
    row, d = main_run(files, n, groups)
    print(json.dumps(row, indent=1), flush=True)
    result = dict(main=row, late_layers=dict(images=FEW, layers=LATE, draws=DRAWS, mean_and_sd=trained_or_not(files, groups)))
    if groups:
        result["stability"] = stability(files, groups, n)
    Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=1)+"\n")
