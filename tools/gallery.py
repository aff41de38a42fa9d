"The dictionaries of the gallery: a page each, its files, and strips of its first concepts that lead there"
import re
import shutil
from dataclasses import dataclass
from html import escape
from pathlib import Path

from nbdev.config import get_config

SHOWN = 6 # concepts of each dictionary
PLACE = "<!-- dictionaries -->" # in the gallery, where they stand

# In order: title, and a sentence; a page of each was written by tools/dictionaries.py
DICTIONARIES = {
    "mini_stylegan2": ("mini_stylegan2", "A generator that is told no label, and five vision models."),
    "real_networks": ("Real networks", "Three EfficientNet-Lites as their authors trained them, on the "
        "photographs of [the tutorial](../tutorials/real_networks.ipynb): the strongest matches."),
    "mini_biggan": ("mini_biggan", "A generator whose critic sees pixels alone."),
    "mini_dit": ("mini_dit", "A diffusion transformer: no critic, four steps from noise to image."),
    "mini_styleganxl": ("mini_styleganxl", "A generator that is told which animal to draw."),
}

ARTICLE = re.compile(
    r'<article class="concept" id="concept-\d+" data-[^>]*?data-digest="(?P<digest>\w+)"[^>]*>\s*'
    r'(?P<image><img .*?>)\s*<h3><a[^>]*>(?P<number>.*?)</a>(?P<name>.*?)</h3>', re.S)

def dressed(
    page:str, # HTML of a report
    style:str,
    script:str,
)->str:
    "The page with another style and script"
    before, _, rest = page.partition("<style>")
    body = rest.partition("</style>")[2].rpartition("<script>")[0]
    return f"{before}<style>\n{style}</style>{body}<script>\n{script}</script></body></html>\n"

@dataclass
class Shown:
    "A page of a dictionary, as the gallery shows it"
    name:str # of its file
    text:str # the page

    @property
    def files(self)->dict[str, str]: # {name of a file: text}; none for a dictionary that does not ship
        "The whole dictionary for other programs"
        from rosetta_neurons.dictionary import RosettaDictionary
        folder = get_config().lib_path/"dictionaries"/self.name
        if not folder.is_dir():
            return {}
        table = RosettaDictionary.load(folder).as_csv()
        return {f"{self.name}.json": (folder/"dictionary.json").read_text(), f"{self.name}.csv": table}

    @property
    def downloads(self)->str: # HTML, relative to `dictionaries/`
        "Links to its files"
        kinds = [(file, file.rpartition(".")[2].upper()) for file in self.files]
        return "".join(f' · <a href="{file}" download>{kind}</a>' for file, kind in kinds)

    @property
    def counts(self)->str: # HTML
        "Concepts, those that are significant, and images, in one line"
        items = re.search(r'<ul class="counts">(.*?)</ul>', self.text, re.S)[1]
        found = re.findall("<li>(.*?)</li>", items, re.S)[:3]
        return ", ".join(re.sub("<.*?>", "", o).strip() for o in found)

    def strips(self)->str: # HTML
        "Its first concepts, each a link to the page that has opened it"
        links = []
        for o in list(ARTICLE.finditer(self.text))[:SHOWN]:
            place = f"../dictionaries/{self.name}.html#{o['digest']}"
            links.append(f'<a href="{place}">{o["image"]}<span>{o["number"]}{o["name"]}</span></a>')
        return f'<div class="strips">{"".join(links)}</div>'

    def entry(self)->str: # Markdown
        "Its place in the gallery"
        title, about = DICTIONARIES[self.name]
        page = f'<a href="../dictionaries/{self.name}.html">All concepts</a>'
        files = self.downloads.replace('href="', 'href="../dictionaries/')
        whole = f'<p>{self.counts} · {page}{files}</p>'
        html = f"````{{=html}}\n{self.strips()}{whole}\n````"
        return f"### {title}\n\n{about}\n\n{html}"

    def finished(self)->str:
        "The page with today's style and script, and a way back"
        assets = get_config().lib_path/"assets"
        page = dressed(self.text, (assets/"page.css").read_text(), (assets/"page.js").read_text())
        back = f'<nav><a href="../guide/gallery.html#dictionaries">← Gallery of rosetta-neurons</a>{self.downloads}</nav>'
        about = f'<meta name="description" content="{escape(self.counts)}">'
        return page.replace("<title>", f"{about}<title>", 1).replace("<header>", f"<header>{back}", 1)

def shown()->list[Shown]:
    "All of them"
    folder = get_config().nbs_path/"dictionaries"
    return [Shown(name, (folder/f"{name}.html").read_text()) for name in DICTIONARIES]

def with_dictionaries(
    text:str, # Markdown
)->str:
    "The gallery with its dictionaries; other texts as they are"
    if PLACE not in text:
        return text
    return text.replace(PLACE, "\n\n".join(o.entry() for o in shown()))

def write_dictionaries(
    site:Path, # its folder
):
    "Pages and files of all dictionaries, to be linked to"
    folder = site/"dictionaries"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for o in shown():
        for name, text in {f"{o.name}.html": o.finished(), **o.files}.items():
            (folder/name).write_text(text)
