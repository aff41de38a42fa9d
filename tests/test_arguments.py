"""Models, concepts and the options of a search are taken in the same forms everywhere"""
import inspect

import numpy as np
import pytest
import torch
from fastcore.docments import docments
from torch import nn

from test_inversion import Draws, Sees

from rosetta_neurons.cli import invert_command
from rosetta_neurons.dictionary import RosettaDictionary
from rosetta_neurons.editing import edit, shift
from rosetta_neurons.inversion import invert
from rosetta_neurons.mining import mine
from rosetta_neurons.moments import _chunk_bytes
from rosetta_neurons.options import SearchOptions
from rosetta_neurons.truth import concept_names
from rosetta_neurons.viz import show_scores
from rosetta_neurons.widgets import unit_matcher

QUICK = dict(steps=2, frames=1, progress=False)


def sees(name, seed):
    "A vision model that calls itself `name`"
    net = Sees(seed)
    net.name = name
    return net


class Wraps:
    "No module, but holds one"
    layers = ["1", "3"]

    def __init__(self, name, seed):
        self.name = name
        self.net = sees(name, seed).net.eval()

    def __call__(self, x):
        return self.net(x)


def mined(G, models, **options):
    return mine(G, models, n=32, progress=False, **options)


@pytest.fixture(scope="module")
def G():
    return Draws().eval()


@pytest.fixture(scope="module")
def pair():
    "Two networks by the names that they have"
    return {"one": sees("one", 1).eval(), "two": sees("two", 2).eval()}


@pytest.fixture(scope="module")
def d(G, pair):
    "A dictionary of both, under other names than their own"
    found = mined(G, {"a": pair["one"], "b": pair["two"]})
    assert len(found.concepts) > 2
    return found


@pytest.fixture(scope="module")
def x(G):
    with torch.no_grad():
        return G(G.sample(1, seed=9))


def forms(pair):
    "Both models in all forms that don't need the zoo"
    one, two = pair.values()
    return [[one, two], (one, two), iter([one, two]), dict(one=one, two=two)]


# models

def test_mine_takes_models_in_any_form(G, pair):
    one = pair["one"]
    for form in (one, [one], dict(one=one)):
        assert mined(G, form).models == ["one"]
    for form in forms(pair):
        assert mined(G, form).models == ["one", "two"]
    assert mined(G, Wraps("wrapped", 3)).models == ["wrapped"]
    assert mined(G, [one, Wraps("wrapped", 3)]).models == ["one", "wrapped"]


def test_mine_takes_names_of_the_zoo(G, pair):
    for form in ("mini_resnet", ["mini_resnet"], dict(mini_resnet="mini_resnet")):
        assert mined(G, form).models == ["mini_resnet"]
    assert mined(G, [pair["one"], "mini_resnet"]).names["mini_resnet"] == "mini_resnet"


@pytest.mark.unit
@pytest.mark.parametrize("models,kind,says", [
    ("mini_resnt", ValueError, "no model 'mini_resnt'; closest: 'mini_resnet'"),
    (["mini_resnet", "mini_may"], ValueError, "no model 'mini_may'; closest: 'mini_mae'"),
    (dict(a="mini_may"), ValueError, "no model 'mini_may'; closest: 'mini_mae'"),
    ([nn.Sequential(nn.ReLU()), nn.Sequential()], ValueError, "two models are called 'Sequential'"),
    ([], ValueError, "no models: give one"),
    ({}, ValueError, "no models: give one"),
    (3, TypeError, "int is not an nn.Module"),
    (None, TypeError, "NoneType is not an nn.Module"),
    (dict(a=3), TypeError, "int is not an nn.Module"),
    ({0: nn.ReLU()}, TypeError, "models are given by name")])
def test_what_mine_refuses(G, models, kind, says):
    with pytest.raises(kind, match=says):
        mined(G, models)


def of_a(pair):
    "One model of the dictionary, in any form"
    one = pair["one"]
    return ["a", "one", one, ["a"], ["one"], [one], dict(a=one), dict(a=None)]


def of_both(pair):
    one, two = pair.values()
    return [None, ["a", "b"], ["one", two], [one, two], dict(a=one, b=two), dict(a=one, b=None)]


