"Faults that were once found in mining: wrong numbers that nobody saw, and work that was lost at its end"
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from rosetta_neurons.dictionary import RosettaDictionary
from rosetta_neurons.editing import edit, shift
from rosetta_neurons.inversion import invert
from rosetta_neurons.mining import mine
from rosetta_neurons.world import sample_scenes
from rosetta_neurons.zoo import create_model
from rosetta_neurons.zoo.latents import Latents

quiet = dict(progress=False)

class Net(nn.Module):
    "A small network with a layer to look at, which counts its calls"
    layers = ["act"]
    def __init__(self, channels=6, seed=0, gain=1.):
        super().__init__()
        torch.manual_seed(seed)
        self.conv, self.act, self.calls, self.gain = nn.Conv2d(3, channels, 5, 2, 2, bias=False), nn.ReLU(), 0, gain
    def forward(self, x):
        self.calls += 1
        return self.act(self.conv(x*self.gain))

class Items:
    "A data set of so many scenes"
    def __init__(self, images): self.images = images
    def __len__(self): return len(self.images)
    def __getitem__(self, i): return self.images[i]

@pytest.fixture(scope="module")
def scenes(): return sample_scenes(100).render()

def mined_with_dead(dead, scenes):
    G = create_model("mini_resnet")
    G.net.layer2[0].conv1.weight.data[list(dead)] *= 1e-24
    return mine(G, {"o": create_model("mini_dino_resnet")}, images=scenes, n=100, layers={"G": ["layer2.0.conv1"]}, **quiet)

def test_two_dead_filters(scenes):
    "Fault 1: channels at 1e-24 took all other matches along"
    whole, dying = mined_with_dead((), scenes), mined_with_dead((3, 7), scenes)
    found = [{(o.unit, o.partner): o.centred for o in d.matches} for d in (whole, dying)]
    assert found[0].keys() == found[1].keys()
    assert max(abs(found[0][p] - found[1][p]) for p in found[0]) < 1e-5
    assert whole.summary["o"]["significant"] == dying.summary["o"]["significant"] > 50
    assert max(m.centred for m in dying.matches) < .9
    assert dying.summary["G"]["constant"] == whole.summary["G"]["constant"]

@pytest.mark.parametrize("scale", [1e-38, 1e-30, 1e25, 1e37])
def test_units_of_any_size(scenes, scale):
    "Fault 1: some filters times a constant, the same correlations"
    def mined(factor):
        G = Net()
        G.conv.weight.data[::2] *= factor
        return mine(G, {"o": Net(seed=1)}, images=scenes, n=40, k=3, **quiet)
    one, other = mined(1.), mined(scale)
    table = [{(o.unit, o.partner): (o.correlation, o.centred, o.null, o.flip) for o in d.matches} for d in (one, other)]
    assert table[0].keys() == table[1].keys()
    tolerance = 1e-5 if scale > 1e-37 else 1e-2 # below 1.2e-38 floats lose digits before anybody sees them
    assert max(abs(a-b) for p in table[0] for a, b in zip(table[0][p], table[1][p])) < tolerance

def stopped(out, images, other, after=5, **kw):
    "A run that gives up in the middle"
    G = Net()
    real = G.forward
    def forward(x):
        if G.calls == after: raise RuntimeError("tired")
        return real(x)
    G.forward = forward
    with pytest.raises(RuntimeError, match="tired"):
        mine(G, {"o": other}, images=images, n=60, batch_size=8, k=2, out=out, checkpoint_s=0, **quiet, **kw)
    assert (out/"checkpoint.safetensors").exists()

def resumed(out, images, other, **kw):
    return mine(Net(), {"o": other}, images=images, n=60, batch_size=8, k=2, out=out, checkpoint_s=0, **quiet, **kw)

def test_resuming_on_changed_pixels(scenes, tmp_path):
    "Fault 2: a data set of the same length with other pixels was gone on with"
    stopped(tmp_path, Items(scenes), Net(seed=1))
    with pytest.raises(ValueError, match="of another run: files"): resumed(tmp_path, Items(scenes.flip(2)), Net(seed=1))
    assert resumed(tmp_path, Items(scenes), Net(seed=1)).n == 60

def test_resuming_with_changed_preprocessing(scenes, tmp_path):
    "Fault 2: the same weights behind another preprocessing were gone on with"
    stopped(tmp_path, scenes, Net(seed=1))
    with pytest.raises(ValueError, match="has its preprocessing changed"): resumed(tmp_path, scenes, Net(seed=1, gain=2.))
    assert resumed(tmp_path, scenes, Net(seed=1)).n == 60

