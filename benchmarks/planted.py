"""Does the method keep its promises where the truth is known? `python benchmarks/planted.py [ROW ...]`

Precision and recall on planted worlds at a false discovery rate of 5 % (`planted_trial`), against noise, number of images, sizes of maps, K, redundancy; and how
often a permutation test calls something significant where nothing is shared: maps of real networks, for images that are never the same on both sides.
Seeds are preset. A row that is in `planted.json` already is kept unless it is named. About ten minutes on one core."""
import argparse, json, time
from functools import partial
from pathlib import Path
import torch
from rosetta_neurons.runtime import full_precision, observe
from rosetta_neurons.permutations import _CachedMaps, _largest_centred, p_values, permuted_maxima
from rosetta_neurons.trials import planted_trial
from rosetta_neurons.zoo import create_model

OUT = Path(__file__).with_suffix(".json")
SIZES = ((16, 8), (8, 4, 7)) # pixels a side of the layers of two models
BASE = dict(n=500, sizes=SIZES, noise=1., position=0.) # shared units correlate at 0.5
VARY = dict(noise=(.5, 1., 1.5, 2., 3., 4.), n=(25, 50, 100, 200, 500), sizes=((16, 16), (16, 8), SIZES, (8, 4), (4, 4)), k=(1, 2, 5, 10, 20), synonyms=(1, 2, 4, 8), position=(0., .5, 1., 2.))

def trials(draws, start=0, **kw):
    "Means over draws, with standard errors; of precision the worst draw, too, and the share of draws below 0.95"
    rows = [planted_trial(seed, **kw) for seed in range(start, start + draws)]
    precision = torch.tensor([1 - r["wrong"]/max(1, r["kept"]) for r in rows]).double()
    pairs, units = (torch.tensor(o).double() for o in ([(r["kept"] - r["wrong"])/r["pairs"] for r in rows], [r["units"] for r in rows]))
    told = lambda x: [round(x.mean().item(), 4), round(x.std().item()/draws**.5, 4)]
    return dict(draws=draws, precision=told(precision), precision_worst=round(precision.min().item(), 4), below_95=round((precision < .95).double().mean().item(), 4), recall_pairs=told(pairs), recall_units=told(units), kept=round(sum(r["kept"] for r in rows)/draws, 1), found_nothing=sum(not r["kept"] for r in rows))

def promise(center): return trials(50, center=center, **BASE)
def against(what, center): return [dict(value=v, **trials(12, 1000, center=center, **{**BASE, what: v})) for v in VARY[what]]

@full_precision()
def pool(n, g_layers, d_layers):
    "Maps of two networks for n images of the generator"
    G, D = create_model("mini_stylegan2"), create_model("mini_resnet")
    z, seen = G.sample(n, seed=50), []
    for i in range(0, n, 50):
        x, g = observe("G", G, z[i:i+50], g_layers)
        seen.append((g, observe("D", D, x, d_layers)[1]))
    return [{l: torch.cat([o[k][l] for o in seen]) for l in seen[0][k]} for k in (0, 1)]

def calibration(draws=200, n=50, permutations=19, center="unit"):
    "Share of runs without shared content in which any match has p of 5 % at most"
    maps = pool(600, ["synthesis.b4.conv1", "synthesis.b8.conv0", "synthesis.b16.conv0"], ["layer3", "layer4"])
    significant = 0
    for i in range(draws):
        order = torch.randperm(600, generator=torch.Generator().manual_seed(10_000 + i)).split(n) # n images for G, and n others for D
        cache = _CachedMaps(n)
        cache.add(*({l: o[j] for l, o in m.items()} for m, j in zip(maps, order)))
        best = _largest_centred(cache.finish().true, center=center)
        significant += p_values(torch.tensor([best]), torch.tensor(permuted_maxima(cache, permutations, center=center, seed=i))).item() <= .05
    lo, hi = clopper_pearson(significant, draws)
    return dict(draws=draws, n=n, permutations=permutations, units=[sum(o.shape[1] for o in m.values()) for m in maps], significant=significant, rate=significant/draws, interval_99=[lo, hi])

def clopper_pearson(k, n, level=.99):
    "Exact interval of a binomial rate, by bisection"
    def tail(p): return torch.distributions.Binomial(n, torch.tensor(p, dtype=torch.float64)).log_prob(torch.arange(n + 1.)).exp()
    def where(f):
        lo, hi = 0., 1.
        for _ in range(50): mid = (lo + hi)/2; lo, hi = (mid, hi) if f(mid) else (lo, mid)
        return round(lo, 4)
    a = (1 - level)/2
    return where(lambda p: k and tail(p)[k:].sum() < a), where(lambda p: k == n or tail(p)[:k+1].sum() > a)

ROWS = {f"promise.{c}": partial(promise, c) for c in ("unit", "position")} | {f"calibration.{c}": partial(calibration, center=c) for c in ("unit", "position")} \
    | {f"{what}.{c}": partial(against, what, c) for what in VARY for c in ("unit", "position")}

def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("rows", nargs="*", help="which to measure anew; all that are missing if none is named")
    o = p.parse_args()
    torch.set_num_threads(1)
    table = json.loads(OUT.read_text()) if OUT.is_file() else {}
    for name in o.rows or [r for r in ROWS if r not in table]:
        start = time.process_time()
        table[name] = ROWS[name]()
        print(f"{name} {json.dumps(table[name])} ({time.process_time() - start:.0f} CPU-seconds)", flush=True)
        OUT.write_text(json.dumps(table, indent=1) + "\n")

if __name__ == "__main__": main()
