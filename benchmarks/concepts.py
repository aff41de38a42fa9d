"""Which rule groups Rosetta Neurons best? python benchmarks/concepts.py [n]

Four rules on the same matches: connected components of self best buddies (the paper's); the same, cut by average linkage where
they are too large (ours); average linkage of all; and Louvain communities of the graph of self best buddies, weighted by
correlation (networkx). Each is measured on two sets of
images that share none: how pure concepts of two and more units are by the world's ground truth, how many there are, what the
largest holds, and what share of them is found again on the other set. Writes benchmarks/concepts.json.
"""
import json
import sys
from collections import Counter
from pathlib import Path

import networkx
import torch
from real import found_again

from rosetta_neurons.all import (
    PairCorrelation, agreement, cluster, create_model, evaluating, jaccard, known_scenes,
    largest_allowed, mine, rosetta_units, sample_scenes)
from rosetta_neurons.concepts import _cut_tree, _linkage_tree
from rosetta_neurons.moments import _MapMoments
from rosetta_neurons.ranges import _map_shapes, _unit_rows
from rosetta_neurons.runtime import full_precision, observe

GENERATORS = ("mini_stylegan2",)
VISION = ("mini_resnet", "mini_dino_resnet", "mini_dino_vit", "mini_mae", "mini_clip_resnet")
FIRST = ("mini_resnet", "mini_mae", "mini_stylegan2") # what takes G's place
SEEDS = (0, 1)


def self_correlation(G, batches):
    "Correlation of all units of G with each other, about the mean and about the mean map"
    own = None
    with evaluating(G), full_precision():
        for x in batches:
            maps = observe("G", G, x)[1]
            if own is None:
                moments = _MapMoments(_map_shapes(maps), _unit_rows(_map_shapes(maps)))
                own = PairCorrelation.of(moments, moments)
            factors = moments.fit(moments.inspect(maps))
            moments.rescale(factors)
            own.rescale(factors, factors)
            left = moments.update(maps)
            own.add(left, left)
            if moments.w >= 64:
                own.flush()
    return {center: own.compute(center) for center in ("unit", "position")}


def communities(units, self_buddies, corr):
    "Louvain communities; resolution is raised until none is too large"
    chosen = set(units)
    graph = networkx.Graph()
    graph.add_nodes_from(sorted(chosen))
    for a, b in self_buddies.tolist():
        if a in chosen and b in chosen and corr[a, b] > 0:
            graph.add_edge(a, b, weight=float(corr[a, b]))
    for resolution in (1, 2, 4, 8, 16, 32):
        found = networkx.community.louvain_communities(graph, resolution=resolution, seed=0)
        if max(map(len, found)) <= largest_allowed(len(chosen)):
            break
    return [sorted(o) for o in found]


def groupings(d, corr):
    "Concepts of one dictionary by each rule, as lists of unit numbers"
    rosetta = rosetta_units({m: d.tables[m]["buddies"] for m in d.models})
    leaves = list(rosetta)
    found = {"connected components": cluster(rosetta, d.tables["G"]["self_buddies"])}
    for center in ("unit", "position"):
        tree = _linkage_tree(corr[center][leaves][:, leaves])
        limit = largest_allowed(len(leaves))
        found[f"average linkage, {center}"] = _cut_tree(tree, leaves, leaves, limit)
        parts = [_cut_tree(tree, leaves, o, limit) if len(o) > limit else [o] for o in found["connected components"]]
        found[f"cut components, {center}"] = sum(parts, [])
        found[f"Louvain, {center}"] = communities(leaves, d.tables["G"]["self_buddies"], corr[center])
    return found


def purity(groups, best):
    "Share of units that tell what most of their concept tells, in concepts of two and more"
    shared = [g for g in groups if len(g) > 1]
    agree = sum(max(Counter(best[u] for u in g).values()) for g in shared)
    return agree/max(1, sum(map(len, shared)))


def measured(name, n):
    "All rules on one model in G's place"
    G = create_model(name)
    others = {m: create_model(m) for m in VISION if m != name}
    both = []
    for seed in SEEDS:
        images = None if name in GENERATORS else sample_scenes(n, seed=1_000_000*(1+seed)).render()
        d = mine(G, others, n=n, seed=seed, images=images, progress=False)
        both.append(groupings(d, self_correlation(G, d.live.batches())))
    best = None
    if name not in GENERATORS:
        images, masks = known_scenes(160, size=16)
        best = agreement(G, images, masks).best().tolist()
    rows = {}
    for rule in both[0]:
        first, second = both[0][rule], both[1][rule]
        neurons = sum(map(len, first))
        row = dict(neurons=neurons, concepts=len(first), of_two_and_more=sum(len(g) > 1 for g in first),
            largest_share=max(map(len, first))/neurons, found_again=(found_again(first, second)+found_again(second, first))/2)
        if best is not None:
            row["purity"] = (purity(first, best)+purity(second, best))/2
        rows[rule] = {k: round(v, 3) for k, v in row.items()}
        print(name, rule, rows[rule], flush=True)
    return rows


if __name__ == "__main__":
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 800
    out = Path(__file__).with_suffix(".json")
    result = dict(n=n, seeds=SEEDS, models={name: measured(name, n) for name in FIRST})
    out.write_text(json.dumps(result, indent=1)+"\n")
