"""What `mine(neighbours=...)` saves and loses: python benchmarks/neighbours.py [FOLDER]

mini_stylegan2 with the five vision models on 800 samples; and, where a FOLDER of photographs is given (`tools/photos.py FOLDER`),
EfficientNet-Lite 0 with Lite 2 on 300 of them. Each is mined everywhere, and among layers whose relative depths differ by at most a
half and a quarter. Writes benchmarks/neighbours.json; about ten minutes of one core.
"""
import argparse
import json
import sys
from pathlib import Path

import torch

from rosetta_neurons.all import create_model, mine
from rosetta_neurons.cli import _VISION
from rosetta_neurons.neighbours import _depths, _Nearby

LIMITS = (.5, .25)


def multiplications(d, most=None):
    "Of the products of G's maps with those of all models, layer by layer"
    total = 0
    of_G = _depths(d.recipe.channels["G"], draws=d.images.startswith("sampled"))
    for m in d.models:
        pairs = _Nearby.of(of_G, _depths(d.recipe.channels[m]), 1 if most is None else most).pairs
        for a, b in pairs:
            h, w = map(min, d.recipe.sizes["G"][a], d.recipe.sizes[m][b])
            total += d.recipe.channels["G"][a]*d.recipe.channels[m][b]*h*w
    return total


def matches(d):
    return {(o.model, o.unit, o.partner) for o in d.matches}


def neurons(d):
    return {unit for concept in d.concepts for unit in concept.units}


def row(job, everywhere, d, most):
    "One line of the table"
    whole, some = matches(everywhere.filter(q=.05)), matches(d.filter(q=.05))
    were, are = neurons(everywhere), neurons(d)
    return dict(job=job, images=d.n, neighbours=most, multiplications=round(multiplications(d, most)/multiplications(d), 3),
        significant=len(some), significant_everywhere=len(whole), found_again=round(len(whole & some)/len(whole), 3),
        new=round(len(some - whole)/len(some), 3), neurons=len(are), neurons_found_again=round(len(were & are)/max(1, len(were)), 3))


def job(name, G, models, **kw):
    everywhere = mine(G, models, progress=False, **kw)
    for most in LIMITS:
        yield row(name, everywhere, mine(G, models, progress=False, neighbours=most, **kw), most)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", nargs="?", help="of photographs")
    o = p.parse_args()
    torch.set_num_threads(1)
    rows = list(job("mini_stylegan2 with five", create_model("mini_stylegan2"), {m: create_model(m) for m in _VISION}, n=800))
    if o.folder:
        from real import photographs
        files, groups = photographs(o.folder)
        lite = {f"lite{i}": create_model(f"efficientnet_lite{i}") for i in (0, 2)}
        rows += job("EfficientNet-Lite 0 with 2", lite["lite0"], {"lite2": lite["lite2"]}, n=300, images=files, groups=groups, size=224, errors="skip")
    print(json.dumps(rows, indent=1), file=sys.stderr)
    Path(__file__).with_suffix(".json").write_text(json.dumps(rows, indent=1)+"\n")


if __name__ == "__main__":
    main()
