"""Which way to match? `python benchmarks/matchings.py [ROW ...]`

The matching methods of `rosetta_neurons.methods` on forty planted worlds of each kind (seeds 7000 to 7039; two for torchmetrics; nothing was chosen on them); on three pairs of networks,
with four sets of 160 scenes (seeds from 4_400_000) and the ground truth of 256 others (seed 4_300_000): purity, stability on other images and CPU seconds; and measures
of whole layers on planted layers of which a known share of the units is the same (seeds from 7100). A row that is in `matchings.json` already is kept unless it is
named. About 25 minutes of one core."""
import argparse
import json
import time
from functools import partial
from pathlib import Path

import torch
from causal import rounded

from rosetta_neurons.correlation import PairCorrelation
from rosetta_neurons.dictionary import jaccard
from rosetta_neurons.hooks import evaluating
from rosetta_neurons.matching import soft_matching
from rosetta_neurons.measures import cka, pooled, _top_pairs
from rosetta_neurons.methods import _METHODS, _centred, _correlations, _read_off, _rsa, _soft_pairs, _svcca, score_method
from rosetta_neurons.planted import planted
from rosetta_neurons.runtime import _write_beside, observe
from rosetta_neurons.truth import _measured, known_scenes
from rosetta_neurons.world import sample_scenes
from rosetta_neurons.zoo import create_model

OUT = Path(__file__).with_suffix(".json")
WORLDS = range(7000, 7040)
SETS = range(4_400_000, 4_400_004)
TRUTH = 4_300_000
BEST = 150 # pairs of networks that each method may name
LAYERS = {
    "mini_resnet": ["layer2", "layer3"],
    "mini_resnet.seed1": ["layer2", "layer3"],
    "mini_clip_resnet": ["visual.layer2", "visual.layer3"],
    "mini_dino_vit": ["blocks.2.mlp.act", "blocks.4.mlp.act"]}
OTHERS = [o for o in LAYERS if o != "mini_resnet"]
SHARED = (0, 3, 6, 15, 30) # units of a planted layer of 60 that are the same in the other


def maps_of(name, images, layers=LAYERS):
    "Maps of some layers of a network"
    D = create_model(name)
    some = []
    with evaluating(D):
        for x in images.split(64):
            some.append(observe(name, D, x, layers[name])[1])
    return {layer: torch.cat([o[layer] for o in some]) for layer in layers[name]}


def best_labels(name):
    "The label that each unit tells best, on scenes of their own"
    images, masks = known_scenes(256, TRUTH)
    told = [_measured(m.float(), masks.float()).first for m in maps_of(name, images).values()]
    return torch.cat(told).nan_to_num(nan=0).argmax(1)


def for_networks():
    "The methods that tables of networks are not too large for"
    blurred = partial(_soft_pairs, blur=.01)
    methods = {k: f for k, f in _METHODS.items() if not k.startswith("torchmetrics")}
    methods["correlation, soft matching"] = partial(_read_off, _correlations, blurred)
    methods["centred, soft matching"] = partial(_read_off, _centred, blurred)
    methods["centred, largest entries"] = partial(_read_off, _centred, partial(_top_pairs, k=BEST))
    return methods


def strongest(found):
    "The pairs that a method is surest of, of those that it keeps"
    scores = found.scores.double()
    if found.q is not None:
        scores = scores.masked_fill(found.q > .05, -torch.inf)
    order = scores.argsort(descending=True, stable=True)[:BEST]
    return found.pairs[order[scores[order] > -torch.inf]]


def networks(other):
    "Purity, stability and seconds of each method, between mini_resnet and another network"
    labels = [best_labels(m) for m in ("mini_resnet", other)]
    rows = {k: dict(pairs=[], units_a=[], units_b=[], purity=[], seconds=[], named=[]) for k in for_networks()}
    for seed in SETS:
        images = sample_scenes(160, seed).render()
        a, b = (maps_of(m, images) for m in ("mini_resnet", other))
        for k, method in for_networks().items():
            start = time.process_time()
            found = method(a, b)
            row = rows[k]
            row["seconds"].append(time.process_time() - start)
            i, j = (pairs := strongest(found)).T
            row["pairs"].append(len(pairs))
            row["units_a"].append(len(i.unique()))
            row["units_b"].append(len(j.unique()))
            row["purity"].append((labels[0][i] == labels[1][j]).double().mean().item())
            row["named"].append({tuple(o) for o in pairs.tolist()})
    for k, row in rows.items():
        named = row.pop("named")
        if k != "random pairs": # which do not look at the images
            row["images"] = [jaccard(named[i], named[i+1]) for i in range(0, len(named), 2)]
    return rows