def test_resuming_with_other_groups(scenes, tmp_path):
    "Fault 2, a neighbour: the same images in other groups are another run"
    stopped(tmp_path, scenes, Net(seed=1))
    with pytest.raises(ValueError, match="of another run"): resumed(tmp_path, scenes, Net(seed=1), groups=[i//2 for i in range(100)])

def test_every_batch_is_seen_once(scenes):
    "Fault 9: the first batch was looked at twice"
    G, D = Net(), Net(seed=1)
    mine(G, {"o": D}, images=scenes, n=80, batch_size=16, k=2, **quiet)
    assert (G.calls, D.calls) == (5, 5)

def test_default_dtype_of_float64(scenes):
    "Fault 11: an error after the last image"
    torch.set_default_dtype(torch.float64)
    try: d = mine(Net().float(), {"o": Net(seed=1).float()}, images=scenes.float(), n=40, k=2, **quiet)
    finally: torch.set_default_dtype(torch.float32)
    e = mine(Net(), {"o": Net(seed=1)}, images=scenes, n=40, k=2, **quiet)
    assert len(d.matches) > 0 and torch.get_default_dtype() == torch.float32
    assert {o[:3] for o in d.matches} != set() and d.tables["o"]["mean"].dtype == e.tables["o"]["mean"].dtype

@pytest.mark.parametrize("label", [np.int64(2), torch.tensor(2), 2])
@pytest.mark.parametrize("truncation", [np.float32(.5), torch.tensor(.5), .5])
def test_settings_that_json_does_not_know(tmp_path, label, truncation):
    "Fault 12: a TypeError of JSON at save"
    d = mine(create_model("mini_biggan", pretrained=False), {"o": create_model("mini_resnet")}, n=8, label=label, truncation=truncation, out=tmp_path, **quiet)
    recipe = json.loads((tmp_path/"dictionary.json").read_text())["recipe"]
    assert (recipe["label"], recipe["truncation"]) == (2, .5) and RosettaDictionary.load(tmp_path).label == d.label

@pytest.mark.parametrize("name", [0, None, ("a", "b"), ""])
def test_names_that_no_file_can_hold(scenes, name):
    "Fault 13: saved without complaint, and then refused"
    with pytest.raises(TypeError, match="models are given by name"): mine(Net(), {name: Net(seed=1)}, images=scenes, n=20, **quiet)

@pytest.mark.parametrize("name", ["a.b", "übung", "with space", "timm:x/y"])
def test_odd_names_that_a_file_can_hold(scenes, name, tmp_path):
    "Fault 13, neighbours"
    mine(Net(), {name: Net(seed=1)}, images=scenes, n=20, k=2, out=tmp_path, **quiet)
    assert RosettaDictionary.load(tmp_path).models == [name]

def test_folder_that_is_not_utf8(scenes, tmp_path):
    "Fault 14: told before mining"
    G = Net()
    with pytest.raises(ValueError, match="not UTF-8"): mine(G, {"o": Net(seed=1)}, images=scenes, n=20, out=str(tmp_path/"a\udcff"), **quiet)
    assert G.calls == 0

def test_a_tensor_sorted_by_class(scenes):
    "A claim that was audited: most matches of a sorted tensor were lost"
    classes = torch.arange(100)//10
    sorted_images = scenes[classes.argsort(stable=True)]
    shuffled, as_it_stands = (mine(Net(), {"o": Net(seed=1)}, images=sorted_images, n=100, k=2, shuffle=o, **quiet) for o in (True, False))
    assert shuffled.live.source.order != list(range(100)) and as_it_stands.live.source.order == list(range(100))

def test_copies_fall_into_one_half(scenes):
    "Every image twice: near-copies are found, are of one group, and never each other's shuffled partner"
    d = mine(Net(), {"o": Net(seed=1)}, images=torch.cat([scenes[:40], scenes[:40]]), n=80, k=2, **quiet)
    assert d.recipe.groups == 40
    groups = d.live.source.groups
    assert (groups != groups.roll(-1)).all()
    tops = d.live.source.groups[d.tables["G"]["top"].long()]
    assert all(len(set(o.tolist())) == len(o) for o in tops)
    with pytest.raises(ValueError, match="are of one group"): mine(Net(), {"o": Net(seed=1)}, images=scenes[:1].expand(20, 3, 64, 64), n=20, **quiet)

def test_bare_timm_network_is_normalised(scenes):
    "Real networks, 6: it got images in [0, 1], though it was trained on normalised ones"
    import timm
    torch.manual_seed(0)
    net = timm.create_model("resnet10t", pretrained=False).eval()
    mean, std = (torch.tensor(net.pretrained_cfg[k])[:, None, None] for k in ("mean", "std"))
    class By_hand(nn.Module):
        layers = ["net.layer1"]
        def __init__(self): super().__init__(); self.net = net
        def forward(self, x): return self.net((x-mean)/std)
    bare = mine(Net(), {"o": net}, images=scenes, n=30, k=2, layers={"o": ["layer1"]}, **quiet)
    by_hand = mine(Net(), {"o": By_hand()}, images=scenes, n=30, k=2, **quiet)
    assert [m[3:5] for m in bare.matches] == [m[3:5] for m in by_hand.matches]

def test_default_dtype_of_float64_everywhere():
    "Fault 11, neighbours: models made, sampled, inverted and edited under another default type"
    torch.set_default_dtype(torch.float64)
    try:
        G, D = create_model("mini_stylegan2"), create_model("mini_resnet")
        d = mine(G, {"r": D}, n=16, **quiet)
        found = invert(G, sample_scenes(1).render().float(), {"r": D}, d, steps=2, **quiet)
        moved = edit(G, G.sample(1), shift(.1, 0), d, steps=2, **quiet)
    finally: torch.set_default_dtype(torch.float32)
    assert found.images.dtype == moved.images.dtype == torch.float32 and len(d.matches) > 0

def test_label_of_a_generator_without_classes():
    "Real networks, 9: a raw TypeError"
    class Plain(nn.Module):
        layers = ["act"]
        def __init__(self): super().__init__(); self.act = nn.Identity()
        def sample(self, n, seed=0): return torch.rand(n, 3, 64, 64)
        def forward(self, z): return self.act(z)
    for asked in (dict(label=3), dict(truncation=.5)):
        with pytest.raises(ValueError, match="Plain.sample takes no"): mine(Plain(), {"r": create_model("mini_resnet")}, n=8, **asked, **quiet)

def test_a_dictionary_is_whole():
    "Fault 25: 'Recipe' object has no attribute 'chosen'. In a process that has imported nothing else; no later module adds a method"
    code = """
from rosetta_neurons.dictionary import RosettaDictionary
d = RosettaDictionary.shipped()
assert [m.unit for m in d.chosen(concepts=[0])] == [m.unit for m in d.concepts[0].matches]
before = set(vars(RosettaDictionary))
import rosetta_neurons.all
print(sorted(set(vars(RosettaDictionary)) - before))
"""
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True)
    assert done.returncode == 0, done.stderr[-1500:]
    assert done.stdout.strip() == "[]"

class Deep(nn.Module):
    "Three layers, one after the other"
    layers = ["early", "middle", "late"]
    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.early, self.middle, self.late = nn.Conv2d(3, 5, 3, 2, 1), nn.Conv2d(5, 7, 3, 2, 1), nn.Conv2d(7, 9, 3, 1, 1)
    def forward(self, x): return self.late(self.middle(self.early(x).relu()).relu())

def pairs_of(d): return {(o.unit, o.partner) for o in d.matches}

def test_neighbours(scenes, tmp_path):
    "Only layers of like depth are matched, in one pass or in several, and in a dictionary that is loaded"
    nets,given = (Deep(0), {"other": Deep(1)}), dict(n=60, images=scenes, **quiet)
    everywhere,near,few = (mine(*nets, **given, **kw) for kw in ({}, dict(neighbours=.5), dict(neighbours=0, max_memory="6KB")))
    depth = dict(early=0, middle=.5, late=1)
    def apart(d): return max(abs(depth[u[0]]-depth[p[0]]) for u,p in pairs_of(d))
    assert (apart(everywhere), apart(near), apart(few))==(1, .5, 0)
    assert pairs_of(mine(*nets, **given, neighbours=1))==pairs_of(everywhere)
    near.save(tmp_path)
    assert RosettaDictionary.load(tmp_path).neighbours==.5
    same = {(o.unit, o.partner): o.correlation for o in everywhere.matches}
    assert all(same[o.unit, o.partner]==pytest.approx(o.correlation, abs=1e-6) for o in near.matches if (o.unit, o.partner) in same)

@pytest.mark.parametrize("kw,said", [(dict(neighbours=.5, permutations=9), "leave one of them out"), (dict(neighbours=-1), "neighbours must be a number"),
    (dict(neighbours="near"), "neighbours must be a number")])
def test_neighbours_refused(kw, said, scenes):
    "What can't be meant is told before a model is run"
    net = Net()
    with pytest.raises((ValueError, TypeError), match=said): mine(net, {"other": Net(seed=1)}, images=scenes, n=60, **kw, **quiet)
    assert net.calls==0

@pytest.mark.parametrize("own", [True, False])
def test_batch_size_changes_no_number(scenes, own):
    "Norms were about the mean maps of the first batch: with small batches flips were off by a third"
    G = create_model("mini_stylegan2") if own else Net(16)
    given = {} if own else dict(images=scenes.repeat_interleave(2, 0)[:150], groups=range(150))
    layers = None if own else {"G": ["act"]}
    whole, *others = (mine(G, {"o": Net(16, seed=1)}, n=150, batch_size=b, layers=layers, **given, **quiet) for b in (16, 1, 7, 48, 100))
    said = ("correlation", "centred", "null", "null_centred", "flip", "flip_centred", "q")
    expected = {(o.unit, o.partner): [getattr(o, name) for name in said] for o in whole.matches}
    assert len(expected) > 30
    for d in others:
        found = {(o.unit, o.partner): [getattr(o, name) for name in said] for o in d.matches}
        assert found.keys() == expected.keys()
        assert all(found[p] == pytest.approx(expected[p], abs=1e-5) for p in expected)
        assert d.summary == whole.summary

def test_no_batch_is_of_another_size(scenes):
    "Networks that were exported take one size, and a look at the first images used others"
    class Exported(Net):
        def forward(self, x):
            assert len(x) == self.size
            return super().forward(x)
    for size in (5, 15, 20, 48):
        net = Exported()
        net.size = size
        mine(net, {"o": Net(seed=1)}, images=scenes.repeat(3, 1, 1, 1)[:240], groups=range(240), n=240, batch_size=size, k=2, **quiet)

def test_a_generator_of_few_modes_with_small_batches():
    "Only the first batch is held to vary: of small ones, some do not"
    class Few(Net):
        def __init__(self, modes):
            super().__init__()
            self.modes = torch.tensor(modes)
        def sample(self, n, seed=0): return Latents(self.modes.repeat(n)[:n, None].float())
        def forward(self, latents):
            x = super().forward(torch.linspace(0, 1, 16).expand(len(latents.z), 3, 16, 16) + latents.z[:, :1, None, None])
            return x.mean(1, keepdim=True).sigmoid().expand(-1, 3, -1, -1)
    with pytest.raises(ValueError, match="the first 2 images of Few are all the same"):
        mine(Few([0, 0, 1, 1]), {"o": Net()}, n=20, batch_size=2, k=2, **quiet)
    assert mine(Few([0, 1, 1, 1, 0, 0]), {"o": Net()}, n=20, batch_size=2, k=2, **quiet).n == 20

def test_large_numbers_in_large_batches(scenes):
    "The mean of a block has to be taken in float64: the difference of two such numbers is no float32"
    class Large(nn.Module):
        layers = ["last"]
        def __init__(self):
            super().__init__()
            self.net, self.last = Net(), nn.Identity()
            y = self.net.conv(scenes[:64])
            self.mean, self.most = y.mean().item(), (y - y.mean()).abs().max().item()
        def forward(self, x): return self.last((self.net.conv(x) - self.mean)/self.most*3.3e38)
    a, b = (mine(Large(), {"o": Net(seed=1)}, images=scenes[:64], n=64, batch_size=size, k=2, **quiet) for size in (16, 64))
    assert len(a.matches) > 3 and a.summary == b.summary
    assert [o.flip for o in b.matches] == pytest.approx([o.flip for o in a.matches], abs=1e-5)

class Merging(nn.Conv2d):
    "Adds what it has learned to its weights in eval mode, as LoRA's layers do"
    merged = False
    def train(self, mode=True):
        super().train(mode)
        if mode == self.merged:
            self.weight.data += -1. if self.merged else 1.
            self.merged = not self.merged
        return self

def test_what_train_undoes_is_undone(scenes):
    "Only the attribute was set back, and layers of LoRA learned nothing after that"
    net = nn.Sequential(Merging(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3)).train()
    net[2].eval()
    mine(net, {"o": Net()}, images=scenes, n=20, layers={"G": ["2"]}, k=2, **quiet)
    assert net.training and net[0].training and not net[0].merged and not net[2].training

def test_what_refuses_to_be_trained(scenes):
    class Frozen(nn.Conv2d):
        def train(self, mode=True):
            if mode: raise NotImplementedError("frozen")
            return super().train(mode)
    net = nn.Sequential(nn.BatchNorm2d(3), Frozen(3, 4, 3), nn.Dropout())
    mine(net, {"o": Net()}, images=scenes, n=20, layers={"G": ["1"]}, k=2, **quiet)
    assert all(o.training for o in net.modules())

def test_a_constant_unit_has_no_scale(scenes):
    "Its variance was rounding, by which a later value was divided"
    net = Net(16)
    with torch.no_grad(): net.conv.weight[3] = 0
    class Shifted(nn.Module):
        layers = ["last"]
        def __init__(self):
            super().__init__()
            self.net, self.last, self.offset = net, nn.Identity(), .1
        def forward(self, x): return self.last(self.net(x) + self.offset)
    d = mine(Shifted(), {"o": Net(seed=1)}, images=scenes, n=40, k=2, **quiet)
    assert d.stats("G", [("last", 3)])["var"] == 0

@pytest.mark.parametrize("asked", [dict(neighbours=np.float32(.5)), dict(max_memory=np.int64(10**9)), dict(max_memory=1e9), dict(max_memory=float("inf"))])
def test_numbers_that_json_does_not_know(scenes, tmp_path, asked):
    "The run was lost at its end, or at the first checkpoint"
    d = mine(Net(), {"o": Net(seed=1)}, images=scenes, n=20, k=2, out=tmp_path/"a", checkpoint_s=0, **asked, **quiet)
    some = d.filter(q=np.float32(.9), min_centred=torch.tensor(0.), layers={"G": {"act"}}, depth=(np.float32(0), torch.tensor(1.)))
    some.save(tmp_path/"b")
    assert RosettaDictionary.load(tmp_path/"b").summary == some.summary

@pytest.mark.parametrize("size", [True, -1, 0, [3], "1.5.2GB", "lots"])
def test_max_memory_refused(scenes, size):
    net = Net()
    with pytest.raises(ValueError, match="max_memory: expected a number of bytes"): mine(net, {"o": Net()}, images=scenes, n=20, max_memory=size, **quiet)
    assert net.calls == 0

def test_permutations_that_do_not_fit(scenes, tmp_path):
    "Refused after all batches, and what had been done was of no use"
    net = Net()
    with pytest.raises(MemoryError, match="permutations keep the maps"):
        mine(net, {"o": Net(seed=1)}, images=scenes, n=80, max_memory="1MB", permutations=9, out=tmp_path, **quiet)
    assert net.calls == 1

def test_layers_by_one_name_or_twice(scenes):
    class Two(Net): pass
    with pytest.raises(ValueError, match="layers of G are given twice"):
        mine(Two(), {"o": Net()}, images=scenes, n=20, layers={"G": ["act"], "Two": ["conv"]}, **quiet)
    net = nn.Sequential(*(nn.Conv2d(3, 3, 3) for _ in range(13)))
    d = mine(net, {"o": Net()}, images=scenes, n=20, k=2, layers={"G": ["1", "12"]}, **quiet)
    assert {o.unit[0] for o in d.filter(layers={"G": "12"}).matches} == {"12"}

def test_generator_that_is_given_images(scenes):
    with pytest.raises(AttributeError) as e: mine(Net(), create_model("mini_stylegan2"), images=scenes, n=20, **quiet)
    assert any("takes latents and no images" in o for o in e.value.__notes__)

@pytest.mark.parametrize("offset,scale,kind", [(100., 1e-3, torch.float32), (0., 1e-15, torch.float32), (1e6, 1., torch.float64)])
def test_scores_of_a_unit_whatever_its_mean_and_size(scenes, offset, scale, kind):
    "The mean was kept in float32, and deviations below 1e-12 were not used"
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.conv, self.last = nn.Conv2d(3, 5, 3), nn.Identity()
        def forward(self, x): return self.last(self.conv(x).to(kind)*scale + offset)
    net = Odd()
    d = mine(Net(16), {"o": net}, images=scenes, n=100, layers={"o": ["last"]}, shuffle=False, **quiet)
    concept = d.concepts[0]
    with torch.no_grad(): maps = net(scenes)[:, concept.best["o"].partner[1]].double()
    expected = ((maps - maps.mean())/maps.std()).amax((1, 2))
    assert d.score(scenes, concepts=concept)[:, 0] == pytest.approx(expected.float(), abs=1e-3)
