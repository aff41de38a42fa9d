"The site is built from the notebooks alone"
import re,subprocess,sys
from pathlib import Path

from nbdev.config import nbpath2html

root = Path(__file__).parents[1]

def test_site():
    "A page for each notebook but the labs' masters, with what it shows; no broken link"
    r = subprocess.run([sys.executable, 'tools/docs.py'], cwd=root, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert r.returncode==0, r.stdout[-3000:]
    for nb in (root/'nbs').rglob('*.ipynb'):
        if '.ipynb_checkpoints' in nb.parts: continue
        page = root/'_docs'/nbpath2html(nb.relative_to(root/'nbs'))
        assert page.exists()==(nb.parent.name!='labs'), page # masters of labs are no pages
    pages = ''.join(p.read_text() for p in (root/'_docs').rglob('*.html'))
    assert re.search('<img[^>]*alt="[^"]{20}', pages)
    assert pages.count('<math')>20 and '$$' not in pages
