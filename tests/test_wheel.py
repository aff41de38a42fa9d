"What is in the wheel, and that it does the main job where nothing else is"
import os,subprocess,sys,venv,zipfile
from pathlib import Path

import pytest

root = Path(__file__).parents[1]
mb = 2**20

def sh(*args, **kwargs):
    "Run a command; its output is the error's if it fails"
    r = subprocess.run([str(o) for o in args], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kwargs)
    assert r.returncode==0, r.stdout[-5000:]
    return r.stdout

@pytest.fixture(scope='session')
def wheel(tmp_path_factory):
    "The wheel, built from the source archive, so that both are complete"
    out = tmp_path_factory.mktemp('dist')
    sh(sys.executable, '-m', 'build', '--no-isolation', '--outdir', out, root)
    return next(out.glob('*.whl'))

def shipped():
    "Files of the package: its modules, weights and assets"
    here = root/'rosetta_neurons'
    return {p.relative_to(root).as_posix() for p in here.rglob('*') if p.is_file() and '__pycache__' not in p.parts}

def test_wheel_contents(wheel):
    "The whole package and nothing else"
    with zipfile.ZipFile(wheel) as z: names = {o for o in z.namelist() if '.dist-info/' not in o}
    assert names==shipped()

def test_sizes(wheel):
    "At most 80 MB the wheel, 8 MB a model, 60 MB all weights; weights are safetensors"
    weights = {o.name: o.stat().st_size for o in (root/'rosetta_neurons/weights').iterdir()}
    assert wheel.stat().st_size<80*mb
    assert max(weights.values())<=8*mb and sum(weights.values())<=60*mb
    assert {Path(o).suffix for o in weights} <= {'.safetensors','.json'}
    assert any(o.endswith('.safetensors') for o in weights)

def bare_env():
    "The environment less what could lend the checkout's packages"
    return {k:v for k,v in os.environ.items() if k not in ('PYTHONPATH','VIRTUAL_ENV')}

@pytest.mark.install
@pytest.mark.slow
def test_main_job(wheel, tmp_path):
    "The wheel in an empty environment, outside the checkout: `rosetta-mine` with no arguments"
    venv.create(tmp_path/'env', with_pip=True)
    bin = tmp_path/'env'/('Scripts' if os.name=='nt' else 'bin')
    sh(bin/'python', '-m', 'pip', 'install', '-q', '--no-compile', wheel, cwd=tmp_path, env=bare_env())
    said = sh(bin/'rosetta-mine', cwd=tmp_path, env={**bare_env(), 'HF_HUB_OFFLINE':'1'})
    made = tmp_path/'rosetta'
    assert sorted(o.name for o in made.iterdir())==['dictionary.json', 'dictionary.safetensors', 'report.html']
    assert 'concepts' in said and str(Path('rosetta')/'report.html') in said
    like = sh(bin/'python', '-c', "from rosetta_neurons.dictionary import RosettaDictionary as D; print(D.shipped().compare(D.load('rosetta')).matches)", cwd=tmp_path, env=bare_env())
    assert float(like)>.95, like # what comes with the package is what the job gives
    where = sh(bin/'python', '-c', 'import rosetta_neurons; print(rosetta_neurons.__file__)', cwd=tmp_path, env=bare_env())
    assert str(tmp_path) in where
