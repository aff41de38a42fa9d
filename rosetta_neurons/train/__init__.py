"""Training any model of the zoo: `train`"""
from .core import *
from . import biggan, clip, dino, dit, eval_net, features, mae, resnet, stylegan2, styleganxl
