"The card on a model's page, or its training's, before any code: trained on what, licence, size, measures, limits"
import json
from dataclasses import dataclass
from pathlib import Path

from nbdev.config import get_config

WORLD = "scenes of [the world](../00_world.ipynb), 64 pixels a side, drawn without end"
ONE_WORLD = "knows one procedural world, and no photograph"

@dataclass
class Card:
    "What no file says of the models of a page"
    models:list[str]
    data:str # what they were trained on
    limits:str # what they can't do
    task:str="" # what they were trained for, where they are not in the list of models

# By the name of a model's notebook
CARDS = {
    "01_stylegan2": Card(
        ["mini_stylegan2", "mini_stylegan2.unlabelled"],
        f"{WORLD}; no labels, but the critic of `mini_stylegan2` looks through "
        "[a network](../15_train/01_features.ipynb) that was taught parts with labels",
        "many coats shimmer in several hues; small animals are unfinished; many of the animals "
        "of `mini_stylegan2.unlabelled` can't be named"),
    "02_resnet": Card(["mini_resnet"], f"{WORLD}; the animal and its coat as labels", ONE_WORLD),
    "03_mae": Card(["mini_mae"], f"{WORLD}; no labels", ONE_WORLD),
    "04_dino": Card(
        ["mini_dino_resnet", "mini_dino_vit"],
        f"{WORLD}; no labels, views that share the animal alone",
        f"{ONE_WORLD}; trained to overlook colours"),
    "05_clip": Card(
        ["mini_clip_resnet"], f"{WORLD}; captions of forty words",
        f"{ONE_WORLD}, and no other word"),
    "06_biggan": Card(
        ["mini_biggan"], f"{WORLD}; the animal as a label; its critic sees pixels alone",
        "further from true scenes than `mini_stylegan2`, by the distance above"),
    "07_styleganxl": Card(
        ["mini_styleganxl"], f"{WORLD}, made 32 pixels; the animal as a label; its critic looks "
        "through [a network](../15_train/01_features.ipynb) that was taught with labels",
        "draws 32 pixels and fringes its animals with colours; its training is not at its end"),
    "11_dit": Card(
        ["mini_dit"], f"{WORLD}; the animal as a label; no critic; [a network]"
        "(../15_train/01_features.ipynb) that was taught with labels steered its autoencoder",
        "a short training: animals are often malformed, a quarter not the one asked for"),
    "10b_autoencoder": Card(
        ["autoencoder"], f"{WORLD}; no critic, but errors of features of "
        "[a network](../15_train/01_features.ipynb) that was taught with labels",
        "one procedural world; fine edges come back a little softer",
        "images to codes and back, for `mini_dit`"),
    "01_features": Card(
        ["features", "features32"], f"{WORLD} (`features32`: made 32 pixels); parts, animal, coat and factors as labels",
        "steers generators in training, and is never mined", "features for a generator's critic"),
    "02_eval_net": Card(
        ["eval_net", "eval_net32"],
        f"{WORLD} (`eval_net32`: made 32 pixels); animal, coat, parts and factors as labels",
        "measures images of this world; what it says of others means nothing",
        "predicts animal, coat, parts and factors"),
}

# The notebook of a training: that of its model
TRAININGS = {
    "03_resnet": "02_resnet", "04_mae": "03_mae", "05_stylegan2": "01_stylegan2",
    "06_dino": "04_dino", "07_clip": "05_clip", "08_biggan": "06_biggan",
    "09_styleganxl": "07_styleganxl", "09b_autoencoder": "10b_autoencoder", "10_dit": "11_dit", "01_features": "01_features",
    "02_eval_net": "02_eval_net"}

# Measures of benchmarks/zoo.json in words, on scenes that no network was trained on
MEASURES = {
    "animal": "{:.1%} name the animal", "coat": "{:.1%} name the coat",
    "miou": "mean IoU of parts {:.2f}", "fine": "{:.1%} name animal and coat",
    "color": "{:.1%} name its colour", "probe": "{:.1%} by a linear probe for the animal",
    "knn": "{:.1%} by the animal of 20 neighbours", "frechet": "Fréchet distance {:.1f}",
    "precision": "precision {:.2f}", "recall": "recall {:.2f}",
    "asked_animal": "{:.1%} show the animal that is asked for"}

def measured(
    name:str, # of a model
    zoo:dict, # benchmarks/zoo.json
)->str:
    "What was measured of a model, in words"
    of_model = zoo.get(name.split(".")[0], {}) # with its other trainings
    values = of_model.get("trained") or of_model.get(name) or of_model
    known = (text.format(values[key]) for key, text in MEASURES.items() if key in values)
    return "; ".join(known)

def size(
    name:str, # of a model
    package:Path, # folder of the package
)->str:
    "Size of the file of weights, in float16"
    file = package/f"weights/{name}.safetensors"
    if not file.exists():
        return f"no weights ship yet; `rosetta-train {name} --save` makes them"
    return f"{file.stat().st_size/1e6:.1f} MB, float16"

def training(
    name:str, # of a model
)->str:
    "The command that trains it, and its steps"
    from rosetta_neurons.train.core import TASKS
    return f"`rosetta-train {name} --save`, {TASKS[name].steps:,} steps if not told otherwise"

def rows(
    about:Card,
    is_training:bool,
)->dict[str, str]: # {what: Markdown}
    "The lines of a card; none for what is not known"
    from rosetta_neurons.zoo.core import _MODELS
    cfg = get_config()
    zoo = json.loads((cfg.config_path/"benchmarks/zoo.json").read_text())
    cards = {name: _MODELS[name].card if name in _MODELS else {} for name in about.models}
    def each(said):
        texts = {name: said(name) for name in about.models}
        if len(set(texts.values())) == 1:
            return texts[about.models[0]]
        return "<br>".join(f"`{name}`: {text}" for name, text in texts.items() if text)
    found = {
        "model": ", ".join(f"`{name}`" for name in about.models),
        "task": each(lambda name: cards[name].get("task", about.task)),
        "data": about.data,
        "training": each(training) if is_training else "",
        "licence": each(lambda name: cards[name].get("licence", "Apache-2.0")),
        "size": each(lambda name: size(name, cfg.lib_path)),
        "measured": each(lambda name: measured(name, zoo)),
        "limits": about.limits}
    return {key: text for key, text in found.items() if text}

def card(
    stem:str, # of a notebook of the zoo, or of a training
)->str: # Markdown; empty for a page without a card
    "A box for a model's page"
    about = CARDS.get(TRAININGS.get(stem, stem))
    if about is None:
        return ""
    lines = [f"| {key} | {text} |" for key, text in rows(about, stem in TRAININGS).items()]
    return "\n".join(["::: {.model-card}", "", "| | |", "| --- | --- |", *lines, "", ":::"])
