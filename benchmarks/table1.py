"""Table 1: does guidance by Rosetta Neurons help to invert an image? `python benchmarks/table1.py`

Unseen scenes are inverted by a perceptual loss alone (of mini_resnet.seed1, which is not mined), and with the units that the generator shares with some models,
or with all, as a further term (Eq. 7). Every row, the first too, may choose among as many settings, on 50 scenes; then each is run once on the others.
PSNR, SSIM and a perceptual distance by `eval_net`, which took no part; gains are paired, with 95 % bootstrap intervals. What is done is kept in
`table1.runs.jsonl`, a line for each row and setting with the scores of every image, so that it can be stopped and goes on; the table is `table1.json`."""
import argparse, json, time
from itertools import product
from pathlib import Path
import torch
from torchmetrics.functional.image import structural_similarity_index_measure as ssim
from rosetta_neurons.cli import _VISION
from rosetta_neurons.dictionary import RosettaDictionary
from rosetta_neurons.evidence import interval
from rosetta_neurons.inversion import _fit_to, invert, perceptual
from rosetta_neurons.mining import mine
from rosetta_neurons.train.eval_net import load_evaluator
from rosetta_neurons.world import sample_scenes
from rosetta_neurons.zoo import create_model

ROWS = {"perceptual loss": [], "+ DINO matches": ["mini_dino_resnet", "mini_dino_vit"], "+ CLIP matches": ["mini_clip_resnet"], "+ all matches": list(_VISION)}
RATES = (.03, .1)
SETTINGS = {True: [dict(lr=lr, beta=b, alpha=.03) for lr, b in product(RATES, (1., 3.))], False: [dict(lr=lr, alpha=a) for lr, a in product(RATES, (0., .03))]}

class Table:
    def __init__(self, generator, steps, dictionary, path):
        self.G, self.models, self.steps, self.path = create_model(generator), {m: create_model(m) for m in _VISION}, steps, path
        self.d = RosettaDictionary.load(dictionary) if dictionary else mine(self.G, self.models)
        judge = load_evaluator()
        judge.layers = [f"down.{i}" for i in range(4)]
        self.distance = perceptual(judge)
    def labels(self, seed, n): return sample_scenes(n, seed=seed).label if self.G.c_dim else None
    def scores(self, images, found):
        "PSNR, SSIM and perceptual distance [3, n]"
        seen = self.distance(_fit_to(images, (64, 64)))
        return torch.stack([-10*(images - found).square().mean((1, 2, 3)).log10(), ssim(found, images, data_range=1., reduction="none"), seen(_fit_to(found, (64, 64))).detach()])
    def done(self, what):
        "Scores of a run that is in the file"
        lines = map(json.loads, self.path.read_text().splitlines() if self.path.is_file() else [])
        return next((o["scores"] for o in lines if o["what"] == what), None)
    def run(self, name, seed, images, setting):
        "One row with one setting, kept in the file beside all that it depends on"
        by = ROWS[name]
        what = dict(models=by, seed=seed, n=len(images), steps=self.steps, setting=setting, networks=self.d.digests, of=self.d.n)
        if (scores := self.done(what)) is None:
            start = time.perf_counter()
            r = invert(self.G, images, {m: self.models[m] for m in by} or None, self.d if by else None, label=self.labels(seed, len(images)), reconstruction="perceptual", steps=self.steps, frames=1, progress=False, **setting)
            scores = [[round(v, 4) for v in row] for row in self.scores(images, r.images).tolist()]
            with open(self.path, "a") as f: f.write(json.dumps(dict(what=what, scores=scores)) + "\n")
            print(f"{name} {setting} n={len(images)}: {time.perf_counter() - start:.0f} s", flush=True)
        return torch.tensor(scores)

def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--generator", default="mini_stylegan2")
    p.add_argument("--dictionary", help="folder of a dictionary of the generator and the models of the zoo; mined anew if not given")
    p.add_argument("-n", type=int, default=200, help="scenes that are reported")
    p.add_argument("--tune", type=int, default=50, help="other scenes, on which settings are chosen")
    p.add_argument("--steps", type=int, default=200)
    o = p.parse_args()
    t = Table(o.generator, o.steps, o.dictionary, Path(__file__).with_suffix(".runs.jsonl"))
    size = t.G(t.G.sample(1)).shape[-1]
    scenes = lambda n, seed: _fit_to(sample_scenes(n, seed=seed).render(), (size, size))
    (tune, test), rows = ((scenes(n, seed), seed) for n, seed in ((o.tune, 3_400_000), (o.n, 3_500_000))), {}
    for name in ROWS:
        tried = [(t.run(name, tune[1], tune[0], s)[0].mean().item(), s) for s in SETTINGS[bool(ROWS[name])]]
        best = max(tried, key=lambda o: o[0])[1]
        rows[name] = (best, t.run(name, test[1], test[0], best))
    base, table = rows["perceptual loss"][1], {}
    for name, (setting, s) in rows.items():
        table[name] = dict(n=o.n, steps=o.steps, setting=setting, **{k: dict(mean=round(v.mean().item(), 4), gain=interval(v - b)) for k, v, b in zip(("psnr", "ssim", "perceptual"), s, base)})
        print(name, json.dumps(table[name]))
    path = Path(__file__).with_suffix(".json")
    kept = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps({**kept, o.generator: table}, indent=1) + "\n")

if __name__ == "__main__": main()
