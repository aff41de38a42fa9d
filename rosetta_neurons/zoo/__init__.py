"""Models by name, as in timm: `create_model`, `list_models`"""
from .core import *
from . import mae, resnet, stylegan2
