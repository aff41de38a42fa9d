"""What a run takes beside what the arithmetic asks: python benchmarks/floor.py [FOLDER] [--n N]

Two jobs, each in a process of its own: the default of `rosetta-mine` (mini_stylegan2 with five vision models), page and both nulls
included; and, where a FOLDER of photographs is given (`tools/photos.py FOLDER`), EfficientNet-Lite 0 with Lite 1 and 2. Of each: CPU
seconds of one thread of the run, of the forward passes alone, and of the products alone, counted from shapes, at the rate that this
machine multiplied square matrices at in the same process; the ratio of the run to the sum of both; peak memory; and the run by part.
Writes benchmarks/floor.json.
"""
import argparse
import cProfile
import json
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from rosetta_neurons.all import ImageRun, create_model, evaluating, full_precision, mine, report
from rosetta_neurons.cli import _VISION
from rosetta_neurons.runtime import _keeping_memory

PARTS = { # of a run: the functions whose time, with all that they call, is theirs
    "forward passes, maps recorded": ["observe"],
    "ranges and scales": ["_inspect"],
    "moments": ["_take"],
    "shuffled null": ["update in shuffled"],
    "products, without the null's": ["add in halves"],
    "ends of windows": ["_flush"],
    "largest values of each unit": ["update in findings"],
    "joining both halves": ["finish in sums"],
    "best buddies and tables": ["add in findings"],
    "dictionary": ["finish in mining"],
    "page": ["report"],
}


def seconds(f):
    "CPU seconds of a call, and what it returned"
    start = time.process_time()
    res = f()
    return time.process_time()-start, res


def matrix_rate(side=1024, repeats=8):
    "Multiplications a second of a square product in float32"
    a, b = torch.randn(2, side, side)
    a @ b
    took, _ = seconds(lambda: [a @ b for _ in range(repeats)])
    return repeats*side**3/took


def multiplications(d):
    "Of the products of maps that a run needs: true and shuffled with each model, and G with itself"
    def layers(m): return [(c, d.recipe.sizes[m][l]) for l, c in d.recipe.channels[m].items()]
    def pairs(a, b): return sum(c*e*min(s[0], t[0])*min(s[1], t[1]) for c, s in layers(a) for e, t in layers(b))
    return d.n*(sum(2*pairs("G", m) for m in d.models) + pairs("G", "G")/2)


def forward_seconds(d):
    "What calling the models takes"
    G, others = d.live.generator, d.live.models.values()
    given = isinstance(d.live.source, ImageRun)
    def run():
        for x in d.live.batches():
            made = G(x)
            for net in others:
                net(x if given else made)
    with evaluating(G, *others), full_precision(), _keeping_memory(): # as a run has it
        return seconds(run)[0]


def by_part(profile):
    "CPU seconds of each of `PARTS`"
    stats = pstats.Stats(profile).stats
    res = {}
    for part, functions in PARTS.items():
        res[part] = 0
        for o in functions:
            name, _, module = o.partition(" in ")
            for (file, _, function), (_, _, _, cumulative, _) in stats.items():
                if function == name and "rosetta_neurons" in file and module in Path(file).stem:
                    res[part] += cumulative
    return {part: round(o, 1) for part, o in res.items()}


def measured(name, run):
    "One row"
    torch.set_num_threads(1)
    rates = [matrix_rate()]
    profile = cProfile.Profile(time.process_time)
    start = time.perf_counter()
    took, d = seconds(lambda: profile.runcall(run))
    wall = time.perf_counter()-start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/2**20
    alone = forward_seconds(d)
    rates.append(matrix_rate())
    products = multiplications(d)/(sum(rates)/2)
    return dict(job=name, images=d.n, run=round(took, 1), wall=round(wall, 1), forward=round(alone, 1), products=round(products, 1),
        ratio=round(took/(alone+products), 2), peak_gb=round(peak, 2), parts=by_part(profile))


def mini_job(n):
    G, others = create_model("mini_stylegan2"), {o: create_model(o) for o in _VISION}
    def run():
        with tempfile.TemporaryDirectory() as out:
            d = mine(G, others, n=n or 1600, out=out, progress=False)
            report(d, out)
        return d
    return measured("mini_stylegan2 with five models, page included", run)


def real_job(n, folder):
    from real import photographs
    files, groups = photographs(folder)
    G, others = create_model("efficientnet_lite0"), {f"lite{i}": create_model(f"efficientnet_lite{i}") for i in (1, 2)}
    def run():
        return mine(G, others, n=n or 600, images=files, groups=groups, size=224, errors="skip", progress=False)
    return measured("EfficientNet-Lite 0 with 1 and 2", run)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", nargs="?", help="of photographs")
    p.add_argument("--n", type=int, help="images; 1600 and 600 if not given")
    p.add_argument("--job", choices=["mini", "real"], help="just this one, in this process")
    o = p.parse_args()
    if o.job:
        return print(json.dumps(mini_job(o.n) if o.job == "mini" else real_job(o.n, o.folder)))
    rows = []
    for job in ["mini", *(["real"] if o.folder else [])]:
        command = [sys.executable, __file__, *([o.folder] if o.folder else []), "--job", job, *(["--n", str(o.n)] if o.n else [])]
        rows.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1]))
        print(json.dumps(rows[-1], indent=1), flush=True)
    Path(__file__).with_suffix(".json").write_text(json.dumps(rows, indent=1)+"\n")


if __name__ == "__main__":
    main()
