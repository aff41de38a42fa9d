"Other matchings, the benchmark of methods, and sparse directions as units"
from itertools import permutations

import pytest
import torch
from torch import nn

from rosetta_neurons.hooks import record
from rosetta_neurons.matching import one_to_one, soft_matching
from rosetta_neurons.methods import _METHODS, _WORLDS, _counted, ScoredPairs, score_method
from rosetta_neurons.sparse import Encoded, SparseAutoencoder

pytestmark = pytest.mark.unit


def table(a, b, seed=0):
    return torch.randn(a, b, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize('seed', range(5))
def test_one_to_one_is_the_best_of_all(seed):
    t = table(4, 5, seed)
    best = max(sum(t[i, j].item() for i, j in enumerate(o)) for o in permutations(range(5), 4))
    i, j = one_to_one(t).T
    assert len(set(j.tolist())) == 4
    assert t[i, j].sum().item() == pytest.approx(best, abs=1e-5)
    assert sorted(map(tuple, one_to_one(t.T).flip(1).tolist())) == list(map(tuple, one_to_one(t).tolist()))


def test_one_to_one_gives_up_as_few_as_can_be():
    t = torch.tensor([[.9, torch.nan], [.8, .1]])
    assert one_to_one(t).tolist() == [[0, 0], [1, 1]] # .8 alone would leave row 0 without a partner
    assert one_to_one(torch.full((2, 3), torch.nan)).shape == (0, 2)


@pytest.mark.parametrize('shape', [(4, 4), (3, 7), (6, 2)])
def test_soft_matching(shape):
    t = table(*shape)
    exact = soft_matching(t)
    assert exact.sum(1).tolist() == pytest.approx([1/shape[0]]*shape[0])
    assert exact.sum(0).tolist() == pytest.approx([1/shape[1]]*shape[1])
    assert (exact > -1e-12).all()
    near = soft_matching(t, blur=.01)
    assert (exact*t).sum().item() == pytest.approx((near*t).sum().item(), abs=.05)
    assert (exact*t).sum() >= (near*t).sum() - .01 # of the sums of rows, which are within 1 %
    assert torch.allclose(exact.T, soft_matching(t.T), atol=1e-9)


def test_constant_units_have_no_weight():
    t = table(4, 5)
    t[1] = torch.nan
    plan = soft_matching(t)
    assert plan[1].sum() == 0 and plan.sum().item() == pytest.approx(1)
    assert soft_matching(torch.full((2, 2), torch.nan)).sum() == 0


def test_counts_by_hand():
    right = torch.tensor([[True, False], [False, True]])
    pairs = torch.tensor([[0, 0], [0, 1], [1, 1]])
    found = ScoredPairs(pairs, torch.tensor([3., 2., 1.]), torch.tensor([.01, .05, .2]))
    row = _counted(found, right)
    assert (row['kept'], row['precision'], row['recall'], row['false_discoveries']) == (2, .5, .5, .5)
    assert row['average_precision'] == pytest.approx((1 + 2/3)/2)
    assert _counted(ScoredPairs(pairs, found.scores), right)['kept'] == 3


def test_perfect_and_wrong_methods():
    worlds = {kind: _WORLDS[kind](0) for kind in ('easy', 'unlike sizes')}
    for kind, world in worlds.items():
        def perfect(a, b):
            pairs = world.right.nonzero()
            return ScoredPairs(pairs, torch.ones(len(pairs)))
        def wrong(a, b):
            pairs = (~world.right).nonzero()
            return ScoredPairs(pairs, torch.ones(len(pairs)))
        good = score_method(perfect, [kind], [0, 0])[kind]
        bad = score_method(wrong, [kind], [0, 0])[kind]
        assert good['precision'][0] == good['recall'][0] == good['average_precision'][0] == 1
        assert bad['precision'][0] == bad['recall'][0] == bad['average_precision'][0] == 0


@pytest.mark.parametrize('name', [k for k in _METHODS if 'torchmetrics' not in k])
def test_methods_are_better_than_chance(name):
    row = score_method(_METHODS[name], ['easy'], [0, 1])['easy']
    if name == 'random pairs':
        assert row['average_precision'][0] < .02
    else:
        assert row['average_precision'][0] > .15 # a random pair is right in 1 of 120 cases


def test_a_latent_is_a_channel_where_the_encoder_keeps_it():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3))
    seen = Encoded(net, {'1': nn.Identity()})
    x = torch.rand(2, 3, 8, 8)
    with record(net, ['1']) as own, record(seen, ['latents.1']) as latents:
        out = seen(x)
    assert torch.equal(out, net(x))
    assert torch.equal(own['1'], latents['latents.1'])


def test_autoencoder_finds_planted_directions():
    rng = torch.Generator().manual_seed(0)
    directions = nn.functional.normalize(torch.randn(12, 8, generator=rng))
    active = torch.rand(4000, 12, generator=rng) < .08
    code = active*(1 + torch.rand(4000, 12, generator=rng))
    maps = (code @ directions).view(250, 4, 4, 8).movedim(-1, 1)
    sae = SparseAutoencoder(8, 16, k=2)
    history = sae.fit(maps, steps=600, batch=512, lr=5e-3)
    assert history[-1] < .15 < history[0]
    best = (nn.functional.normalize(sae.decoder.detach()) @ directions.T).amax(0)
    assert (best > .9).float().mean() > .7
    again = SparseAutoencoder(8, 16, k=2)
    assert again.fit(maps, steps=600, batch=512, lr=5e-3) == history
