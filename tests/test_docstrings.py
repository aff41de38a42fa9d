"""What is public says what it takes, gives and raises, and where it comes from"""
import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest
from fastcore.docments import docments

import rosetta_neurons

root = Path(rosetta_neurons.__file__).parent
MODULES = sorted(o for o in root.rglob('*.py') if o.name not in ('__init__.py', '_modidx.py', 'all.py'))
EQUATIONS = { # where the paper has an equation, section or figure for it
    'RunningStats': 'Eq. 1', 'PairCorrelation': 'Eq. 2', 'best_buddies': 'Eq. 3', 'rosetta_units': 'Eq. 4', 'cluster': 'Sec. 3.2',
    'mine': 'Eq. 2-4', 'invert': 'Eq. 5', 'similarity': 'Eq. 5', 'edit': 'Eq. 6'}


def public():
    for path in MODULES:
        name = '.'.join(['rosetta_neurons', *path.relative_to(root).with_suffix('').parts])
        module = importlib.import_module(name)
        for o in getattr(module, '__all__', []):
            yield pytest.param(module, o, id=f'{name[16:]}.{o}')


PUBLIC = list(public())


def functions_of(thing):
    "The function itself; of a class its own public methods, and how it is made"
    if inspect.isfunction(thing):
        return [thing]
    if not inspect.isclass(thing):
        return []
    own = [o for o in vars(thing).values() if inspect.isfunction(inspect.unwrap(o)) or isinstance(o, (classmethod, staticmethod))]
    own = [inspect.unwrap(getattr(o, '__func__', o)) for o in own]
    own = [o for o in own if Path(o.__code__.co_filename).is_file()] # not what a dataclass generates
    return [o for o in own if (o.__name__ == '__init__' or not o.__name__.startswith('_')) and o.__module__ == thing.__module__]


def test_public_names_are_few():
    assert len(PUBLIC) <= 220


@pytest.mark.parametrize('module,name', PUBLIC)
def test_says_what_it_is(module, name):
    "A docstring for what can be called, and a comment beside a constant"
    thing = getattr(module, name)
    if inspect.isfunction(thing) or inspect.isclass(thing):
        assert inspect.getdoc(thing) and thing.__doc__
    else:
        lines = inspect.getsource(module).splitlines()
        at = next(i for i, o in enumerate(lines) if re.match(rf'{name}\b.*=|{name}:', o))
        assert any('#' in o for o in lines[max(0, at-1):at+1]), f'{name} has no comment'


def calls(thing):
    for f in functions_of(thing):
        yield f, ast.parse(inspect.cleandoc('\n' + inspect.getsource(f))).body[0]


@pytest.mark.parametrize('module,name', PUBLIC)
def test_says_what_it_takes_and_gives(module, name):
    "A comment for each argument and for what is returned, and a shape beside each tensor"
    silent = []
    for f, node in calls(getattr(module, name)):
        said = docments(f, full=True, returns=True)
        for arg, about in said.items():
            if arg in ('self', 'cls') or arg == 'return' and about.anno in (inspect.Parameter.empty, inspect._empty, None, 'None'):
                continue
            text = str(about.docment or '')
            kind = about.anno if isinstance(about.anno, str) else getattr(about.anno, '__name__', str(about.anno))
            if not text and arg != 'return':
                silent.append(f'{f.__qualname__}: {arg}')
            if 'Tensor' in kind and '[' not in text and 'Tensor[' not in text and 'float32[' not in text:
                silent.append(f'{f.__qualname__}: shape of {arg}')
    assert not silent, silent


def raised(node):
    "Names of the errors that a function raises itself"
    for o in ast.walk(node):
        if isinstance(o, ast.Raise) and isinstance(o.exc, ast.Call) and isinstance(o.exc.func, ast.Name) and o.exc.func.id[0].isupper():
            yield o.exc.func.id


@pytest.mark.parametrize('module,name', PUBLIC)
def test_says_what_it_raises(module, name):
    thing = getattr(module, name)
    silent = []
    for f, node in calls(thing):
        doc = f'{inspect.getdoc(f)} {inspect.getdoc(thing)}'
        silent += [f'{f.__qualname__}: {e}' for e in set(raised(node)) if e not in doc]
    assert not silent, silent


@pytest.mark.parametrize('name', EQUATIONS)
def test_says_its_equation(name):
    module = next(o.values[0] for o in PUBLIC if o.values[1] == name)
    assert EQUATIONS[name] in inspect.getdoc(getattr(module, name))
