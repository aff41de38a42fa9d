"""Find the units that different vision models share, and use them

`import rosetta_neurons as rn` offers what most work needs, such as `rn.mine`, `rn.create_model` and
`rn.report`. Each name is imported when it is first used, so the import itself takes no time.
"""
import sys
from importlib import import_module
from types import ModuleType

__version__ = "0.1.0"

_HOME = {
    "Units": "hooks",
    "record": "hooks",
    "ImageRun": "images",
    "PairCorrelation": "correlation",
    "best_buddies": "matching",
    "RosettaDictionary": "dictionary",
    "cluster": "dictionary",
    "rosetta_units": "dictionary",
    "Latents": "zoo.core",
    "Normalised": "zoo.core",
    "create_model": "zoo",
    "from_weights": "zoo",
    "list_models": "zoo",
    "read_pickle": "zoo",
    "mine": "mining",
    "show_images": "viz",
    "show_maps": "viz",
    "report": "report",
    "invert": "inversion",
    "copy_paste": "editing",
    "edit": "editing",
    "remove": "editing",
    "shift": "editing",
    "zoom": "editing",
}
__all__ = ["__version__", *_HOME] # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module 'rosetta_neurons' has no attribute {name!r}; it offers {', '.join(_HOME)}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted(__all__)


class _Face(ModuleType):
    "`rn.report` is the function, and not the module of the same name, whoever has imported that"
    def __setattr__(self, name, value):
        if name not in _HOME or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Face
