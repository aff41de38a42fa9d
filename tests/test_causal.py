"Units taken out or swapped, in any layout, leave no trace; names from words"
import json
from pathlib import Path

import pytest
import torch
from torch import nn

from rosetta_neurons.causal import (
    _alike, _draw_pair, ablate, mean_maps, swap)
from rosetta_neurons.damage import _interval_of_both
from rosetta_neurons.evidence import _groups_of
from rosetta_neurons.dictionary import RosettaDictionary
from rosetta_neurons.hooks import record
from rosetta_neurons.naming import _class_names, _fit_of_words, _world_words, _soft_wpmi
from rosetta_neurons.world import sample_scenes
from rosetta_neurons.zoo import create_model

ROOT = Path(__file__).parents[1]


def hooks_of(model):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


class ChannelsLast(nn.Module):
    "A layer with the channels last, one with the tokens first, and one that goes on from both"
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 4, 4)
        self.line = nn.Linear(6, 5)
        self.tokens = nn.Identity()

    def forward(self, x):
        x = self.line(self.conv(x).movedim(1, 3))
        return self.tokens(x.flatten(1, 2).transpose(0, 1)).sum(0)


@pytest.fixture(scope="module")
def images():
    return sample_scenes(8, seed=7).render(32)


@pytest.mark.parametrize("layer", ["conv", "line", "tokens"])
def test_any_layout(layer, images):
    "The same unit is out wherever the channels are, and only that one"
    net = ChannelsLast().requires_grad_(False)
    spec = {}
    if layer == "tokens":
        spec = dict(tokens=(0, (8, 8)), layout="TNC")
    means = mean_maps(net, images, [layer], **spec)
    with record(net, [layer], **spec) as before:
        net(images)
    with ablate(net, [(layer, 2)], means=means, **spec), record(net, [layer], **spec) as maps:
        net(images)
    assert torch.allclose(maps[layer][:, 2], before[layer][:, 2].mean(0).expand(8, -1, -1), atol=1e-5)
    others = [c for c in range(before[layer].shape[1]) if c != 2]
    assert torch.equal(maps[layer][:, others], before[layer][:, others])
    assert hooks_of(net) == 0


def test_prefix_tokens(images):
    "A transformer's unit is out at the CLS token, too, with a mean of its own"
    D = create_model("mini_dino_vit")
    layer = "blocks.5.mlp.act"
    means = mean_maps(D, images, [layer])
    kept = []
    with torch.no_grad(), ablate(D, [(layer, 4)], means=means):
        with D.net.blocks[5].mlp.fc2.register_forward_pre_hook(lambda m, args: kept.append(args[0])):
            D(images)
    assert torch.allclose(kept[0][..., 4], means[layer][:, 4].expand(8, -1))
    assert not torch.allclose(means[layer][0, 4], means[layer][1:, 4].mean())


def test_ablation_ends_after_errors(images):
    "Hooks are gone after an error, and gradients go through"
    D = create_model("mini_resnet")
    n = hooks_of(D)
    with pytest.raises(KeyError):
        with ablate(D, [("layer1", 0)], "zero"):
            raise KeyError
    assert hooks_of(D) == n
    x = images.clone().requires_grad_()
    with ablate(D, [("layer1", 0)], "zero"):
        D(x).sum().backward()
    assert x.grad.abs().sum() > 0
    with pytest.raises(ValueError, match="how is 'median'"):
        with ablate(D, [("layer1", 0)], "median"):
            pass
    with ablate(D, []):
        assert hooks_of(D) == n


def test_ablation_of_a_generator():
    "All units of a layer gone: pictures differ from latent to latent by what comes after alone"
    G = create_model("mini_stylegan2")
    z = G.sample(4, seed=1)
    layer = "synthesis.b16.conv1"
    means = mean_maps(G, z, [layer])
    every = [(layer, c) for c in range(means[layer].shape[-1])]
    with torch.no_grad():
        plain = G(z)
        with ablate(G, every, means=means), record(G, [layer]) as maps:
            gone = G(z)
    assert torch.allclose(maps[layer][0], maps[layer][1])
    assert (gone-plain).abs().mean() > .05


def test_swap_of_a_transformer(images):
    "Maps go to the tokens of the grid, and the prefix stays"
    D, same = create_model("mini_dino_vit"), create_model("mini_dino_vit")
    own = [("blocks.2.mlp.act", c) for c in range(40)]
    with torch.no_grad():
        plain = D(images)
        with swap(D, zip(own, own), same, images, "least squares"):
            swapped = D(images)
        with swap(D, [(own[0], ("layer2", 1))], create_model("mini_resnet"), images):
            other = D(images)
    assert torch.allclose(plain, swapped, atol=1e-4)
    assert not torch.equal(plain, other)
    with pytest.raises(ValueError, match="give each unit once"):
        with swap(D, [(own[0], own[0]), (own[0], own[1])], same, images):
            pass


def test_controls():
    "A set and its control share no unit, and have the same number in each layer and like strength"
    groups = _groups_of(RosettaDictionary.shipped(), "mini_resnet")
    every = [u for o in groups.values() for u in o]
    assert len(set(every)) == len(every) == 416
    sizes = dict(layer1=32, layer2=64, layer3=128, layer4=192)
    rng = torch.Generator().manual_seed(0)
    strength = {layer: torch.rand(n, generator=rng)+.1 for layer, n in sizes.items()}
    pair = _draw_pair(groups["with G alone"], groups["unmatched"], sizes, .2, rng, strength)
    assert len(pair.own) > 20 and not set(pair.own) & set(pair.control)
    for (layer, i), (other, j) in zip(pair.own, pair.control):
        assert layer == other and (strength[layer][i]/strength[layer][j]).log().abs() <= .2
    assert _alike([0, 1], [2, 3], torch.tensor([1., 9, 1.1, 1.05]), 2) == [(0, 3)]


def test_interval_covers_sets():
    "Sets that differ widen the interval, however many images there are"
    x = torch.tensor([0., 1])[:, None].expand(2, 500)
    _, low, high = _interval_of_both(x)
    assert low == 0 and high == 1
    assert _interval_of_both(torch.ones(3, 4)) == [1, 1, 1]


def test_words():
    "A classifier's words are its classes; units that fit one word alike get it however many there are"
    names = _class_names(1000)
    assert len(names) == 1000 and names[0] == "tench"
    with pytest.raises(ValueError, match="24 classes, and only"):
        _class_names(24)
    fit = _fit_of_words(create_model("mini_clip_resnet"), sample_scenes(60, seed=5).render(), _world_words(), "{}", 32)
    assert len(fit.words) == fit.logits.shape[1] == 22
    right = torch.tensor([fit.words.index(w) for w in ("cat", "owl", "red")])
    assert torch.equal(_soft_wpmi(fit.logits[:, right], fit.logits, 6).argmax(1), right)


@pytest.mark.parametrize("name", ["causal", "naming"])
def test_shipped_numbers(name):
    "What a command wrote is small and has its parts, and every interval holds its value"
    path = ROOT/f"benchmarks/{name}.json"
    shipped = json.loads(path.read_text())
    assert path.stat().st_size < 200_000
    assert {"causal": "swap", "naming": "world"}[name] in shipped
    def check(o):
        if isinstance(o, dict):
            for x in o.values():
                check(x)
        elif isinstance(o, list) and len(o) == 3 and all(isinstance(x, (int, float)) for x in o):
            assert o[1]-1e-6 <= o[0] <= o[2]+1e-6, o
        elif isinstance(o, list):
            for x in o:
                check(x)
    check(shipped)
