"""Which measure of sameness, when? `python benchmarks/measures.py`

Pearson correlation, centred correlation, mutual information, and the algorithm of a summary of the paper (mutual information, then two filters) on one pair of
networks: agreement with the truth, stability over images and seeds, cost. Writes `measures.json`. About five minutes on an idle core."""
import argparse, json, time
from pathlib import Path
import torch, torch.nn.functional as F
from rosetta_neurons.matching import best_buddies
from rosetta_neurons.correlation import PairCorrelation
from rosetta_neurons.dictionary import jaccard
from rosetta_neurons.hooks import Units, evaluating
from rosetta_neurons.measures import cka, _flat_maps, generative_interpretability, information_table, input_consistency, pooled, _top_pairs
from rosetta_neurons.runtime import observe
from rosetta_neurons.train.eval_net import load_evaluator
from rosetta_neurons.truth import agreement, known_scenes, ground_truth_masks
from rosetta_neurons.world import PARTS
from rosetta_neurons.zoo import create_model

OUT, LEAST = Path(__file__).with_suffix(".json"), .3 # of both filters

def seen_by(G, D, n, seed):
    z = G.sample(n, seed=seed)
    with evaluating(G, D):
        both = [(g, observe("D", D, x)[1]) for i in range(0, n, 40) for x, g in [observe("G", G, z[i:i+40])]]
    return [{l: torch.cat([o[k][l] for o in both]) for l in both[0][k]} for k in (0, 1)]

def strongest(table, pairs, k): return pairs[table[pairs[:, 0], pairs[:, 1]].argsort(descending=True)[:k]]

class Run:
    "All measures on one set of images; pairs by name, and CPU-seconds"
    def __init__(self, G, D, z, n, seed, k, known):
        g, d = self.maps = seen_by(G, D, n, seed)
        self.units, self.others, self.seconds = Units.of(g), Units.of(d), {}
        def timed(name, f):
            start = time.process_time()
            res = f()
            self.seconds[name] = time.process_time() - start
            return res
        pc = PairCorrelation()
        def tables(): pc.update(g, d); return pc.compute(), pc.compute("position")
        pearson, centred = timed("tables", tables)
        a, b = timed("flat", lambda: [_flat_maps(o) for o in (g, d)])
        mi = timed("mi", lambda: information_table(a, b))
        most = timed("top", lambda: _top_pairs(mi, k))
        def filtered():
            keep = most[input_consistency(a[most[:, 0]], b[most[:, 1]]) >= LEAST]
            gi = generative_interpretability([(self.units[i], self.others[j]) for i, j in keep.tolist()], G, D, z, known)
            return keep[gi >= LEAST]
        self.consistent = int((input_consistency(a[most[:, 0]], b[most[:, 1]]) >= LEAST).sum())
        self.pairs = {"Pearson, best buddies": strongest(pearson, best_buddies(pearson), k), "centred, best buddies": strongest(centred, best_buddies(centred), k), "Pearson, largest": _top_pairs(pearson, k),
            "mutual information, best buddies": strongest(mi, best_buddies(mi), k), "mutual information, largest": most, "the summary's algorithm": timed("filters", filtered)}
        s = self.seconds
        self.cost = {m: {"P": s["tables"], "c": s["tables"], "m": s["flat"] + s["mi"], "t": s["flat"] + s["mi"] + s["filters"]}[m[0]]/s["tables"] for m in self.pairs}
    def named(self, m): return {(self.units[i], self.others[j]) for i, j in self.pairs[m].tolist()}

def judged(G, n=160):
    z, judge = G.sample(n, seed=62), load_evaluator()
    with torch.no_grad(): seen = [(x, judge(x)) for x in (G(z[i:i+32]) for i in range(0, n, 32))]
    return z, torch.cat([ground_truth_masks(x, F.one_hot(o["parts"].argmax(1), len(PARTS)).permute(0, 3, 1, 2), o["animal"].argmax(1)) for x, o in seen])

def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("-n", type=int, default=160, help="images of each of two sets")
    p.add_argument("-k", type=int, default=150, help="pairs that each measure may name")
    o = p.parse_args()
    torch.set_num_threads(1)
    G, D, other = (create_model(m) for m in ("mini_stylegan2", "mini_resnet", "mini_resnet.seed1"))
    z, known = G.sample(3, seed=63), {}
    here = Run(G, D, z, o.n, 64, o.k, known)
    there, seed1 = Run(G, D, z, o.n, 65, o.k, known), Run(G, other, z, o.n, 64, o.k, {k: v for k, v in known.items() if k[0] == "G"})
    a, b = agreement(G, *judged(G)), agreement(D, *known_scenes(160))
    same = lambda i, j: (a.best()[i] == b.best()[j]).float().mean().item()
    standard = [F.normalize(t - t.mean(1, keepdim=True), dim=1) for t in (o.auroc.nan_to_num(nan=.5) for o in (a, b))]
    profile = lambda i, j: (standard[0][i]*standard[1][j]).sum(1).mean().item()
    rows = {}
    for m, pairs in here.pairs.items():
        i, j = pairs.T
        rows[m] = dict(pairs=len(i), units_a=len(i.unique()), units_b=len(j.unique()), same_truth=same(i, j), profile=profile(i, j), images=jaccard(here.named(m), there.named(m)),
            seeds=jaccard({u for u, _ in here.named(m)}, {u for u, _ in seed1.named(m)}), cost=here.cost[m])
    i, j = torch.cat([o for o in here.pairs.values()]).T
    chance = torch.randperm(len(j), generator=torch.Generator().manual_seed(0))
    g, d = here.maps
    table = [[cka(pooled(x), pooled(y)) for y in d.values()] for x in g.values()]
    rounded = lambda x: {k: rounded(v) for k, v in x.items()} if isinstance(x, dict) else [rounded(v) for v in x] if isinstance(x, list) else round(x, 4) if isinstance(x, float) else x
    res = dict(n=o.n, k=o.k, least=LEAST, chance=same(i, j[chance]), chance_profile=profile(i, j[chance]), consistent=here.consistent, measures=rows, cka=dict(layers=[list(g), list(d)], table=table))
    OUT.write_text(json.dumps(rounded(res), indent=1) + "\n")
    print(json.dumps(rounded(res["measures"]), indent=1), res["chance"])

if __name__ == "__main__": main()
