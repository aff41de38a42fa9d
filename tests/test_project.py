"Facts of the project that stand in more than one file agree, and those that should stand once do"
import ast,importlib,re,subprocess,sys,tomllib
from configparser import ConfigParser
from pathlib import Path

import pytest,yaml
from nbdev.config import get_config

import rosetta_neurons

root = Path(__file__).parents[1]
project = tomllib.loads((root/'pyproject.toml').read_text())['project']
settings = ConfigParser(delimiters=['='])
settings.read(root/'settings.ini')
settings = {k: v.split() for k,v in settings['DEFAULT'].items()}
modules = sorted(p for p in (root/'rosetta_neurons').rglob('*.py') if p.name[0]!='_')

def tracked():
    "Files that git knows or would add"
    out = subprocess.run('git ls-files -co --exclude-standard'.split(), cwd=root, capture_output=True, text=True, check=True)
    return [root/o for o in out.stdout.splitlines() if (root/o).is_file()]

def texts(): return {p.relative_to(root).as_posix(): p.read_text(errors='replace') for p in tracked() if p.suffix not in ('.safetensors','.png')}

def distribution(requirement): return re.match(r'[\w.-]+', requirement)[0].lower().replace('_', '-')

@pytest.mark.unit
def test_address_stands_once():
    "A move of the repository is an edit of one line; nbdev-export carries it into _modidx.py"
    address = project['urls']['Repository']
    owner = address.split('//')[1].rsplit('/', 1)[0]
    holders = [f for f,t in texts().items() if owner in t or f"{owner.split('/')[1]}.{owner.split('.')[0]}.io" in t]
    assert sorted(holders)==['pyproject.toml', 'rosetta_neurons/_modidx.py']
    assert (root/'pyproject.toml').read_text().count(owner)==1
    from rosetta_neurons._modidx import d
    assert d['settings']['git_url']==address==get_config(root).git_url

@pytest.mark.unit
def test_version_stands_once():
    "In the package; the changelog starts with it"
    assert f'## {rosetta_neurons.__version__}\n' in (root/'CHANGELOG.md').read_text()
    assert re.search(r'^## (.*)$', (root/'CHANGELOG.md').read_text(), re.M)[1]==rosetta_neurons.__version__
    for name in 'pyproject.toml settings.ini setup.py CITATION.cff _quarto.yml'.split():
        assert rosetta_neurons.__version__ not in (root/name).read_text(), name

@pytest.mark.unit
def test_licence():
    "The full text of the licence that pyproject.toml and CITATION.cff name"
    text = (root/'LICENSE').read_text()
    assert 'Apache License' in text and 'Version 2.0' in text and 'END OF TERMS AND CONDITIONS' in text
    assert project['license']==yaml.safe_load((root/'CITATION.cff').read_text())['license']=='Apache-2.0'

@pytest.mark.unit
def test_citation():
    "Names the software as pyproject.toml does, and the paper"
    cff = yaml.safe_load((root/'CITATION.cff').read_text())
    assert cff['title']==project['name']
    assert [o['name'] for o in cff['authors']]==[o['name'] for o in project['authors']]
    assert [o['family-names'] for o in cff['references'][0]['authors']]==['Dravid','Gandelsman','Efros','Shocher']

@pytest.mark.unit
def test_pythons():
    "The test workflow runs on every Python that the package takes, and on three systems"
    jobs = yaml.safe_load((root/'.github/workflows/test.yml').read_text())['jobs']
    matrix = jobs['test']['strategy']['matrix']
    low,high = (int(o) for o in re.fullmatch(r'>=3\.(\d+),<3\.(\d+)', project['requires-python']).groups())
    assert matrix['python']==[f'3.{o}' for o in range(low, high)]
    assert {*matrix['os'], *(o['os'] for o in matrix['include'])}=={'ubuntu-latest','macos-latest','windows-latest'}

def imports(path):
    "Top-level packages that a module imports, anywhere in it"
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = [a.name for o in nodes if isinstance(o, ast.Import) for a in o.names]
    names += [o.module for o in nodes if isinstance(o, ast.ImportFrom) and not o.level]
    return {o.split('.')[0] for o in names}

def test_imports_are_required():
    "Every package that the library imports is a core requirement, or of the extras for measures and labs, which are imported where they are used"
    known = {'otter':'otter-grader', 'dill':'otter-grader', 'IPython':'ipywidgets', 'traitlets':'ipywidgets', 'PIL':'pillow', 'open_clip':'open-clip-torch', 'huggingface_hub':'huggingface-hub'}
    used = {known.get(m, m) for p in modules for m in imports(p)} - sys.stdlib_module_names - {'rosetta_neurons'}
    core = {distribution(o) for o in settings['requirements']}
    more = {distribution(o) for o in settings['metrics_requirements']+settings['labs_requirements']}
    assert used <= core|more, f'imported, not required: {used-core-more}'

@pytest.mark.unit
def test_commands():
    "Every command of settings.ini is a function of the package"
    for o in settings['console_scripts']:
        name,_,where = o.partition('=')
        module,_,function = where.partition(':')
        assert name.startswith('rosetta-') and callable(getattr(importlib.import_module(module), function))

def public(path):
    "Names that an exported module offers, and the module's own"
    name = '.'.join(path.relative_to(root).with_suffix('').parts)
    return name,importlib.import_module(name).__all__

@pytest.mark.unit
def test_all():
    "`from rosetta_neurons.all import *` brings every public name, and no two modules share one"
    namespace = {}
    exec('from rosetta_neurons.all import *', namespace)
    owner = {}
    for name,names in (public(p) for p in modules if p.name!='all.py'):
        for o in names:
            assert o in namespace, f'{o} of {name} is not in rosetta_neurons.all'
            assert owner.setdefault(o, name)==name, f'{o} is in {owner[o]} and in {name}'

def test_options_of_nbdev_test():
    "Where the command is written down, its options are ones that it takes"
    takes = subprocess.run(['nbdev-test', '--help'], text=True, capture_output=True, check=True).stdout
    for file in ('README.md', 'CONTRIBUTING.md', '.github/workflows/test.yml'):
        lines = [re.split('&&|#', o.split('nbdev-test', 1)[1])[0] for o in (root/file).read_text().splitlines() if 'nbdev-test' in o]
        options = re.findall(r'(?<=\s)--[\w-]+', ' '.join(lines))
        assert options and all(o in takes for o in options), (file, options)

@pytest.mark.unit
def test_readme_lines():
    "One line installs and mines, one installs and tests; .ci/run looks for the second by the word nbdev-test"
    lines = (root/'README.md').read_text().splitlines()
    run,test = [o for o in lines if 'rosetta-mine' in o and 'pip install' in o],[o for o in lines if 'nbdev-test' in o]
    assert len(run)==len(test)==1
    assert 'pip install' in test[0] and '.[dev]' in test[0] and 'pytest' in test[0]
