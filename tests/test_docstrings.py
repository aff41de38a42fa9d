"""What is public says what it takes, gives and raises, and where it comes from"""
import ast
import builtins
import dataclasses
import importlib
import inspect
import re
from pathlib import Path

import pytest
from fastcore.docments import docments

import rosetta_neurons

root = Path(rosetta_neurons.__file__).parent
MODULES = sorted(o for o in root.rglob('*.py') if o.name not in ('__init__.py', '_modidx.py', 'all.py'))
EQUATIONS = { # where the paper has an equation, section or figure for it, or another paper has the method
    'RunningStats': 'Eq. 1', 'PairCorrelation': 'Eq. 2', 'released_score': 'Eq. 2', 'nearest': 'Eq. 3', 'best_buddies': 'Eq. 3',
    'scored_buddies': 'Eq. 3', 'rosetta_units': 'Eq. 4', 'rosetta_q': 'Eq. 4', 'cluster': 'Sec. 3.2', 'CLUSTERINGS': 'Sec. 3.2',
    'Concept': 'Sec. 3.2', 'RosettaDictionary': 'Sec. 3.2', 'RosettaDictionary.stats': 'Eq. 1', 'RosettaDictionary.score': 'Eq. 1',
    'RosettaDictionary.together': 'Eq. 1', 'mine': 'Eq. 2-4', 'pairings': 'Eq. 2', 'standard': 'Eq. 1', 'similarity': 'Eq. 5, which Eq. 6',
    'OBJECTIVES': 'Eq. 6', 'RECONSTRUCTIONS': 'Eq. 7', 'perceptual': 'Eq. 7', 'lpips': 'Eq. 7', 'ramp': 'Sec. 4.2', 'SearchOptions': 'Eq. 5',
    'Inversion': 'Sec. 4.1', 'Inversion.final': 'Eq. 7', 'invert': 'Sec. 4.1', 'invert_file': 'Eq. 5', 'edit': 'Eq. 6', 'edit_file': 'Sec. 4.2',
    'edit_studio': 'Sec. 4.2', 'zoom': 'Sec. 4.2', 'shift': 'Sec. 4.2', 'copy_paste': 'Sec. 4.2', 'remove': 'Sec. 4.2', 'show_scores': 'Eq. 2',
    'unit_matcher': 'Eq. 2', 'k_and_n_explorer': 'Eq. 3',
    'RunningStats.merge': 'Chan', 'q_values': 'Elias and Gygi, 2007', 'p_values': 'Westfall and Young, 1993', 'interval': 'Efron, 1979',
    'agreement': 'Bau et al., 2017', 'cka': 'Kornblith et al., 2019', 'mutual_information': 'Li et al., 2015',
    'RosettaDictionary.selectivity': 'Treves and Rolls', 'nt_xent': 'Chen et al., 2020', 'SelfDistillation': 'Caron et al., 2021',
    'cls_attention': 'Caron et al., 2021', 'dino_resnet50': 'Caron et al., 2021', 'contrastive_loss': 'Radford et al., 2021',
    'zero_shot': 'Radford et al., 2021', 'clip_resnet50': 'Radford et al., 2021', 'flow_loss': 'Lipman et al., 2023',
    'frechet': 'Heusel et al., 2017', 'precision_recall': 'Kynkäänniemi et al., 2019', 'critic_loss': 'Sauer et al., 2021',
    'MaskedAutoencoder': 'He et al., 2022', 'mini_resnet': 'He et al., 2016', 'StyleGAN2': 'Karras et al. (2020)',
    'StyleGANXL': 'Sauer et al. (2022)', 'BigGAN': 'Brock et al. (2019)', 'standing_statistics': 'Brock et al. (2019)',
    'DiT': 'Peebles and Xie (2023)'}


def public():
    for path in MODULES:
        name = '.'.join(['rosetta_neurons', *path.relative_to(root).with_suffix('').parts])
        module = importlib.import_module(name)
        for o in getattr(module, '__all__', []):
            yield pytest.param(module, o, id=f'{name[16:]}.{o}')


PUBLIC = list(public())


def lineage(thing):
    "A class, and those that it is made of here"
    return [o for o in thing.__mro__ if o.__module__.startswith('rosetta_neurons')]


def functions_of(thing):
    "The function itself; of a class its public methods, those of our own bases too, and how it is made"
    if inspect.isfunction(thing):
        return [inspect.unwrap(thing)]
    if not inspect.isclass(thing):
        return []
    found = {}
    for kind in reversed(lineage(thing)):
        for name, o in vars(kind).items():
            f = inspect.unwrap(getattr(o, '__func__', o))
            written = inspect.isfunction(f) and Path(f.__code__.co_filename).is_file() # not what a dataclass generates
            if written and (name == '__init__' or not name.startswith('_')):
                found[name] = f
    return list(found.values())


def test_public_names_are_few():
    assert len(PUBLIC) <= 220