@pytest.mark.unit
def test_a_dictionary_takes_models_in_any_form(d, pair, x):
    a = d.filter(models=["a"])
    scores = d.score(x, ["a"])
    for form in of_a(pair):
        assert list(d.networks(form).values()) == [pair["one"]]
        assert d.filter(models=form).matches == a.matches
        assert d.filter(models=form).models == ["a"]
        assert d.chosen(form) == d.chosen(["a"])
        assert torch.equal(d.score(x, form), scores)
        assert d.retrieve(0, x, models=form)[1] == scores[:, 0]
    for form in of_both(pair):
        assert list(d.networks(form)) == d.models == ["a", "b"]
        assert d.filter(models=form).matches == d.matches
        assert list(d.every_network(models=form)) == ["G", "a", "b"]
    assert d.score(x, d.every_network()).equal(d.score(x))
    assert len(show_scores(d, pair["one"]).axes) == len(show_scores(d, "a").axes) == 2


@pytest.mark.unit
def test_invert_and_edit_take_models_in_any_form(G, d, pair, x):
    expected = invert(G, x, dict(a=pair["one"]), d, **QUICK).images
    own = invert(G, G.sample(1), "a", d, **QUICK).images
    moved = edit(G, G.sample(1), shift(.1), d, models=["a"], **QUICK).images
    for form in of_a(pair):
        assert torch.equal(invert(G, x, form, d, **QUICK).images, expected)
        assert torch.equal(invert(G, G.sample(1), form, d, **QUICK).images, own)
        assert torch.equal(edit(G, G.sample(1), shift(.1), d, models=form, **QUICK).images, moved)
    expected = invert(G, x, None, d, **QUICK).images
    for form in of_both(pair):
        assert torch.equal(invert(G, x, form, d, **QUICK).images, expected)


@pytest.mark.unit
def test_a_bare_model_is_the_only_one_that_was_mined(G, pair, x):
    bare = sees(None, 1).eval()
    d = mined(G, dict(a=bare))
    assert list(d.networks(bare)) == ["a"]
    assert len(invert(G, x, bare, d, **QUICK)) == len(invert(G, G.sample(1), bare, d, **QUICK)) == 1
    with pytest.raises(ValueError, match="two is not the network that was mined as 'a'"):
        d.networks(pair["two"])


def asks(d, G, x):
    "All that asks a dictionary for models"
    z = G.sample(1)
    return [
        d.networks, d.chosen, lambda models: d.filter(models=models),
        lambda models: d.score(x, models), lambda models: d.retrieve(0, x, models=models),
        lambda models: d.every_network(models=models), lambda models: show_scores(d, models),
        lambda models: concept_names(d, models), lambda models: invert(G, x, models, d, **QUICK),
        lambda models: invert(G, z, models, d, **QUICK),
        lambda models: edit(G, z, shift(.1), d, models=models, **QUICK)]


@pytest.mark.unit
@pytest.mark.parametrize("models,kind,says", [
    ("c", ValueError, "no model 'c'; closest: '"),
    (["a", "c"], ValueError, "no model 'c'; closest: '"),
    (["a", "one"], ValueError, "two models are called 'a'"),
    (sees("three", 3), ValueError, "no model 'three'"),
    (dict(one=sees("one", 1)), ValueError, "no model 'one'"),
    ([], ValueError, "no models: give one"),
    (3, TypeError, "int is not an nn.Module")])
def test_what_a_dictionary_refuses(G, d, x, models, kind, says):
    for ask in asks(d, G, x):
        with pytest.raises(kind, match=says):
            ask(models)


@pytest.mark.unit
def test_two_networks_of_one_name(G):
    "A name that two have names neither"
    pair = dict(a=sees("one", 1).eval(), b=sees("one", 2).eval())
    d = mined(G, pair)
    with pytest.raises(ValueError, match="'one' was mined as 'a' and as 'b'"):
        d.networks(pair["a"])
    assert list(d.networks(dict(a=pair["a"]))) == d.filter(models="a").models == ["a"]


def test_a_matcher_takes_models_in_any_form(pair):
    images = torch.rand(6, 3, 16, 16)
    pages = [unit_matcher(form, images).html() for form in forms(pair)]
    assert len(set(pages)) == 1
    with pytest.raises(ValueError, match="no model 'mini_may'; closest: 'mini_mae'"):
        unit_matcher([pair["one"], "mini_may"], images)


# concepts

