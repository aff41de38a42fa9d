"Build the site in _docs/, a page a notebook with its saved outputs: python tools/docs.py"
import ast
import json
import re
import shutil
import sys
import tempfile
import typing
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote

import nbdev.processors
import yaml
from execnb.shell import CaptureShell
from fastcore.nbio import mk_cell, read_nb, write_nb
from latex2mathml.converter import convert
from nbdev.config import get_config, nbpath2html
from nbdev.process import Processor
from nbdev.processors import FilterDefaults, exec_show_docs
from smalldocs.config import load
from smalldocs.layout import SiteNav
from smalldocs.site import Site

from cards import card
from gallery import with_dictionaries, write_dictionaries
from searching import entries, glossary_terms

# A notebook's way to its page

nbdev.processors.get_config = cache(get_config) # read once, not for every cell

def show_source(cell):
    "Exported code stays on the page, below its documentation"
    if "export" in cell.directives_:
        cell.directives_["exports"] = cell.directives_.pop("export")

def import_with_annotations(
    package:str,
):
    "Import a package, and what only its annotations name: nbdev looks these up"
    for library in ("ipywidgets", "matplotlib.pyplot", "open_clip", "timm", "torchvision"):
        import_module(library) # before, as it need not be ready for this
    typing.TYPE_CHECKING = True
    try:
        import_module(f"{package}.all")
    finally:
        typing.TYPE_CHECKING = False

class DocumentExports(Processor):
    "Fill in the documentation of exported names; nothing else of a notebook runs"

    def begin(self):
        self.k = CaptureShell()
        self.k.run_cell("from nbdev.showdoc import show_doc")
        named = (c.directives_.get("default_exp") for c in self.nb.cells)
        module = next(filter(None, named), None)
        if module:
            package = get_config().lib_path.name
            self.k.run_cell(f"from {package}.all import *") # classes of other modules may be patched
            self.k.run_cell(f"from {package}.{module} import *")

    def cell(self, cell):
        if getattr(cell, "has_sd", False):
            self.k.cell(cell)
            if self.k.exc:
                raise self.k.exc

class Page(FilterDefaults):
    "What becomes of a notebook on its way to the site"

    def base_procs(self):
        usual = [DocumentExports if o is exec_show_docs else o for o in super().base_procs()]
        return [show_source, *usual]


# Names: which notebooks become which pages, and where they stand

def is_left_out(
    path:Path, # in the folder of the notebooks
    render:list[str], # of _quarto.yml: what begins with an exclamation mark is left out
)->bool:
    "Does it become no page?"
    refused = tuple(o[1:] for o in render if o[0] == "!")
    hidden = any(part[0] in "._" for part in path.parts)
    return hidden or path.as_posix().startswith(refused)

def pages(
    nbs:Path, # folder of the notebooks
    render:list[str], # as for `is_left_out`
)->dict[Path, Path]: # each source's path: its page's, which has no number in its name
    "Notebooks and texts that become pages"
    names = {}
    for file in sorted(nbs.rglob("*")):
        path = file.relative_to(nbs)
        if file.suffix in (".ipynb", ".qmd") and not is_left_out(path, render):
            names[path] = nbpath2html(path).with_suffix(path.suffix)
    return names

def contents(
    items, # of the sidebar in _quarto.yml: names of notebooks, patterns, links, sections
    names:dict[Path, Path], # from `pages`
)->list:
    "The same with pages, each pattern spelled out in the order of the notebooks; no empty sections"
    found = []
    for item in [items] if isinstance(items, str) else items:
        if isinstance(item, str):
            found += matched(item, names)
        elif "section" in item:
            inner = contents(item["contents"], names)
            if inner:
                found.append(item | {"contents": inner})
        else:
            found.append(item | {"href": matched(item["href"], names)[0]})
    return found

def matched(
    pattern:str, # a notebook's name, or a pattern of names in one folder
    names:dict[Path, Path], # from `pages`
)->list[str]:
    "The pages it stands for; a name must stand for one"
    depth = len(Path(pattern).parts)
    found = []
    for source, page in names.items():
        if len(source.parts) == depth and source.match(pattern):
            found.append(page.as_posix())
    if not found and "*" not in pattern:
        sys.exit(f"_quarto.yml names {pattern}, which is not in nbs/")
    return found

