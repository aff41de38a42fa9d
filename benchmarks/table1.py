"""Table 1: does guidance by Rosetta Neurons help to invert an image? `python benchmarks/table1.py [ROW ...]`

Unseen scenes are inverted by a perceptual loss alone (of mini_resnet.seed1, which is not mined), and with the units that the generator shares with some models,
or with all, as a further term (Eq. 7). Controls tell guidance by *matches* from another network's mere help: that network as a second perceptual loss, without a
match; its matches with the partners exchanged among each other; and pixels alone (L2).

Every row, old and new, is tuned alike on 24 scenes, by PSNR: of the rate and the row's coefficient (beta of the guidance or of the second loss, alpha where there
is neither), whose grid is half decades without an end, the neighbours of the best setting are tried until the best has none that is better, 13 settings at most
(`settled` says whether that was enough). Rows are tuned in turns; then each is run once on 200 others. PSNR, SSIM and a perceptual distance by `eval_net`, which took no part; gains are
paired, with 95 % bootstrap intervals. What is done is kept in `table1.runs.jsonl`, a line for each row and setting with the scores of every image, so that it can
be stopped and goes on; `table1.json` has the table once all rows are done, under `controls` those that are, and under `tuning` how far each of them is. Some three hours of one core."""
import argparse, copy, json, time
from pathlib import Path
import torch
from torchmetrics.functional.image import structural_similarity_index_measure as ssim
from rosetta_neurons.cli import _VISION
from rosetta_neurons.dictionary import RosettaDictionary
from rosetta_neurons.evidence import interval
from rosetta_neurons.inversion import _fit_to, invert, perceptual
from rosetta_neurons.train.eval_net import load_evaluator
from rosetta_neurons.world import sample_scenes
from rosetta_neurons.zoo import create_model

CLIP, DINO = ["mini_clip_resnet"], ["mini_dino_resnet", "mini_dino_vit"]
# row -> the models whose matches guide, and what else it is by
ROWS = {
    "perceptual loss": dict(models=[]),
    "pixels alone": dict(models=[], by="l2"),
    "+ CLIP matches": dict(models=CLIP),
    "+ CLIP, no matches": dict(models=[], by=f"perceptual and {CLIP[0]}"),
    "+ CLIP matches, exchanged": dict(models=CLIP, by="exchanged matches"),
    "+ DINO matches": dict(models=DINO),
    "+ all matches": dict(models=list(_VISION)),
}
# pairs of rows whose difference is told
AGAINST = [("+ CLIP matches", "+ CLIP, no matches"), ("+ CLIP matches", "+ CLIP matches, exchanged")]
RATES = COEFFICIENTS = [round(a*10.**e, 6) for e in range(-5, 4) for a in (1, 3)]
# where tuning begins: of guidance, and of what has none; pixels differ by far less than features do
STARTS = {"beta": (.1, 3.), "alpha": (.03, .03), "l2": (.1, .001)}
BUDGET = 13 # settings of a row
base = "perceptual loss"

def exchanged(d, models, seed=0):
    "The dictionary with the partners of a model's matches exchanged among each other: no unit keeps one of its own"
    matches, rng = d.chosen(models), torch.Generator().manual_seed(seed)
    own = {(o.unit, o.model, o.partner) for o in matches}
    new = []
    for m in models:
        of_model = [o for o in matches if o.model == m]
        partners = [o.partner for o in of_model]
        taken = torch.randperm(len(partners), generator=rng).tolist()
        for i, o in enumerate(of_model):
            # one that is a true partner changes places with the next that would be none on either side
            for j in range(len(taken)):
                mine, its = (o.unit, m, partners[taken[i]]), (of_model[j].unit, m, partners[taken[i]])
                if mine not in own: break
                if (o.unit, m, partners[taken[j]]) not in own and its not in own: taken[i], taken[j] = taken[j], taken[i]
        new += [o._replace(partner=partners[k]) for o, k in zip(of_model, taken)]
    assert not own & {(o.unit, o.model, o.partner) for o in new}
    d = copy.copy(d)
    d.chosen = lambda *_: new
    return d

