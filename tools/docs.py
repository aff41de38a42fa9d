"Build the site in _docs/, a page a notebook with its saved outputs: python tools/docs.py"
import re,shutil,sys,tempfile
from pathlib import Path

import yaml
from execnb.shell import CaptureShell
from fastcore.nbio import read_nb,write_nb
from latex2mathml.converter import convert
from nbdev.config import get_config,nbpath2html
from nbdev.doclinks import nbglob
from nbdev.process import Processor
from nbdev.processors import FilterDefaults,exec_show_docs
from smalldocs.config import load
from smalldocs.site import Site

def show_source(cell):
    "Exported code stays on the page, below its documentation"
    if 'export' in cell.directives_: cell.directives_['exports'] = cell.directives_.pop('export')

MATHS = re.compile(r'```.*?```|`[^`]*`|\$\$(?P<display>.+?)\$\$|\$(?P<inline>[^\s$](?:[^$\n]*[^\s$])?)\$', re.S) # code is passed over

def as_mathml(
    text:str, # Markdown
)->str:
    "Equations as MathML, which a browser draws by itself"
    def one(m):
        kind = m.lastgroup
        return re.sub(r'\s+', ' ', convert(m[kind], display='block' if kind=='display' else 'inline')) if kind else m[0]
    return MATHS.sub(one, text)

def show_equations(cell):
    "Equations of the prose"
    if cell.cell_type=='markdown': cell.source = as_mathml(cell.source)

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
    def base_procs(self): return [show_source, show_equations] + [document_exports if o is exec_show_docs else o for o in super().base_procs()]

def page_names(
    nbs:Path, # Folder of the notebooks
)->dict: # Each notebook's path: its page's, which has no number in its name
    "Pages in reading order, the index first"
    paths = sorted((p.relative_to(nbs) for p in nbglob(nbs, as_path=True) if 'labs' not in p.relative_to(nbs).parts), key=lambda p: (p.name!='index.ipynb', p))
    return {p: nbpath2html(p).with_suffix('.ipynb') for p in paths}

def write_page(
    source:Path, # A notebook
    dest:Path, # Its page
    names:dict, # From `page_names`
    colab:str, # Where Colab opens it: the place of a link `(colab:)`
):
    "Write a notebook as the site wants it: links lead to pages, and Quarto's own option for a page's name is gone"
    nb = read_nb(source)
    Page()(nb)
    dest.parent.mkdir(exist_ok=True, parents=True)
    write_nb(nb, dest)
    text = re.sub(r'output-file: [^\s\\]+\\n', '', dest.read_text())
    text = text.replace('(colab:)', f'({colab})')
    for a,b in names.items(): text = text.replace(f'{a.name})', f'{b.name})').replace(f'{a.name}#', f'{b.name}#')
    dest.write_text(text)

def site_config(
    cfg, # nbdev's configuration, from pyproject.toml
    pages:list, # Pages in reading order
)->dict:
    "_quarto.yml, with the facts that stand in pyproject.toml"
    d = yaml.safe_load((cfg.config_path/'_quarto.yml').read_text())
    d['website'] |= dict(title=cfg.title, description=cfg.description)
    d['website'] |= {'repo-url': cfg.git_url, 'repo-branch': cfg.branch, 'site-url': f'https://{cfg.user}.github.io/{cfg.repo}/'}
    d['website']['sidebar']['contents'] = [p.as_posix() for p in pages]
    return d

def main():
    "Build the site; a broken link or an option that is not understood is an error"
    cfg = get_config()
    names = page_names(cfg.nbs_path)
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        shutil.copytree(cfg.nbs_path, tmp, dirs_exist_ok=True, ignore=shutil.ignore_patterns('*.ipynb', '.*', '_*'))
        for old,new in names.items(): write_page(cfg.nbs_path/old, tmp/new, names, f'https://colab.research.google.com/github/{cfg.user}/{cfg.repo}/blob/{cfg.branch}/nbs/{old.as_posix()}')
        (tmp/'_quarto.yml').write_text(yaml.safe_dump(site_config(cfg, names.values())))
        site = Site(load(tmp))
        site.out = cfg.doc_path
        print(f'{site.build()} pages in {site.out}')
    if site.warnings: sys.exit('\n'.join(site.warnings))

if __name__=='__main__': main()
