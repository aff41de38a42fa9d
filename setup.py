"Read requirements, extras and commands from settings.ini; pyproject.toml holds the rest."
from configparser import ConfigParser
from pathlib import Path

from setuptools import setup

cfg = ConfigParser(delimiters=["="])
cfg.read(Path(__file__).with_name("settings.ini"), encoding="utf-8")
cfg = {k: v.split() for k, v in cfg["DEFAULT"].items()}
extras = {o: cfg[f"{o}_requirements"] for o in ("dev", "docs", "test", "metrics", "labs", "real", "widgets")}
extras["dev"] = sorted(set(sum(extras.values(), [])))

setup(install_requires=cfg["requirements"], extras_require=extras,
      entry_points={"console_scripts": cfg["console_scripts"], "nbdev": ["rosetta-neurons = rosetta_neurons._modidx:d"]})