def listed(
    items:list, # from `contents`
)->set[str]:
    "All pages of a sidebar"
    found = set()
    for item in items:
        if isinstance(item, str):
            found.add(item)
        elif "section" in item:
            found |= listed(item["contents"])
        else:
            found.add(item["href"])
    return found


# Pages

def linked(
    text:str, # a notebook as JSON, or Markdown
    names:dict[Path, Path], # from `pages`
    colab:str, # the place of a link `(colab:)`
)->str:
    "Links lead to pages"
    for source, page in names.items():
        text = text.replace(f"{source.name})", f"{page.name})")
        text = text.replace(f"{source.name}#", f"{page.name}#")
    return text.replace("(colab:)", f"({colab})")

def with_introduction(
    nb, # notebook
):
    "What follows title and subtitle in the first cell in a cell of its own: nbdev would drop it"
    title = r"(# [^\n]+\n+(?:> [^\n]+)?)(.*)"
    head, rest = re.match(title, nb.cells[0].source, re.S).groups()
    nb.cells[:1] = [mk_cell(o, "markdown") for o in (head, rest.strip()) if o]
    return nb

PICTURE_FIRST = ("figures", "tutorials") # folders of notebooks

def is_picture(
    output, # of a cell
)->bool:
    "Is there something to see, other than text?"
    html = "".join(output.get("data", {}).get("text/html", ""))
    kinds = " ".join(output.get("data", {}))
    return "image/" in kinds or "<img" in html or "<svg" in html

def only_imports(
    cell, # of code
)->bool:
    "Does the cell bring names, and do nothing else?"
    tree = cell.parsed_()
    return bool(tree) and all(isinstance(o, (ast.Import, ast.ImportFrom)) for o in tree)

def lines_of_code(
    cell,
)->int:
    "Lines other than directives"
    return sum(not line.startswith("#|") for line in cell.source.splitlines())

def fold(
    cell, # of code
    summary:str, # what is read when it is folded
):
    "Fold a cell's code: its outputs stay"
    if "code-fold: show" in cell.source:
        cell.source = cell.source.replace("code-fold: show", "code-fold: true")
    elif "code-fold" not in cell.source:
        cell.source = f'#| code-fold: true\n#| code-summary: "{summary}"\n{cell.source}'

def with_folds(
    cells:list, # of a notebook that nbdev has prepared; changed
    shown:int=0, # lines of code that may stand before the first picture, in one cell
):
    """Fold what a reader skips at first

    Exported source, cells that only import, and code before the first picture: no page opens on code.
    """
    seen_picture = any("<svg" in c.source or "![" in c.source for c in cells[:2])
    for cell in cells:
        if cell.cell_type != "code" or getattr(cell, "has_sd", False):
            continue
        if "code-fold: show" in cell.source or only_imports(cell):
            fold(cell, "Imports")
        elif not seen_picture and lines_of_code(cell) > shown:
            fold(cell, "Code")
        seen_picture = seen_picture or any(map(is_picture, cell.outputs))

def with_folded_text(
    cells:list, # as for `with_folds`; changed
):
    "Fold what cells print before the first picture, so that the picture comes early"
    for place, cell in enumerate(cells):
        if any(map(is_picture, cell.get("outputs", []))):
            return
        if cell.cell_type == "code" and cell.outputs:
            text = "\n\n".join(map(as_markdown, cell.outputs))
            cell.outputs = []
            folded = f'<details class="code-fold">\n<summary>Output</summary>\n\n{text}\n\n</details>'
            cells.insert(place + 1, mk_cell(folded, "markdown"))

INCH = 110 # pixels of an inch of a plot, which makes its letters as large as the text
WIDTHS = {} # {picture as base64: width in pixels at which it is shown}

def note_widths(
    cells:list, # of a notebook
):
    "Remember how wide plots were meant to be: they are saved with more pixels, for sharp screens"
    for cell in cells:
        asked = re.search(r"figsize=\((\d+\.?\d*),", cell.source)
        for output in cell.get("outputs", []) if asked else []:
            picture = "".join(output.get("data", {}).get("image/png", "")).strip()
            WIDTHS[picture] = round(INCH*float(asked[1]))

def with_width(
    image:re.Match, # of `PLOT`
)->str:
    "A plot at the width that it was meant to have"
    width = WIDTHS.get(image["picture"])
    return f'{image[0]} width="{width}"' if width else image[0]

