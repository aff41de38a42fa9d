"""Situations from public bug reports of people who do this work, tried here.

The table at the end of `nbs/guide/troubleshooting.ipynb` tells what came out.
Comments name the source.
"""
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from rosetta_neurons.correlation import PairCorrelation
from rosetta_neurons.dictionary import RosettaDictionary
from rosetta_neurons.editing import edit, shift
from rosetta_neurons.hooks import record
from rosetta_neurons.images import ImageRun, read_image, to_image
from rosetta_neurons.inversion import invert
from rosetta_neurons.mining import mine
from rosetta_neurons.report import report
from rosetta_neurons.viz import show_images, show_maps, show_rows
from rosetta_neurons.zoo.core import create_model

LAYERS = ["0", "2"]
N = 24

def conv_net(seed=0):
    "Three layers, one of which changes its input in place"
    torch.manual_seed(seed)
    first = nn.Conv2d(3, 4, 3, padding=1)
    last = nn.Conv2d(4, 4, 3, padding=1)
    return nn.Sequential(first, nn.ReLU(inplace=True), last)

def images(n=N, seed=0):
    return torch.rand(n, 3, 16, 16, generator=torch.Generator().manual_seed(seed))

def mined(a=None, b=None, **kwargs):
    "Two small networks on random images"
    a = conv_net() if a is None else a
    b = conv_net(1) if b is None else b
    settings = dict(images=images(), n=N, layers={"G": LAYERS, "b": LAYERS}, progress=False)
    return mine(a, {"b": b}, **{**settings, **kwargs})

@pytest.fixture(scope="module")
def generator():
    return create_model("mini_stylegan2")

@pytest.fixture(scope="module")
def seer():
    return create_model("mini_resnet")

@pytest.fixture(scope="module")
def dictionary(generator, seer):
    return mine(generator, {"o": seer}, n=32, progress=False)

@pytest.fixture
def home(tmp_path, monkeypatch):
    "A home folder, and another folder to be in"
    home, here = tmp_path/"home", tmp_path/"here"
    home.mkdir()
    here.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(here)
    return home

# meta-pytorch/captum#156, ViCCo-Group/thingsvision#44: in-place layers overwrite what was recorded

@pytest.mark.unit
def test_in_place():
    net, x = conv_net(), images(2)
    with record(net, ["0"]) as maps:
        net(x)
    assert torch.equal(maps["0"], net[0](x))
    assert (maps["0"] < 0).any()

# meta-pytorch/captum#324: what needs gradients is called where gradients are off

@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_search_without_gradients(mode, generator, seer, dictionary):
    x = generator(generator.sample(1, seed=3)).detach()
    def run(reconstruction=None):
        return invert(generator, x, {"o": seer}, dictionary, steps=3, frames=1,
                      reconstruction=reconstruction, progress=False)
    outside = run().history["loss"]
    with mode():
        inside = run().history["loss"]
        run("l2")
    assert torch.equal(inside, outside)

@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_edit_without_gradients(mode, generator, dictionary):
    def run():
        z = generator.sample(1, seed=3)
        return edit(generator, z, shift(.25, 0), dictionary=dictionary, steps=3, frames=1,
                    progress=False).history["loss"]
    outside = run()
    with mode():
        inside = run()
    assert torch.equal(inside, outside)

def test_images_made_in_inference_mode(generator, seer, dictionary):
    with torch.inference_mode():
        x = generator(generator.sample(1, seed=3))
    found = invert(generator, x, {"o": seer}, dictionary, steps=2, frames=1, reconstruction="l2",
                   progress=False)
    assert found.images.isfinite().all()

# NVlabs/stylegan3#76: truncation 0 makes one image of every seed

class Collapsed:
    "A generator whose images differ by as much as is asked for"
    layers = ["0"]
    def __init__(self, spread):
        self.net, self.spread = conv_net(), spread
    def sample(self, n, seed=0):
        return torch.rand(n, 3, 16, 16, generator=torch.Generator().manual_seed(seed))
    def __call__(self, z):
        x = .5 + self.spread*(z - .5)
        return x + 0*self.net(x).mean()

def test_truncation_zero(generator, seer):
    with pytest.raises(ValueError, match="are all the same, within 1/255: truncation is 0"):
        mine(generator, {"o": seer}, n=16, truncation=0., progress=False)