def of_second(d):
    "The second concept in any form"
    one = d.concepts[1]
    same = [1, np.int64(1), torch.tensor(1), 1-len(d.concepts), one]
    return [*same, *([o] for o in same), range(1, 2), np.array([1]), torch.tensor([1]), (1,)]


@pytest.mark.unit
def test_concepts_in_any_form(G, d, x):
    z = G.sample(1)
    scores = d.score(x)[:, [1]]
    inverted = invert(G, x, None, d, [1], **QUICK).images
    moved = edit(G, z, shift(.1), d, [1], **QUICK).images
    for form in of_second(d):
        assert d.chosen_concepts(form) == [d.concepts[1]]
        assert d.chosen(concepts=form) == d.concepts[1].matches
        assert torch.equal(d.score(x, concepts=form), scores)
        assert torch.equal(invert(G, x, None, d, form, **QUICK).images, inverted)
        assert torch.equal(edit(G, z, shift(.1), d, form, **QUICK).images, moved)
    assert d.chosen_concepts() == d.concepts
    assert d.chosen_concepts([2, d.concepts[0]]) == [d.concepts[2], d.concepts[0]]


@pytest.mark.unit
@pytest.mark.parametrize("concepts,kind,says", [
    (999, ValueError, "no concept 999: this dictionary has {n}, from 0 to {last}"),
    ([0, -999], ValueError, "no concept -999: this dictionary has {n}"),
    ("eyes", TypeError, "got 'eyes': this dictionary has {n}"),
    (["eyes"], TypeError, "by its number, or as a `Concept`; got 'eyes': this dictionary has {n}"),
    (1.5, TypeError, "got 1.5: this dictionary has {n}")])
def test_concepts_that_there_are_not(G, d, x, concepts, kind, says):
    says = says.format(n=len(d.concepts), last=len(d.concepts)-1)
    z = G.sample(1)
    asks = [
        d.chosen_concepts, lambda o: d.chosen(concepts=o), lambda o: d.score(x, concepts=o),
        lambda o: invert(G, x, None, d, o, **QUICK), lambda o: edit(G, z, shift(.1), d, o, **QUICK)]
    for ask in asks:
        with pytest.raises(kind, match=says):
            ask(concepts)
    with pytest.raises(ValueError, match="no concept 0: this dictionary has 0$"):
        d.filter(min_correlation=1.1).concept(0)


# the search

@pytest.mark.unit
def test_one_search():
    "Both take the fields of `SearchOptions`"
    fields = set(SearchOptions.__dataclass_fields__)
    for f in (invert, edit):
        parameters = inspect.signature(f).parameters
        assert fields < set(parameters)
        for name in fields:
            assert parameters[name].default == getattr(SearchOptions(), name)
    for function in (invert, edit):
        assert not [name for name, said in docments(function).items() if not said]


@pytest.mark.unit
def test_options_one_by_one_or_as_one(G, d, x):
    z = G.sample(1)
    options = SearchOptions(**QUICK, lr=.1, alpha=.3, seeds=3)
    single = dict(**QUICK, lr=.1, alpha=.3, seeds=(3,))
    for ask in (lambda **o: invert(G, x, None, d, **o),
                lambda **o: edit(G, z, shift(.1), d, **o)):
        assert torch.equal(ask(options=options).images, ask(**single).images)
        assert len(ask(options=options, steps=1).history["loss"]) == 1


@pytest.mark.unit
@pytest.mark.parametrize("seeds,n", [
    (0, 1), (np.int64(3), 1), (torch.tensor(3), 1), ([0], 1), ((0, 1), 2), (range(3), 3),
    (np.arange(2), 2), (torch.arange(2), 2)])
def test_seeds_in_any_form(G, d, x, seeds, n):
    assert len(invert(G, x, None, d, seeds=seeds, **QUICK)) == n
    assert len(edit(G, G.sample(1), shift(.1), d, seeds=seeds, start="fresh", **QUICK)) == n


@pytest.mark.unit
def test_start(G, d, x):
    z = G.sample(1)
    for start in ("source", z):
        found = invert(G, z, None, d, start=start, steps=1, progress=False)
        assert torch.equal(found.latents, z)
        found = edit(G, z, shift(.1), d, start=start, steps=1, progress=False)
        assert torch.equal(found.latents, z)
    fresh = invert(G, z, None, d, **QUICK).latents
    for start in ("fresh", None):
        assert torch.equal(invert(G, z, None, d, start=start, **QUICK).latents, fresh)
    with pytest.raises(ValueError, match="start 'source' needs latents to invert"):
        invert(G, x, None, d, start="source", **QUICK)


