"""What the paper's own networks cost here, untrained: `python benchmarks/full_size.py [NAME ...] [--device cuda]`

One image through each network with all its layers recorded, and a whole `rosetta-mine` of three of them on 4 images, page included; each in a process of its own, so that its
peak memory is its own. Weights do not change what it costs. Seconds are the processor's, so that other work on the machine does not count; on a GPU they are the clock's, and
`--paper N` adds the paper's run itself on N images. Results go to full_size.json, by device."""
import argparse, json, os, resource, subprocess, sys, tempfile, time
from pathlib import Path
import torch
from rosetta_neurons.cli import mine_folder
from rosetta_neurons.hooks import record
from rosetta_neurons.runtime import _ready_to_mine
from rosetta_neurons.zoo import create_model

NAMES = "resnet50 dino_resnet50 dino_vitb16 mae_vitb16 clip_resnet50 biggan_256 stylegan2_cat styleganxl_256 dino_vitb8".split()
SMALL = dict(generator="stylegan2_cat", models=["resnet50", "mae_vitb16"], n=4, batch_size=2, max_memory="4GB")
PAPER = dict(generator="styleganxl_256", label=226, models="resnet50 dino_resnet50 dino_vitb16 mae_vitb16 clip_resnet50".split())

def peak(device):
    "Peak memory in GB, of the GPU where there is one"
    return (torch.cuda.max_memory_allocated() if device == "cuda" else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss*1024)/2**30

def clock(device): return time.perf_counter() if device == "cuda" else time.process_time()

def forward(name, device):
    "Seconds for one image, after one to warm up on a GPU, and the layers"
    model = create_model(name, pretrained=False)
    with _ready_to_mine([model], device, 0), record(model) as maps:
        x = model.sample(1).to(device) if hasattr(model, "sample") else torch.rand(1, 3, 256, 256, device=device)
        if device == "cuda": model(x).sum().item()
        start = clock(device)
        out = model(x)
        assert out.isfinite().all()
        return dict(seconds=clock(device) - start, parameters=sum(p.numel() for p in model.parameters()), layers={k: list(m.shape[1:]) for k, m in maps.items()})

def run(what, device):
    "Seconds of a whole run"
    with tempfile.TemporaryDirectory() as out:
        start = clock(device)
        said = mine_folder(out=out, untrained=True, progress=False, device=device, **what)
        return dict(seconds=clock(device) - start, images=what["n"], said=said.splitlines()[0], **{k: what[k] for k in ("generator", "models")})

def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("names", nargs="*", default=[*NAMES, "run"])
    p.add_argument("--device", default="cpu")
    p.add_argument("--paper", type=int, help="images of the paper's run")
    p.add_argument("--only", help="just this row, as JSON")
    o = p.parse_args()
    if o.only:
        row = run(SMALL, o.device) if o.only == "run" else run(PAPER | dict(n=o.paper), o.device) if o.only == "paper" else forward(o.only, o.device)
        return print(json.dumps(row | dict(peak_gb=peak(o.device))))
    path = Path(__file__).with_suffix(".json")
    table = json.loads(path.read_text()) if path.is_file() else {}
    rows = table.setdefault(torch.cuda.get_device_name() if o.device == "cuda" else f"{os.cpu_count()} CPU cores", {})
    for name in o.names + ["paper"]*bool(o.paper):
        r = subprocess.run([sys.executable, __file__, "--only", name, "--device", o.device, "--paper", str(o.paper or 0)], capture_output=True, text=True)
        if r.returncode: sys.exit(r.stderr)
        rows[name] = json.loads(r.stdout.splitlines()[-1])
        print(f"{name:15} {rows[name]['seconds']:8.2f} s {rows[name]['peak_gb']:6.2f} GB", flush=True)
        path.write_text(json.dumps(table, indent=1) + "\n")

if __name__ == "__main__": main()
