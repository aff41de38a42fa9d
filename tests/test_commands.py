"The installed commands: what they say and how they end"
import subprocess,sys
from pathlib import Path

import pytest

from rosetta_neurons.cli import mine_command

bin = Path(sys.executable).parent

def run(*args, **kwargs): return subprocess.run([bin/args[0], *map(str, args[1:])], text=True, capture_output=True, **kwargs)

@pytest.mark.parametrize('name,options', [('rosetta-mine', '--generator --models --n --k --center --batch-size --seed --out --images --device --label --truncation'),
                                          ('rosetta-train', '--steps --out --device --seed --threads --no-resume')])
def test_help(name, options):
    "Every option, with its default"
    r = run(name, '--help')
    assert r.returncode==0 and [o for o in options.split() if o not in r.stdout]==[]

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
    ('--out /dev/null/no', '/dev/null/no')])
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
    for out in 'ab': assert run('rosetta-mine', '--n', 64, '--seed', 3, '--out', tmp_path/out).returncode==0
    for o in ('dictionary.json','dictionary.safetensors'): assert (tmp_path/'a'/o).read_bytes()==(tmp_path/'b'/o).read_bytes()