def as_markdown(
    output, # of a cell: text
)->str:
    "What a cell printed or returned, as Markdown"
    data = output.get("data", {"text/plain": output.get("text", "")})
    kind = "text/markdown" if "text/markdown" in data else "text/plain"
    text = "".join(data[kind])
    return text if kind == "text/markdown" else f"```\n{text.rstrip()}\n```"

def place_of_card(
    cells:list, # of a notebook
    folder:str, # that it is in
)->int:
    "Before any code on a model's page, after the first picture on that of its training"
    if folder == "15_train":
        return 1 + next(i for i, o in enumerate(cells) if any(map(is_picture, o.get("outputs", []))))
    return [o.cell_type for o in cells].index("code")

def embedded(
    match:re.Match, # of `EMBED`
    folder:Path, # of the text
)->str:
    "A widget of a notebook, as it was saved there: what the cell with this label shows"
    for cell in read_nb(folder/match["file"]).cells:
        if f"#| label: {match['name']}\n" in cell.source:
            html = "".join(cell.outputs[-1].data["text/html"])
            return f"````{{=html}}\n{html}\n````"
    sys.exit(f"{match['file']} has no cell with the label {match['name']}")

def write_page(
    source:Path, # a notebook
    dest:Path, # its page
    names:dict[Path, Path], # from `pages`
    colab:str, # where Colab opens it
):
    """Write a notebook as the site wants it

    Without nbdev's name for the page, and with a link to Colab where the notebook is ready for that.
    """
    nb = with_introduction(read_nb(source))
    ready = any("google.colab" in o.source for o in nb.cells)
    Page()(nb)
    box = card(source.stem)
    if box:
        nb.cells.insert(place_of_card(nb.cells, source.parent.name), mk_cell(box, "markdown"))
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            cell.source = EMBED.sub(partial(embedded, folder=source.parent), cell.source)
    note_widths(nb.cells)
    with_folds(nb.cells, shown=6 if source.parent.name == "tutorials" else 0)
    if source.parent.name in PICTURE_FIRST:
        with_folded_text(nb.cells)
    front = yaml.safe_load(nb.cells[0].source.strip("-\n"))
    front.pop("output-file")
    nb.cells[0].source = f"---\n{yaml.safe_dump(front)}---"
    if ready:
        nb.cells.insert(1, mk_cell(f"[Open in Colab]({colab})", "markdown"))
    write_nb(nb, dest)
    dest.write_text(linked(dest.read_text(), names, colab))

CODE = r"^(?P<fence>`{3,}).*?^(?P=fence)|`[^`]*`" # is passed over
DISPLAY = r"\$\$(?P<display>.+?)\$\$"
INLINE = r"\$(?P<inline>[^\s$](?:[^$\n]*[^\s$])?)\$"
NAME_LINK = re.compile(r'<a href="(?P<name>[^"#:]*)#(?P<place>[^"]+)">(?P<code><code>[^<]*</code>)</a>')
PLOT = re.compile(r'src="data:image/png;base64,(?P<picture>[\w+/=]+)"')
SOURCE_LINK = re.compile(
    r'(?P<file>rosetta_neurons/[\w/]+\.py)#LNone"(?P<rest>.{0,200}?<h\d id="(?P<name>[\w.]+)")', re.S)
EMBED = re.compile( # as Quarto has it, or as a comment, which Jupyter does not show
    r"^(?:\{\{<|<!--) embed (?P<file>\S+\.ipynb)#(?P<name>\w+) (?:>\}\}|-->)$", re.M)
MATHS = re.compile(f"{CODE}|{DISPLAY}|{INLINE}", re.S | re.M)

# What the converter writes, and what a browser sets well: transposes, norms, overlines, log
WELL_SET = [
    ("<mo>&#x022A4;</mo>", "<mi>&#x022A4;</mi>"),
    ("<mo>&#x02016;</mo>", '<mo stretchy="false">&#x02016;</mo>'),
    (r'<mover>(<mrow>.*?</mrow>)<mo accent="true">&#x02015;</mo></mover>',
        r'<mrow style="border-top: .06em solid; padding-top: .08em">\1</mrow>'),
    ("<mi>log</mi>", '<mi>log</mi><mspace width=".17em"/>'),
]

def one_as_mathml(
    match:re.Match, # of `MATHS`
)->str:
    "An equation as MathML, in one line; code as it is"
    kind = match.lastgroup
    if kind not in ("display", "inline"):
        return match[0]
    display = "block" if kind == "display" else "inline"
    maths = re.sub(r"\s+", " ", convert(match[kind], display=display))
    for written, needed in WELL_SET:
        maths = re.sub(written, needed, maths)
    return maths