class Table:
    def __init__(self, generator, steps, dictionary, path):
        self.G, self.models, self.steps, self.path = create_model(generator), {m: create_model(m) for m in _VISION}, steps, path
        self.d = RosettaDictionary.load(dictionary) if dictionary else RosettaDictionary.shipped(generator)
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
    def second(self, beta):
        "A perceptual loss by two networks"
        first, other = perceptual(), perceptual(self.models[CLIP[0]])
        def losses(wanted):
            a, b = first(wanted), other(wanted)
            return lambda x: a(x) + beta*b(x)
        return losses
    def how(self, row, setting):
        "Arguments of `invert` for a row"
        models, by = ROWS[row]["models"], ROWS[row].get("by")
        if by == "l2": return dict(reconstruction="l2", **setting)
        if by == f"perceptual and {CLIP[0]}": return dict(reconstruction=self.second(setting["beta"]), lr=setting["lr"], alpha=setting["alpha"])
        if not models: return dict(reconstruction="perceptual", **setting)
        d = exchanged(self.d, models) if by == "exchanged matches" else self.d
        return dict(models={m: self.models[m] for m in models}, dictionary=d, reconstruction="perceptual", **setting)
    def run(self, row, seed, images, setting):
        "One row with one setting, kept in the file beside all that it depends on"
        what = dict(models=ROWS[row]["models"], seed=seed, n=len(images), steps=self.steps, setting=setting, networks=self.d.digests, of=self.d.n)
        if "by" in ROWS[row]: what["by"] = ROWS[row]["by"]
        if (scores := self.done(what)) is None:
            start = time.process_time()
            r = invert(self.G, images, label=self.labels(seed, len(images)), steps=self.steps, frames=1, progress=False, **self.how(row, setting))
            scores = [[round(v, 4) for v in one] for one in self.scores(images, r.images).tolist()]
            with open(self.path, "a") as f: f.write(json.dumps(dict(row=row, what=what, scores=scores)) + "\n")
            print(f"{time.strftime('%H:%M')} {row} {setting} n={len(images)}: PSNR {sum(scores[0])/len(images):.2f} ({time.process_time() - start:.0f} CPU-seconds)", flush=True)
        return torch.tensor(scores)

class Tuning:
    "The search for a row's best setting: the neighbours of the best, until it has none that is better"
    def __init__(self, table, row, seed, images):
        by = ROWS[row].get("by")
        self.table, self.row, self.scenes, self.plain = table, row, (seed, images), not ROWS[row]["models"] and by in (None, "l2")
        lr, coefficient = STARTS[by or "alpha" if self.plain else "beta"]
        self.start, self.tried = (RATES.index(lr), COEFFICIENTS.index(coefficient)), {}
    def setting(self, i, j): return dict(lr=RATES[i], alpha=COEFFICIENTS[j]) if self.plain else dict(lr=RATES[i], beta=COEFFICIENTS[j], alpha=.03)
    @property
    def best(self): return max(self.tried, key=self.tried.get)
    @property
    def left(self):
        "Neighbours of the best that were not tried"
        if not self.tried: return [self.start]
        i, j = self.best
        return [o for o in ((i, j+1), (i, j-1), (i+1, j), (i-1, j)) if o not in self.tried]
    @property
    def done(self): return not self.left or len(self.tried) >= BUDGET
    def step(self):
        at = self.left[0]
        psnr, *_ = self.table.run(self.row, *self.scenes, self.setting(*at))
        self.tried[at] = psnr.mean().item()
    def told(self): return dict(setting=self.setting(*self.best), psnr=round(self.tried[self.best], 4), tried=len(self.tried), settled=not self.left)

def told(of, base, names=("psnr", "ssim", "perceptual")):
    return {k: dict(mean=round(v.mean().item(), 4), gain=interval(v - b)) for k, v, b in zip(names, of, base)}

def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("rows", nargs="*", help=f"which to do, in this order, of {', '.join(ROWS)}; all if none is named. The first row is needed for gains")
    p.add_argument("--generator", default="mini_stylegan2")
    p.add_argument("--dictionary", help="folder of a dictionary of the generator and the models of the zoo; the shipped one if not given")
    p.add_argument("-n", type=int, default=200, help="scenes that are reported")
    p.add_argument("--tune", type=int, default=24, help="other scenes, on which settings are chosen")
    p.add_argument("--steps", type=int, default=200)
    o = p.parse_args()
    torch.set_num_threads(1)
    t = Table(o.generator, o.steps, o.dictionary, Path(__file__).with_suffix(".runs.jsonl"))
    size = t.G(t.G.sample(1)).shape[-1]
    scenes = lambda n, seed: _fit_to(sample_scenes(n, seed=seed).render(), (size, size))
    tune, test = (3_400_000, scenes(o.tune, 3_400_000)), (3_500_000, scenes(o.n, 3_500_000))
    path = Path(__file__).with_suffix(".json")
    def keep(what, new):
        kept = json.loads(path.read_text()) if path.is_file() else {}
        path.write_text(json.dumps({**kept, what: new}, indent=1) + "\n")
    rows = {row: Tuning(t, row, *tune) for row in o.rows or ROWS}
    while waiting := [r for r in rows.values() if not r.done]:
        min(waiting, key=lambda r: len(r.tried)).step() # in turns, so that what is stopped early is as far in all rows
        keep(f"{o.generator}, tuning", {row: r.told() for row, r in rows.items() if r.tried})
    scores, table, against = {}, {}, {}
    for row, r in rows.items():
        scores[row] = t.run(row, *test, r.told()["setting"])
        if base in scores: table[row] = {**r.told(), "n": o.n, "steps": o.steps, **told(scores[row], scores[base])}
        for a, b in AGAINST:
            if row in (a, b) and a in scores and b in scores: against[f"{a} against {b}"] = dict(n=o.n, **told(scores[a], scores[b]))
        print(row, json.dumps(table.get(row)), flush=True)
        keep(f"{o.generator}, controls", table) # also while some are missing
        keep(f"{o.generator}, against", against)
    if set(ROWS) <= set(table): keep(o.generator, table) # whole: it takes the place of what was there

if __name__ == "__main__": main()
