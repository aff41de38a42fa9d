"The site in a real browser: every page opens whole, fits phone and screen, and can be used without eyes or mouse"
import json,os,re,threading
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler,ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote,urljoin,urlsplit

import pytest,yaml
from nbdev.config import get_config

from axe import axe_file, axe_script
from rosetta_neurons.dictionary import RosettaDictionary

root = Path(__file__).parents[1]
shots = root/'_docs.shots' # screenshots, to be looked at; kept where SHOTS is set; git ignores them
axe_name = 'axe.min.js' # on the server
limit = 3*2**20 # bytes of a page with all that it loads

class Quiet(SimpleHTTPRequestHandler):
    "The files of a folder, and axe, which a page keeps translated only if it has an address"
    def log_message(self, *args): pass
    def translate_path(self, path): return str(axe_file()) if path=='/'+axe_name else super().translate_path(path)

@pytest.fixture(scope='module')
def address(site):
    "The site, served on this machine"
    with ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=site)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}/'
        server.shutdown()

@pytest.fixture(scope='module')
def pages(site): return sorted(p.relative_to(site).as_posix() for p in site.rglob('*.html') if p.parent.name!='dictionaries')

class Parsed(HTMLParser):
    "Links and anchors of a page"
    def __init__(self, text):
        super().__init__()
        self.ids,self.links,self.images = set(),[],[]
        self.feed(text)
    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if 'id' in a: self.ids.add(a['id'])
        if tag=='a' and a.get('href'): self.links.append(a['href'])
        if tag in ('img','script','iframe','source') and a.get('src'): self.links.append(a['src'])
        if tag=='link' and a.get('rel')!='canonical': self.links.append(a['href'])

@pytest.fixture(scope='module')
def parsed(site, pages): return {p: Parsed((site/p).read_text()) for p in pages}

def test_links(site, parsed):
    "Every link within the site leads to a file, and every anchor to a place in it"
    lost = []
    for page,o in parsed.items():
        for link in o.links:
            to = urlsplit(urljoin(f'http://here/{page}', link))
            if to.netloc!='here' or to.scheme!='http': continue
            name = unquote(to.path[1:]) or 'index.html'
            if not (site/name).is_file() or (to.fragment and name in parsed and unquote(to.fragment) not in parsed[name].ids): lost.append((page, link))
    assert lost==[]

def names(site, page, kind):
    "Links of a page whose text says `kind`"
    return re.findall(rf'href="([^"]*)"[^>]*>(?:<i[^>]*></i>)?\s*{kind}', (site/page).read_text())

def test_edit_and_colab(site, pages):
    "Every page can be edited, each tutorial opened in Colab: the links name files of this repository"
    cfg = get_config(root)
    colab = f'https://colab.research.google.com/github/{cfg.user}/{cfg.repo}/blob/{cfg.branch}/'
    for p in pages:
        [edit] = names(site, p, 'Edit this page')
        assert (root/edit.removeprefix(f'{cfg.git_url}/edit/{cfg.branch}/')).is_file(), edit
        for o in names(site, p, 'Open in Colab'): assert 'rosetta-neurons' in (root/o.removeprefix(colab)).read_text(), o
    for o in (site/'tutorials').glob('*.html'):
        if 'labs' not in o.stem: assert names(site, o.relative_to(site), 'Open in Colab'), o

def test_order(site, pages):
    "Next after next, from home, leads through every page once; the sections stand in order"
    seen = ['index.html']
    while True:
        to = re.search(r'nav-page-next">\s*<a href="([^"]*)"', (site/seen[-1]).read_text())
        if not to: break
        seen.append(urljoin(seen[-1], to[1]))
        assert len(seen)<=len(pages)
    assert sorted(seen)==pages
    sections = [o['section'] for o in yaml.safe_load((root/'_quarto.yml').read_text())['website']['sidebar']['contents'] if 'section' in o]
    assert sections==['Tutorials','Figures','Reference','Labs','Model cards','Guide']

def test_llms(site, pages):
    "llms.txt names a Markdown copy of every page, with equations as they were written"
    text = (site/'llms.txt').read_text()
    copies = [o.split('/', 4)[-1] for o in re.findall(r'\]\((https[^)]*)\)', text)]
    assert {o.replace('.llms.md', '.html') for o in copies}==set(pages)
    assert '## Tutorials' in text and '<math' not in (site/'correlation.llms.md').read_text()

