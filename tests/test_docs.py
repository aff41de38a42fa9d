"The site is built from the notebooks alone"
import re
from pathlib import Path

from nbdev.config import nbpath2html

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
