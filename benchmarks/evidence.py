"""Are they real? `python benchmarks/evidence.py [ROW ...]`

Rosetta Neurons against other units, trained against untrained, what each null leaves, how stable a dictionary is, and which layers and models match. Truth: fresh
scenes of the world for the models that look, and for the generator its own samples as the private `eval_net` sees them. Every network of the mini zoo that has
weights takes part. A row that is in `evidence.json` already is kept unless it is named; mined dictionaries are kept in `runs/evidence`. About ten minutes on an idle core."""
import argparse, json, time
from itertools import combinations
from pathlib import Path
import torch, torch.nn.functional as F
from torch import nn
from rosetta_neurons.dictionary import RosettaDictionary
from rosetta_neurons.evidence import _buddies_told, compare_groups, interval, _null_tables, unit_groups
from rosetta_neurons.hooks import evaluating
from rosetta_neurons.mining import mine
from rosetta_neurons.runtime import observe
from rosetta_neurons.train.eval_net import load_evaluator
from rosetta_neurons.truth import _GROUND_TRUTH, agreement, concept_names, coverage, known_scenes, ground_truth_masks
from rosetta_neurons.world import ANIMALS, BACKGROUND, COLORS, PARTS, sample_scenes
from rosetta_neurons.zoo import create_model, list_models
from rosetta_neurons.zoo.core import WEIGHTS

OUT, G_NAME, UNLABELLED = Path(__file__).with_suffix(".json"), "mini_stylegan2", "mini_stylegan2.unlabelled"
KINDS = dict(animal=[o for o in PARTS if o not in BACKGROUND] + ANIMALS, scene=BACKGROUND + COLORS, all=_GROUND_TRUTH)
LOOKING = [o for o in ("mini_resnet", "mini_dino_resnet", "mini_dino_vit", "mini_mae", "mini_clip_resnet") if (WEIGHTS/f"{o}.safetensors").is_file()]

def models(pretrained=True, names=LOOKING): return {m: create_model(m, pretrained=pretrained) for m in names}

@torch.no_grad()
def judged(G, n=160):
    "Samples of a generator, and what the judge sees in them"
    z, judge, masks = G.sample(n, seed=60), load_evaluator(), []
    for i in range(0, n, 32):
        x = G(z[i:i+32])
        seen = judge(x)
        parts = F.one_hot(seen["parts"].argmax(1), len(PARTS)).permute(0, 3, 1, 2).float()
        masks.append(ground_truth_masks(x, parts, seen["animal"].argmax(1)))
    return z, torch.cat(masks)

