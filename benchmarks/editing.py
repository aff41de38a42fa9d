"""Do the units carry what they seem to? Inversion and editing, judged by a network that took no part: `python benchmarks/editing.py [ROW ...]`

Each row is n images of a generator (or unseen scenes), searched with the defaults of `invert` and `edit` but for the number of steps and of starts. `eval_net` judges the
animal, its parts, centre and area. Figures come with n and a 95 % bootstrap interval. A row that is in `editing.json` already is kept unless it is named."""
import argparse, json, time
from functools import cached_property, partial
from pathlib import Path
import torch, torch.nn.functional as F
from rosetta_neurons.cli import _VISION
from rosetta_neurons.dictionary import RosettaDictionary
from rosetta_neurons.evidence import interval
from rosetta_neurons.editing import edit, remove, shift, zoom
from rosetta_neurons.spaces import _Space
from rosetta_neurons.inversion import _fit_to, invert, _partner_maps, similarity
from rosetta_neurons.objectives import _of_pairs
from rosetta_neurons.mining import mine
from rosetta_neurons.runtime import observe
from rosetta_neurons.train.eval_net import load_evaluator
from rosetta_neurons.truth import agreement
from rosetta_neurons.world import ANIMALS, BACKGROUND, PARTS, sample_scenes
from rosetta_neurons.zoo import create_model

ANIMAL = [i for i, p in enumerate(PARTS) if p not in BACKGROUND]
OPTIONAL = dict(tail=1, belly=1, marks=1, sun=6, tree=6) # parts that a scene may lack -> how many units to silence, as chosen on other samples (seed 41)
OUT = Path(__file__).with_suffix(".json")

def spread(x, f=torch.median): return interval(x, f, digits=3)
def share(x): return spread(x.float(), torch.mean)
def correlated(rows): return torch.corrcoef(rows.T)[0, 1]

class Judge:
    "What `eval_net` sees, or `eval_net32` in images of 32 pixels; lengths and areas in 64ths of the image, whatever its size"
    def __init__(self, size=64): self.net, self.size = load_evaluator(size), size
    @torch.no_grad()
    def __call__(self, images):
        o = [self.net(b) for b in _fit_to(images, (self.size, self.size)).split(64)]
        parts = F.one_hot(torch.cat([b["parts"].argmax(1) for b in o]), len(PARTS)).permute(0, 3, 1, 2)*(64/self.size)**2
        body, at = parts[:, ANIMAL].sum(1), (torch.arange(self.size) + .5)*64/self.size
        area = body.sum((1, 2)).clamp(min=1)
        center = torch.stack([(body.sum(1)*at).sum(1), (body.sum(2)*at).sum(1)], 1)/area[:, None]
        return dict(area=area, center=center, parts=parts.sum((2, 3)), animal=torch.cat([b["animal"].argmax(1) for b in o]))
    @cached_property
    def world(self):
        "Range of centre and area in 1000 true scenes: 1st and 99th percentile"
        seen = self(sample_scenes(1000, seed=3_100_000).render(self.size))
        return torch.cat([seen["center"], seen["area"][:, None]], 1).quantile(torch.tensor([.01, .99]), dim=0)
    def inside(self, center, area):
        lo, hi = self.world
        x = torch.cat([center, area[:, None]], 1)
        return ((x >= lo) & (x <= hi)).all(1)