@pytest.mark.unit
def test_collapsed_generator():
    others = {"b": conv_net(1)}
    settings = dict(n=16, layers={"b": LAYERS}, progress=False)
    with pytest.raises(ValueError, match="of Collapsed are all the same.*has it collapsed"):
        mine(Collapsed(1e-4), others, **settings)
    assert len(mine(Collapsed(.1), others, **settings).matches) > 0

def test_small_truncation_is_fine(generator, seer):
    found = mine(generator, {"o": seer}, n=8, truncation=.2, progress=False)
    assert len(found.matches) > 0

# choosehappy/HistoQC#197: `~` becomes a folder of this name

def test_home_folder_to_write(home):
    d = mined(out="~/run")
    d.save(Path("~/saved"))
    report(d, "~/page")
    assert os.listdir() == []
    written = [o for o in os.listdir(home) if not o.startswith(".")] # matplotlib's cache may lie there, too
    assert sorted(written) == ["page", "run", "saved"]
    assert (home/"page/report.html").is_file()
    assert RosettaDictionary.load("~/run").matches == d.matches

@pytest.mark.unit
def test_home_folder_to_read(home):
    (home/"photos").mkdir()
    for i, x in enumerate(images(4)):
        pixels = (x*255).byte().permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(home/f"photos/{i}.png")
    whole = ImageRun(home/"photos", 4)
    for o in ("~/photos", Path("~/photos"), "~/photos/*.png"):
        run = ImageRun(o, 4)
        assert torch.equal(run[:], whole[:])
    listed = ImageRun([f"~/photos/{i}.png" for i in range(4)], 4)
    assert torch.equal(listed[:], whole[:])
    assert ImageRun("~/photos", 4).digest() == whole.digest()

@pytest.mark.unit
def test_tilde_within_a_name(home):
    mined(out="a~b")
    assert os.listdir() == ["a~b"]

# pytorch/pytorch#110820: random numbers of the CPU where another device is the default

@pytest.fixture
def elsewhere():
    "A default device on which nothing can be computed: whatever lands there by mistake fails"
    torch.set_default_device("meta")
    yield
    torch.set_default_device("cpu")

def test_default_device(elsewhere):
    with torch.device("cpu"):
        a, b, x = conv_net(), conv_net(1), images()
        expected = mined(a, b, images=x)
    found = mined(a, b, images=x)
    assert found.matches == expected.matches

class Drawing(nn.Module):
    "A layer that makes a new tensor where the default says"
    def forward(self, x):
        self.made_on = torch.zeros(1).device
        return x

def test_models_keep_the_default_device(elsewhere):
    with torch.device("cpu"):
        drawing, x, b = Drawing(), images(), conv_net(1)
        a = nn.Sequential(nn.Conv2d(3, 4, 3), drawing, nn.Conv2d(4, 4, 3))
    mined(a, b, images=x)
    assert drawing.made_on.type == "meta"

@pytest.mark.unit
def test_latents_and_default_device(generator, elsewhere):
    assert generator.sample(2, seed=0).z.device.type == "cpu"

# matplotlib/matplotlib#20266: a dollar in a name starts a formula

@pytest.mark.parametrize("name", ["$x^_$", "$$", r"costs $3 or $4_5^6_7$", r"C:\net$1$\alpha"])
def test_dollars(name):
    x = images(2)
    show_images(x, [name, "b"])
    show_rows({name: x}, [name, name])
    fig = show_maps(x, {name: x[:, 0]})
    assert name in [o.get_text() for ax in fig.axes for o in ax.texts]

# facebook/Ax#4985, kasunkv/owasp-zap-vsts-task#54: names that are markup, in a report

ODD = "<zz onx=1>$x^_$</script>&'\""

class Named(nn.Sequential):
    "A network that has its name from elsewhere"
    name = ODD

def odd_net(seed):
    "Its layers have odd names, too"
    net = Named()
    for i, layer in enumerate(conv_net(seed)):
        net.add_module(f"{ODD}{i}", layer)
    return net

