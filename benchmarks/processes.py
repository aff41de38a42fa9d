"""Does it pay to share a run among processes? `python benchmarks/processes.py [processes]`

The steady rate of the main job, in images a second: a long run less a short one, so that starting up does not count. Once with one process that has all
threads, once with several of one thread each, by torchrun, in turn and three times; the medians are compared."""
import json, os, statistics, subprocess, sys, tempfile, time
from pathlib import Path

def seconds(n, processes, threads):
    "One run of the main job"
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)] if processes > 1 else []
    with tempfile.TemporaryDirectory() as out:
        start = time.perf_counter()
        r = subprocess.run([sys.executable, *launch, "-m", "rosetta_neurons.cli", "mine", "-n", str(n), "--no-progress", "--out", out], env={**os.environ, "OMP_NUM_THREADS": str(threads)}, capture_output=True, text=True)
        if r.returncode: sys.exit(r.stderr)
        return time.perf_counter() - start

def main(processes=2, short=160, long=640):
    cores = os.cpu_count()
    print(f"{cores} cores")
    rates = {1: [], processes: []}
    for _ in range(3):
        for p in rates: rates[p].append((long-short)/(seconds(long, p, max(1, cores//p)) - seconds(short, p, max(1, cores//p))))
    middle = {p: statistics.median(r) for p, r in rates.items()}
    for p, r in rates.items(): print(f"{p} process(es) of {max(1, cores//p)} thread(s): {middle[p]:.1f} images a second ({', '.join(f'{o:.1f}' for o in r)})")
    kept = {"one process": round(middle[1], 1), f"{processes} processes": round(middle[processes], 1), "ratio": round(middle[processes]/middle[1], 2)}
    print(kept)
    Path(__file__).with_suffix(".json").write_text(json.dumps(kept) + "\n")

if __name__ == "__main__": main(*map(int, sys.argv[1:2]))