class Bench:
    def __init__(self, generator, n, steps, dictionary=None, seed=40):
        self.n, self.steps, self.seed = n, steps, seed
        self.G, self.models = create_model(generator), {m: create_model(m) for m in _VISION}
        self.judge = Judge(self.G(self.G.sample(1)).shape[-1])
        self.d = RosettaDictionary.load(dictionary) if dictionary else mine(self.G, self.models)
        self.how = dict(dictionary=self.d, steps=steps)
        self.starts = 1 if _Space(self.G).has_w else 4 # a search in a z that is not mapped to w gets stuck more often
    def sources(self, keep=lambda seen: torch.ones(len(seen["area"]), dtype=torch.bool), of=800):
        "Latents of the first n samples that are wanted, their images, and what the judge sees in them"
        z = self.G.sample(of, seed=self.seed)
        with torch.no_grad(): x = torch.cat([self.G(z[i:i+50]) for i in range(0, of, 50)])
        seen = self.judge(x)
        i = keep(seen).nonzero().flatten()[:self.n]
        return z[i], x[i], {k: v[i] for k, v in seen.items()}

    def inverted(self, wanted, *models, **kwargs): return invert(self.G, wanted, *models, seeds=range(self.starts), **kwargs, **self.how).best()
    def compared(self, before, images):
        "The judge's view of the result, beside the source"
        after = self.judge(images)
        return after, dict(n=len(images), area=spread(after["area"]/before["area"]), animal_kept=share(after["animal"] == before["animal"]))
    def unchanged(self):
        z, x, before = self.sources()
        return self.compared(before, edit(self.G, z, zoom(1), start="fresh", **self.how).images)[1]
    def own_maps(self):
        z, x, before = self.sources()
        r = self.inverted(z)
        after, row = self.compared(before, r.images)
        return {**row, "psnr": spread(-10*(r.images - x).square().mean((1, 2, 3)).log10()), "centre_px": spread((after["center"] - before["center"]).norm(dim=1))}
    def models_maps(self):
        z, x, before = self.sources()
        r = self.inverted(x, self.models, label=z.label)
        after, row = self.compared(before, r.images)
        with torch.no_grad():
            asked = _of_pairs(self.d, self.d.chosen(), _partner_maps(self.d, self.models, self.d.chosen(), x))
            at = lambda z: similarity(observe("G", self.G, z)[1], asked)
            true, random = at(z), at(self.G.sample(len(z), seed=self.seed + 1, label=z.label))
        return {**row, "centre_px": spread((after["center"] - before["center"]).norm(dim=1)), "climb": spread((r.final("similarity") - random)/(true - random))}

    def shifted(self, by, across=False):
        "Sideways towards the middle, where the result would lie inside the world's range; or as far up or down, to see how far any edit takes the animal sideways"
        axis = 1 if across else 0
        def side(seen, axis=axis): return -(seen["center"][:, axis] - 32).sign()
        def asked(seen):
            way = torch.zeros(len(seen["area"]), 2)
            way[:, axis] = side(seen)*by*64
            return way
        def possible(seen):
            inside = self.judge.inside
            return inside(seen["center"] + asked(seen), seen["area"]) & inside(seen["center"], seen["area"])
        z, x, before = self.sources(possible)
        images = x.clone()
        for s in (-1, 1):
            i = (side(before) == s).nonzero().flatten()
            change = shift(0, s*by, fill="edge") if across else shift(s*by, 0, fill="edge")
            if len(i): images[i] = edit(self.G, z[i], change, **self.how).images
        after, row = self.compared(before, images)
        went = after["center"] - before["center"]
        got = went[:, axis]*side(before)/(by*64)
        off = (went - asked(before)).norm(dim=1)/(by*64)
        row |= {"of_the_request": spread(got), "within_a_quarter": share(off <= .25)}
        sideways = went[:, 0]*side(before, 0)/(by*64)
        if across: row["sideways_to_the_middle"] = spread(sideways)
        return {**row, "right_way_sideways" if across else "right_way": share(sideways > 0)}
    def zoomed(self, by):
        z, x, before = self.sources(lambda s: self.judge.inside(32 + (s["center"] - 32)*by, s["area"]*by**2) & self.judge.inside(s["center"], s["area"]))
        after, row = self.compared(before, edit(self.G, z, zoom(by), **self.how).images)
        return {**row, "asked_area": round(by**2, 2), "centre_px": spread((after["center"] - 32 - (before["center"] - 32)*by).norm(dim=1))}

    @cached_property
    def agreement(self):
        "Correlation of each partner with each part, on true scenes"
        x, masks = sample_scenes(256, seed=3_200_000).render(masks=True)
        told = {m: agreement(D, x, masks, PARTS, units=[o.partner for o in self.d.matches if o.model == m]) for m, D in self.models.items()}
        return {(m, *u): r for m, a in told.items() for u, r in zip(a.units, a.correlation)}
    def pairs_of(self, part, most, least=.2):
        "Units of G whose best buddies agree with a part, and with no other part more"
        p, known = PARTS.index(part), {}
        for o in self.d.matches: known.setdefault(o.unit, []).append((o, self.agreement[(o.model, *o.partner)]))
        fits = {u: torch.stack([r for _, r in os]).mean(0) for u, os in known.items()}
        fits = {u: r[p].item() for u, r in fits.items() if r[p] >= least and r.argmax() == p}
        return [o for u in sorted(fits, key=fits.get, reverse=True)[:most] for o, _ in known[u]]
    def removed(self, part, control=False):
        "Take away a part; or, for comparison, as many units drawn at random for every sixteenth image, among those that do not agree with it"
        pairs, p = self.pairs_of(part, OPTIONAL[part]), PARTS.index(part)
        units = {o.unit for o in pairs}
        if not units: return dict(concept=None)
        z, x, before = self.sources(lambda s: s["parts"][:, p] >= 12)
        others = sorted({o.unit for o in self.d.matches} - {o.unit for o in self.pairs_of(part, None, .1)})
        images = x.clone()
        for i in range(0, len(x), 16):
            if control:
                chance = torch.randperm(len(others), generator=torch.Generator().manual_seed(i))[:len(units)].tolist()
                pairs = [o for o in self.d.matches if o.unit in {others[k] for k in chance}]
            images[i:i+16] = edit(self.G, z[i:i+16], remove, pairs=pairs, **self.how).images
        after, row = self.compared(before, images)
        halved, body = after["parts"][:, p] <= .5*before["parts"][:, p], after["area"] >= .75*before["area"]
        return {**row, "units": len(units), "halved": share(halved), "animal_stays": share(body), "both": share(halved & body), "left": spread(after["parts"][:, p]/before["parts"][:, p])}

    def crossed(self, animal="cat"):
        "Pictures from the world into the generator, which is asked for one animal, if it can be; then pictures of the others"
        s = sample_scenes(400, seed=3_300_000)
        label = ANIMALS.index(animal) if self.G.c_dim else None
        x = s.render()[s.label != label][:self.n] if self.G.c_dim else s.render()[:self.n]
        before, after = self.judge(x), self.judge(self.inverted(x, self.models, label=label).images)
        both = lambda f: spread(torch.stack([f(before), f(after)], 1), correlated)
        row = dict(n=len(x), x=both(lambda o: o["center"][:, 0]), y=both(lambda o: o["center"][:, 1]), log_area=both(lambda o: o["area"].log()))
        return {**row, "animal_kept": share(after["animal"] == before["animal"])} if label is None else {**row, "asked_animal": share(after["animal"] == label)}

    def speed(self):
        "Seconds that 500 steps take for one image, and how many times as long for sixteen, on one thread; only on idle cores"
        x, threads = sample_scenes(16, seed=3_700_000).render(), torch.get_num_threads()
        torch.set_num_threads(1)
        def seconds(n):
            start = time.perf_counter()
            invert(self.G, x[:n], self.models, self.d, steps=500, progress=False, label=0 if self.G.c_dim else None)
            return time.perf_counter() - start
        one, sixteen = seconds(1), seconds(16)
        torch.set_num_threads(threads)
        return dict(n=16, steps=500, seconds=round(one, 1), sixteen_by_one=round(sixteen/one, 1))

    @property
    def rows(self):
        res = dict(unchanged=self.unchanged, own_maps=self.own_maps, models_maps=self.models_maps, shift_eighth=partial(self.shifted, .125), shift_quarter=partial(self.shifted, .25), shift_across=partial(self.shifted, .125, across=True),
            zoom_141=partial(self.zoomed, 2**.5), zoom_2=partial(self.zoomed, 2), cross_class=self.crossed, speed=self.speed)
        for p in OPTIONAL: res |= {f"remove_{p}": partial(self.removed, p), f"remove_{p}_control": partial(self.removed, p, control=True)}
        return res

def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("rows", nargs="*", help="which to measure anew; all that are missing if none is named")
    p.add_argument("--generator", default="mini_stylegan2")
    p.add_argument("--dictionary", help="folder of a dictionary of the generator and the models of the zoo; mined anew if not given")
    p.add_argument("-n", type=int, default=64, help="images of each row")
    p.add_argument("--steps", type=int, default=200)
    p.add_argument("--seed", type=int, default=40, help="of the samples; choices were made on other seeds")
    o = p.parse_args()
    table = json.loads(OUT.read_text()) if OUT.is_file() else {}
    bench, mine_ = Bench(o.generator, o.n, o.steps, o.dictionary, o.seed), table.setdefault(o.generator, {})
    for name in o.rows or [r for r in bench.rows if r not in mine_]:
        start = time.perf_counter()
        mine_[name] = {"steps": o.steps, "seed": o.seed, "starts": bench.starts, **bench.rows[name]()}
        print(f"{o.generator} {name} {json.dumps(mine_[name])} ({time.perf_counter() - start:.0f} s)", flush=True)
        OUT.write_text(json.dumps(table, indent=1) + "\n")

if __name__ == "__main__": main()
