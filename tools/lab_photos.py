"""What Lab 6 is about, computed once from real networks: python tools/lab_photos.py [--out FILE]

Two EfficientNet-Lites (the extra `real`) are run on the photographs of the package, cropped to
squares. Written are the maps of 96 units of the last stage of each, drawn at random among those
that are active in ten photographs or more, at 7 x 7 positions and as bytes (0 to 255 for 0 to 6);
the logits of the smaller network for all classes that are among the five likeliest of some
photograph; and, of all its units, how large the largest connected component is by threshold.
About a minute. The photographs themselves are in the package already, and the networks are not.
"""
import argparse
import json
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import adaptive_avg_pool2d, normalize

from rosetta_neurons.all import create_model, evaluating, record
from rosetta_neurons.images import fitted
from rosetta_neurons.naming import _class_names
from rosetta_neurons.photos import photo_groups, photos
from rosetta_neurons.sources import to_image

OUT = Path(__file__).parents[1]/"rosetta_neurons/assets/lab_6.npz"
SIDE, POSITIONS, UNITS, TOP = 256, 7, 96, 5
LEVELS = [.2, .25, .3, .35, .4, .45, .5, .55, .6, .65, .7]


def run_on(model, images):
    "Maps of the last stage [n, units, 7, 7], and logits [n, classes]"
    layer = model.layers[-1]
    maps, logits = [], []
    for x in images.split(16):
        with torch.no_grad(), evaluating(model), record(model, [layer]) as seen:
            logits.append(model(x))
        maps.append(adaptive_avg_pool2d(seen[layer], POSITIONS))
    return torch.cat(maps), torch.cat(logits)


def active(maps):
    "Numbers of the units that are active in ten photographs or more"
    n = (maps.amax((2, 3)) > .5).sum(0)
    return (n >= 10).nonzero()[:, 0]


def drawn(units, seed):
    "Some of them at random, in order"
    rng = torch.Generator().manual_seed(seed)
    return units[torch.randperm(len(units), generator=rng)[:UNITS]].sort().values


def as_bytes(maps):
    return (maps/6*255).round().clamp(0, 255).byte().numpy()


def similarities(maps):
    "Centred correlation of all units with each other"
    x = maps.double() - maps.double().mean(0)
    rows = normalize(x.transpose(0, 1).flatten(1), dim=1)
    return rows@rows.T


def components(linked):
    "Connected components, as masks, the largest first"
    left = torch.ones(len(linked), dtype=torch.bool)
    found = []
    while left.any():
        group = torch.zeros_like(left)
        group[left.nonzero()[0]] = True
        grown = group | linked[group].any(0)
        while not torch.equal(grown, group):
            group = grown
            grown = group | linked[group].any(0)
        left &= ~group
        found.append(group)
    return sorted(found, key=lambda o: -int(o.sum()))


def chains(similar):
    "For each threshold: units in the largest component, and the least similarity of two of them"
    rows = []
    for level in LEVELS:
        largest = components(similar >= level)[0]
        rows.append([level, int(largest.sum()), similar[largest][:, largest].min().item()])
    return np.array(rows, dtype=np.float32)


def main():
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--out", type=Path, default=OUT)
    out = parser.parse_args().out
    torch.set_num_threads(1)
    images = torch.cat([fitted(to_image(o), (SIDE, SIDE), "crop") for o in photos()])
    small, logits = run_on(create_model("efficientnet_lite0"), images)
    large, _ = run_on(create_model("efficientnet_lite2"), images)
    a, b = drawn(active(small), 0), drawn(active(large), 1)
    classes = logits.topk(TOP, 1).indices.unique()
    names = _class_names(logits.shape[1])
    groups = {g: i for i, g in enumerate(dict.fromkeys(photo_groups()))}
    with open(out, "wb") as f:
        np.savez_compressed(
            f,
            files=np.array([o.name for o in photos()]),
            groups=np.array([groups[g] for g in photo_groups()], dtype=np.int16),
            lite0=as_bytes(small[:, a]),
            lite2=as_bytes(large[:, b]),
            units_lite0=a.numpy().astype(np.int16),
            units_lite2=b.numpy().astype(np.int16),
            logits=logits[:, classes].half().numpy(),
            words=np.array([names[i] for i in classes.tolist()]),
            chains=chains(similarities(small[:, active(small)])))
    print(json.dumps(dict(file=str(out), kb=out.stat().st_size//1024, photographs=len(images),
        words=len(classes), active=[len(active(small)), len(active(large))])))


if __name__ == "__main__":
    main()
