"""Do sparse directions match better than channels? `python benchmarks/sparse.py [ROW ...]`

TopK autoencoders on two layers of three networks, with as many latents as the layer has channels, from
three seeds each (with twice as many where that row is named); and, from one seed, a universal one, whose
latents the three networks share, trained for three times as many steps, as only one of the networks
encodes in each. Trained on scenes of seed 4_100_000; matched on 120 scenes of each of the seeds 4_200_000
to 4_200_002, which no training has seen; the ground truth is that of scenes of seed 4_300_000. The same
nulls and the same rule for channels, latents and random directions. Steps, learning rate and `k` were set
by the time that there was and by the unexplained variance on the training scenes alone. Weights are kept
in `runs/sparse`, and rows in `sparse.json`, so that it can be stopped and goes on. About ten minutes of
one core."""
import argparse
import json
import time
from itertools import combinations
from pathlib import Path

import torch
from matchings import maps_of
from safetensors.torch import load_file, save_file

from rosetta_neurons.fdr import q_values, scored_buddies
from rosetta_neurons.nulls import pairings
from rosetta_neurons.runtime import _write_beside
from rosetta_neurons.sparse import SparseAutoencoder, _fit, _positions
from rosetta_neurons.truth import _measured, known_scenes
from rosetta_neurons.world import sample_scenes

OUT = Path(__file__).with_suffix(".json")
LAYERS = {
    "mini_resnet": ["layer2", "layer3"],
    "mini_clip_resnet": ["visual.layer2", "visual.layer3"],
    "mini_dino_vit": ["blocks.2.mlp.act", "blocks.4.mlp.act"]}
SHARED = {m: layers[1] for m, layers in LAYERS.items()} # all of 8 by 8: the universal autoencoder's
SEEDS, SETS = (0, 1, 2), (4_200_000, 4_200_001, 4_200_002)
TRAIN, TRUTH = 4_100_000, 4_300_000
STEPS, BATCH, RATE, ACTIVE, UNIVERSAL = 500, 256, 2e-3, 8, 512
BEST = 100 # pairs of which purity is measured, the same number for all kinds of units


def positions_of(maps):
    "At most 64 positions of each map, the same in all channels"
    if maps.shape[2] <= 8:
        return _positions(maps)
    rng = torch.Generator().manual_seed(0)
    chosen = torch.rand(len(maps), maps.shape[2]*maps.shape[3], generator=rng).topk(64, 1).indices
    flat = maps.flatten(2)
    return flat.gather(2, chosen[:, None].expand(-1, maps.shape[1], -1)).transpose(1, 2).flatten(0, 1)


