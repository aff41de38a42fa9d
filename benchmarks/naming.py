"""How often are words right? python benchmarks/naming.py [PART ...] [--photos FOLDER]

Writes benchmarks/naming.json. world: units and concepts of the mini zoo, named by mini_clip_resnet's
text encoder and by AUROC on the same scenes, against the ground truth of others. real: concepts of
EfficientNet-Lite 0, 1 and 2 on photographs (`tools/photos.py FOLDER`), named by the classes of Lite 2
and of Lite 0; needs the dictionary that `benchmarks/causal.py efficientnet_lite0` leaves in
runs/causal. A part that is in naming.json already is kept unless it is named. About six minutes on
an idle core.
"""
import argparse
import json
import time
from collections import Counter
from pathlib import Path

import torch
from causal import halves, rounded, spread
from real import photographs

from rosetta_neurons.dictionary import RosettaDictionary
from rosetta_neurons.evidence import _matched_units, interval
from rosetta_neurons.hooks import Units, record
from rosetta_neurons.naming import _MEASURES, _fit_of_words, _world_words
from rosetta_neurons.sources import to_image
from rosetta_neurons.truth import _GROUND_TRUTH, agreement, known_scenes, name_concept
from rosetta_neurons.world import ANIMALS, COLORS
from rosetta_neurons.zoo import create_model
from rosetta_neurons.zoo.core import _stretched

OUT = Path(__file__).with_suffix(".json")
A, N_A = 4_400_000, 400 # scenes on which names are chosen: their seed and number
B, N_B = 4_500_000, 240 # others, whose ground truth they are held against
N_PHOTOS, N_CONCEPTS = 100, 120 # of a real run: photographs, and concepts, of the largest interest
FITS = .8 # least AUROC of a name by ground truth
NETS = ["mini_resnet", "mini_dino_resnet", "mini_dino_vit", "mini_mae", "mini_clip_resnet"]
WORDS = list(_world_words())
KINDS = dict(animals=ANIMALS, colours=COLORS, parts=[w for w in WORDS if w not in (*ANIMALS, *COLORS)])


def share_right(said, true):
    "Share of equal names, and what names that were dealt out anew among the same units would give"
    n = len(true)
    right = torch.tensor([a == b for a, b in zip(said, true)]).float()
    a, b = Counter(said), Counter(true)
    return dict(right=interval(right) if n > 1 else None, dealt=sum(a[w]*b[w] for w in a)/n**2)


def compared(said, true):
    "Names of some units, by kind of the true one"
    rows = dict(all=dict(n=len(true), **{how: share_right(o, true) for how, o in said.items()}))
    for kind, words in KINDS.items():
        some = [i for i, w in enumerate(true) if w in words]
        if len(some) > 1:
            rows[kind] = dict(n=len(some), **{how: share_right([o[i] for i in some], [true[i] for i in some])
                for how, o in said.items()})
    return rows


def mean_activity(model, images):
    "Mean of each unit's map in each image [n, units], and the units"
    found = []
    for x in images.split(80):
        with record(model) as maps:
            model(x)
        found.append(torch.cat([m.mean((2, 3)) for m in maps.values()], 1))
    return torch.cat(found), list(Units.of(maps))


def best_labels(table, labels):
    return [labels[i] for i in table.nan_to_num(nan=0).argmax(1).tolist()]


def told_by(a):
    "AUROC of an agreement, over both halves of its scenes"
    return (a.first+a.auroc)/2


@torch.no_grad()
def world():
    "Units and concepts of the mini zoo"
    d = RosettaDictionary.shipped("mini_stylegan2").filter(q=.05)
    x_a, masks_a = known_scenes(N_A, A, 16)
    x_b, masks_b = known_scenes(N_B, B, 16)
    fit = _fit_of_words(create_model("mini_clip_resnet"), x_a, _world_words(), "{}", 80)
    columns = [_GROUND_TRUTH.index(w) for w in WORDS]
    agreements, result = {"a": {}, "b": {}}, dict(words=len(WORDS), units={})
    for name in NETS:
        model = create_model(name)
        a, b = agreement(model, x_a, masks_a), agreement(model, x_b, masks_b)
        agreements["a"][name], agreements["b"][name] = a, b
        truth = told_by(b)
        best, label = truth[:, columns].nan_to_num(nan=0).max(1)
        of_any = truth.nan_to_num(nan=0)
        is_word = torch.isin(of_any.argmax(1), torch.tensor(columns))
        named = (of_any.amax(1) >= FITS)
        keep = (named & is_word).nonzero()[:, 0].tolist()
        activity, units = mean_activity(model, x_a)
        assert units == a.units == b.units
        said = {how: [WORDS[i] for i in f(activity, fit.logits).argmax(1).tolist()] for how, f in _MEASURES.items()}
        said["AUROC"] = best_labels(told_by(a)[:, columns], WORDS)
        matched = set(_matched_units(d, name))
        rows = {}
        for group, some in (("all", keep), ("matched", [i for i in keep if units[i] in matched]),
                ("unmatched", [i for i in keep if units[i] not in matched])):
            if len(some) > 1:
                rows[group] = compared({how: [o[i] for i in some] for how, o in said.items()}, [WORDS[label[i]] for i in some])
        result["units"][name] = dict(units=len(units), named=int(named.sum()), by_a_word=len(keep), groups=rows)
        print(name, json.dumps(result["units"][name])[:600], flush=True)
    result["concepts"] = of_concepts(d, x_a, fit, agreements)
    return result