# What sticks out of the window, and of every box that scrolls: the site's own grid would cut it off
sticks_out = '''() => {
  const scrolls = o => o && o.id!='quarto-content' && (getComputedStyle(o).overflowX!='visible' || scrolls(o.parentElement));
  const wide = [...document.querySelectorAll('main *:not(pre *)')].filter(o => o.getBoundingClientRect().right>innerWidth+1 && !scrolls(o.parentElement));
  return [...wide.map(o => o.outerHTML.slice(0, 120)), ...(document.documentElement.scrollWidth>innerWidth ? ['the page'] : [])]}'''

# Of a page as it opens: where its first picture is, what code is seen before it, and whether it begins with code
opening = '''() => {
  const main = document.querySelector('main');
  const picture = [...main.querySelectorAll('img, svg[role=img], .rosetta-frames')].find(o => o.checkVisibility());
  const seen = [...main.querySelectorAll('pre')].filter(o => o.checkVisibility());
  const before = picture ? seen.filter(o => o.compareDocumentPosition(picture) & Node.DOCUMENT_POSITION_FOLLOWING) : seen;
  const first = [...main.querySelectorAll('p, pre, li, td, img, svg[role=img]')].find(o => o.checkVisibility() && !o.closest('header, nav'));
  return {
    picture: picture ? Math.round(picture.getBoundingClientRect().top+scrollY) : null,
    before: before.map(o => o.innerText.slice(0, 60)),
    code: first && first.matches('pre') ? [first.innerText.slice(0, 60)] : []}}'''

# Code that is wider than its box, also where it is folded
clipped = '''() => {
  const folded = [...document.querySelectorAll('details:not([open])')];
  folded.forEach(o => { o.open = true });
  const found = [...document.querySelectorAll('main pre')].filter(o => o.scrollWidth>o.clientWidth+1).map(o => o.innerText.slice(0, 60));
  folded.forEach(o => { o.open = false });
  return found}'''

# Markdown or LaTeX that shows as it was written
raw = r'''() => {
  const main = document.querySelector('main').cloneNode(true);
  main.querySelectorAll('pre, code, script, style, math, .cell-output').forEach(o => o.remove());
  return main.textContent.match(/\]\([^)]*\)|\{\{<|^:::|\*\*\S|\$\$|\$\\|\\(top|frac|sum|text)\b|`\w/gm) || []}'''

measure = '''() => ({
  alts: [...document.querySelectorAll('main img, main [role=img], main canvas')].filter(o => !o.matches('i.bi')).map(o => o.getAttribute('alt') || o.getAttribute('aria-label') || ''),
  broken: [...document.images].filter(o => o.complete && !o.naturalWidth).map(o => o.src.slice(0, 80)),
})'''

# What is the same on every page, and the colours of code, are looked at on two pages: this takes most of axe's time
everyone = '''async whole => {
  const same = ['#quarto-sidebar', '#quarto-header'].filter(o => document.querySelector(o));
  if (!whole) axe.configure({rules: [{id: 'color-contrast', selector: '*:not(pre):not(pre *)'}]});
  const about = whole ? document : {exclude: same.map(o => [o])};
  return (await axe.run(about, {resultTypes: ['violations'], preload: false})).violations}'''

def picture(page, name, width):
    "Keep what a page looks like"
    tall = min(page.evaluate('document.documentElement.scrollHeight'), 8000)
    file = shots/str(width)/f"{name.replace('/', '_')}.jpg"
    page.screenshot(path=file, type='jpeg', quality=50, full_page=True, animations='disabled', clip=dict(x=0, y=0, width=width, height=tall))

