"""Training any model of the zoo: `train`"""
from .core import *
from . import autoencoder, biggan, clip, dino, dit, eval_net, features, mae, resnet
from . import stylegan2, styleganxl
