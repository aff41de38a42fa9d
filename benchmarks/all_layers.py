"""All layers of two real networks: python benchmarks/all_layers.py FOLDER OUT [n]

FOLDER is what `tools/photos.py FOLDER` gathers, and OUT where the dictionary goes. All ReLU6 layers of EfficientNet-Lite 0 (in G's
place) and Lite 2 (extra `real`), which is some 19,000 x 26,000 units: their tables don't fit into 8 GB, so it takes several passes
over n (200) photographs. When it is stopped, the same call goes on; OUT/calls.jsonl says when it was called and when it ended.
Writes benchmarks/all_layers.json.
As many threads as cores, unless OMP_NUM_THREADS says otherwise.
"""
import json
import resource
import sys
import time
from pathlib import Path

import torch
from real import left_by, photographs
from torch import nn

from rosetta_neurons.all import create_model, mine

TABLES = "2.5GB" # of one pass
BATCH = 8


def relu6_layers(model):
    return [name for name, o in model.named_modules() if isinstance(o, nn.ReLU6)]


def peak_gb():
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/2**20, 2)


def note(log, **what):
    with log.open("a") as f:
        print(json.dumps(dict(at=time.strftime("%H:%M:%S"), **what, peak_gb=peak_gb())), file=f)


def main(folder, out, n=200):
    files, groups = photographs(folder)
    G, D = create_model("efficientnet_lite0"), create_model("efficientnet_lite2")
    layers = {"G": relu6_layers(G), "lite2": relu6_layers(D)}
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    log, start = out/"calls.jsonl", time.monotonic()
    note(log, event="called", checkpoint=(out/"checkpoint.safetensors").is_file())
    d = mine(G, {"lite2": D}, n=int(n), images=files, groups=groups, size=224, errors="skip", layers=layers, batch_size=BATCH,
        max_memory=TABLES, out=out)
    note(log, event="dictionary", minutes=round((time.monotonic()-start)/60, 1))
    sizes = [len(c.units) for c in d.concepts]
    row = dict(n=d.n, threads=torch.get_num_threads(), units={m: sum(d.recipe.channels[m].values()) for m in ("G", "lite2")},
        tables=TABLES, calls=[json.loads(line) for line in log.open()], null=left_by(d, "lite2"), concepts=len(sizes),
        neurons=sum(sizes), largest=max(sizes))
    print(json.dumps(row, indent=1))
    Path(__file__).with_suffix(".json").write_text(json.dumps(row, indent=1)+"\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
