"Build the site in _docs/, a page a notebook with its saved outputs: python tools/docs.py"
import re,shutil,sys,tempfile
from pathlib import Path

import yaml
from execnb.shell import CaptureShell
from fastcore.nbio import mk_cell,read_nb,write_nb
from latex2mathml.converter import convert
from nbdev.config import get_config,nbpath2html
from nbdev.process import Processor
from nbdev.processors import FilterDefaults,exec_show_docs
from smalldocs.config import load
from smalldocs.layout import SiteNav
from smalldocs.site import Site

def show_source(cell):
    "Exported code stays on the page, below its documentation"
    if 'export' in cell.directives_: cell.directives_['exports'] = cell.directives_.pop('export')

class document_exports(Processor):
    "Fill in the documentation of exported names; nothing else of a notebook runs"
    def begin(self):
        self.k = CaptureShell()
        self.k.run_cell('from nbdev.showdoc import show_doc')
        module = next((c.directives_['default_exp'] for c in self.nb.cells if 'default_exp' in c.directives_), None)
        for o in ('all', module) if module else (): self.k.run_cell(f'from {get_config().lib_path.name}.{o} import *') # all: classes of other modules may be patched
    def cell(self, cell):
        if not getattr(cell, 'has_sd', False): return
        self.k.cell(cell)
        if self.k.exc: raise self.k.exc

class Page(FilterDefaults):
    "What becomes of a notebook on its way to the site"
    def base_procs(self): return [show_source] + [document_exports if o is exec_show_docs else o for o in super().base_procs()]

def pages(
    nbs:Path, # Folder of the notebooks
    render:list, # Of _quarto.yml: what begins with an exclamation mark is left out
)->dict: # Each source's path: its page's, which has no number in its name
    "Notebooks and texts that become pages"
    out = tuple(o[1:] for o in render if o[0]=='!')
    found = (p.relative_to(nbs) for p in sorted(nbs.rglob('*')) if p.suffix in ('.ipynb','.qmd'))
    return {p: nbpath2html(p).with_suffix(p.suffix) for p in found if not p.as_posix().startswith(out) and not any(o[0] in '._' for o in p.parts)}

def contents(
    items, # Of the sidebar in _quarto.yml: names of notebooks, patterns, links, sections
    names:dict, # From `pages`
)->list:
    "The same with pages in place of notebooks, each pattern spelled out in the order of the notebooks' names; no empty sections"
    res = []
    for o in [items] if isinstance(items, str) else items:
        if isinstance(o, str): res += matched(o, names)
        elif 'section' in o: res += [o|{'contents': inner} for inner in [contents(o['contents'], names)] if inner]
        else: res.append(o|{'href': matched(o['href'], names)[0]})
    return res

def matched(
    pattern:str, # A notebook's name, or a pattern of names in one folder
    names:dict, # From `pages`
)->list:
    "The pages it stands for; a name must stand for one"
    found = [new.as_posix() for old,new in names.items() if len(old.parts)==len(Path(pattern).parts) and old.match(pattern)]
    if not found and '*' not in pattern: sys.exit(f'_quarto.yml names {pattern}, which is not in nbs/')
    return found

def listed(items:list)->set:
    "All pages of a sidebar"
    return {p for o in items for p in ([o] if isinstance(o, str) else listed(o['contents']) if 'section' in o else [o['href']])}

def linked(
    text:str, # A notebook as JSON, or Markdown
    names:dict, # From `pages`
    colab:str, # The place of a link `(colab:)`
)->str:
    "Links lead to pages"
    for a,b in names.items(): text = text.replace(f'{a.name})', f'{b.name})').replace(f'{a.name}#', f'{b.name}#')
    return text.replace('(colab:)', f'({colab})')

def with_introduction(
    nb, # Notebook
):
    "What follows title and subtitle in the first cell, in a cell of its own: nbdev would drop it"
    head,rest = re.match(r'(# [^\n]+\n+(?:> [^\n]+)?)(.*)', nb.cells[0].source, re.S).groups()
    nb.cells[:1] = [mk_cell(o, 'markdown') for o in (head, rest.strip()) if o]
    return nb

def write_page(
    source:Path, # A notebook
    dest:Path, # Its page
    names:dict, # From `pages`
    colab:str, # Where Colab opens it
):
    "Write a notebook as the site wants it: without nbdev's name for the page, and with a link to Colab where the notebook is ready for that"
    nb = with_introduction(read_nb(source))
    ready = any('google.colab' in o.source for o in nb.cells)
    Page()(nb)
    front = yaml.safe_load(nb.cells[0].source.strip('-\n'))
    front.pop('output-file')
    nb.cells[0].source = f'---\n{yaml.safe_dump(front)}---'
    if ready: nb.cells.insert(1, mk_cell(f'[Open in Colab]({colab})', 'markdown'))
    write_nb(nb, dest)
    dest.write_text(linked(dest.read_text(), names, colab))

