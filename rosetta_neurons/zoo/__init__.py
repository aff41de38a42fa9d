"""Models by name, as in timm: `create_model`, `list_models`, `from_weights`, `read_pickle`"""
from .core import *
from .files import read_pickle
from . import biggan, clip, dino, dit, libraries, mae, real, resnet, stylegan2, styleganxl
