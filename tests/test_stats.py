"Eq. 1 from a stream, against numpy in float64 with everything at hand"
import numpy as np
import pytest
import torch

from rosetta_neurons.stats import RunningStats

pytestmark = pytest.mark.unit


def stream(offset=0., n=40):
    gen = torch.Generator().manual_seed(1)
    return torch.randn(n, 3, 5, 4, generator=gen)*torch.tensor([1., .01, 30.])[:, None, None] + offset


def plain(x):
    y = x.numpy().astype(np.float64).transpose(1, 0, 2, 3).reshape(x.shape[1], -1)
    return y.mean(1), y.var(1, ddof=1), y.min(1), y.max(1)


@pytest.mark.parametrize('offset', [0., 1e4])
@pytest.mark.parametrize('sizes', [[40], [1]*40, [3, 17, 20]])
def test_any_split(offset, sizes):
    x = stream(offset)
    stats = RunningStats()
    for o in x.split(sizes):
        stats.update(o)
    for ours, theirs in zip((stats.mean, stats.var, stats.lo, stats.hi), plain(x)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_any_order_of_merges():
    parts = [RunningStats.of(o) for o in stream().split([5, 10, 25])]
    def merged(order):
        res = RunningStats()
        for i in order:
            res.merge(parts[i])
        return res
    one, other = merged([0, 1, 2]), merged([2, 0, 1])
    assert one.n == other.n
    torch.testing.assert_close(one.std, other.std, rtol=1e-12, atol=0)


def test_constant_unit():
    x = stream()
    x[:, 1] = 7.
    stats = RunningStats.of(x)
    assert stats.constant.tolist() == [False, True, False] and stats.std[1] == 0


@pytest.mark.parametrize('bad', [torch.nan, torch.inf, -torch.inf])
def test_refuses_what_is_no_number(bad):
    x = stream()
    x[3, 2, 1, 1] = bad
    with pytest.raises(ValueError, match=r'channels \[2\]'):
        RunningStats().update(x)