def soft_correlation(a, b):
    "Mean centred correlation of what soft matching carries"
    table = centred(a, b)
    return (soft_matching(table, 0. if table.numel() < 5000 else .01)*table.nan_to_num(nan=0)).sum().item()


def centred(a, b):
    pc = PairCorrelation()
    pc.update({"layer": a}, {"layer": b})
    return pc.compute("position")


def best_correlation(a, b):
    "Mean, over all units of both, of the centred correlation with the best of the other"
    table = centred(a, b).nan_to_num(nan=-1)
    return (table.amax(1).mean().item() + table.amax(0).mean().item())/2


def at_positions(maps):
    return maps.movedim(1, -1).flatten(0, 2)


def same_size(a, b):
    size = min(a.shape[-1], b.shape[-1], 8)
    return [at_positions(torch.nn.functional.adaptive_avg_pool2d(o, size)) for o in (a, b)]


OF_LAYERS = {
    "CKA": lambda a, b: cka(pooled(a), pooled(b)),
    "RSA": lambda a, b: _rsa(pooled(a), pooled(b)),
    "SVCCA": lambda a, b: _svcca(*same_size(a, b)),
    "soft matching": soft_correlation,
    "best partner": best_correlation}


def planted_layers(seed, shared):
    "Two layers of 60 units each, of which some share their signal, one with one"
    kw = dict(n=100, sizes=(8, 8), concepts=30, synonyms=1, own=30, noise=1., position=0.)
    (a, _), (b, concept) = planted(seed=seed, **kw)
    _, (b2, concept2) = planted(seed=seed+10_000, **kw)
    known = (concept >= 0) & (concept < shared)
    rest = (concept2 < 0) | (concept2 >= shared)
    return a["layer"], torch.cat([b["layer"][:, known], b2["layer"][:, rest]], 1)


def rotated(maps, seed):
    "All units of a layer mixed, so that none is left"
    rng = torch.Generator().manual_seed(seed)
    q = torch.linalg.qr(torch.randn(maps.shape[1], maps.shape[1], generator=rng)).Q
    return torch.einsum("nchw,cd->ndhw", maps, q)


def layers():
    "Every measure of layers in every planted world, and on layers of networks"
    rows = {}
    for turned in (False, True):
        for shared in SHARED:
            values = {k: [] for k in OF_LAYERS}
            for seed in range(7100, 7120):
                a, b = planted_layers(seed, shared)
                b = rotated(b, seed) if turned else b
                for k, f in OF_LAYERS.items():
                    values[k].append(f(a, b))
            rows[f"{shared}{' rotated' if turned else ''}"] = values
    real, seconds = {}, {k: 0. for k in OF_LAYERS}
    for other in OTHERS:
        values = real[other] = {k: [] for k in OF_LAYERS}
        for seed in SETS:
            images = sample_scenes(160, seed).render()
            a, b = (maps_of(m, images)[LAYERS[m][1]] for m in ("mini_resnet", other))
            for k, f in OF_LAYERS.items():
                start = time.process_time()
                values[k].append(f(a, b))
                seconds[k] += (time.process_time() - start)/len(SETS)/len(OTHERS)
    return dict(planted=rows, networks=real, seconds=seconds)


ROWS = {f"planted.{k}": partial(score_method, f, seeds=WORLDS) for k, f in _METHODS.items()}
SLOW = "torchmetrics' Pearson, best buddies" # names the pairs of correlation, at forty times the cost
ROWS[f"planted.{SLOW}"] = partial(score_method, _METHODS[SLOW], seeds=WORLDS[:2])
ROWS |= {"layers": layers} | {f"networks.{m}": partial(networks, m) for m in OTHERS}


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("rows", nargs="*", help="which to measure anew; all that are missing if none is named")
    p.add_argument("--out", default=OUT)
    o = p.parse_args()
    torch.set_num_threads(1)
    out = Path(o.out)
    table = json.loads(out.read_text()) if out.is_file() else {}
    for name in o.rows or [r for r in ROWS if r not in table]:
        start = time.process_time()
        table[name] = rounded(ROWS[name]())
        print(name, f"({time.process_time() - start:.0f} CPU-seconds)", flush=True)
        _write_beside(out, (json.dumps(table).replace('}, "', '},\n"') + "\n").encode())


if __name__ == "__main__":
    main()