def test_markup_in_a_report(tmp_path):
    folder = tmp_path/"<zz>&"
    folder.mkdir()
    for i, x in enumerate(images()):
        pixels = (x*255).byte().permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(folder/f"<zz>{i}.png")
    layers = [f"{ODD}0", f"{ODD}2"]
    d = mine(odd_net(0), {ODD: odd_net(1)}, images=folder, n=N, layers={"G": layers, ODD: layers},
             out=tmp_path/"run", progress=False)
    page = report(d, tmp_path/"page").read_text()
    assert len(d.concepts) > 0
    assert "&lt;zz onx=1&gt;" in page
    assert "<zz" not in page
    assert RosettaDictionary.load(tmp_path/"run").models == [ODD]

# yueyang2000/CKA_minibatch_pytorch#1: another result at each run, and none for single images

@pytest.mark.parametrize("size", [1, 5, 24])
def test_same_at_any_batch_size(size):
    a, b, x = conv_net(), conv_net(1), images()
    sums = PairCorrelation()
    for part in x.split(size):
        with torch.no_grad(), record(a, LAYERS) as maps_a, record(b, LAYERS) as maps_b:
            a(part)
            b(part)
        sums.update(dict(maps_a), dict(maps_b))
    whole = mined(a, b, batch_size=N)
    again = mined(a, b, batch_size=N)
    assert whole.matches == again.matches
    units = [(l, c) for l in LAYERS for c in range(4)]
    table = sums.compute()
    for o in whole.matches:
        assert abs(table[units.index(o.unit), units.index(o.partner)] - o.correlation) < 1e-5

# OpenNeuroOrg/openneuro#2520: files that macOS and Windows leave in a folder of images

@pytest.mark.unit
def test_files_that_systems_leave(tmp_path):
    good = images(4)
    for i, x in enumerate(good):
        pixels = (x*255).byte().permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(tmp_path/f"{i}.png")
    whole = ImageRun(tmp_path, 4)[:]
    (tmp_path/"__MACOSX").mkdir()
    (tmp_path/".ipynb_checkpoints").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path/".ipynb_checkpoints/0-checkpoint.png")
    for name in ("._0.png", ".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX/._0.png"):
        (tmp_path/name).write_bytes(b"\0\5\x16\7")
    assert torch.equal(ImageRun(tmp_path, 4)[:], whole)

# automl/amltk#65, stan-dev/cmdstanpy#647: seeds that NumPy has drawn

@pytest.mark.parametrize("seed", [np.int64(3), np.uint8(3), torch.tensor(3)])
def test_numpy_seeds(seed):
    assert mined(seed=seed).matches == mined(seed=3).matches

@pytest.mark.unit
@pytest.mark.parametrize("seed", [None, 1.5, "3", True, [1, 2]])
def test_what_is_no_seed(seed):
    with pytest.raises(TypeError, match="seed must be a whole number, got"):
        mined(seed=seed)

@pytest.mark.parametrize("seed", [np.int64(3), torch.tensor(3)])
def test_numpy_seeds_elsewhere(seed, generator, seer, dictionary):
    assert torch.equal(generator.sample(2, seed=seed).z, generator.sample(2, seed=3).z)
    assert torch.equal(ImageRun(images(), N, seed)[:], ImageRun(images(), N, 3)[:])
    x = generator(generator.sample(1, seed=0)).detach()
    def found(seeds):
        return invert(generator, x, {"o": seer}, dictionary, steps=1, frames=1, seeds=seeds,
                      progress=False).images
    assert torch.equal(found(seed), found(3))
    assert torch.equal(found([seed]), found(3))
    for wrong in (1.5, "3", None):
        with pytest.raises(TypeError, match="interpreted as an integer"):
            generator.sample(2, seed=wrong)

@pytest.mark.unit
@pytest.mark.parametrize("label", [1.5, True, "dog", [0, 1, 2]])
def test_what_is_no_label(label):
    G = create_model("mini_biggan", pretrained=False)
    with pytest.raises((TypeError, RuntimeError), match="label is|expand"):
        G.sample(2, seed=0, label=label)

@pytest.mark.unit
def test_numpy_labels():
    G = create_model("mini_biggan", pretrained=False)
    for label in (np.int64(2), np.array([2, 2]), torch.tensor(2), [2, 2]):
        assert G.sample(2, seed=0, label=label).label.tolist() == [2, 2]

# microsoft/OmniParser#34: a pointer or a web page instead of weights