@pytest.mark.unit
@pytest.mark.parametrize("name,value,expected", [
    ("steps", 0, "whole number of at least 1, got 0"),
    ("steps", 1.5, "whole number of at least 1, got 1.5"),
    ("batch_size", "8", "whole number of at least 1, got '8'"),
    ("frames", True, "whole number of at least 1, got True"),
    ("seeds", (), r"one or more of them, got \(\)"),
    ("seeds", "ab", "a whole number, or one or more of them, got 'ab'"),
    ("seeds", [.5], r"one or more of them, got \[0.5\]"),
    ("seeds", None, "one or more of them, got None"),
    ("lr", 0, "a number above 0, got 0"),
    ("lr", "fast", "a number above 0, got 'fast'"),
    ("alpha", -1, "a number of at least 0, got -1"),
    ("beta", float("nan"), "a number of at least 0, got nan"),
    ("norm", "l3", "'l3' is neither 'l1' nor 'l2'"),
    ("toward", "zero", "'zero' is neither 'mean' nor 'start'"),
    ("space", "x", "'x' is neither 'z' nor 'w'"),
    ("start", "mean", "'mean' is neither 'source', 'fresh' nor latents"),
    ("objective", "cosin", "'cosin'; closest: 'cosine'")])
def test_options_that_there_are_not(G, d, x, name, value, expected):
    quick = {**QUICK, name: value}
    for ask in (lambda: invert(G, x, None, d, **quick),
                lambda: edit(G, G.sample(1), shift(.1), d, **quick),
                lambda: SearchOptions(**{name: value})):
        with pytest.raises(ValueError, match=f"{name}.*{expected}"):
            ask()


@pytest.mark.unit
def test_arguments_that_there_are_not(G, d, x):
    with pytest.raises(TypeError, match="no argument 'step'; closest: 'steps'"):
        invert(G, x, None, d, step=3)
    with pytest.raises(TypeError, match="no argument 'reconstrution'; closest: 'reconstruction'"):
        invert(G, x, reconstrution="l1")
    with pytest.raises(TypeError, match="no argument 'preserves'; closest: 'preserve'"):
        edit(G, G.sample(1), shift(.1), d, preserves=3)
    with pytest.raises(TypeError, match="expected a SearchOptions"):
        edit(G, G.sample(1), shift(.1), d, options=dict(steps=3))
    with pytest.raises(ValueError, match="preserve must be a number of at least 0, got -1"):
        edit(G, G.sample(1), shift(.1), d, preserve=-1)


# layers in a terminal, and devices

def test_layers_of_the_command(tmp_path, monkeypatch, capsys):
    "Words and patterns, as `rosetta-mine` takes them"
    from torchvision.utils import save_image
    monkeypatch.chdir(tmp_path)
    RosettaDictionary.shipped().save("d")
    save_image(torch.rand(1, 3, 64, 64), "x.png")
    words = "x.png --dictionary d --models mini_mae mini_resnet --no-progress --steps 1".split()
    chosen = []
    chooses = RosettaDictionary.filter
    def spy(self, *args, layers=None, **kwargs):
        if layers:
            chosen.append(layers)
        return chooses(self, *args, layers=layers, **kwargs)
    monkeypatch.setattr(RosettaDictionary, "filter", spy)
    invert_command([*words, "--layers", "mini_mae=blocks.?.mlp.act", "mini_resnet=layer4"])
    assert chosen == [dict(mini_mae=[f"blocks.{i}.mlp.act" for i in range(6)],
                           mini_resnet=["layer4"])]
    for layers, says in (
            ("mini_mae=blocks.?.mpl.act", "--layers for mini_mae: no layer 'blocks.?.mpl.act'"),
            ("mini_may=blocks.*", "no model for --layers 'mini_may'; closest: 'mini_mae'"),
            ("mini_resnet=conv1", "no layer 'conv1'")):
        with pytest.raises(SystemExit):
            invert_command([*words, "--layers", layers])
        assert says in capsys.readouterr().err


@pytest.mark.unit
@pytest.mark.parametrize("kind", ["cpu", "cuda", "mps", "xpu", "meta"])
def test_any_device_has_a_chunk(kind):
    assert _chunk_bytes(torch.device(kind)) >= 2**21