def as_mathml(
    text:str, # Markdown
)->str:
    "Equations as MathML, which a browser draws by itself"
    return MATHS.sub(one_as_mathml, text)


# The site

# What smalldocs writes, and what a reader who uses the keyboard or a screen reader needs in its place
BLOCK = '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">'
GLOSSARY = "guide/glossary.html"
ACCESS = {
    '<i class="bi bi-github" role="img"></i>': '<i class="bi bi-github" aria-hidden="true"></i>',
    "site_libs/fuse/fuse.min.js": "site_libs/search.js",
    f"<p>{BLOCK}": f'<p tabindex="0">{BLOCK}',
    'role="navigation"': 'role="button"',
    '<pre class="': '<pre tabindex="0" class="',
    "<pre><code>": '<pre tabindex="0"><code>',
    '<div class="sd-table"': '<div tabindex="0" class="sd-table"',
}

@cache
def lines_of(
    file:str, # of the package, from the repository's root
)->dict[str, int]: # {name, or class.name: its line}
    "Where the functions and classes of a module begin"
    lines = {}
    def walk(nodes, prefix):
        for node in nodes:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                lines[prefix + node.name] = node.lineno
            if isinstance(node, ast.ClassDef):
                walk(node.body, f"{node.name}.")
    walk(ast.parse((get_config().config_path/file).read_text()).body, "")
    return lines

def with_line(
    link:re.Match, # of `SOURCE_LINK`
)->str:
    "A link to source with the line where the name is defined"
    line = lines_of(link["file"]).get(link["name"])
    place = f"#L{line}" if line else ""
    return f'{link["file"]}{place}"{link["rest"]}'

def rewrite(
    file:Path,
    change, # of its text
):
    "Change a file's text"
    file.write_text(change(file.read_text()))

def without_fonts(css:str)->str:
    "A style sheet that loads no fonts from another host"
    return re.sub(r"@import url\(https?:[^)]*\);", "", css)

def without_pictures(text:str)->str:
    "Markdown without what is no text: pictures and scripts of widgets, and lines of source that have moved"
    text = re.sub(r"<(style|script)\b.*?</\1>", "", text, flags=re.S)
    text = text.replace(".py#LNone", ".py")
    return re.sub(r"data:[\w/+.-]+;base64,[\w+/=]+", "", text)

class House(Site):
    """smalldocs' site, with three things of our own

    Equations that need no script, an llms.txt in sections, and links to the notebooks as they are called.
    """

    def __init__(self, project, names):
        super().__init__(project)
        self.names = {page.as_posix(): source.as_posix() for source, page in names.items()}

    def render_page(self, page):
        text = page.body
        page.body = as_mathml(text)
        super().render_page(page)
        page.body = text

    def write_search(self):
        "search.json, with the words of the glossary beside the pages that they lead to"
        found, terms = [], {}
        for page in self.pages.values():
            address = str(page.out)
            found += entries(page.title, address, page.meta.get("description", ""), page.html)
            if address == GLOSSARY:
                terms = glossary_terms(page.html, address)
        for entry in found:
            known = terms.get(entry["href"], [])
            if known:
                entry["terms"] = known
                entry["text"] += f" In other words: {', '.join(known)}."
        (self.out/"search.json").write_text(json.dumps(found, ensure_ascii=False))
        shutil.rmtree(self.out/"site_libs/fuse")
        shutil.copy(Path(__file__).with_name("search.js"), self.out/"site_libs/search.js")

    def llms_entry(self, item):
        "A page's line in llms.txt"
        address = f"{self.project.website['site-url']}{item.page.out.with_suffix('.llms.md')}"
        return f"- [{item.page.title}]({address}): {item.page.front.get('description', '')}"

    def write_llms_txt(self):
        web = self.project.website
        lines = [f"# {web['title']}", "", f"> {web['description']}", ""]
        for item in SiteNav(self).sidebars[0]["items"]:
            if item.section:
                lines += [f"## {item.text}", "", *map(self.llms_entry, item.children), ""]
            else:
                lines += [self.llms_entry(item), ""]
        (self.out/"llms.txt").write_text("\n".join(lines))

    def finished(self, html, src):
        "A page with links to its notebook under its own name, and for who uses no mouse"
        own_name = {f'/nbs/{src}"': f'/nbs/{self.names[str(src)]}"'}
        for written, needed in (own_name | ACCESS).items():
            html = html.replace(written, needed)
        return PLOT.sub(with_width, SOURCE_LINK.sub(with_line, html))

    def unlinked(self, html, page):
        "Without the links that nbdev makes of names whose page doesn't document them, such as private ones"
        def kept(link):
            name, place = link["name"], unquote(link["place"])
            target = (self.out/page.out).parent/name if name else self.out/page.out
            known = target.is_file() and f'id="{place}"' in target.read_text()
            return link[0] if known else link["code"]
        return NAME_LINK.sub(kept, html)

    def build(self):
        n = super().build()
        for page in self.pages.values():
            rewrite(self.out/page.out, lambda html, page=page: self.unlinked(html, page))
        for src, page in self.pages.items():
            rewrite(self.out/page.out, lambda html, src=src: self.finished(html, src))
        for css in (self.out/"site_libs").rglob("*.css"):
            rewrite(css, without_fonts)
        return n

