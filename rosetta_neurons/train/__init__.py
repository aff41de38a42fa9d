"""Training any model of the zoo: `train`"""
from .core import *
from . import eval_net, features, mae, resnet, stylegan2
