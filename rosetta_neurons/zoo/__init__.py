"""Models by name, as in timm: `create_model`, `list_models`"""
from .core import *
from . import biggan, clip, dino, mae, resnet, stylegan2, styleganxl
