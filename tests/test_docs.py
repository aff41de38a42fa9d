"The site is built from the notebooks alone"
import json,re
from pathlib import Path

from nbdev.config import nbpath2html

import rosetta_neurons.all as everything

root = Path(__file__).parents[1]

def test_site(site):
    "A page for each notebook but the labs' masters, with what it shows; no broken link"
    for nb in (root/'nbs').rglob('*.ipynb'):
        if '.ipynb_checkpoints' in nb.parts: continue
        page = site/nbpath2html(nb.relative_to(root/'nbs'))
        assert page.exists()==(nb.parent.name!='labs'), page # masters of labs are no pages
    pages = ''.join(p.read_text() for p in site.rglob('*.html'))
    assert re.search('<img[^>]*alt="[^"]{20}', pages)
    assert 'Networks trained for different tasks' in (site/'index.html').read_text() # what follows the title in the first cell
    assert pages.count('<math')>20 and '$$' not in pages

def test_no_link_within_a_link():
    "A name of the package in backticks becomes a link by itself; one that is written around it would show as raw text"
    raw = []
    for nb in sorted((root/'nbs').rglob('*.ipynb')):
        if '.ipynb_checkpoints' in nb.parts: continue
        for cell in json.loads(nb.read_text())['cells']:
            if cell['cell_type']!='markdown': continue
            linked = re.findall(r'\[`([A-Za-z_]\w*)`\]\(', ''.join(cell['source']))
            raw += [(nb.name,o) for o in linked if hasattr(everything, o)]
    assert raw==[]