class Bench:
    def __init__(self, folder, n, table): self.folder, self.n, self.G, self.table = Path(folder), n, create_model(G_NAME), table
    def generator(self, name):
        "A generator, and what the names of its dictionaries begin with"
        return (self.G, "") if name == G_NAME else (create_model(name), f"{name}_")
    def mined(self, name, G, nets, n=None, **kw):
        "A dictionary, from the disk if it is there"
        path = self.folder/f"{name}_{n or self.n}_{'_'.join(nets)}"
        if not (path/"dictionary.json").is_file(): mine(G, nets, n=n or self.n, progress=False, out=path, **kw)
        return RosettaDictionary.load(path)
    def groups(self, generator=G_NAME):
        G, before = self.generator(generator)
        x, masks = known_scenes(160)
        d, du = self.mined(f"{before}trained", G, models()), self.mined(f"{before}untrained", G, models(False))
        told = lambda d, m, a: {k: compare_groups(o := a.among(t), unit_groups(d, m, o)) for k, t in KINDS.items()}
        res = {m: {s: told(e, m, agreement(create_model(m, pretrained=p), x, masks)) for s, e, p in (("trained", d, True), ("untrained", du, False))} for m in LOOKING}
        return {**res, generator: dict(trained=told(d, "G", agreement(G, *judged(G))))}
    def groups_unlabelled(self):
        "The same with a generator whose training saw no label"
        return self.groups(UNLABELLED)
    def partners(self):
        """Do the partners of one unit mean the same? Of two partners in different models, the share whose best label of the ground truth is the same: of the same unit, and
        of units of different concepts (chance). Of Rosetta Neurons that are significant at 5 %; means over pairs of models and units, with intervals over concepts"""
        x, masks = known_scenes(160)
        res = {}
        for state, pretrained in (("trained", True), ("untrained", False)):
            d = self.mined(state, self.G, models(pretrained)).filter(q=.05)
            told = {m: agreement(D, x, masks) for m, D in models(pretrained).items()}
            res[state] = same_label(d, {m: dict(zip(a.units, a.best().tolist())) for m, a in told.items()})
        return res

    def seeds(self, folder="runs"):
        """The gains of `groups` for five seeds of mini_resnet, each in the place of the first. Seeds that are not shipped are looked for in `folder`/mini_resnet.seedN,
        where `rosetta-train mini_resnet.seedN --out` puts them"""
        shipped = {o: WEIGHTS/f"{o}.safetensors" for o in ("mini_resnet", "mini_resnet.seed1")}
        return self.trainings("seeds", "mini_resnet", shipped | {f"mini_resnet.seed{i}": Path(folder)/f"mini_resnet.seed{i}/mini_resnet.seed{i}.safetensors" for i in range(2, 5)})
    def seeds_mae(self, folder="runs/mae_short"):
        "The same for five short trainings of mini_mae: `rosetta-train mini_mae.seedN --steps 4000 --out runs/mae_short/seedN`, N from 1 to 5"
        return self.trainings("seeds_mae", "mini_mae", {f"mini_mae.seed{i}, 4000 steps": Path(folder)/f"seed{i}/mini_mae.seed{i}.safetensors" for i in range(1, 6)})
    def trainings(self, row, kind, paths):
        """The gains of `groups` for several trainings of one network, with the mean and a 95 % interval over them (Student's t). What was measured of weights that are no longer
        there is kept"""
        x, masks = known_scenes(160)
        res = dict(self.table.get(row, {}).get("seeds", {}))
        for name, path in paths.items():
            if not path.is_file():
                if name not in res: print(f"{name} is left out: there is no {path}", flush=True)
                continue
            net = create_model(kind, checkpoint_path=path)
            nets = {kind: net, **models(names=[o for o in LOOKING if o != kind])}
            d = self.mined("trained" if name == kind else f"trained_{name}", self.G, nets)
            a = agreement(net, x, masks)
            gains = {k: compare_groups(o := a.among(t), unit_groups(d, kind, o))["gain"] for k, t in KINDS.items()}
            res[name] = {k: {mark: v[0] for mark, v in o.items() if mark != "iou"} for k, o in gains.items()}
            print(name, res[name], flush=True)
        runs = list(res.values())
        over = {k: {mark: over_seeds([o[k][mark] for o in runs]) for mark in ("auroc", "named")} for k in KINDS}
        return dict(seeds=res, mean=over)

    def names(self, generator=G_NAME):
        (G, before), res = self.generator(generator), {}
        for state, pretrained in (("trained", True), ("untrained", False)):
            d = self.mined(before + state, G, models(pretrained)).filter(q=.05)
            o = concept_names(d, models(pretrained), n=160, size=32)
            purity = torch.tensor([c.purity for c in o])
            res[state] = dict(concepts=len(o), named=sum(c.name is not None for c in o), coverage=coverage(o), purity=interval(purity), names={t: sum(c.name == t for c in o) for t in _GROUND_TRUTH if any(c.name == t for c in o)})
        return res

    def names_biggan(self):
        "The same of a generator whose critic saw nothing but pixels, though both were told the animal"
        return self.names("mini_biggan")
    def names_unlabelled(self): return self.names(UNLABELLED)

    def batches(self, G, D, n):
        z = G.sample(n, seed=61)
        with evaluating(G, D):
            for i in range(0, n, 32):
                x, g = observe("G", G, z[i:i+32])
                yield g, observe("D", D, x)[1]
    def nulls(self, n=192):
        G, D = self.G, create_model("mini_resnet")
        one = lambda G, D: _buddies_told(_null_tables(self.batches(G, D, n))["true"])
        res = {k: _buddies_told(o) for k, o in _null_tables(self.batches(G, D, n)).items()}
        res["untrained network"] = one(G, create_model("mini_resnet", pretrained=False))
        if (WEIGHTS/"mini_resnet.seed1.safetensors").is_file(): res["another seed"] = one(G, create_model("mini_resnet.seed1"))
        return {"as it is": res.pop("true"), **res}

    def stability(self, n=200, names=("mini_resnet", "mini_clip_resnet")):
        "Matches, Rosetta Neurons and concepts found again when one thing is changed; for each, beside all matches those that are significant at 5 %"
        nets, base = models(names=names), dict(n=n, k=5, seed=0)
        changes = {"another seed, other images": [dict(seed=s) for s in (1, 2)], "the same images, resampled": [dict(resampled=s) for s in range(3)], "n = 50": [dict(n=50)], "n = 100": [dict(n=100)], "n = 400": [dict(n=400)],
             "K = 1": [dict(k=1)], "K = 3": [dict(k=3)], "K = 10": [dict(k=10)], "matched by centred correlation": [dict(center="position")]}
        def made(resampled=None, **kw):
            kw = {**base, **kw}
            G = self.G if resampled is None else Resampled(self.G, kw["n"], resampled)
            name = "stability_" + "_".join(f"{k}{v}" for k, v in {**kw, "boot": resampled}.items())
            d = self.mined(name, G, nets, **kw)
            d.recipe.digests["G"] = "the same generator" # the wrapper that resamples has a digest of its own
            return d
        d, res = made(), {}
        for what, several in changes.items():
            rows = [[getattr(a.compare(b), k) for a, b in ((d, e), (d.filter(q=.05), e.filter(q=.05))) for k in ("matches", "neurons", "found")] for e in (made(**o) for o in several)]
            mean = torch.tensor(rows).mean(0).tolist()
            res[what] = dict(runs=len(rows), concepts=len(made(**several[0]).concepts), **{f"{s}.{k}": round(v, 3) for (s, k), v in zip([(s, k) for s in ("all", "significant") for k in ("matches", "neurons", "found")], mean)})
            res[what]["spread"] = [round(v, 3) for v in (torch.tensor(rows).amax(0) - torch.tensor(rows).amin(0)).tolist()]
        return dict(reference=dict(n=n, concepts=len(d.concepts), significant=len(d.filter(q=.05).concepts)), changes=res)

    def pairs(self, n=200):
        "Best buddies of any two networks, layer by layer: of the generator on its samples, of the others on fresh scenes"
        scenes, res = sample_scenes(n, seed=3_950_000).render(), {}
        nets = {**models(), **models(names=[o for o in list_models("mini_*.seed*") if not o.startswith(("mini_stylegan", "mini_biggan"))])}
        rest = {f"{m}, untrained": create_model(m, pretrained=False) for m in ("mini_resnet",)}
        for a, b in [*((G_NAME, m) for m in nets), *combinations(nets, 2), *((m, u) for m in ("mini_resnet",) for u in rest)]:
            if a == G_NAME: d = mine(self.G, {b: nets[b]}, n=n, progress=False, center="position")
            else: d = mine(nets[a], {b: {**nets, **rest}[b]}, n=n, progress=False, center="position", images=scenes)
            kept = [o for o in d.matches if o.q <= .05]
            table = [[sum(o.unit[0] == l and o.partner[0] == k for o in kept) for k in d.layers[b]] for l in d.layers["G"]]
            centred = torch.tensor([o.centred for o in kept]).double()
            units = [len(d.units["G"]), len(d.units[b])]
            res[f"{a} x {b}"] = dict(units=units, pairs=len(kept), shared=[round(len({getattr(o, k) for o in kept})/u, 3) for k, u in zip(("unit", "partner"), units)], centred=interval(centred) if len(kept) > 1 else None,
                strong=round((centred >= .5).double().mean().item(), 3) if len(kept) else 0, layers=[d.layers["G"], d.layers[b]], table=table)
            print(f"{a} x {b}", {k: v for k, v in res[f"{a} x {b}"].items() if k not in ("layers", "table")}, flush=True)
        return res

