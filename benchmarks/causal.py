"""Do networks use the units that they share? python benchmarks/causal.py [PART ...] [--photos FOLDER]

Writes benchmarks/causal.json. Parts: mini_resnet, mini_clip_resnet, mini_dino_vit (units matched and
unmatched are ablated, and fewer animals are named), efficientnet_lite0 (the same on photographs,
which `tools/photos.py FOLDER` gathers), generator (which parts vanish from mini_stylegan2's pictures)
and swap (units of other networks in the place of mini_resnet's). A part that is in causal.json
already is kept unless it is named. What each set of units does is kept in runs/causal, so that an
interrupted run goes on. About 25 minutes on an idle core.
"""
import argparse
import json
import time
from dataclasses import dataclass
from math import exp
from pathlib import Path
from typing import Callable

import torch
import torch.nn.functional as F
from real import photographs

from rosetta_neurons.causal import (
    _draw_pair, _layer_sums, _strengths, ablate, swap)
from rosetta_neurons.correlation import PairCorrelation
from rosetta_neurons.damage import _CONTROLS, _counts, _interval_of_both
from rosetta_neurons.dictionary import RosettaDictionary
from rosetta_neurons.evidence import _groups_of, interval
from rosetta_neurons.hooks import Units, record
from rosetta_neurons.matching import best_buddies
from rosetta_neurons.mining import mine
from rosetta_neurons.sources import to_image
from rosetta_neurons.train.clip import _ASK_ANIMAL, _word_vectors
from rosetta_neurons.train.eval_net import load_evaluator
from rosetta_neurons.train.mae import _fit_probe
from rosetta_neurons.truth import concept_names
from rosetta_neurons.world import ANIMALS, COATS, PARTS, sample_scenes
from rosetta_neurons.zoo import create_model
from rosetta_neurons.zoo.core import _stretched

OUT = Path(__file__).with_suffix(".json")
RUNS = Path("runs/causal")
# seeds: mean maps, strengths and lines; probes; what the damage is measured on
BEFORE, PROBES, TEST = 4_100_000, 4_200_000, 4_300_000
N_BEFORE, N_PROBES, N_TEST = 400, 1500, 320 # scenes
DRAWS = 6 # sets of units for each group, control and size
BATCH = 80 # images at a time
SHARES = [("mean", .1), ("mean", .2), ("mean", .4), ("zero", .2)] # of each layer
GROUPS = ["Rosetta Neurons", "with G alone"]
FEWER = [("mean", .2), ("mean", .4)] # for the second group
LAST = dict(mini_resnet="layer4", mini_clip_resnet="visual.layer4", mini_dino_vit="blocks.5")


# What networks say of images, with and without some of their units

@dataclass
class Reader:
    "A network, the images that it is asked about, and how its answers are read"
    model: torch.nn.Module
    images: torch.Tensor
    read: Callable # (model, images, their numbers) -> {name: one number or row for each image}
    name: str
    sums: dict # of `_layer_sums`

    def __post_init__(self):
        self.path = RUNS/f"{self.name}.pt"
        self.known = torch.load(self.path) if self.path.is_file() else {}
        self.means = {layer: (o.total/o.n).float() for layer, o in self.sums.items()}
        self.saved = time.time()

    @torch.no_grad()
    def answers(self):
        "Of all images"
        parts = []
        for i in range(0, len(self.images), BATCH):
            numbers = torch.arange(i, min(i+BATCH, len(self.images)))
            parts.append(self.read(self.model, self.images[numbers], numbers))
        return {k: torch.cat([o[k] for o in parts]) for k in parts[0]}

    def without(self, units, how):
        "Of all images, with units ablated; kept on the disk"
        key = f"{how} {sorted(units)}"
        if key not in self.known:
            with ablate(self.model, units, how, self.means):
                self.known[key] = self.answers()
            if time.time()-self.saved > 30:
                self.save()
        return self.known[key]

    def save(self):
        RUNS.mkdir(parents=True, exist_ok=True)
        torch.save(self.known, self.path)
        self.saved = time.time()


def stacked(answers, key):
    "[sets, images, ...]"
    return torch.stack([o[key] for o in answers])


def sizes_of(units, strength):
    return torch.stack([strength[layer][c].clamp(min=1e-12) for layer, c in units])


