"""What `invert` and `edit` must not get wrong in silence; the numbers are those of the list of faults"""
import warnings
import numpy as np, pytest, torch
from PIL import Image
from torch import nn
from torch.utils.checkpoint import checkpoint
from rosetta_neurons.editing import edit, shift
from rosetta_neurons.objectives import _compare_by
from rosetta_neurons.inversion import invert
from rosetta_neurons.mining import mine
from rosetta_neurons.zoo import create_model

QUICK = dict(steps=4, progress=False)


class Draws(nn.Module):
    "A generator with neither w nor classes; `how` it runs its first block is the test's matter"
    layers = ["first.1", "second.1"]
    how = "plainly"
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Sequential(nn.ConvTranspose2d(8, 6, 4), nn.GELU())
        self.second = nn.Sequential(nn.ConvTranspose2d(6, 5, 4, 4), nn.GELU())
        self.rgb = nn.Conv2d(5, 3, 1)
    def sample(self, n, seed=0): return torch.randn(n, 8, generator=torch.Generator().manual_seed(seed))
    def block(self, x):
        if self.how == "checkpoint": return checkpoint(self.first, x, use_reentrant=True)
        if self.how == "new checkpoint": return checkpoint(self.first, x, use_reentrant=False)
        if self.how == "no_grad":
            with torch.no_grad(): return self.first(x)
        return self.first(x.detach() if self.how == "detach" else x)
    def forward(self, z): return self.rgb(self.second(self.block(z[..., None, None]))).sigmoid()


class Sees(nn.Module):
    layers = ["net.1", "net.3"]
    def __init__(self, seed=1):
        super().__init__()
        torch.manual_seed(seed)
        self.net = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.GELU(), nn.Conv2d(6, 6, 3, 2, 1), nn.GELU())
    def forward(self, x): return self.net(x)


@pytest.fixture(scope="module")
def found():
    "Generator, network, dictionary, image"
    G, D = Draws().eval(), Sees().eval()
    d = mine(G, {"sees": D}, n=48, progress=False)
    with torch.no_grad(): x = G(G.sample(1, seed=9))
    return G, D, d, x


# 10: gradients that are cut

@pytest.mark.parametrize("how", ["checkpoint", "no_grad", "detach"])
def test_10_a_generator_that_cuts_gradients_is_refused(found, how, monkeypatch):
    G, D, d, x = found
    monkeypatch.setattr(Draws, "how", how)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore") # of torch, that no input has a gradient
        with pytest.raises(ValueError, match=r"no gradient goes from \[.*'first.1'.*use_reentrant"): invert(G, x, D, d, **QUICK)
        with pytest.raises(ValueError, match="no gradient goes from"): edit(G, G.sample(1), shift(.1), d, **QUICK)

def test_10_checkpoints_of_the_new_kind_work(found, monkeypatch):
    G, D, d, x = found
    plain = invert(G, x, D, d, **QUICK)
    monkeypatch.setattr(Draws, "how", "new checkpoint")
    saved = invert(G, x, D, d, **QUICK)
    assert torch.allclose(plain.images, saved.images, atol=1e-5)
    assert saved.history["similarity"][-1] != saved.history["similarity"][0]

def test_10_images_without_gradients_are_refused_for_a_reconstruction(found, monkeypatch):
    G, D, d, x = found
    class Cut(Draws):
        def forward(self, z): return super().forward(z).detach()
    with pytest.raises(ValueError, match=r"no gradient goes from \['the images'\]"): invert(Cut().eval(), x, reconstruction="l2", **QUICK)


# 18: images in other forms

def test_18_one_image_in_any_form(found):
    G, D, d, x = found
    pixels = (x[0]*255).round().to(torch.uint8).movedim(0, 2).numpy()
    x = torch.from_numpy(pixels).movedim(2, 0)[None]/255
    expected = invert(G, x, D, d, **QUICK)
    for given in (x[0], Image.fromarray(pixels), pixels, pixels[None], x[0].numpy(), x.double().numpy(), [Image.fromarray(pixels)]):
        assert torch.equal(invert(G, given, D, d, **QUICK).images, expected.images)
    assert len(invert(G, [pixels, Image.fromarray(pixels)], D, d, **QUICK)) == 2

def test_18_latents_are_still_latents(found):
    G, D, d, x = found
    z = G.sample(3)
    own = invert(G, z, dictionary=d, **QUICK)
    assert len(own) == 3 and own.latents.shape == (3, 8)
    class Grid(Draws): # latents of four axes, as DCGAN's
        def sample(self, n, seed=0): return super().sample(n, seed)[..., None, None]
        def forward(self, z): return super().forward(z[..., 0, 0])
    grid = Grid().eval()
    assert torch.allclose(invert(grid, z[..., None, None], dictionary=d, **QUICK).images, own.images, atol=1e-6)

