"What imports cost: torch's own time and little more"
import statistics, subprocess, sys

import pytest

pytestmark = pytest.mark.slow # each in a process of its own

heavy = ('timm', 'open_clip', 'torchvision', 'matplotlib', 'scipy', 'PIL', 'huggingface_hub', 'ipywidgets',
         'IPython', 'sklearn', 'torch._dynamo')
uses = ('from rosetta_neurons.all import *', 'import rosetta_neurons as rn; rn.mine', 'import rosetta_neurons as rn; rn.create_model')

def imported(code):
    "The heavy ones that a fresh process has imported after `code`"
    code = f'{code}\nimport sys; print(*[o for o in {heavy} if o in sys.modules])'
    return subprocess.run([sys.executable, '-c', code], check=True, capture_output=True, text=True).stdout.split()

def seconds(code):
    "CPU time of a fresh process"
    resource = pytest.importorskip('resource') # not on Windows
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, '-c', code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

@pytest.mark.parametrize('code', uses)
def test_nothing_heavy(code):
    "What only some need is imported by them"
    assert imported(code) == []

def test_models_bring_their_own_library():
    "A model is registered without the library of its network, and built with no other"
    assert imported('import rosetta_neurons as rn; rn.list_models(); rn.create_model("mini_stylegan2")') == []
    found = imported('import rosetta_neurons as rn; rn.create_model("mini_resnet")')
    assert 'torchvision' in found and not {'timm', 'open_clip', 'matplotlib'} & set(found)

def test_time():
    "Everything takes at most half more than torch alone; taken in turns, as a machine may be busy for a while"
    times = {code: [] for code in ('import torch', uses[0])}
    for _ in range(3):
        for code, taken in times.items():
            taken.append(seconds(code))
    torch, ours = map(statistics.median, times.values())
    assert ours <= 1.5*torch, times