def log_ratio(units, controls, strength):
    "Difference of the mean logarithms of strength"
    return (sizes_of(units, strength).log().mean()-sizes_of(controls, strength).log().mean()).item()


def strength_ratios(pairs, strength):
    "How many times stronger sets are than their controls: geometric mean, and root mean square of the strongest tenth"
    logs = sum(log_ratio(o.own, o.control, strength) for o in pairs)/len(pairs)
    def strongest(units):
        return sizes_of(units, strength).topk(max(1, len(units)//10)).values.square().mean()
    tops = sum((strongest(o.own)/strongest(o.control)).log().item() for o in pairs)/2/len(pairs)
    return round(exp(logs), 3), round(exp(tops), 3)


def drawn_pairs(groups, group, control, sizes, share, strength, draws):
    "Sets of units and their controls; the same seed gives the same"
    pairs = []
    for draw in range(draws):
        seed = 1000*draw + 100*GROUPS.index(group) + 10*_CONTROLS.index(control) + round(100*share)
        rng = torch.Generator().manual_seed(seed)
        alike = strength if control == _CONTROLS[1] else None
        pairs.append(_draw_pair(groups[group], groups["unmatched"], sizes, share, rng, alike))
    return pairs


def random_sets(pairs, sizes):
    "As many units of each layer, drawn from all of it"
    sets = []
    for draw, pair in enumerate(pairs):
        every = [(layer, c) for layer, n in sizes.items() for c in range(n)]
        rng = torch.Generator().manual_seed(7000+draw)
        sets.append(_draw_pair(pair.own, every, sizes, 1., rng).control)
    return sets


def ablation_row(reader, base, pairs, how, strength):
    "Damage of sets and of their controls, and the answers themselves"
    own = [reader.without(o.own, how) for o in pairs]
    control = [reader.without(o.control, how) for o in pairs]
    row = dict(units=sum(len(o.own) for o in pairs)/len(pairs))
    row["ratio"], row["ratio_of_strongest"] = strength_ratios(pairs, strength)
    for key, prefix in (("score", ""), ("logp", "logp_")):
        lost = base[key] - stacked(own, key)
        lost_control = base[key] - stacked(control, key)
        row[f"{prefix}own"] = _interval_of_both(lost)
        row[f"{prefix}of_control"] = _interval_of_both(lost_control)
        row[f"{prefix}more"] = _interval_of_both(lost - lost_control)
    return row, own, control


def ablations(reader, groups, kinds=SHARES, chosen=GROUPS, draws=DRAWS):
    "All rows of a network, and the answers of the rows that are looked at closely"
    base = reader.answers()
    rows, close = [], {}
    sizes = {layer: o.total.shape[-1] for layer, o in reader.sums.items()}
    for group in chosen:
        for control in _CONTROLS:
            before = {}
            for how, share in kinds if group == GROUPS[0] else FEWER:
                strength = _strengths(reader.sums, how)
                pairs = drawn_pairs(groups, group, control, sizes, share, strength, draws)
                n = sum(len(o.own) for o in pairs)
                if n < 1.05*before.get(how, 0):
                    continue # there are no more of these units
                before[how] = n
                row, own, of_control = ablation_row(reader, base, pairs, how, strength)
                row = dict(group=group, control=control, how=how, share=share, **row)
                row["in_layers"] = {layer: sum(u[0] == layer for o in pairs for u in o.own)/draws for layer in sizes}
                if share == .2 and control == _CONTROLS[0] and how == "mean":
                    some = [reader.without(o, how) for o in random_sets(pairs, sizes)]
                    row["of_random"] = _interval_of_both(base["score"] - stacked(some, "score"))
                rows.append(row)
                close[group, control, how, share] = (own, of_control)
                print(time.strftime("%H:%M:%S"), reader.name, {k: v for k, v in row.items() if k != "in_layers"}, flush=True)
    reader.save()
    untouched = interval(base["score"]) if len(base["score"].unique()) > 1 else None
    return dict(units={k: len(v) for k, v in groups.items()}, untouched=untouched, rows=rows), base, close


# The mini zoo

def animal_logits(name, model, probes):
    "How a network is asked which animal there is: a function of what it returns"
    if name == "mini_resnet":
        return lambda out: out.log_softmax(1).unflatten(1, (len(ANIMALS), len(COATS))).logsumexp(2)
    if name == "mini_clip_resnet":
        vectors = _word_vectors(model, ANIMALS, _ASK_ANIMAL)
        scale = model.net.logit_scale.exp()
        return lambda out: scale*F.normalize(out, dim=1)@vectors.T
    features = torch.cat([model(x) for x in probes.images.split(BATCH)])
    mean, std = features.mean(0), features.std(0).clamp(min=1e-6)
    probe = _fit_probe((features-mean)/std, probes.label).requires_grad_(False)
    return lambda out: probe((out-mean)/std)


@dataclass
class Known:
    "Scenes with their ground truth"
    images: torch.Tensor
    parts: torch.Tensor # [n, 14, 64, 64]
    label: torch.Tensor


def known(n, seed):
    s = sample_scenes(n, seed)
    rendered = [s[i:i+BATCH].render(masks=True) for i in range(0, n, BATCH)]
    return Known(torch.cat([o[0] for o in rendered]), torch.cat([o[1] for o in rendered]), s.label)


def with_ones(x):
    return torch.cat([x, torch.ones(len(x), 1)], 1)


def rows_of(maps):
    "[n*H*W, C]"
    return maps.movedim(1, -1).flatten(0, 2)


def part_probe(model, layer, probes):
    "Ridge regression from the maps of a layer to the shares of the parts in each of its positions"
    seen = []
    for x in probes.images.split(BATCH):
        with record(model, [layer]) as maps:
            model(x)
        seen.append(maps[layer])
    x = rows_of(torch.cat(seen))
    y = rows_of(F.adaptive_avg_pool2d(probes.parts, seen[0].shape[-2:]))
    mean, std = x.mean(0), x.std(0).clamp(min=1e-6)
    x = with_ones((x-mean)/std).double()
    weights = torch.linalg.solve(x.T@x + torch.eye(x.shape[1]), x.T@y.double()).float()
    def tell(maps):
        told = with_ones((rows_of(maps)-mean)/std)@weights
        return told.view(len(maps), *maps.shape[-2:], -1).movedim(-1, 1)
    return tell


@torch.no_grad()
def other_strengths(draws=DRAWS):
    """The difference beside a control of like strength, with strengths taken of other scenes

    A fifth of each layer of mini_resnet, Rosetta Neurons, mean-ablated as in `mini`; only the pairs
    of sets are others.
    """
    model = create_model("mini_resnet")
    groups = _groups_of(RosettaDictionary.shipped("mini_stylegan2"), "mini_resnet")
    test = known(N_TEST, TEST)
    logits = animal_logits("mini_resnet", model, None)
    def read(model, images, numbers):
        logp = logits(model(images)).log_softmax(1)
        label = test.label[numbers]
        return dict(score=(logp.argmax(1) == label).float(), logp=logp.gather(1, label[:, None])[:, 0])
    sums = _layer_sums(model, sample_scenes(N_BEFORE, BEFORE).render())
    reader = Reader(model, test.images, read, "other_strengths", sums)
    base = reader.answers()
    sizes = {layer: o.total.shape[-1] for layer, o in sums.items()}
    rows = []
    for i in range(6):
        scenes = sample_scenes(N_BEFORE, BEFORE + i)
        strength = _strengths(_layer_sums(model, scenes.render()), "mean")
        pairs = drawn_pairs(groups, GROUPS[0], _CONTROLS[1], sizes, .2, strength, draws)
        row, *_ = ablation_row(reader, base, pairs, "mean", strength)
        rows.append(dict(scenes=BEFORE + i, **row))
        print(rows[-1], flush=True)
    reader.save()
    return rows


@torch.no_grad()
def mini(name):
    "Damage by ablation in a network of the mini zoo"
    model = create_model(name)
    groups = _groups_of(RosettaDictionary.shipped("mini_stylegan2"), name)
    sums = _layer_sums(model, sample_scenes(N_BEFORE, BEFORE).render())
    probes = known(N_PROBES, PROBES)
    test = known(N_TEST, TEST)
    logits = animal_logits(name, model, probes)
    tell = part_probe(model, LAST[name], probes)
    with record(model, [LAST[name]]) as maps:
        model(test.images[:1])
    truth = F.adaptive_avg_pool2d(test.parts, maps[LAST[name]].shape[-2:])
    variance = truth.var((0, 2, 3))
    def read(model, images, numbers):
        with record(model, [LAST[name]]) as maps:
            logp = logits(model(images)).log_softmax(1)
        label = test.label[numbers]
        errors = (tell(maps[LAST[name]])-truth[numbers]).square().mean((2, 3))/variance
        return dict(score=(logp.argmax(1) == label).float(), logp=logp.gather(1, label[:, None])[:, 0], parts=errors)
    reader = Reader(model, test.images, read, name, sums)
    result, base, close = ablations(reader, groups)
    result["explained"] = {p: round(1-v, 3) for p, v in zip(PARTS, base["parts"].mean(0).tolist())}
    for group in GROUPS:
        shares = [k[3] for k in close if k[:3] == (group, _CONTROLS[1], "mean") and k[3] <= .2]
        own, control = close[group, _CONTROLS[1], "mean", max(shares)]
        result["details" if group == GROUPS[0] else "details_alone"] = details(base, own, control, test.label)
    return result


def details(base, own, control, label):
    "What a group costs more than its control, by animal and by part"
    more = stacked(control, "score")-stacked(own, "score")
    lost = {a: _interval_of_both((base["score"]-stacked(own, "score"))[:, label == i]) for i, a in enumerate(ANIMALS)}
    animals = {a: _interval_of_both(more[:, label == i]) for i, a in enumerate(ANIMALS)}
    worse = stacked(own, "parts")-stacked(control, "parts")
    parts = {p: _interval_of_both(worse[..., i]) for i, p in enumerate(PARTS)}
    part_lost = {p: _interval_of_both((stacked(own, "parts")-base["parts"])[..., i]) for i, p in enumerate(PARTS)}
    return dict(animals=animals, parts=parts, animals_lost=lost, parts_lost=part_lost)


# A real network

def halves(files, groups):
    "Photographs to mine on, and others to measure on, of which each is one crop of one original"
    originals = sorted(set(groups))
    side = {g: i % 2 for i, g in enumerate(originals)}
    mined = [(f, g) for f, g in zip(files, groups) if side[g] == 0]
    first = {g: f for f, g in reversed(list(zip(files, groups))) if side[g] == 1}
    return mined, list(first.values())


def spread(items, n):
    "`n` of them, from the first to the last in equal steps: files next to each other are of one kind"
    return [items[i*len(items)//n] for i in range(n)]


@torch.no_grad()
def lite(folder):
    "Damage by ablation in EfficientNet-Lite 0, whose first answers are what it is held against"
    mined, rest = halves(*photographs(Path(folder)))
    G, others = create_model("efficientnet_lite0"), {f"lite{i}": create_model(f"efficientnet_lite{i}") for i in (1, 2)}
    path = RUNS/"lite_dictionary"
    if not (path/"dictionary.json").is_file():
        images, of_original = zip(*mined[:200])
        mine(G, others, n=len(images), images=list(images), groups=list(of_original), size=224, errors="skip",
            progress=False, out=path)
    groups = _groups_of(RosettaDictionary.load(path), "G")
    def load(files):
        return torch.cat([_stretched(to_image(f), 224) for f in files])
    before = load([f for f, _ in spread(mined, 60)])
    test = load(spread(rest, 80))
    sums = _layer_sums(G, before, batch_size=20)
    first = torch.cat([G(x) for x in test.split(20)]).log_softmax(1)
    top, logp = first.argmax(1), first.amax(1)
    def read(model, images, numbers):
        said = model(images).log_softmax(1)
        return dict(score=(said.argmax(1) == top[numbers]).float(), logp=said.gather(1, top[numbers, None])[:, 0])
    reader = Reader(G, test, read, "efficientnet_lite0", sums)
    kinds = [("mean", .2)]
    result, _, _ = ablations(reader, groups, kinds, GROUPS[:1], draws=4)
    return dict(result, photographs=dict(mined=min(200, len(mined)), measured=len(test)), mean_logp=logp.mean().item())


# A generator

def ratios(lost, whole, draws=1000, seed=0):
    "Sum of `lost` [sets, images] over that of `whole` [images]: of all, then of bootstrap samples of both"
    of_images = _counts(lost.shape[1], draws, torch.Generator().manual_seed(seed))
    of_sets = _counts(lost.shape[0], draws, torch.Generator().manual_seed(seed+1))
    top = ((of_sets@lost.double())*of_images).sum(1)/lost.shape[0]
    drawn = top/(of_images@whole.double()).clamp(min=1e-9)
    value = lost.double().mean(0).sum()/whole.double().sum().clamp(min=1e-9)
    return torch.cat([value[None], drawn])


def ends(x):
    "[value, lower, upper] of what `ratios` gives, or of differences of it"
    return [round(float(o), 4) for o in (x[0], *x[1:].quantile(torch.tensor([.025, .975]).double()))]


def near_controls(units, unmatched, strength, draws):
    "Sets of unmatched units of the same layers, by nearness of strength"
    sets = [[] for _ in range(draws)]
    taken = set()
    for layer, channel in units:
        size = strength[layer].clamp(min=1e-12).log()
        free = [c for at, c in unmatched if at == layer and (layer, c) not in taken]
        free.sort(key=lambda c: abs((size[c]-size[channel]).item()))
        for one, c in zip(sets, free):
            one.append((layer, c))
            taken.add((layer, c))
    return [o for o in sets if len(o) == len(units)]


@torch.no_grad()
def generator(n=96):
    "What vanishes from pictures when the units of a concept are ablated"
    G, evaluator = create_model("mini_stylegan2"), load_evaluator()
    d = RosettaDictionary.shipped("mini_stylegan2").filter(q=.05)
    names = concept_names(d, n=192, size=32)
    groups = _groups_of(d, "G")
    sums = _layer_sums(G, G.sample(N_BEFORE, seed=BEFORE))
    strength = _strengths(sums)
    z = G.sample(n, seed=TEST)
    def read(model, latents, numbers):
        said = evaluator(model(latents))
        return dict(parts=said["parts"].argmax(1).byte(), animal=said["animal"].argmax(1))
    reader = Reader(G, z, read, "mini_stylegan2", sums)
    base = reader.answers()
    before = F.one_hot(base["parts"].long(), len(PARTS)).bool().flatten(1, 2) # [n, pixels, parts]
    area = before.sum(1).float()
    def vanished(units): # [n, parts], pixels
        after = F.one_hot(reader.without(units, "mean")["parts"].long(), len(PARTS)).bool().flatten(1, 2)
        return (before & ~after).sum(1).float()
    concepts, left_out = [], []
    for i, (concept, name) in enumerate(zip(d.concepts, names)):
        row = dict(concept=i, name=name.closest, fits=name.name is not None, auroc=round(name.auroc, 3),
            units=len(concept.units), layers=sorted({u[0] for u in concept.units}))
        if name.closest not in PARTS:
            left_out.append(row)
            continue
        p = PARTS.index(name.closest)
        own = vanished(concept.units)[None]
        sets = near_controls(concept.units, groups["unmatched"], strength, 4)
        control = torch.stack([vanished(o) for o in sets])
        row["ratio"] = round(exp(sum(log_ratio(concept.units, o, strength) for o in sets)/len(sets)), 3)
        others = [k for k in range(len(PARTS)) if k != p]
        rest = area[:, others].sum(-1)
        told = dict(own=ratios(own[..., p], area[:, p]), of_control=ratios(control[..., p], area[:, p]),
            others=ratios(own[..., others].sum(-1), rest), others_of_control=ratios(control[..., others].sum(-1), rest))
        told["more"] = told["own"]-told["of_control"]
        # more than the control by as much as the other parts are not
        told["specific"] = told["more"]-(told["others"]-told["others_of_control"])
        row |= {k: ends(v) for k, v in told.items()}
        concepts.append(row)
        print(time.strftime("%H:%M:%S"), row, flush=True)
    reader.save()
    return dict(images=n, concepts=concepts, left_out=left_out)


# Units of another network

def partners_of(model, other, images):
    "For each unit its best buddy of the largest centred correlation, and units of the other without any"
    pc = PairCorrelation()
    for x in images.split(BATCH):
        with record(model) as own, record(other) as theirs:
            model(x)
            other(x)
        pc.update(own, theirs)
    units, others = Units.of(own), Units.of(theirs)
    plain, centred = pc.compute(), pc.compute("position")
    best = {}
    buddies = best_buddies(plain)
    for i, j in buddies.tolist():
        if units[i] not in best or centred[i, j] > best[units[i]][1]:
            best[units[i]] = (others[j], centred[i, j].item())
    alone = [others[j] for j in range(len(others)) if j not in set(buddies[:, 1].tolist())]
    return best, alone


def strangers(partners, alone, rng):
    "A unit of each partner's layer that has no best buddy"
    found = []
    for layer, _ in partners:
        there = [u for u in alone if u[0] == layer]
        found.append(there[int(torch.randint(len(there), (), generator=rng))])
    return found


@torch.no_grad()
def swaps(shares=(.2, .4), draws=4, n=200):
    "Answers lost when units of mini_resnet are replaced"
    model = create_model("mini_resnet")
    before = sample_scenes(N_BEFORE, BEFORE).render()
    scenes = sample_scenes(N_TEST, TEST)[:n]
    images = scenes.render()
    sums = _layer_sums(model, before)
    sizes = {layer: o.total.shape[-1] for layer, o in sums.items()}
    logits = animal_logits("mini_resnet", model, None)
    def read(model, images, numbers):
        return dict(score=(logits(model(images)).argmax(1) == scenes.label[numbers]).float())
    result = {}
    for name in ("mini_resnet.seed1", "mini_clip_resnet"):
        other = create_model(name)
        best, alone = partners_of(model, other, before)
        reader = Reader(model, images, read, f"swap_{name}", sums)
        base = reader.answers()["score"]
        rows = []
        for share in shares:
            sets = []
            for draw in range(draws):
                rng = torch.Generator().manual_seed(1000*draw + round(100*share))
                sets.append(_draw_pair(list(best), list(best), sizes, share, rng).own)
            lost = {"mean": torch.stack([base-reader.without(o, "mean")["score"] for o in sets])}
            for fit in ("moments", "least squares"):
                for who in ("partner", "stranger"):
                    scores = []
                    for draw, own in enumerate(sets):
                        key = f"{who} {fit} {sorted(own)}"
                        if key not in reader.known:
                            theirs = [best[u][0] for u in own]
                            if who == "stranger":
                                theirs = strangers(theirs, alone, torch.Generator().manual_seed(draw))
                            with swap(model, zip(own, theirs), other, before[:160], fit):
                                reader.known[key] = reader.answers()
                        scores.append(reader.known[key]["score"])
                    lost[f"{who}, {fit}"] = base-torch.stack(scores)
                    reader.save()
            correlations = [best[u][1] for o in sets for u in o]
            row = dict(share=share, units=len(correlations)/draws, correlation=sum(correlations)/len(correlations))
            row |= {k: _interval_of_both(v) for k, v in lost.items()}
            for fit in ("moments", "least squares"):
                for against in (f"stranger, {fit}", "mean"):
                    # answers that the partner keeps and the other does not
                    name_of = f"partner less {'stranger' if 'stranger' in against else 'mean'}, {fit}"
                    row[name_of] = _interval_of_both(lost[against]-lost[f"partner, {fit}"])
            rows.append(row)
            print(time.strftime("%H:%M:%S"), name, row, flush=True)
        result[name] = dict(untouched=interval(base), with_partner=len(best), without=len(alone), rows=rows)
    return result


def rounded(x):
    if isinstance(x, dict):
        return {k: rounded(v) for k, v in x.items()}
    if isinstance(x, list):
        return [rounded(o) for o in x]
    return round(x, 4) if isinstance(x, float) else x


def main():
    minis = ["mini_resnet", "mini_clip_resnet", "mini_dino_vit"]
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("parts", nargs="*", help="which to measure anew; those that are missing if none is named")
    p.add_argument("--photos", default="bench_photos", help="what tools/photos.py gathered")
    o = p.parse_args()
    torch.set_num_threads(1)
    table = json.loads(OUT.read_text()) if OUT.is_file() else {}
    table.setdefault("ablation", {})
    todo = dict.fromkeys([*minis, "other_strengths", "generator", "swap", "efficientnet_lite0"])
    done = {*table["ablation"], *table}
    for part in o.parts or [k for k in todo if k not in done]:
        start = time.process_time()
        if part in minis:
            table["ablation"][part] = mini(part)
        elif part == "efficientnet_lite0":
            table["ablation"][part] = lite(o.photos)
        else:
            table[part] = dict(other_strengths=other_strengths, generator=generator, swap=swaps)[part]()
        print(part, f"({time.process_time()-start:.0f} CPU-seconds)", flush=True)
        OUT.write_text(json.dumps(rounded(table)).replace('}, {', '},\n{') + "\n")


if __name__ == "__main__":
    main()