def over_seeds(values):
    "Mean of a few independent trainings, with a 95 % interval by Student's t [mean, lower, upper]"
    from scipy.stats import t
    x = torch.tensor(values).double()
    half = t.ppf(.975, len(x) - 1)*x.std().item()/len(x)**.5
    return [round(x.mean().item() + o, 4) for o in (0, -half, half)]

def same_label(d, best):
    "See `Bench.partners`; `best` is {model: {unit: number of its label}}"
    votes, concept = {m: [] for m in d.models}, []
    for i, c in enumerate(d.concepts):
        for u in c.units:
            concept.append(i)
            for m in d.models:
                labels = torch.tensor([best[m][o.partner] for o in c.matches if o.unit == u and o.model == m])
                votes[m].append(torch.bincount(labels, minlength=len(_GROUND_TRUTH)).double()/len(labels))
    concept = torch.tensor(concept)
    other = (concept[:, None] != concept).double()
    same, chance = [], []
    for a, b in combinations(d.models, 2):
        agree = torch.stack(votes[a]) @ torch.stack(votes[b]).T
        same.append(agree.diagonal())
        chance.append((agree*other).sum(1)/other.sum(1))
    both = torch.stack([torch.stack(same).mean(0), torch.stack(chance).mean(0)], 1) # [units, 2]
    of_concepts = [both[concept == i] for i in concept.unique()]
    sums = torch.stack([torch.cat([o.sum(0), torch.tensor([len(o)])]) for o in of_concepts]) # of each concept: same, chance, units
    ratio = lambda k: lambda s: s[:, k].sum()/s[:, 2].sum()
    return dict(units=len(concept), concepts=len(of_concepts), same=interval(sums, ratio(0)), chance=interval(sums, ratio(1)),
        more=interval(sums, lambda s: (s[:, 0] - s[:, 1]).sum()/s[:, 2].sum()))