@pytest.mark.parametrize('module,name', PUBLIC)
def test_says_what_it_is(module, name):
    "A docstring for what can be called, a class's methods too, and a comment beside or above a constant"
    thing = getattr(module, name)
    if inspect.isfunction(thing) or inspect.isclass(thing):
        assert inspect.getdoc(thing) and thing.__doc__
        assert not [f.__qualname__ for f in functions_of(thing) if f.__name__ != '__init__' and not f.__doc__]
    else:
        lines = inspect.getsource(module).splitlines()
        at = next(i for i, o in enumerate(lines) if re.match(rf'{name}\b.*=|{name}:', o))
        above = lines[at-1].startswith('# ') and not lines[at-1].startswith('# %%') # nbdev's mark of a cell
        assert '#' in lines[at] or above, f'{name} has no comment'


@pytest.mark.parametrize('module,name', PUBLIC)
def test_says_what_it_holds(module, name):
    "A docstring for each property, and a comment beside each field"
    thing = getattr(module, name)
    silent = []
    for kind in lineage(thing) if inspect.isclass(thing) else []:
        silent += [k for k, v in vars(kind).items() if isinstance(v, property) and not k.startswith('_') and not v.__doc__]
        if dataclasses.is_dataclass(kind) or issubclass(kind, tuple):
            for o in ast.parse(inspect.cleandoc('\n' + inspect.getsource(kind))).body[0].body:
                if isinstance(o, ast.AnnAssign):
                    line = inspect.cleandoc('\n' + inspect.getsource(kind)).splitlines()[o.end_lineno - 1]
                    silent += [o.target.id] * ('#' not in line)
    assert not silent, silent


def parsed(f):
    return ast.parse(inspect.cleandoc('\n' + inspect.getsource(f))).body[0]


def calls(thing):
    for f in functions_of(thing):
        yield f, parsed(f)


@pytest.mark.parametrize('module,name', PUBLIC)
def test_says_what_it_takes_and_gives(module, name):
    "A comment for each argument and for what is returned, and a shape beside each tensor"
    silent = []
    for f, node in calls(getattr(module, name)):
        said = docments(f, full=True, returns=True, args_kwargs=True)
        for arg, about in said.items():
            if arg in ('self', 'cls') or arg == 'return' and about.anno in (inspect.Parameter.empty, inspect._empty, None, 'None'):
                continue
            text = str(about.docment or '')
            kind = about.anno if isinstance(about.anno, str) else inspect.formatannotation(about.anno)
            plain = arg == 'return' and not re.search(r'\b(dict|list|tuple|Tensor|Any|Iterator|float|int)\b', str(about.anno))
            if not text and not plain: # a class, a text or a truth value that is returned is told by its name
                silent.append(f'{f.__qualname__}: {arg}')
            if re.search(r'\bTensor\b', kind) and '[' not in text and '{name: Tensor}' not in text: # weights are of any shape
                silent.append(f'{f.__qualname__}: shape of {arg}')
    assert not silent, silent


def raised(f, seen):
    "Names of Python's errors that a function raises, itself or through helpers at any depth (what is public says its own)"
    for o in ast.walk(parsed(f)):
        if isinstance(o, ast.Raise) and isinstance(o.exc, ast.Call) and isinstance(o.exc.func, ast.Name):
            made = f.__globals__.get(o.exc.func.id)
            error = made.__annotations__['return'].__name__ if inspect.isfunction(made) else o.exc.func.id
            yield from [error]*hasattr(builtins, error)
        elif isinstance(o, ast.Call) and isinstance(o.func, ast.Name) and o.func.id.startswith('_'):
            helper = inspect.unwrap(f.__globals__.get(o.func.id))
            if inspect.isfunction(helper) and helper not in seen and helper.__module__.startswith('rosetta_neurons'):
                seen.add(helper)
                yield from raised(helper, seen)


DOCS = {o.values[1]: inspect.getdoc(getattr(*o.values)) or '' for o in PUBLIC}


@pytest.mark.parametrize('module,name', PUBLIC)
def test_says_what_it_raises(module, name):
    "Each error by its name, or the name of a function whose docstring names it"
    thing = getattr(module, name)
    methods = {f.__name__: inspect.getdoc(f) or '' for f in functions_of(thing)}
    silent = []
    for f in functions_of(thing):
        own = f'{inspect.getdoc(f)} {inspect.getdoc(thing)}'
        doc = ' '.join([own, *(DOCS.get(o, '') + methods.get(o, '') for o in re.findall(r'`(\w+)`', own))])
        silent += [f'{f.__qualname__}: {e}' for e in sorted(set(raised(f, set()))) if e not in doc]
    assert not silent, silent


@pytest.mark.parametrize('name', EQUATIONS)
def test_says_its_equation(name):
    first, _, method = name.partition('.')
    module = next(o.values[0] for o in PUBLIC if o.values[1] == first)
    thing = getattr(module, first)
    if inspect.isfunction(thing) or inspect.isclass(thing):
        said = inspect.getdoc(getattr(thing, method) if method else thing)
    else: # a constant: the line above
        said = re.search(rf'^# (.*)\n{first}\b', inspect.getsource(module), re.M)[1]
    assert EQUATIONS[name] in ' '.join(said.split())
