"""Do the nulls keep their word where images are unlike each other? python benchmarks/nulls.py [draws]

Each planted situation of `rosetta_neurons.nulls.SITUATIONS`, thirty draws with nothing shared and thirty with 30 of 120 units
shared. `rate` is the mean over draws of the share of wrong matches among those kept at an FDR of 5 % (0 where none is kept);
`power` the mean share of the shared pairs that are kept. `shuffled` is the shuffled null alone, `both` the harsher of the two,
which `mine` uses. Writes benchmarks/nulls.json.
"""
import json
import sys
from pathlib import Path
from statistics import fmean, stdev

from rosetta_neurons.planted import SITUATIONS
from rosetta_neurons.trials import null_trial

SHARED = 30
OTHERS = {} # further nulls, each measured in the place of the shuffled one: {its name: what makes it, such as its class}


def rates(kind, draws, shared):
    "Rate and power of the harsher null, and of the shuffled one alone"
    trials = [null_trial(kind, seed, shared=shared) for seed in range(draws)]
    both = [o.wrong/max(1, o.kept) for o in trials]
    shuffled = [o.wrong_shuffled/max(1, o.kept_shuffled) for o in trials]
    row = dict(both=fmean(both), both_error=stdev(both)/draws**.5, shuffled=fmean(shuffled), shuffled_error=stdev(shuffled)/draws**.5)
    if shared:
        row |= dict(power=fmean(o.found for o in trials), power_shuffled=fmean(o.found_shuffled for o in trials))
    for name, make in OTHERS.items():
        trials = [null_trial(kind, seed, shared=shared, null=make()) for seed in range(draws)]
        row[name] = fmean(o.wrong_shuffled/max(1, o.kept_shuffled) for o in trials)
        if shared:
            row[f"power_{name}"] = fmean(o.found_shuffled for o in trials)
    return {k: round(v, 4) for k, v in row.items()}


if __name__ == "__main__":
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    rows = {}
    for kind in SITUATIONS:
        rows[kind] = dict(nothing_shared=rates(kind, draws, 0), some_shared=rates(kind, draws, SHARED))
        print(kind, rows[kind], flush=True)
    out = Path(__file__).with_suffix(".json")
    out.write_text(json.dumps(dict(draws=draws, units=120, shared=SHARED, images=100, situations=rows), indent=1)+"\n")