@pytest.mark.unit
@pytest.mark.parametrize("start, said", [
    ("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n", "git lfs pull"),
    ("\n<!DOCTYPE html><html><title>Virus scan warning</title>", "it is a web page"),
    ("<html>Not found</html>", "it is a web page"),
    ("12345678", "was it cut short"),
    ("", "was it cut short"),
])
def test_no_weights(start, said, tmp_path):
    path = tmp_path/"weights.safetensors"
    path.write_text(start)
    with pytest.raises(ValueError, match=said):
        create_model("mini_resnet", checkpoint_path=path)

# pytorch/vision#7977: photographs that lie on their side

@pytest.mark.unit
@pytest.mark.parametrize("turn", [1, 2, 3, 4, 5, 6, 7, 8])
def test_orientation(turn, tmp_path):
    "A file, and the same file opened by a data set, are one image"
    colours = np.random.default_rng(0).integers(0, 256, (3, 5, 3), dtype=np.uint8)
    tag = Image.Exif()
    tag[0x0112] = turn
    path = tmp_path/"photo.png"
    Image.fromarray(colours).save(path, exif=tag)
    opened = to_image(Image.open(path))
    assert torch.equal(opened, to_image(read_image(path)))
    assert list(opened.shape[2:]) == ([5, 3] if turn >= 5 else [3, 5])

@pytest.mark.unit
def test_orientation_once(tmp_path):
    "An image that was turned already stays as it is"
    tag = Image.Exif()
    tag[0x0112] = 6
    path = tmp_path/"photo.png"
    Image.new("RGB", (5, 3)).save(path, exif=tag)
    assert to_image(read_image(path)).shape == (1, 3, 5, 3)

# EmjayAhn/SuperTML-pytorch#1, huggingface/diffusers#488: channels first, or one

@pytest.mark.unit
def test_arrays_of_bytes():
    x = np.random.default_rng(0).integers(0, 256, (6, 8, 9, 3), dtype=np.uint8)
    last = ImageRun(x, 6)
    first = ImageRun(np.ascontiguousarray(x.transpose(0, 3, 1, 2)), 6)
    assert torch.equal(first[:], last[:])
    assert torch.equal(to_image(x[0, ..., :1]), to_image(x[0, ..., 0]))
    assert torch.equal(to_image(x[0, ..., 0][None]), to_image(x[0, ..., 0]))

@pytest.mark.unit
def test_odd_arrays_of_bytes():
    for shape in ((3, 8, 3), (8, 3, 3), (3, 3, 3)): # three rows or columns: channels last, as for Pillow
        x = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        assert to_image(x).shape == (1, 3, *shape[:2])

# open-mmlab/mmpose#2372: a mean of whole numbers

class Giving(nn.Module):
    "A layer that turns its input into something else"
    def __init__(self, f):
        super().__init__()
        self.f = f
    def forward(self, x):
        return self.f(x)

def matched(f):
    net = nn.Sequential(Giving(f))
    return mine(conv_net(), {"b": net}, images=images(), n=N, layers={"G": LAYERS, "b": ["0"]},
                progress=False).matches

@pytest.mark.parametrize("f", [lambda x: x > .5, lambda x: (x*255).byte(), lambda x: (x*9).long()])
def test_whole_numbers(f):
    assert matched(f) == matched(lambda x: f(x).float())

@pytest.mark.unit
def test_complex_numbers():
    with pytest.raises(TypeError, match="layer '0' gave complex numbers"):
        matched(torch.fft.fft2)

@pytest.mark.unit
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int64])
def test_correlation_of_whole_numbers(dtype):
    a = images(8)*255//1
    b = a + 50*images(8, seed=1)
    whole, floating = PairCorrelation(), PairCorrelation()
    whole.update({"a": a.to(dtype)}, {"b": b})
    floating.update({"a": a}, {"b": b})
    assert torch.equal(whole.compute(), floating.compute())

# TylerYep/torchinfo#117: weights that are not there yet

def test_lazy_layers():
    net = nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU(), nn.LazyConv2d(4, 3))
    with pytest.raises(ValueError, match="'0.weight' has no shape yet: call the model on a batch"):
        mined(net)
    net(images(2))
    assert len(mined(net).matches) > 0

@pytest.mark.unit
def test_models_without_numbers():
    with pytest.raises(ValueError, match="model 'b': '0.weight' is on the meta device"):
        mined(b=conv_net().to("meta"))
