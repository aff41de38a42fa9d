"The installed commands: what they say and how they end"
import re,subprocess,sys
from pathlib import Path

import pytest

from rosetta_neurons import cli
from rosetta_neurons.cli import mine_command
from rosetta_neurons.dictionary import RosettaDictionary
from rosetta_neurons.world import sample_scenes
from rosetta_neurons.zoo import create_model
from torchvision.utils import save_image
import torch

bin = Path(sys.executable).parent

def run(*args, **kwargs): return subprocess.run([bin/args[0], *map(str, args[1:])], text=True, capture_output=True, **kwargs)

@pytest.mark.parametrize('name,options', [('rosetta-mine', '--generator --models --checkpoint --layers --size --n --k --center --batch-size --seed --out --images --device --label --truncation'),
                                          ('rosetta-train', '--steps --out --device --seed --threads --no-resume')])
def test_help(name, options):
    "Every option, with its default"
    r = run(name, '--help')
    assert r.returncode==0 and [o for o in options.split() if o not in r.stdout]==[]
    assert 'Error' not in r.stdout # what a function raises is for those who call it
    assert re.findall(r'^ +--no-\w+ +(?:do not )?', r.stdout, re.M)==re.findall(r'^ +--no-\w+ +do not ', r.stdout, re.M)!=[] # what it does, not what it leaves out

def clear(said, name, about):
    "Whether stderr holds one line, from the command, that names what is wrong"
    return len(said.splitlines())==1 and said.startswith(f'{name}: ') and about in said and 'Traceback' not in said

@pytest.mark.parametrize('args,about', [('rosetta-mine --generator mini_stylegan', 'mini_stylegan2'), ('rosetta-train mini_resnets', 'mini_resnet')])
def test_error_of_the_installed(args, about, tmp_path):
    "One line that names what comes closest, and exit code 2"
    r = run(*args.split(), cwd=tmp_path)
    assert r.returncode==2 and clear(r.stderr, args.split()[0], about), r.stderr
    assert list(tmp_path.iterdir())==[]

@pytest.mark.parametrize('args,about', [
    ('--models mini_resnet mini_may', 'mini_mae'),
    ('--images no/such/folder', 'no/such/folder'),
    ('--n many', 'many'),
    ('--n 4 --k 0', 'k must'),
    ('--n 1', 'n must'),
    ('--batch-size 0', 'batch_size must'),
    ('--center middle', 'position'),
    ('--device abacus', 'abacus'),
    ('--max-memory 1KB', 'max_memory'),
    ('--label 3', 'label'),
    ('--nonsense', '--nonsense'),
    ('--out /dev/null/no', '/dev/null/no'),
    ('--checkpoint net.pth', 'expected NAME=FILE, where NAME is one of mini_stylegan2, mini_resnet'),
    ('--checkpoint mini_may=net.pth', "closest: 'mini_mae'"),
    ('--checkpoint mini_mae=', 'nothing stands after the ='),
    ('--checkpoint mini_mae=none.pth', 'none.pth'),
    ('--checkpoint mini_mae=a mini_mae=b', 'mini_mae twice'),
    ('--layers blocks.*', "--layers for G: no layer 'blocks.*'"),
    ('--layers mini_mae=blocks.*.mpl.act', "no layer 'blocks.*.mpl.act'; closest: 'blocks."),
    ('--layers mini_may=blocks.*', "no model for --layers 'mini_may'; closest: 'mini_mae'"),
    ('--size 64', '--size is for --images'),
    ('--images photos --size 1 2 3', 'one number, or rows and columns'),
    ('--generator mini_resnet --models mini_mae', 'mini_resnet has no samples to look at: give --images'),
    ('--models nets:mine', "expected nets.py in"),
    ('--models tim:resnet18', 'names of libraries begin with timm: or open_clip:'),
    ('--models timm:resnet51', "no timm model 'resnet51'"),
    ('--models math:sqroot', "no function of math 'sqroot'; closest: 'sqrt'"),
    ('--models math:sqrt', 'while calling math:sqrt'),
    ('--models os:getcwd', 'os:getcwd returned something else than a network'),
    ('--models math:sqrt --untrained', '--untrained does not reach into math:sqrt'),
    ('--models efficientnet_lite9', "closest: 'efficientnet_lite")])
def test_errors(args, about, tmp_path, monkeypatch, capsys):
    "One line that names what is wrong, and exit code 2; nothing is written"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as e: mine_command([*args.split(), '--no-progress'])
    assert e.value.code==2
    said = capsys.readouterr().err
    assert clear(said, 'rosetta-mine', about), said
    assert list(tmp_path.iterdir())==[]

def test_unreadable_image(tmp_path, monkeypatch, capsys):
    "The file is named, and no dictionary is left"
    (tmp_path/'photos').mkdir()
    (tmp_path/'photos/torn.png').write_bytes(b'no picture')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit): mine_command('--images photos --no-progress'.split())
    assert 'torn.png' in capsys.readouterr().err.splitlines()[-1]
    assert [o.name for o in tmp_path.iterdir()]==['photos']

def test_same_seed_same_files(tmp_path):
    "Two runs give the same dictionary to the last bit"
    for out in 'ab': assert run('rosetta-mine', '--n', 32, '--seed', 3, '--out', tmp_path/out).returncode==0
    for o in ('dictionary.json','dictionary.safetensors'): assert (tmp_path/'a'/o).read_bytes()==(tmp_path/'b'/o).read_bytes()

# Networks, weights, layers and images of one's own (real-networks.md, 4)