class Bench:
    def __init__(self, folder, n):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.n = n
        self.kept = {}

    def once(self, key, f):
        "What takes time is made once"
        if key not in self.kept:
            self.kept[key] = f()
        return self.kept[key]

    def held_out(self, name, seed):
        return self.once(("maps", name, seed), lambda: maps_of(name, sample_scenes(self.n, seed).render()))

    def true_maps(self, name):
        return self.once(("truth", name), lambda: maps_of(name, self.known()[0]))

    def known(self):
        return self.once("known", lambda: known_scenes(self.n, TRUTH))

    def training(self, name):
        return self.once(("training", name), lambda: maps_of(name, sample_scenes(768, TRAIN).render()))

    def sae(self, name, layer, wide, seed):
        "One autoencoder, trained or from the disk"
        channels = self.true_maps(name)[layer].shape[1]
        coder = SparseAutoencoder(channels, wide*channels, ACTIVE, seed)
        path = self.folder/f"{name}.{layer}.{wide}.seed{seed}.safetensors"
        if not path.is_file():
            start = time.process_time()
            x = positions_of(self.training(name)[layer])
            left = _fit([coder], [x], STEPS, BATCH, RATE, seed)
            save_file(coder.state_dict(), path)
            took = time.process_time() - start
            print(path.stem, f"unexplained {sum(left[-50:])/50:.3f}, {took:.0f} CPU-seconds", flush=True)
        coder.load_state_dict(load_file(path))
        return coder

    def universal(self, seed):
        "The coders of one universal autoencoder, by model"
        names = list(SHARED)
        coders = []
        for m in names:
            channels = self.true_maps(m)[SHARED[m]].shape[1]
            coders.append(SparseAutoencoder(channels, UNIVERSAL, ACTIVE, seed))
        path = self.folder/f"universal.seed{seed}.safetensors"
        if not path.is_file():
            xs = [positions_of(self.training(m)[SHARED[m]]) for m in names]
            left = _fit(coders, xs, len(coders)*STEPS, BATCH, RATE, seed) # each encodes in STEPS of them
            state = {}
            for m, coder in zip(names, coders):
                state |= {f"{m}/{k}": v for k, v in coder.state_dict().items()}
            save_file(state, path)
            print(path.stem, f"unexplained {sum(left[-50:])/50:.3f}", flush=True)
        state = load_file(path)
        for m, coder in zip(names, coders):
            coder.load_state_dict({k[len(m)+1:]: v for k, v in state.items() if k.startswith(f"{m}/")})
        return dict(zip(names, coders))

    def coders(self, kind, name, seed):
        "By layer; None for channels"
        if kind == "channels":
            return dict.fromkeys(LAYERS[name])
        if kind == "universal":
            return {SHARED[name]: self.universal(seed)[name]}
        if kind == "channels, last layer":
            return {SHARED[name]: None}
        if kind == "random directions":
            found = {}
            for layer in LAYERS[name]:
                x = positions_of(self.true_maps(name)[layer])
                found[layer] = SparseAutoencoder(x.shape[1], x.shape[1], ACTIVE, 100+seed)
                found[layer]._centre_on(x)
            return found
        wide = 2 if "twice" in kind else 1
        return {layer: self.sae(name, layer, wide, seed) for layer in LAYERS[name]}

    @torch.no_grad()
    def units(self, maps, coders):
        "Channels or latents, by layer"
        return {layer: maps[layer] if c is None else c(maps[layer]) for layer, c in coders.items()}

    @torch.no_grad()
    def told(self, kind, name, seed):
        "AUROC of every unit and label, on the first half and on the second half of the true scenes; and IoU there"
        def measured():
            masks = self.known()[1].float()
            units = self.units(self.true_maps(name), self.coders(kind, name, seed))
            some = [_measured(o.float(), masks) for o in units.values()]
            return [torch.cat([getattr(o, k) for o in some]).nan_to_num(nan=.5) for k in ("first", "auroc", "iou")]
        return self.once(("told", kind, name, 0 if kind.startswith("channels") else seed), measured)

    def quality(self, kind, name, seed):
        "Share of variance that a code leaves unexplained on held-out scenes, and of latents that are dead there"
        rows = []
        for layer, coder in self.coders(kind, name, seed).items():
            if coder is None:
                continue
            with torch.no_grad():
                x = positions_of(self.held_out(name, SETS[0])[layer])
                code = coder.encode(x)
                rows.append([coder._unexplained(coder.decode(code) - x, x).item(), (code == 0).all(0).float().mean().item()])
        return torch.tensor(rows).mean(0).tolist() if rows else [0., 0.]

    @torch.no_grad()
    def matched(self, kind, a, b, seed, scenes):
        "What two networks share, by units of one kind"
        both = [self.units(self.held_out(m, scenes), self.coders(kind, m, seed)) for m in (a, b)]
        true, null, flip = pairings(*both, seed=0)
        pairs, scores, *_ = scored_buddies(true, null, flip, 5, "position")
        centred, q = scores[:, 1], scores[:, -1]
        told = [self.told(kind, m, seed) for m in (a, b)]
        n_a, n_b = len(true.units_a), len(true.units_b)
        kept = q <= .05
        table = true.compute("position").nan_to_num(nan=0)
        row = dict(units=[n_a, n_b], buddies=len(pairs), significant=int(kept.sum()))
        row["matched"] = (len(pairs[kept, 0].unique()) + len(pairs[kept, 1].unique()))/(n_a + n_b)
        row["best"] = (table.amax(1).mean().item() + table.amax(0).mean().item())/2
        best = pairs[kept][centred[kept].argsort(descending=True)[:BEST]]
        row |= self.purity(told, best)
        if kind == "universal":
            row |= self.same_latent(true, null, flip, table, told)
        return row

    def purity(self, told, pairs):
        "How often both units tell one label best, and how well each tells its own"
        (first_a, held_a, iou_a), (first_b, held_b, iou_b) = told
        i, j = pairs.T
        best_a, best_b = first_a.argmax(1), first_b.argmax(1)
        chance = torch.randperm(len(j), generator=torch.Generator().manual_seed(0))
        tells = torch.cat([held_a[i, best_a[i]], held_b[j, best_b[j]]]).mean().item()
        iou = torch.cat([iou_a[i, best_a[i]], iou_b[j, best_b[j]]]).mean().item()
        return dict(pairs=len(i), same=(best_a[i] == best_b[j]).float().mean().item(),
            chance=(best_a[i] == best_b[j[chance]]).float().mean().item(), tells=tells, iou=iou)

    def same_latent(self, true, null, flip, table, told):
        "Latent l with latent l: what a universal autoencoder says is the same"
        one = torch.arange(len(table))
        own, decoys = table[one, one], null.compute("position")[one, one]
        alive = (told[0][0] != .5).any(1) & (told[1][0] != .5).any(1) & (own != 0)
        q = q_values(torch.where(alive, own, torch.nan), decoys)
        kept = q <= .05
        order = own.masked_fill(~kept, -1).argsort(descending=True)[:min(BEST, int(kept.sum()))]
        pure = self.purity(told, torch.stack([order, order], 1))
        best = table.argmax(1) == one
        return dict(given=len(one), given_alive=int(alive.sum()), given_significant=int(kept.sum()), given_centred=own[alive].mean().item(),
            given_is_best=best[alive].float().mean().item(), given_same=pure["same"], given_tells=pure["tells"], given_iou=pure["iou"])

    def row(self, kind, seed):
        rows = {}
        for a, b in combinations(LAYERS, 2):
            rows[f"{a} x {b}"] = [self.matched(kind, a, b, seed, scenes) for scenes in SETS]
        told = {m: self.told(kind, m, seed) for m in LAYERS}
        one = {m: [o[torch.arange(len(o)), first.argmax(1)].mean().item() for o in held] for m, (first, *held) in told.items()}
        return dict(kind=kind, seed=seed, pairs=rows, tells=one, quality={m: self.quality(kind, m, seed) for m in LAYERS})


