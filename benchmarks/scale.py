"""What it costs to join the tables of several processes: python benchmarks/scale.py

Each of 1, 2, 4 and 8 processes takes in maps of images of its own, and then joins its tables with those of the others, as `mine` does at
the end of a pass. Once more with 4 processes on two nodes, which here are two launchers that find each other by a port of this machine.
Prints and writes benchmarks/scale.json: seconds of joining (the slowest process; with more processes than cores they also wait for a
core), bytes of the tables, and the largest difference of a correlation from that of one process with all images. Some two minutes.
"""
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
import torch.distributed as dist

from rosetta_neurons.runtime import _joined
from rosetta_neurons.sums import _Sums, table_bytes

LAYERS = dict(G=dict(a=(256, 16, 16), b=(256, 8, 8)), vision=dict(c=(512, 16, 16), d=(512, 8, 8)))
BATCHES, SIZE = 16, 16 # of all processes together; images in each


def maps(batch):
    "Maps of a batch, which share something"
    rng = torch.Generator().manual_seed(batch)
    res = {}
    for m, layers in LAYERS.items():
        res[m] = {layer: torch.randn(SIZE, *shape, generator=rng) for layer, shape in layers.items()}
    res["vision"]["d"][:, :256] += res["G"]["b"]
    return res


def taken_in(batches):
    sums = _Sums()
    for batch in batches:
        sums.update(maps(batch))
    return sums


def worker(out):
    "One of the processes"
    torch.set_num_threads(1)
    with _joined(None):
        rank, n = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        sums = taken_in(range(BATCHES*rank//n, BATCHES*(rank+1)//n))
        if n > 1:
            dist.barrier()
        start = time.perf_counter()
        sums.finish()
        took = torch.tensor(time.perf_counter()-start)
        if n > 1:
            dist.all_reduce(took, dist.ReduceOp.MAX)
        if rank == 0:
            torch.save(dict(seconds=took.item(), table=sums.true["vision"].compute()), out)


def run(out, processes, nodes=1):
    "Start processes on one or more nodes"
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes//nodes)]
    where = ["--standalone"] if nodes == 1 else ["--nnodes", str(nodes), "--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:29531"]
    started = [subprocess.Popen([*launch, *where, __file__, "worker", out], env=env) for _ in range(nodes)]
    if any([o.wait() for o in started]):
        sys.exit("a process failed")
    return torch.load(out)


def main():
    rows = []
    channels = {m: {layer: shape[0] for layer, shape in layers.items()} for m, layers in LAYERS.items()}
    with tempfile.TemporaryDirectory() as folder:
        for processes, nodes in ((1, 1), (2, 1), (4, 1), (8, 1), (4, 2)):
            found = run(f"{folder}/{processes}.{nodes}", processes, nodes)
            if processes == 1:
                alone = found["table"]
            gap = (found["table"] - alone).abs().max().item()
            rows.append(dict(processes=processes, nodes=nodes, seconds=round(found["seconds"], 2), table_mb=round(table_bytes(channels)/1e6, 1), largest_difference=gap))
            print(rows[-1], flush=True)
    Path(__file__).with_suffix(".json").write_text(json.dumps(dict(cores=os.cpu_count(), rows=rows), indent=1)+"\n")


if __name__ == "__main__":
    worker(sys.argv[2]) if sys.argv[1:2] == ["worker"] else main()