def visit(page, address, name, site):
    "Open a page in both widths and note what is wrong with it"
    said,asked = [],set()
    events = {
        'console': lambda m: said.append(m.text) if m.type in ('error','warning') else None,
        'pageerror': lambda e: said.append(str(e)),
        'requestfailed': lambda r: said.append(f'failed: {r.url}'),
        'response': lambda r: said.append(f'{r.status}: {r.url}') if r.status>=400 else None,
        'request': lambda r: asked.add(r.url)}
    for event,f in events.items(): page.on(event, f)
    page.set_viewport_size(dict(width=1440, height=900))
    page.goto(address+name)
    seen = page.evaluate(measure)
    seen |= dict(opening=page.evaluate(opening), raw=page.evaluate(raw), wide=[], clipped=[])
    for width in (1440,375):
        page.set_viewport_size(dict(width=width, height=900))
        seen['wide'] += [(width,o) for o in page.evaluate(sticks_out)]
        if 'SHOTS' in os.environ: picture(page, name, width)
        seen['clipped'] += [(width,o) for o in page.evaluate(clipped)]
    page.set_viewport_size(dict(width=1440, height=900))
    page.add_script_tag(url=f'{address}{axe_name}')
    seen['axe'] = [f"{o['id']} ({o['impact']}): {o['nodes'][0]['html'][:120]}" for o in page.evaluate(everyone, name in ('cli.html','correlation.html')) if o['impact'] in ('serious','critical')]
    for event,f in events.items(): page.remove_listener(event, f)
    asked = {o for o in asked if not o.startswith(('data:','blob:')) and not o.endswith(axe_name)}
    files = [site/(unquote(urlsplit(o).path[1:]) or 'index.html') for o in asked if o.startswith(address)]
    return seen|dict(wrong=said, others=[o for o in asked if not o.startswith(address)], weight=sum(o.stat().st_size for o in files if o.is_file()))

@pytest.fixture(scope='module')
def visits(browser, address, pages, site):
    "What was seen on each page, in one tab: what pages share is then read and translated once"
    for width in (375,1440): (shots/str(width)).mkdir(parents=True, exist_ok=True)
    context = browser.new_context()
    context.set_default_timeout(120_000)
    page = context.new_page()
    seen = {name: visit(page, address, name, site) for name in pages}
    context.close()
    return seen

def wrong(visits, key): return {p: o[key] for p,o in visits.items() if o[key]}

def test_opens(visits):
    "No error on the console, no file missing, nothing asked of another host, no picture that does not show"
    assert wrong(visits, 'wrong')==wrong(visits, 'others')==wrong(visits, 'broken')=={}

def test_fits(visits):
    "No sideways scrolling, on a phone or a screen"
    assert wrong(visits, 'wide')=={}

def test_code_wraps(visits):
    "No block of code is wider than its box, on a phone or a screen"
    assert wrong(visits, 'clipped')=={}

def test_no_page_opens_on_code(visits):
    "Words or a picture come first; a page that has pictures shows one within the first screen; home and figures before any code"
    assert {p: o['opening']['code'] for p,o in visits.items() if o['opening']['code'] and p!='guide/install.html'}=={}
    without = {f'guide/{o}.html' for o in ('citing','install','integrity','stability')} # words alone
    shown = {p: o['opening'] for p,o in visits.items() if p not in without}
    assert {p: o['before'] for p,o in shown.items() if o['before'] and (p=='index.html' or p.startswith('figures/'))}=={}
    assert {p: o['picture'] for p,o in shown.items() if (o['picture'] or 9999)>900}=={}

def test_cards(site, pages):
    "On each model's page, and that of its training, a box with data, licence, size and limits"
    boxed = [p for p in pages if 'class="model-card"' in (site/p).read_text()]
    trained = [p for p in pages if p.startswith('15_train/') and p!='15_train/core.html']
    assert {*trained, '07_zoo/dit.html', '07_zoo/resnet.html'}<={*boxed} and len(boxed)==20
    for p in boxed:
        box = re.search(r'class="model-card".*?</table>', (site/p).read_text(), re.S)[0]
        for row in ('model','task','data','licence','size','limits')+('training',)*(p in trained): assert f'<td>{row}</td>' in box, (p, row)

def test_no_raw_markup(visits):
    "Links, equations and emphasis are set: none shows as it was written"
    assert wrong(visits, 'raw')=={}

def test_pictures_are_described(visits):
    "Each in words of its own"
    assert {p: o['alts'] for p,o in visits.items() if min(map(len, o['alts']), default=99)<15}=={}
    assert {p: a for p,o in visits.items() for a in o['alts'] if o['alts'].count(a)>1}=={}

def test_for_everyone(visits):
    "axe-core finds nothing serious"
    assert wrong(visits, 'axe')=={}

def test_light(visits):
    "At most 3 MB a page"
    assert {p: o['weight'] for p,o in visits.items() if o['weight']>limit}=={}

dictionaries = sorted(o.stem for o in (root/'nbs/dictionaries').glob('*.html'))
shipped = [o.name for o in (root/'rosetta_neurons/dictionaries').iterdir()]

