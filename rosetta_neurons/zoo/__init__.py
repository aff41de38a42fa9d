"""Models by name, as in timm: `create_model`, `list_models`, `from_weights`, `read_pickle`"""
from .core import *
from .latents import *
from .weights import *
from .reading import read_pickle
from . import autoencoder, biggan, clip, dino, dit, files, latents, libraries, mae, norms
from . import pickles, reading, real, resnet, signals, stylegan2, stylegan2_files
from . import styleganxl, styleganxl_files, weights
