"Pictures: sizes, ranges, and that what is drawn is what was given"
import pytest
import torch

from rosetta_neurons.viz import as_heat, fit_images, overlay, show_images, show_maps, spotlight

pytestmark = pytest.mark.unit


def images(n=3, rows=32, columns=32):
    return torch.rand(n, 3, rows, columns, generator=torch.Generator().manual_seed(2))


def test_heat_is_zero_at_the_mean_and_one_at_the_top():
    maps = torch.linspace(0, 1, 2000).reshape(5, 20, 20)
    heat = as_heat(maps)
    assert heat[maps <= maps.mean()].max() == 0 and heat[maps >= maps.flatten().topk(2).values[-1]].min() == 1
    assert as_heat(maps, mean=0.).min() == 0 and as_heat(torch.ones(2, 3, 3)).isfinite().all()


@pytest.mark.parametrize('rows,columns,fitted', [(32, 32, (96, 96)), (20, 40, (48, 96)), (300, 100, (96, 32)), (1, 1000, (1, 96))])
def test_proportions_stay(rows, columns, fitted):
    assert fit_images(images(1, rows, columns), 96).shape[2:] == fitted


@pytest.mark.parametrize('draw', [overlay, spotlight])
def test_heat_shows_where_it_is(draw):
    heat = torch.zeros(1, 4, 4)
    heat[0, :, :2] = 1
    drawn = draw(images(1), heat, 64)
    assert drawn.shape == (1, 3, 64, 64) and 0 <= drawn.min() and drawn.max() <= 1
    assert drawn[..., :20].mean() > 1.5*drawn[..., 44:].mean()


def test_grid_has_a_panel_for_each_image_and_its_title():
    fig = show_images(images(5), [*'abcde'], columns=3)
    shown = [ax for ax in fig.axes if ax.images]
    assert [ax.get_title() for ax in shown] == [*'abcde'] and len(fig.axes) == 6
    drawn = torch.as_tensor(shown[4].images[0].get_array().copy())
    torch.testing.assert_close(drawn.permute(2, 0, 1), images(5)[4])


def test_maps_of_any_size_stand_below_their_images():
    fig = show_maps(images(2), {'small': torch.rand(2, 3, 3), 'large': torch.rand(2, 40, 40)})
    assert len(fig.axes) == 6 and all(ax.images[0].get_array().shape == (96, 96, 3) for ax in fig.axes)


@pytest.mark.parametrize('bad', [images()[0], images()*255, images()-2])
def test_refuses_what_is_no_batch_of_images(bad):
    with pytest.raises(ValueError):
        show_images(bad)
