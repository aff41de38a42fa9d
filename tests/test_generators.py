"Units of two generators matched through vision models, and a diffusion transformer that looks"
import pytest
import torch
from torch import nn

from rosetta_neurons.generators import Noised, _alike, _pairs, _Profiles, match_generators
from rosetta_neurons.hooks import Units
from rosetta_neurons.mining import mine
from rosetta_neurons.runtime import observe
from rosetta_neurons.zoo.latents import Latents

pytestmark = pytest.mark.unit


def rows(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def profiles(true, null):
    units = Units(dict(a=len(true)))
    return _Profiles(units, dict(m=Units(dict(b=true.shape[1]))), dict(m=true), dict(m=null))


def test_alike_is_a_correlation_of_rows():
    a, b = rows(3, 20), rows(4, 20, seed=1)
    expected = torch.corrcoef(torch.cat([a, b]))[:3, 3:]
    assert torch.allclose(_alike(dict(m=a), dict(m=b)), expected, atol=1e-6)
    assert torch.allclose(_alike(dict(m=a, o=a), dict(m=b, o=b)), expected, atol=1e-6)


def test_constant_units_are_left_out():
    a, b = rows(3, 20), rows(4, 20, seed=1)
    expected = torch.corrcoef(torch.cat([a, b])[:, :-1])[:3, 3:]
    a[1] = torch.nan # a unit of the generator
    b[:, -1] = torch.nan # a unit of the vision model
    found = _alike(dict(m=a), dict(m=b))
    assert found[1].isnan().all()
    assert torch.allclose(found[[0, 2]], expected[[0, 2]], atol=1e-6)


def test_pairs_of_a_shuffled_copy():
    a = rows(60, 40)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(3))
    b = a[order] + .3*rows(60, 40, seed=4)
    found = _pairs(profiles(a, rows(60, 40, seed=5)), profiles(b, rows(60, 40, seed=6)))
    assert len(found) == 60 and all(o.unit[1] == order[o.partner[1]] for o in found)
    assert all(o.q <= .05 for o in found)
    assert [o.strength for o in found] == sorted((o.strength for o in found), reverse=True)
    i, j, u = found[0].unit[1], found[0].partner[1], found[0].bridge[1]
    assert found[0].strength == pytest.approx(min(a[i, u].item(), b[j, u].item()))
    assert found[0].strength == pytest.approx(torch.minimum(a[i], b[j]).max().item())


def test_nothing_shared_is_nothing_significant():
    found = _pairs(
        profiles(rows(60, 40), rows(60, 40, seed=5)), profiles(rows(60, 40, seed=7), rows(60, 40, seed=6)))
    assert found and not any(o.q <= .05 for o in found)


class Drawn(nn.Module):
    "A generator of blobs, which are in the latents: an image is the same in any batch"
    layers = ['conv']

    def __init__(self, seed):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, padding=1)
        with torch.no_grad():
            self.conv.weight.copy_(rows(6, 3, 3, 3, seed=seed))

    def sample(self, n, seed=0):
        return Latents(rows(n, 3*4*4, seed=seed))

    def forward(self, latents):
        x = nn.functional.interpolate(latents.z.unflatten(1, (3, 4, 4)), (16, 16))
        return self.conv(x)[:, :3].sigmoid()


def test_match_generators():
    looking = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
    looking.layers, looking.pretrained_cfg = ['1'], dict(mean=(.5,)*3, std=(.5,)*3)
    G = Drawn(0)
    found = match_generators(G, G, dict(m=looking), n=40, batch_size=15)
    assert found and all(o.model == 'm' and o.bridge[0] == '1' for o in found)
    assert sum(o.unit == o.partner for o in found) >= len(found)/2
    again = match_generators(G, G, dict(m=looking), n=40, batch_size=40)
    alike = {o[:2]: o.alike for o in found}
    assert {o[:2]: o.alike for o in again} == pytest.approx(alike, abs=1e-5)
    with pytest.raises(ValueError, match='n must be'):
        match_generators(G, G, dict(m=looking), n=1)


class Denoiser(nn.Module):
    "The interface of a diffusion transformer, around two convolutions"
    def __init__(self, steps=4):
        super().__init__()
        self.steps, self.c_dim, self.z_dim = steps, 3, 4*4*4
        self.layers = ['act.3']
        self.fc = nn.Conv2d(4, 5, 1)
        self.act = nn.ModuleList(nn.Tanh() for _ in range(steps))

    def times(self):
        return torch.linspace(0, 1, self.steps + 1)

    def noise(self, z):
        return z.unflatten(1, (4, 4, 4))

    def encode(self, images):
        pooled = nn.functional.avg_pool2d(images, 4)
        return torch.cat([pooled, pooled[:, :1]], 1)

    def decode(self, codes):
        return nn.functional.interpolate(codes[:, :3], scale_factor=4.)

    def predict(self, x, t, label, step=None):
        self.asked = t, label, x
        return self.act[step](self.fc(x))


def test_noised():
    D = Denoiser()
    looking = Noised(D, step=2)
    images = rows(5, 3, 16, 16).sigmoid()
    out, maps = observe('m', looking, images)
    t, label, noisy = D.asked
    assert t.tolist() == [.5]*5 and label.tolist() == [3]*5 and out.shape == (5, 5, 4, 4)
    assert torch.allclose(noisy, .5*D.encode(images) + .5*looking.noise)
    assert list(maps) == ['act.2'] and torch.equal(maps['act.2'], out)
    assert torch.allclose(observe('m', looking, images[3:4])[1]['act.2'], maps['act.2'][3:4], atol=1e-6)
    assert torch.equal(Noised(D, step=2).noise, looking.noise)
    assert not torch.equal(Noised(D, step=2, seed=1).noise, looking.noise)
    assert Noised(D, label=1).label == 1 and Noised(D).step == 3
    assert torch.allclose(looking(nn.functional.interpolate(images, (32, 32))), out, atol=.2)


def test_noised_refuses():
    D = Denoiser()
    with pytest.raises(ValueError, match='noise alone: choose one of 1 to 3'):
        Noised(D, step=0)
    with pytest.raises(ValueError, match='this network has 4'):
        Noised(D, step=4)
    with pytest.raises(ValueError, match='classes are 0 to 2'):
        Noised(D, label=3)
    with pytest.raises(ValueError, match='that step alone'):
        Noised(Denoiser(steps=1))
    with pytest.raises(ValueError, match='in \\[0, 1\\]'):
        Noised(D)(torch.full((1, 3, 16, 16), 2.))


def test_noised_is_mined_like_a_vision_model():
    d = mine(Drawn(0), dict(m=Noised(Denoiser())), n=24, progress=False)
    assert d.layers['m'] == ['act.3'] and len(d.units['m']) == 5
    other = mine(Drawn(0), dict(m=Noised(Denoiser(), step=1)), n=24, progress=False)
    assert d.digests['m'] != other.digests['m']