def site_config(
    cfg, # nbdev's configuration, from pyproject.toml
)->tuple[dict, dict[Path, Path]]: # (configuration, {notebook: page})
    "_quarto.yml, with the facts that stand in pyproject.toml, and the pages"
    d = yaml.safe_load((cfg.config_path/"_quarto.yml").read_text())
    d["format"].pop("commonmark") # for Quarto alone
    names = pages(cfg.nbs_path, d["project"]["render"])
    web = d["website"]
    web["title"] = cfg.title
    web["description"] = cfg.description
    web["repo-url"] = cfg.git_url
    web["repo-branch"] = cfg.branch
    web["navbar"]["right"] = [{"icon": "github", "text": "Repository", "href": cfg.git_url}]
    web["site-url"] = f"https://{cfg.user}.github.io/{cfg.repo}/"
    web["sidebar"]["contents"] = contents(web["sidebar"]["contents"], names)
    lost = {o.as_posix() for o in names.values()} - listed(web["sidebar"]["contents"])
    if lost:
        sys.exit(f"in no section of _quarto.yml: {', '.join(sorted(lost))}")
    return d, names

def write_sources(
    folder:Path, # to be filled
    cfg, # nbdev's configuration
    names:dict[Path, Path], # from `pages`
):
    "Write the pages, and what they link to, for smalldocs"
    left = shutil.ignore_patterns("*.ipynb", "*.yml", ".*", "_*")
    shutil.copytree(cfg.nbs_path, folder, dirs_exist_ok=True, ignore=left)
    place = f"https://colab.research.google.com/github/{cfg.user}/{cfg.repo}/blob/{cfg.branch}/nbs"
    for source, page in names.items():
        colab = f"{place}/{source.as_posix()}"
        dest = folder/page
        dest.parent.mkdir(exist_ok=True, parents=True)
        if source.suffix == ".ipynb":
            write_page(cfg.nbs_path/source, dest, names, colab)
        else:
            text = (cfg.nbs_path/source).read_text()
            put = partial(embedded, folder=(cfg.nbs_path/source).parent)
            text = with_dictionaries(EMBED.sub(put, text))
            dest.write_text(linked(text, names, colab))

def add_live(
    scripts:Path, # of the live page, and what was made for it
    folder:Path, # of the site
):
    "What the live page loads; where that is not to be had, the page shows a still picture"
    import live # not before: it imports the package without what only annotations name
    shutil.copytree(scripts, folder, dirs_exist_ok=True)
    try:
        print(f"{live.publish(folder)/1e6:.1f} MB for the live page")
    except live.Unavailable as e:
        print(f"Without the live page: {e}")

def main():
    "Build the site; a broken link or an option that is not understood is an error"
    cfg = get_config()
    d, names = site_config(cfg)
    import_with_annotations(cfg.lib_path.name)
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        write_sources(tmp, cfg, names)
        (tmp/"_quarto.yml").write_text(yaml.safe_dump(d))
        site = House(load(tmp), names)
        site.out = cfg.doc_path
        print(f"{site.build()} pages in {site.out}")
    write_dictionaries(cfg.doc_path)
    add_live(cfg.nbs_path/"live", cfg.doc_path/"live")
    for page in cfg.doc_path.rglob("*.llms.md"):
        rewrite(page, without_pictures)
    if site.warnings:
        sys.exit("\n".join(site.warnings))

if __name__ == "__main__":
    main()