def test_gallery_has_every_dictionary(site):
    "Each that ships, as a page and as files; the page's concepts are the dictionary's, with today's style and script"
    assert {*dictionaries}=={*shipped, 'real_networks'}
    for name in shipped:
        d = RosettaDictionary.shipped(name)
        page = (site/f'dictionaries/{name}.html').read_text()
        assert set(re.findall(r'data-digest="(\w+)"', page))=={o.digest for o in d.concepts}, f'run: python tools/dictionaries.py {name}'
        for file in ('page.css','page.js'): assert (root/'rosetta_neurons/assets'/file).read_text() in page
        assert (site/f'dictionaries/{name}.csv').read_text()==d.as_csv()
        assert json.loads((site/f'dictionaries/{name}.json').read_text())['recipe']['generator']==name

@pytest.mark.parametrize('name', dictionaries)
def test_concept_in_the_gallery(browser, address, site, name):
    "A strip leads to its concept, which opens with pictures; the page is light, asks nothing of others, and axe finds nothing serious"
    assert (site/f'dictionaries/{name}.html').stat().st_size<limit
    wrong,page = [],browser.new_page()
    page.set_default_timeout(120_000)
    page.on('console', lambda m: wrong.append(m.text) if m.type in ('error','warning') else None)
    page.on('pageerror', lambda e: wrong.append(str(e)))
    page.on('request', lambda r: None if r.url.startswith((address, 'data:')) else wrong.append(r.url))
    page.goto(address+'guide/gallery.html')
    strip = page.locator(f'.strips a[href*="/{name}.html#"]').nth(2)
    says = strip.inner_text()
    strip.click()
    page.locator('#view[open] .tile canvas').first.wait_for()
    assert page.locator('#view-title').inner_text()==says.strip()
    page.evaluate(axe_script())
    found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
    assert [o['nodes'][0]['html'][:200] for o in found if o['impact'] in ('serious','critical')]==[]
    page.locator('#view .close').click()
    page.locator('header nav a').first.click()
    page.wait_for_url('**/gallery.html*')
    assert wrong==[]
    page.close()

searches = [
    ('shuffled', 'Shuffled images in one pass'), ('PairCorrelation', 'Correlation'), ('install', 'Install'),
    ('null hypothesis', 'Nulls'), ('false discovery rate', 'False discovery rate'),
    ('activation maximization', 'The search'), ('feature visualization', 'Inversion'),
    ('polysemantic', 'What a unit stands for'), ('CKA', 'Appendix: other measures of sameness'),
    ('StyleGAN', 'StyleGAN2'), ('best buddies', 'Best buddies'), ('dictionary explorer', 'Gallery'),
    ('superposition', 'Related work'), ('licence', None), ('receptive field', 'Resizing')]

@pytest.fixture(scope='module')
def home(browser, address):
    "The home page, whose search box is used"
    page = browser.new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    yield page
    page.close()

@pytest.mark.parametrize('words,title', searches)
def test_search(home, words, title):
    "What is typed leads to the page that explains it, first of all; pages are found by words that stand anywhere on them"
    home.keyboard.press('Escape')
    home.keyboard.press('/')
    home.keyboard.press('Control+A')
    home.keyboard.type(words)
    home.wait_for_timeout(500)
    found = home.locator('.search-result-title').all_inner_texts()
    assert found
    assert title is None or found[0]==title, found[:5]

def test_search_opens(browser, address):
    "A hit is a link: it opens its page at the section"
    page = browser.new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    page.keyboard.press('/')
    page.keyboard.type('PairCorrelation')
    page.locator('.search-result', has_text='Correlation').first.click()
    page.wait_for_load_state()
    assert 'Correlation' in page.title() and 'PairCorrelation' in page.locator('main').inner_text()
    page.close()

@pytest.mark.parametrize('name', ['index.html', 'correlation.html', 'guide/gallery.html'])
def test_dark(browser, address, name):
    "Who prefers the dark gets it, readable, and can switch it off"
    context = browser.new_context(color_scheme='dark', viewport=dict(width=1440, height=900))
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(address+name)
    page.wait_for_timeout(200)
    def light(): return sum(map(int, re.findall(r'\d+', page.evaluate('getComputedStyle(document.body).backgroundColor'))[:3]))/3
    assert light()<80
    page.evaluate(axe_script())
    found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations'], runOnly: ['color-contrast']})).violations")
    assert [o['nodes'][0]['html'][:200] for o in found]==[]
    page.locator('.quarto-color-scheme-toggle').first.click()
    page.wait_for_timeout(200)
    assert light()>200
    context.close()
