"""What mining costs beside the networks themselves, and beside the plain method: `python benchmarks/matching.py [WORKLOAD ...]`

Each row runs in a process of its own, so that its peak memory is its own. The plain method enlarges both maps of every pair of layers (Eq. 2 as written, in float32).
Ratios are to the forward passes alone, in the same run."""
import argparse, json, resource, subprocess, sys, time
from itertools import product
from pathlib import Path
import torch, torch.nn.functional as F, torchvision
from timm import create_model as timm_model
from rosetta_neurons.correlation import PairCorrelation
from rosetta_neurons.runtime import full_precision
from rosetta_neurons.hooks import record
from rosetta_neurons.sums import _Sums
from rosetta_neurons.zoo.core import Vision, create_model
from rosetta_neurons.zoo.mae import _wrap_vit
from rosetta_neurons.zoo.stylegan2 import StyleGAN2

def resnet50(): return Vision(torchvision.models.resnet50(), [f"layer{i}" for i in range(1, 5)], 224)
def vit_b(): return _wrap_vit(timm_model("vit_base_patch16_224", num_classes=0))
def named(name): return lambda: create_model(name)
WORKLOADS = dict(mini=(named("mini_stylegan2"), named("mini_resnet"), 16, 12), resnet50=(StyleGAN2, resnet50, 4, 3), vit=(StyleGAN2, vit_b, 4, 3)) # G, D, images a batch, batches
MODES = dict(forward="the networks alone", update="PairCorrelation.update alone", mine="networks and correlation", full="and with itself and shuffled", plain="the plain method alone")

def plain_products(maps_a, maps_b):
    "Sums of products of the enlarged maps, as one would write it down"
    def flat(x, size): return F.interpolate(x, size, mode="bilinear").transpose(0, 1).flatten(1)
    def pair(a, b):
        size = [max(s) for s in zip(a.shape[2:], b.shape[2:])]
        return flat(a, size) @ flat(b, size).T
    return [pair(a, b) for a, b in product(maps_a.values(), maps_b.values())]

def maps_of(model, x):
    with record(model) as maps: out = model(x)
    return out, dict(maps)

def error(maps_g, maps_d):
    "Largest difference from float64, on every 16th channel of two images"
    a, b = ({l: m[:2, ::16] for l, m in o.items()} for o in (maps_g, maps_d))
    pc = PairCorrelation()
    pc.update(a, b)
    def flat(x, size): return (y := F.interpolate(x.double(), size, mode="bilinear").transpose(0, 1).flatten(1)) - y.mean(1, keepdim=True)
    def block(x, y):
        size = [max(s) for s in zip(x.shape[2:], y.shape[2:])]
        u, v = flat(x, size), flat(y, size)
        return u @ v.T/u.norm(dim=1)[:, None]/v.norm(dim=1)
    exact = torch.cat([torch.cat([block(x, y) for y in b.values()], 1) for x in a.values()])
    return (pc.compute() - exact)[~exact.isnan()].abs().max().item() # NaN where only ours is

@full_precision()
def measure(workload, mode, batches, device):
    "Seconds an image and peak memory (of the GPU where there is one) of one row"
    torch.manual_seed(0)
    build_g, build_d, size, usual = WORKLOADS[workload]
    batches = batches or usual
    G, D = (m().eval().to(device) for m in (build_g, build_d))
    z = G.sample((batches + 1)*size, seed=0).to(device)
    sums, pc = _Sums(shift=1 if mode == "full" else None, own=mode == "full"), PairCorrelation()
    def forward(i): return D(G(z[i*size:(i+1)*size]))
    def both(i):
        x, g = maps_of(G, z[i*size:(i+1)*size])
        return g, maps_of(D, x)[1]
    def mine(i): sums.update(dict(zip(("G", "D"), both(i))))
    if mode in ("update", "plain"):
        g, d = both(0)
        one = [{l: m[:1] for l, m in o.items()} for o in (g, d)]
        step = dict(update=lambda i: pc.update(g, d), plain=lambda i: plain_products(*one))[mode]
    else: step = dict(forward=forward, mine=mine, full=mine)[mode]
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    if mode != "plain": step(0); wait() # once to warm up; the plain method is slow enough without
    start = time.perf_counter()
    for i in range(1, 2 if mode == "plain" else batches + 1): step(i)
    wait()
    took = (time.perf_counter() - start)/(1 if mode == "plain" else batches*size)
    peak = torch.cuda.max_memory_allocated() if device == "cuda" else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss*1024
    return dict(seconds=took, peak_gb=peak/2**30, **(dict(error=error(g, d)) if mode == "update" else {}))

def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("workloads", nargs="*", default=list(WORKLOADS), help=", ".join(WORKLOADS))
    p.add_argument("--batches", type=int, default=0, help="how many to time; by default 12 of the mini zoo, 3 of the others")
    p.add_argument("--device", default="cpu")
    p.add_argument("--mode", help="only this row, as JSON")
    o = p.parse_args()
    if o.mode: return print(json.dumps(measure(o.workloads[0], o.mode, o.batches, o.device)))
    print(f"{torch.get_num_threads()} threads, {o.device}, torch {torch.__version__}")
    path = Path(__file__).with_suffix(".json")
    table = json.loads(path.read_text()) if path.is_file() else {}
    for w in o.workloads:
        rows = table[w] = {}
        for mode in MODES:
            out = subprocess.run([sys.executable, __file__, w, "--mode", mode, "--batches", str(o.batches), "--device", o.device], capture_output=True, text=True)
            if out.returncode: sys.exit(out.stderr)
            r = rows[mode] = json.loads(out.stdout.splitlines()[-1])
            print(f"{w:9} {MODES[mode]:32} {r['seconds']:8.3f} s an image {r['seconds']/rows['forward']['seconds']:7.2f} x forward {r['peak_gb']:6.2f} GB" + (f"  error {r['error']:.0e}" if "error" in r else ""), flush=True)
        print(f"{w:9} the plain method takes {rows['plain']['seconds']/rows['update']['seconds']:.0f} times as long as update")
        path.write_text(json.dumps(table, indent=1) + "\n")

if __name__ == "__main__": main()
