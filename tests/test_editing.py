"Changes of maps (Sec. 4.2) on grids where the right answer is plain to see"
import pytest
import torch

from rosetta_neurons.editing import copy_paste, remove, shift, zoom

pytestmark = pytest.mark.unit


def dot(row=3, column=3, size=8):
    maps = torch.zeros(1, 1, size, size)
    maps[0, 0, row, column] = 1
    return maps


@pytest.mark.parametrize('right,down,to', [(.25, 0, (3, 5)), (-.25, 0, (3, 1)), (0, .25, (5, 3)), (.125, -.25, (1, 4))])
def test_shift_moves_whole_positions_exactly(right, down, to):
    torch.testing.assert_close(shift(right, down)(dot()), dot(*to), rtol=0, atol=1e-6)


def test_what_leaves_is_gone_and_what_comes_in_is_chosen():
    ones = torch.ones(1, 1, 8, 8)
    assert shift(.5)(dot(3, 6)).sum() == 0
    assert shift(.25)(ones)[..., :2].sum() == 0
    assert torch.equal(shift(.25, fill='edge')(ones), ones)


def test_zoom_keeps_the_centre_and_the_mean_of_what_stays():
    ramp = torch.arange(8.).expand(1, 1, 8, 8)
    larger = zoom(2)(ramp)
    torch.testing.assert_close(larger.mean(), ramp.mean())
    torch.testing.assert_close(larger[0, 0, 4].diff().mean(), torch.tensor(.5), rtol=0, atol=.05)
    assert torch.equal(zoom(1)(ramp), ramp)


def test_copy_paste_shows_the_middle_twice():
    maps = torch.zeros(1, 1, 8, 8)
    maps[..., 3:5] = 1
    copied = copy_paste(.25)(maps)[0, 0, 0]
    torch.testing.assert_close(copied, torch.tensor([0., 1, 1, 0, 0, 1, 1, 0]), rtol=0, atol=1e-6)


def test_remove_leaves_the_smallest_value_of_each_map():
    maps = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(remove(maps), maps.amin((2, 3), keepdim=True).expand_as(maps))
    assert remove() is remove


@pytest.mark.parametrize('bad,match', [(lambda: shift(1.), 'between -1 and 1'), (lambda: zoom(0), 'above 0'), (lambda: zoom(-2), 'above 0'),
    (lambda: zoom(float('inf')), 'above 0'), (lambda: zoom(float('nan')), 'above 0'), (lambda: shift(float('nan')), 'between -1 and 1'),
    (lambda: zoom(2, fill='black')(dot()), "'zero' nor 'edge'")])
def test_errors_name_the_value_and_what_was_expected(bad, match):
    with pytest.raises(ValueError, match=match):
        bad()