OWN = """
import timm
from torch import nn

class Draws(nn.Module):
    "A bare generator: z of 8 numbers, images of 16 pixels in [0, 1], no w, no labels"
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 4*8*8), nn.Unflatten(1, (4, 8, 8)), nn.ReLU(), nn.Upsample(scale_factor=2), nn.Conv2d(4, 3, 3, padding=1), nn.Sigmoid())
    layers = ["body.2"]
    def sample(self, n, seed=0, label=None, truncation=None):
        from rosetta_neurons.zoo import Latents
        from rosetta_neurons.zoo.latents import _sample_z
        return Latents(_sample_z(n, 8, seed))
    def forward(self, z): return self.body(z.z)

def draws():
    import torch
    torch.manual_seed(0)
    return Draws()

def looks():
    net = timm.create_model("test_resnet")
    net.layers = ["layer1", "layer2"]
    return net

def broken(): raise RuntimeError("no weights\\nhere")
"""

@pytest.fixture
def folder(tmp_path, monkeypatch):
    "A folder with a module of one's own and eight pictures; it is the current one"
    (tmp_path/'own_nets.py').write_text(OWN)
    (tmp_path/'photos').mkdir()
    for i,o in enumerate(sample_scenes(8).render()): save_image(o, tmp_path/f'photos/{i}.png')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, '_report', lambda d, folder: folder) # which takes most of the time, and has tests of its own
    monkeypatch.delitem(sys.modules, 'own_nets', raising=False)
    return tmp_path

def mined(words):
    "The dictionary that the command leaves, with few images"
    mine_command([*words.split(), '--n', '8', '--batch-size', '4', '--no-progress'])
    return RosettaDictionary.load('rosetta')

def test_own_networks(folder, capsys):
    "A generator and a vision model of one's own, with the normalisation that the latter was trained with"
    path = list(sys.path)
    d = mined('--generator own_nets:draws --models own_nets:looks mini_resnet --layers own_nets:looks=layer?')
    assert d.names=={'G': 'own_nets:draws', 'own_nets:looks': 'own_nets:looks', 'mini_resnet': 'mini_resnet'}
    assert list(d.recipe.sizes['G'])==['body.2']
    assert [o for o in d.recipe.sizes['own_nets:looks']]==['layer1', 'layer2', 'layer3', 'layer4']
    assert sys.path==path

def test_installed_finds_own_module(folder):
    "The installed command looks into the current folder, too"
    r = run('rosetta-mine', '--generator', 'own_nets:draws', '--models', 'own_nets:broken', '--n', 8)
    assert r.returncode==2 and clear(r.stderr, 'rosetta-mine', 'no weights here while calling own_nets:broken'), r.stderr

def test_layers(folder):
    "For all, or for one by name; G by its own name or as G"
    d = mined('--generator mini_resnet --models mini_dino_resnet mini_mae --images photos --layers layer3 layer2 mini_mae=blocks.1.mlp.act')
    assert [list(d.recipe.sizes[m]) for m in ('G', 'mini_dino_resnet', 'mini_mae')]==[['layer3', 'layer2'], ['layer3', 'layer2'], ['blocks.1.mlp.act']]
    for g in ('G', 'mini_resnet'):
        d = mined(f'--generator mini_resnet --models mini_mae --images photos --out rosetta --layers {g}=layer?')
        assert list(d.recipe.sizes['G'])==['layer1', 'layer2', 'layer3', 'layer4'] and len(d.recipe.sizes['mini_mae'])>1

def test_checkpoint_and_size(folder):
    "A file instead of the shipped weights, for the one model that is named; images at another size"
    D = create_model('mini_resnet')
    torch.save(dict(state_dict={f'module.{k}': v*.5 for k,v in D.net.state_dict().items()}), 'own.pth')
    words = '--generator mini_resnet --models mini_dino_resnet --images photos'
    was,now = mined(words),mined(f'{words} --checkpoint mini_resnet=own.pth --size 48')
    assert was.digests['G']!=now.digests['G'] and was.digests['mini_dino_resnet']==now.digests['mini_dino_resnet']
    assert [tuple(o.recipe.image_size) for o in (was, now)]==[(64, 64), (48, 48)]

def test_images_pass_through(folder, monkeypatch):
    "One word as it is, several as a list: the form is for mine to understand"
    got = []
    def spy(*args, images=None, size=None, **kwargs):
        got.append((images, size))
        raise ValueError('enough')
    monkeypatch.setattr(cli, '_mine', spy)
    for words in ('--images photos', '--images photos/*.png', '--images photos/0.png photos/1.png --size 32 48', ''):
        with pytest.raises(SystemExit): mine_command(words.split())
    assert got==[('photos', None), ('photos/*.png', None), (['photos/0.png', 'photos/1.png'], [32, 48]), (None, None)]

def test_training_refuses(tmp_path):
    "No step, fewer than there were, and the checkpoint of another network: each was taken for something else"
    for word,about in (('--steps 0', 'steps must'), ('--steps -3', 'steps must'), ('--threads 0', 'threads must')):
        r = run('rosetta-train', 'mini_resnet', *word.split(), cwd=tmp_path)
        assert r.returncode==2 and clear(r.stderr, 'rosetta-train', about), r.stderr
    assert list(tmp_path.iterdir())==[]
    assert run('rosetta-train', 'mini_resnet', '--out', 'run', '--steps', 2, cwd=tmp_path).returncode==0
    for name,steps,about in (('mini_mae', 2, 'is of mini_resnet, not of mini_mae'), ('mini_resnet', 1, 'has 2 steps, more than steps=1')):
        r = run('rosetta-train', name, '--out', 'run', '--steps', steps, cwd=tmp_path)
        assert r.returncode==2 and clear(r.stderr, 'rosetta-train', about), r.stderr
