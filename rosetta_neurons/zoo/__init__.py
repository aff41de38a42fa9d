"""Models by name, as in timm: `create_model`, `list_models`, `from_weights`, `read_pickle`"""
from .core import *
from .latents import *
from .weights import *
from .reading import read_pickle
from . import biggan, clip, dino, dit, files, latents, libraries, mae, norms, pickles, reading
from . import real, resnet, signals, stylegan2, stylegan2_files, styleganxl, styleganxl_files
from . import weights
