"What `import rosetta_neurons as rn` offers: few names, at no cost"
import subprocess, sys

import rosetta_neurons as rn

def python(code): return subprocess.run([sys.executable, '-c', code], check=True, capture_output=True, text=True).stdout.strip()

def test_few_names_and_all_of_them_there():
    "At most thirty, each of which comes from the module that is said to hold it"
    assert len(rn.__all__) <= 30
    for name in rn.__all__:
        assert name == '__version__' or getattr(rn, name).__module__.startswith('rosetta_neurons.')
    assert sorted(rn.__all__) == dir(rn)

def test_importing_costs_nothing():
    "Nothing heavy is imported before it is used"
    heavy = "{'torch', 'timm', 'matplotlib', 'torchvision', 'open_clip', 'numpy'}"
    assert python(f"import sys, rosetta_neurons; print({heavy} & sys.modules.keys())") == 'set()'

def test_functions_and_modules_of_one_name():
    "`rn.report` is the function, also where its module came first; the module can be imported as ever"
    assert python("import rosetta_neurons.report, rosetta_neurons as rn; print(rn.report.__name__)") == 'report'
    assert python("import rosetta_neurons as rn; rn.report; from rosetta_neurons.report import report; print(report is rn.report)") == 'True'

def test_an_unknown_name_says_what_is_there():
    try: rn.mines
    except AttributeError as e: assert 'mine' in str(e) and 'rosetta_neurons' in str(e)
    else: raise AssertionError('no error')
