"One-to-one and soft matching"
from itertools import permutations

import pytest
import torch

from rosetta_neurons.matching import one_to_one, soft_matching

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
