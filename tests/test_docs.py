"The site is built from the notebooks alone"
import json,re,sys
from pathlib import Path

import pytest
from nbdev.config import nbpath2html

import rosetta_neurons.all as everything

root = Path(__file__).parents[1]
sys.path.insert(0, str(root/'tools'))

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

wanted = ['feature visualization', 'activation maximization', 'polysemantic', 'superposition', 'receptive field', 'universality',
    'convergent learning', 'representational similarity', 'stitching', 'null hypothesis', 'false discovery rate', 'best buddies', 'concept']

@pytest.mark.unit
def test_glossary():
    "A line for each word that people search for, with a link to a page that is there"
    text = (root/'nbs/guide/glossary.qmd').read_text()
    rows = re.findall(r'^\| (.*?) \| (.*?) \| \[.*?\]\((.*?)\) \|$', text, re.M)
    terms = [o.strip() for row in rows for o in row[0].split(',')]
    assert len(terms)==len(set(terms))
    assert [o for o in wanted if o not in terms]==[]
    assert [o for _,_,o in rows if not (root/'nbs/guide'/o).is_file()]==[]

@pytest.mark.unit
def test_glossary_terms():
    "The words of a row lead to the page of its last link"
    from searching import glossary_terms
    row = '<tr><td>CKA, <em>RSA</em></td><td>by <a href="../a.html">A</a></td><td><a href="../measures.html#cka">Measures</a></td></tr>'
    assert glossary_terms(f'<table>{row}</table>', 'guide/glossary.html')=={'measures.html': ['CKA', 'RSA']}

@pytest.mark.unit
def test_search_entries():
    "Prose and code of each section apart; nothing of a style sheet"
    from searching import entries
    page,part = entries('T', 't.html', 'subtitle', '<style>b</style><p>one</p><h2 data-anchor-id="x">Two</h2><p>three</p><pre><code>four()</code></pre>')
    assert page|part and page['text']=='subtitle one' and page['section']=='' and page['href']=='t.html'
    assert (part['href'],part['section'],part['text'],part['code'])==('t.html#x', 'Two', 'three', 'four()')

@pytest.mark.unit
def test_cards():
    "Each model's page, and that of its training, has a card with what was measured of it, if anything was"
    from cards import CARDS,TRAININGS,card
    zoo = json.loads((root/'benchmarks/zoo.json').read_text())
    for stem in [*CARDS,*TRAININGS]:
        folder = '15_train' if stem in TRAININGS else '07_zoo'
        assert (root/f'nbs/{folder}/{stem}.ipynb').is_file()
        text = card(stem)
        assert all(f'| {key} | ' in text for key in ('data','licence','size','limits'))
        models = CARDS[TRAININGS.get(stem, stem)].models
        assert ('| measured | ' in text)==any(name in zoo for name in models)
        assert ('| training | ' in text)==(stem in TRAININGS)
    assert f"{zoo['mini_dino_vit']['trained']['knn']:.1%}" in card('04_dino') and card('00_core')==''
