"Write README.md from nbs/index.ipynb and its saved outputs: python tools/readme.py"
import base64
import re
from pathlib import Path

from fastcore.nbio import read_nb
from nbdev.config import get_config

NOTE = "<!-- Made from nbs/index.ipynb by tools/readme.py: edit that -->"
LINKS = re.compile(r"(\]\()(?!\w+:|#|/)") # to what lies beside the notebook

def fence(
    text:str,
    lang:str="", # of the code; none for what was printed
)->str:
    "Text as a block of code"
    return f"``` {lang}".rstrip() + f"\n{text.rstrip()}\n```"

def picture(
    kind:str, # "png" or "jpeg"
    data:str, # base64 text
    pictures:dict[str, bytes], # what there is already; this one is added
    alt:str, # what the picture shows
)->str:
    "Keep the picture in `pictures`, and link to it"
    name = f"index_files/{len(pictures)+1}.{kind}"
    pictures[name] = base64.b64decode(data)
    return f"![{alt}]({name})"

def output(
    out, # of a cell
    pictures:dict[str, bytes], # as for `picture`
    alt:str, # what its picture shows
)->str:
    "An output as Markdown: a picture, Markdown, or text"
    if "text" in out:
        return fence("".join(out["text"]))
    data = {kind: "".join(lines) for kind, lines in out["data"].items()}
    for kind in ("png", "jpeg"):
        if f"image/{kind}" in data:
            return picture(kind, data[f"image/{kind}"], pictures, alt)
    return data.get("text/markdown") or fence(data["text/plain"])

def is_hidden(
    directives:dict, # of a cell
)->bool:
    "Does the cell stay out of the README?"
    hiding = {"hide", "default_exp"} & directives.keys()
    return bool(hiding) or directives.get("include") == "false"

def cell2md(
    cell, # of the notebook
    pictures:dict[str, bytes], # as for `picture`
)->str: # empty for a hidden cell
    "A cell and its outputs as Markdown"
    directives = cell.directives
    if is_hidden(directives):
        return ""
    if cell.cell_type != "code":
        return LINKS.sub(r"\1nbs/", cell.source)
    source = re.sub(r"^#\|.*\n?", "", cell.source, flags=re.M).strip()
    parts = [fence(source, "python")] if source and directives.get("echo") != "false" else []
    alt = directives.get("fig-alt", "").strip('"')
    for out in cell.outputs:
        parts.append(output(out, pictures, alt))
    return "\n\n".join(parts)

def readme(
    nb:Path, # the notebook
)->tuple[str, dict[str, bytes]]: # the README's text, and `{name: bytes}` of its pictures
    "The Markdown of notebook `nb`"
    pictures = {}
    cells = [cell2md(cell, pictures) for cell in read_nb(nb).cells]
    title, *rest = filter(None, cells)
    return "\n\n".join([title, NOTE, *rest]) + "\n", pictures

def main():
    "Write README.md and its pictures beside the notebooks' folder"
    cfg = get_config()
    text, pictures = readme(cfg.nbs_path/cfg.readme_nb)
    for old in (cfg.config_path/"index_files").glob("*"):
        old.unlink()
    for name, data in {"README.md": text.encode(), **pictures}.items():
        path = cfg.config_path/name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)

if __name__ == "__main__":
    main()
