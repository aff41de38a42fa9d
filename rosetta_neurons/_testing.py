"""How `nbdev-test` runs the notebooks: each in a process of its own, which gives its memory back

Written by hand; `test_setup` of `[tool.nbdev]` in pyproject.toml names `_setup`.
"""
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from nbdev import test

_test_nb = test.test_nb


def _in_this_process(*args, **kw)->tuple[bool, float]:
    return _test_nb(*args, **kw) # which can't be sent to a process by itself: its name is ours now


def _in_own_process(*args, **kw)->tuple[bool, float]: # did it pass, seconds
    "Test a notebook, with the arguments of `nbdev.test.test_nb`, in a process that then ends"
    how = get_context("fork" if sys.platform == "linux" else None)
    with ProcessPoolExecutor(1, how) as pool:
        return pool.submit(_in_this_process, *args, **kw).result()


def _setup(
    cells:list, # of all notebooks
):
    "Import once what most notebooks import, and which every process then shares"
    import matplotlib.pyplot # noqa: F401
    import open_clip # noqa: F401
    import timm # noqa: F401
    import torchvision # noqa: F401

    import rosetta_neurons.all # noqa: F401
    test.test_nb = _in_own_process
