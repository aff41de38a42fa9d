"Build the site in _docs/, a page a notebook with its saved outputs: python tools/docs.py"
import re,shutil,sys,tempfile
from pathlib import Path

import yaml
from nbdev.config import get_config,nbpath2html
from nbdev.serve import proc_nbs
from smalldocs.config import load
from smalldocs.site import Site

def page_names(
    proc:Path, # Folder of processed notebooks
)->dict: # Each notebook's path: its page's, which has no number in its name
    "Pages in reading order, the index first"
    nbs = sorted((p.relative_to(proc) for p in proc.rglob('*.ipynb')), key=lambda p: (p.name!='index.ipynb', p))
    return {p: nbpath2html(p).with_suffix('.ipynb') for p in nbs}

def site_config(
    cfg, # nbdev's configuration, from pyproject.toml
    pages:list, # Pages in reading order
)->dict:
    "_quarto.yml, with the facts that stand in pyproject.toml"
    d = yaml.safe_load((cfg.config_path/'_quarto.yml').read_text())
    d['website'] |= dict(title=cfg.title, description=cfg.description)
    d['website'] |= {'repo-url': cfg.git_url, 'repo-branch': cfg.branch, 'site-url': f'https://{cfg.user}.github.io/{cfg.repo}/'}
    d['website']['sidebar']['contents'] = [str(p) for p in pages]
    return d

def stage(cfg, proc, site):
    "Lay the processed notebooks of `proc` out in the folder `site` under their pages' names"
    names = page_names(proc)
    shutil.copytree(proc, site, dirs_exist_ok=True, ignore=shutil.ignore_patterns('*.ipynb'))
    for old,new in names.items():
        text = re.sub(r'output-file: [^\s\\]+\\n', '', (proc/old).read_text()) # Quarto's option for what `names` does
        for a,b in names.items(): text = text.replace(a.name, b.name)
        (site/new).parent.mkdir(exist_ok=True, parents=True)
        (site/new).write_text(text)
    (site/'_quarto.yml').write_text(yaml.safe_dump(site_config(cfg, names.values())))

def main():
    "Build the site; a broken link or an option that is not understood is an error"
    cfg = get_config()
    proc = proc_nbs(n_workers=2, force=True)
    with tempfile.TemporaryDirectory() as tmp:
        stage(cfg, proc, Path(tmp))
        site = Site(load(tmp))
        site.out = cfg.doc_path
        print(f'{site.build()} pages in {site.out}')
    if site.warnings: sys.exit('\n'.join(site.warnings))

if __name__=='__main__': main()