MATHS = re.compile(r'^(?P<fence>`{3,}).*?^(?P=fence)|`[^`]*`|\$\$(?P<display>.+?)\$\$|\$(?P<inline>[^\s$](?:[^$\n]*[^\s$])?)\$', re.S|re.M) # code is passed over

def as_mathml(
    text:str, # Markdown
)->str:
    "Equations as MathML, which a browser draws by itself"
    def one(m):
        kind = m.lastgroup
        return re.sub(r'\s+', ' ', convert(m[kind], display='block' if kind=='display' else 'inline')) if kind in ('display','inline') else m[0]
    return MATHS.sub(one, text)

# What smalldocs writes, and what a reader who uses the keyboard or a screen reader needs in its place
BLOCK = '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">'
ACCESS = {f'<p>{BLOCK}': f'<p tabindex="0">{BLOCK}', 'role="navigation"': 'role="button"', '<pre class="': '<pre tabindex="0" class="', '<pre><code>': '<pre tabindex="0"><code>', '<div class="sd-table"': '<div tabindex="0" class="sd-table"'}

class House(Site):
    "smalldocs' site, with equations that need no script, an llms.txt in sections, and links to the notebooks as they are called"
    def __init__(self, project, names):
        super().__init__(project)
        self.names = {b.as_posix(): a.as_posix() for a,b in names.items()}
    def render_page(self, page):
        text,page.body = page.body,as_mathml(page.body)
        super().render_page(page)
        page.body = text
    def write_llms_txt(self):
        def entry(o): return f"- [{o.page.title}]({self.project.website['site-url']}{o.page.out.with_suffix('.llms.md')}): {o.page.front.get('description', '')}"
        parts = [[f'## {o.text}', ''] + [entry(c) for c in o.children] + [''] if o.section else [entry(o), ''] for o in SiteNav(self).sidebars[0]['items']]
        (self.out/'llms.txt').write_text('\n'.join([f"# {self.project.website['title']}", '', f"> {self.project.website['description']}", ''] + sum(parts, [])))
    def build(self):
        n = super().build()
        for src,page in self.pages.items():
            text = (self.out/page.out).read_text()
            for a,b in ({f'/nbs/{src}"': f'/nbs/{self.names[str(src)]}"'}|ACCESS).items(): text = text.replace(a, b)
            (self.out/page.out).write_text(text)
        for css in (self.out/'site_libs').rglob('*.css'): css.write_text(re.sub(r'@import url\(https?:[^)]*\);', '', css.read_text())) # fonts from another host
        return n

def site_config(
    cfg, # nbdev's configuration, from pyproject.toml
)->tuple: # (configuration, {notebook: page})
    "_quarto.yml, with the facts that stand in pyproject.toml, and the pages"
    d = yaml.safe_load((cfg.config_path/'_quarto.yml').read_text())
    d['format'].pop('commonmark') # for Quarto alone
    names,web = pages(cfg.nbs_path, d['project']['render']),d['website']
    web |= dict(title=cfg.title, description=cfg.description)
    web |= {'repo-url': cfg.git_url, 'repo-branch': cfg.branch, 'site-url': f'https://{cfg.user}.github.io/{cfg.repo}/'}
    web['sidebar']['contents'] = contents(web['sidebar']['contents'], names)
    lost = {p.as_posix() for p in names.values()} - listed(web['sidebar']['contents'])
    if lost: sys.exit(f'in no section of _quarto.yml: {", ".join(sorted(lost))}')
    return d,names

def main():
    "Build the site; a broken link or an option that is not understood is an error"
    cfg = get_config()
    d,names = site_config(cfg)
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        shutil.copytree(cfg.nbs_path, tmp, dirs_exist_ok=True, ignore=shutil.ignore_patterns('*.ipynb', '*.yml', '.*', '_*'))
        for old,new in names.items():
            (tmp/new).parent.mkdir(exist_ok=True, parents=True)
            colab = f'https://colab.research.google.com/github/{cfg.user}/{cfg.repo}/blob/{cfg.branch}/nbs/{old.as_posix()}'
            if old.suffix=='.ipynb': write_page(cfg.nbs_path/old, tmp/new, names, colab)
            else: (tmp/new).write_text(linked((cfg.nbs_path/old).read_text(), names, colab))
        (tmp/'_quarto.yml').write_text(yaml.safe_dump(d))
        site = House(load(tmp), names)
        site.out = cfg.doc_path
        print(f'{site.build()} pages in {site.out}')
    for p in cfg.doc_path.rglob('*.llms.md'): p.write_text(re.sub(r'data:[\w/+.-]+;base64,[\w+/=]+', '', p.read_text())) # pictures inside of widgets are no text
    if site.warnings: sys.exit('\n'.join(site.warnings))

if __name__=='__main__': main()