def of_concepts(d, images, fit, agreements):
    "The same for concepts: named by ground truth as `concept_names` names them"
    activity = d.score(images)
    truth = [name_concept(c, {m: o.among(WORDS) for m, o in agreements["b"].items()}) for c in d.concepts]
    by_auroc = [name_concept(c, {m: o.among(WORDS) for m, o in agreements["a"].items()}) for c in d.concepts]
    whole = [name_concept(c, agreements["b"]) for c in d.concepts]
    keep = [i for i, (t, w) in enumerate(zip(truth, whole)) if w.name in WORDS and t.name]
    said = {how: [WORDS[i] for i in f(activity, fit.logits).argmax(1).tolist()] for how, f in _MEASURES.items()}
    said["AUROC"] = [o.closest for o in by_auroc]
    rows = [dict(concept=i, truth=truth[i].name, **{how: o[i] for how, o in said.items()}) for i in keep]
    result = dict(concepts=len(d.concepts), named=sum(w.name is not None for w in whole), by_a_word=len(keep), rows=rows)
    if len(keep) > 1:
        result["right"] = compared({how: [o[i] for i in keep] for how, o in said.items()}, [truth[i].name for i in keep])["all"]
    return result


@torch.no_grad()
def real(folder):
    "Concepts of a real run, named by the classes of two networks on two halves of other photographs"
    d = RosettaDictionary.load(Path("runs/causal/lite_dictionary")).filter(q=.05)
    _, files = halves(*photographs(Path(folder)))
    images = torch.cat([_stretched(to_image(f), 224) for f in spread(files, N_PHOTOS)])
    order = sorted(range(len(d.concepts)), key=lambda i: -d.concepts[i].interest)[:N_CONCEPTS]
    activity = d.score(images, concepts=order, batch_size=8)
    heads = {o: create_model(o) for o in ("efficientnet_lite2", "efficientnet_lite0")}
    fits = {o: _fit_of_words(m, images, None, "{}", 20) for o, m in heads.items()}
    words = fits["efficientnet_lite0"].words
    table = {o: _MEASURES["soft-WPMI"](activity, f.logits) for o, f in fits.items()}
    result = dict(photographs=len(images), concepts=activity.shape[1], classes=len(words))
    one, two = (o.argmax(1).tolist() for o in table.values())
    result["both heads"] = share_right(one, two)
    top = [set(o) for o in table["efficientnet_lite2"].topk(5, 1).indices.tolist()]
    result["both heads"]["among five"] = interval(torch.tensor([float(b in o) for b, o in zip(two, top)]))
    odd, even = ([i for i in range(len(images)) if i % 2 == k] for k in (1, 0))
    half = [_MEASURES["soft-WPMI"](activity[i], fits["efficientnet_lite0"].logits[i]).argmax(1).tolist() for i in (odd, even)]
    result["other photographs"] = share_right(*half)
    result["examples"] = [dict(concept=i, units=len(d.concepts[i].units), lite2=words[a], lite0=words[b])
        for i, a, b in list(zip(order, one, two))[:12]]
    return result


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("parts", nargs="*", help="world, real; those that are missing if none is named")
    p.add_argument("--photos", default="bench_photos", help="what tools/photos.py gathered")
    o = p.parse_args()
    torch.set_num_threads(1)
    table = json.loads(OUT.read_text()) if OUT.is_file() else {}
    for part in o.parts or [k for k in ("world", "real") if k not in table]:
        start = time.process_time()
        table[part] = world() if part == "world" else real(o.photos)
        print(part, f"({time.process_time()-start:.0f} CPU-seconds)", flush=True)
        OUT.write_text(json.dumps(rounded(table), indent=1) + "\n")


if __name__ == "__main__":
    main()