class Resampled(nn.Module):
    "A generator whose latents of a seed are drawn once more from among themselves, with repetition"
    def __init__(self, G, n, seed):
        super().__init__()
        self.net, self.layers, self.name = G, G.layers, G.name
        self.order = torch.randint(n, (n,), generator=torch.Generator().manual_seed(seed))
    def sample(self, n, seed=0, **kw): return self.net.sample(n, seed=seed, **kw)[self.order]
    def forward(self, z): return self.net(z)

def main():
    p = argparse.ArgumentParser(description=__doc__)
    rows = ["groups", "groups_unlabelled", "partners", "seeds", "seeds_mae", "names", "names_biggan", "names_unlabelled", "nulls", "stability", "pairs"]
    p.add_argument("rows", nargs="*", help=f"which to measure anew, of {', '.join(rows)}; all that are missing if none is named")
    p.add_argument("-n", type=int, default=400, help="images of the dictionaries that groups and names are of")
    p.add_argument("--folder", default="runs/evidence")
    o = p.parse_args()
    torch.set_num_threads(1)
    table = json.loads(OUT.read_text()) if OUT.is_file() else {}
    bench = Bench(o.folder, o.n, table)
    for name in o.rows or [r for r in rows if r not in table]:
        start = time.process_time()
        table[name] = getattr(bench, name)()
        print(name, f"({time.process_time() - start:.0f} CPU-seconds)", flush=True)
        OUT.write_text(json.dumps(table, indent=None).replace('}, "', '},\n"') + "\n")

if __name__ == "__main__": main()
