"The README's line on real networks, as it stands there, on the photographs that are shipped; and their correlations against plain code"
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from rosetta_neurons.dictionary import RosettaDictionary
from rosetta_neurons.mining import mine
from rosetta_neurons.runtime import observe
from rosetta_neurons.hooks import evaluating
from rosetta_neurons.photos import photo_groups, photos
from rosetta_neurons.zoo import create_model

root = Path(__file__).parents[1]

def test_fifty_pairs_of_real_units():
    "Within 1e-5 of an independent computation in float64"
    G, D = create_model("efficientnet_lite0"), create_model("efficientnet_lite2")
    layers = {"G": G.layers[2:4], "lite2": D.layers[2:4]}
    d = mine(G, {"lite2": D}, images=photos()[::3], groups=photo_groups()[::3], n=40, size=96, layers=layers, progress=False)
    images = torch.cat([d.live.source[i:i+1] for i in range(d.n)])
    with evaluating(G, D):
        maps = {"G": observe("G", G, images, layers["G"])[1], "lite2": observe("lite2", D, images, layers["lite2"])[1]}
    gen = torch.Generator().manual_seed(0)
    worst = 0.
    for i in torch.randperm(len(d.matches), generator=gen)[:50].tolist():
        match = d.matches[i]
        x, y = maps["G"][match.unit[0]][:, match.unit[1]].double(), maps["lite2"][match.partner[0]][:, match.partner[1]].double()
        size = [max(a, b) for a, b in zip(x.shape[1:], y.shape[1:])]
        for centred, found in ((False, match.correlation), (True, match.centred)):
            a, b = (F.interpolate((m-m.mean(0) if centred else m)[:, None], size, mode="bilinear", align_corners=False).flatten() for m in (x, y))
            a, b = a-a.mean(), b-b.mean()
            worst = max(worst, abs((a@b/(a.norm()*b.norm())).item()-found))
    assert worst < 1e-5

@pytest.mark.install
@pytest.mark.slow
def test_readme_line(tmp_path, browser):
    "One command, offline; the page opens in a browser and shows its concepts"
    line = re.search(r"^\.venv/bin/rosetta-mine (.*efficientnet_lite0.*)$", (root/"README.md").read_text(), re.M)[1]
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"} # beside other tests
    command = [Path(sys.executable).with_name("rosetta-mine"), *shlex.split(line), "--no-progress"]
    run = subprocess.run([str(o) for o in command], cwd=tmp_path, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert run.returncode == 0, run.stdout[-3000:]
    assert sorted(o.name for o in (tmp_path/"real").iterdir()) == ["dictionary.json", "dictionary.safetensors", "report.html"]
    d = RosettaDictionary.load(tmp_path/"real")
    neurons = sum(len(c.units) for c in d.concepts)
    assert neurons >= 500 and max(len(c.units) for c in d.concepts) <= neurons/20
    page = browser.new_page()
    page.goto((tmp_path/"real"/"report.html").as_uri())
    assert page.locator(".concept:visible").count() > 20
    page.close()