KINDS = ("channels", "latents", "random directions", "channels, last layer", "universal", "latents, twice as many")
ROWS = [f"{k}.{s}" for k in KINDS for s in ((0,) if k.startswith("channels") else SEEDS)]
MORE = [r for r in ROWS if "twice" in r or r in ("universal.1", "universal.2")] # where they are named


def rounded(x):
    if isinstance(x, dict):
        return {k: rounded(v) for k, v in x.items() if v == v} # a mean of nothing is left out
    if isinstance(x, list):
        return [rounded(v) for v in x]
    return round(x, 4) if isinstance(x, float) else x


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("rows", nargs="*", help=f"which to measure anew, of {', '.join(ROWS)}; all that are missing if none is named")
    p.add_argument("-n", type=int, default=120, help="scenes of each set")
    p.add_argument("--folder", default="runs/sparse")
    p.add_argument("--out", default=OUT)
    o = p.parse_args()
    torch.set_num_threads(1)
    out = Path(o.out)
    table = json.loads(out.read_text()) if out.is_file() else {}
    bench = Bench(o.folder, o.n)
    for name in o.rows or [r for r in ROWS if r not in table and r not in MORE]:
        start = time.process_time()
        kind, _, seed = name.rpartition(".")
        table[name] = rounded(bench.row(kind, int(seed)))
        print(name, f"({time.process_time() - start:.0f} CPU-seconds)", flush=True)
        _write_beside(out, (json.dumps(rounded(table)).replace(', "latents', ',\n"latents') + "\n").encode())


if __name__ == "__main__":
    main()