@pytest.mark.parametrize("given,says", [
    (np.zeros((16, 16), np.uint8), r"expected a tensor \[B, 3, H, W\]"),
    (torch.zeros(16, 16, 3), r"expected a tensor \[B, 3, H, W\]"),
    (torch.zeros(2, 1, 16, 16), r"expected a tensor \[B, 3, H, W\]"),
    (np.zeros((3, 16, 3), np.uint8), r"may be \[3, H, W\] or \[H, W, 3\]"),
    (torch.zeros(3, 16, 16, dtype=torch.uint8), "divide bytes by 255"),
    (torch.zeros(2, 7), r"neither images \[n, 3, H, W\], nor latents \[n, 8\]"),
    ("dog.png", "PIL.Image.open"), ({"image": 1}, "PIL.Image.open"), (None, "PIL.Image.open"), ([], "no images")])
def test_18_what_is_no_image_is_refused_with_a_cure(found, given, says):
    G, D, d, _ = found
    with pytest.raises((TypeError, ValueError), match=says): invert(G, given, D, d, **QUICK)


# real networks, 3: what a perceptual loss compares by

def test_perceptual_never_takes_a_toy_network_by_itself(found):
    G, D, d, x = found
    with pytest.warns(UserWarning, match="compared by 'sees'.*give perceptual="): r = invert(G, x, D, d, reconstruction="perceptual", **QUICK)
    assert r.compared_by == "sees" == r[0].compared_by
    with pytest.warns(UserWarning, match="compared by 'sees'"): invert(G, G.sample(1), dictionary=d, reconstruction="perceptual", **QUICK)
    with pytest.raises(ValueError, match="none that knows those of Draws: give perceptual="): invert(G, x, reconstruction="perceptual", **QUICK)

def test_perceptual_by_a_network_of_the_caller(found):
    G, D, d, x = found
    other = Sees(seed=5).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        r = invert(G, x, D, d, reconstruction="perceptual", perceptual=other, **QUICK)
        assert r.compared_by == "Sees"
        other.net[0].weight.data *= -1
        assert not torch.equal(r.history["reconstruction"], invert(G, x, D, d, reconstruction="perceptual", perceptual=other, **QUICK).history["reconstruction"])
        assert invert(G, x, reconstruction="perceptual", perceptual="mini_resnet", **QUICK).compared_by == "mini_resnet"
    with pytest.raises(ValueError, match="perceptual= names the network"): invert(G, x, D, d, reconstruction="l1", perceptual=other, **QUICK)

def test_perceptual_in_the_toy_world_is_as_it_was():
    G = create_model("mini_stylegan2", pretrained=False)
    assert _compare_by(G, {"a": create_model("mini_mae", pretrained=False)}).name == "mini_resnet.seed1"
    assert _compare_by(G, {"a": create_model("mini_resnet.seed1")}).name == "mini_resnet"


# real networks, 9: raw errors

def test_label_and_truncation_of_a_generator_that_has_none(found):
    G, D, d, x = found
    with pytest.raises(ValueError, match="label is 3, but Draws has no classes.*leave label out"): invert(G, x, D, d, label=3, **QUICK)
    with pytest.raises(ValueError, match="truncation is 0.5, but Draws has no truncation"): invert(G, x, D, d, truncation=.5, **QUICK)
    class Mute(Draws): sample = None
    with pytest.raises(ValueError, match="Mute has no `sample`: give start="): invert(Mute().eval(), x, reconstruction="l1", **QUICK)
    assert len(invert(Mute().eval(), x, reconstruction="l1", start=G.sample(1), **QUICK)) == 1
    class Any(Draws):
        def sample(self, n, seed=0, **kwargs): return super().sample(n, seed)
    assert len(invert(Any().eval(), x, reconstruction="l1", label=3, **QUICK)) == 1

@pytest.mark.parametrize("kind", ["half", "bfloat16"])
def test_half_precision_says_what_to_do(found, kind):
    G, D, d, x = found
    name = dict(half="float16").get(kind, kind)
    half = getattr(Draws().eval(), kind)()
    with pytest.raises(RuntimeError, match=rf"weights of Draws are {name}.*give Draws.float\(\)"): invert(half, x, reconstruction="l1", **QUICK)
    seer = getattr(Sees().eval(), kind)()
    with pytest.raises(RuntimeError, match=rf"weights of Sees are {name}.*give Sees.float\(\)"): mine(G, {"sees": seer}, n=16, progress=False)
    with pytest.raises(RuntimeError, match=rf"weights of Sees are {name}"): invert(G, x, reconstruction="perceptual", perceptual=seer, **QUICK)

def test_half_precision_works_behind_a_wrapper_that_converts(found):
    G, _, d, x = found
    class Converts(nn.Module):
        layers = Sees.layers
        def __init__(self, dtype):
            super().__init__()
            self.net, self.dtype = Sees().eval().to(dtype), dtype
        def forward(self, x): return self.net(x.to(self.dtype))
    converted = mine(G, {"sees": Converts(torch.bfloat16)}, n=48, progress=False)
    exact = {(o.unit, o.partner): o.correlation for o in d.matches}
    both = [(o.correlation, exact[o.unit, o.partner]) for o in converted.matches if (o.unit, o.partner) in exact]
    assert len(both) > .7*len(exact) and all(abs(a - b) < .02 for a, b in both)
    assert len(invert(G, x, Converts(torch.bfloat16), converted, **QUICK)) == 1
