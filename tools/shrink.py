"""Make the saved pictures of all notebooks small: python tools/shrink.py

At most 720 pixels wide, what looks like a photograph as JPEG, all else with 128 colours of its own.
"""
import base64
import io

from fastcore.nbio import read_nb, write_nb
from nbdev.config import get_config
from PIL import Image

WIDTH = 720 # pixels, at most
COLORS = 128 # of a picture that is no photograph

def saved(
    image:Image.Image,
    kind:str, # "PNG" or "JPEG"
    **how, # options of the kind
)->str: # base64 text
    "A picture as a file"
    out = io.BytesIO()
    image.save(out, kind, optimize=True, **how)
    return base64.b64encode(out.getvalue()).decode()

def smallest(
    image:Image.Image, # in RGB
)->tuple[str, str]: # type, and base64 text
    "A picture with few colours, or as a photograph where that is much smaller"
    colors = image.quantize(COLORS, kmeans=1, dither=Image.Dither.NONE) # dithering would treble a file
    few = saved(colors, "PNG")
    photo = saved(image, "JPEG", quality=70)
    if len(photo) < .7*len(few):
        return "image/jpeg", photo
    return "image/png", few

def shrunk(
    data:str | list[str], # a picture in PNG as base64 text, or lines of it
)->tuple[str, str]: # type, and base64 text of the same picture
    "A smaller picture; what has few colours already is left as it is"
    data = "".join(data)
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    if image.mode == "P" and len(image.getcolors()) <= COLORS:
        return "image/png", data
    image = image.convert("RGB")
    if image.width > WIDTH:
        height = round(image.height*WIDTH/image.width)
        image = image.resize((WIDTH, height), Image.Resampling.LANCZOS)
    return smallest(image)

def shrink_cell(cell):
    "Shrink every PNG among a cell's outputs"
    for out in cell.get("outputs", []):
        if "image/png" in out.get("data", {}):
            kind, small = shrunk(out["data"].pop("image/png"))
            out["data"] = {kind: small, **out["data"]}

def main():
    "Shrink the pictures of all notebooks"
    for path in sorted(get_config().nbs_path.rglob("*.ipynb")):
        nb = read_nb(path)
        for cell in nb.cells:
            shrink_cell(cell)
        write_nb(nb, path)

if __name__ == "__main__":
    main()
