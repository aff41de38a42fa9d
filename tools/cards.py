"The card that stands on a model's page before any code: what it was trained on, licence, size, measures, limits"
import json
from pathlib import Path

from nbdev.config import get_config

WORLD = "scenes of [the world](../00_world.ipynb), 64 pixels a side, drawn without end"
ONE_WORLD = "knows one procedural world, and no photograph"

# A page's models, what they were trained on, and what they can't do
CARDS = {
    "01_stylegan2": (
        ["mini_stylegan2"], f"{WORLD}; no labels, but its critic looks through "
        "[a network](../15_train/01_features.ipynb) that was taught parts with labels",
        "many coats shimmer in several hues; small animals are unfinished"),
    "02_resnet": (["mini_resnet"], f"{WORLD}; the animal and its coat as labels", ONE_WORLD),
    "03_mae": (["mini_mae"], f"{WORLD}; no labels", ONE_WORLD),
    "04_dino": (
        ["mini_dino_resnet", "mini_dino_vit"], f"{WORLD}; no labels, views that share the animal alone",
        f"{ONE_WORLD}; trained to overlook colours"),
    "05_clip": (
        ["mini_clip_resnet"], f"{WORLD}; captions of forty words",
        f"{ONE_WORLD}, and no other word"),
    "06_biggan": (
        ["mini_biggan"], f"{WORLD}; the animal as a label; its critic sees pixels alone",
        "further from true scenes than `mini_stylegan2`, by the distance above"),
    "07_styleganxl": (
        ["mini_styleganxl"], f"{WORLD}, made 32 pixels; the animal as a label; its critic looks through "
        "[a network](../15_train/01_features.ipynb) that was taught with labels",
        "draws 32 pixels and fringes its animals with colours; its training is not at its end"),
}

# Measures of benchmarks/zoo.json in words, on scenes that no network was trained on
MEASURES = {
    "animal": "{:.1%} name the animal", "fine": "{:.1%} name animal and coat",
    "color": "{:.1%} name its colour", "probe": "{:.1%} by a linear probe for the animal",
    "knn": "{:.1%} by the animal of 20 neighbours", "frechet": "Fréchet distance {:.1f}",
    "precision": "precision {:.2f}", "recall": "recall {:.2f}",
    "asked_animal": "{:.1%} show the animal that is asked for"}

def measured(
    name:str, # of a model
    zoo:dict, # benchmarks/zoo.json
)->str:
    "What was measured of a model, in words"
    values = zoo[name].get("trained") or zoo[name][name]
    known = (text.format(values[key]) for key, text in MEASURES.items() if key in values)
    return "; ".join(known)

def size(
    name:str, # of a model
    package:Path, # folder of the package
)->str:
    "Size of the file of weights, in float16"
    return f"{(package/f'weights/{name}.safetensors').stat().st_size/1e6:.1f} MB, float16"

def card(
    stem:str, # of a notebook of the zoo
)->str: # Markdown; empty for a page without a card
    "A box for a model's page"
    if stem not in CARDS:
        return ""
    from rosetta_neurons.zoo.core import _MODELS
    models, data, limits = CARDS[stem]
    cfg = get_config()
    zoo = json.loads((cfg.config_path/"benchmarks/zoo.json").read_text())
    def each(said):
        texts = {name: said(name) for name in models}
        if len(set(texts.values())) == 1:
            return texts[models[0]]
        return "<br>".join(f"`{name}`: {text}" for name, text in texts.items())
    rows = {
        "model": ", ".join(f"`{name}`" for name in models),
        "task": each(lambda name: _MODELS[name].card["task"]),
        "data": data,
        "licence": each(lambda name: _MODELS[name].card["licence"]),
        "size": each(lambda name: size(name, cfg.lib_path)),
        "measured": each(lambda name: measured(name, zoo)),
        "limits": limits}
    lines = [f"| {key} | {text} |" for key, text in rows.items()]
    return "\n".join(["::: {.model-card}", "", "| | |", "| --- | --- |", *lines, "", ":::"])
