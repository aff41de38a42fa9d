"The live page in a real browser: the same numbers as Python, within its limits of time and transfer, by mouse and by keyboard"
import base64,json,re,threading
from functools import partial
from http.server import SimpleHTTPRequestHandler,ThreadingHTTPServer
from pathlib import Path

import numpy as np,pytest,torch

from axe import axe_script
from rosetta_neurons.correlation import PairCorrelation
from rosetta_neurons.hooks import record
from rosetta_neurons.mining import mine
from rosetta_neurons.zoo import create_model

root = Path(__file__).parents[1]
shots = root/'_docs.shots' # screenshots, to be looked at; git ignores them
n = 64 # images that are mined
networks = ['mini_resnet', 'mini_dino_resnet', 'mini_clip_resnet']
least = 1e-3 # numbers of the page and of Python agree within this

class Counting(SimpleHTTPRequestHandler):
    "Serves the site as a plain static host does, without compression, and counts what it sends"
    def log_message(self, *args): pass
    def copyfile(self, source, out):
        self.server.sent[self.path] = Path(source.name).stat().st_size
        super().copyfile(source, out)

@pytest.fixture(scope='module')
def server(site):
    if not (site/'live/live.json').is_file(): pytest.skip('the site was built without the live page: its log says why')
    with ThreadingHTTPServer(('127.0.0.1', 0), partial(Counting, directory=site)) as server:
        server.sent = {}
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()

def said(page, words, minutes=3):
    "Wait until the page says this; what it says"
    page.wait_for_function(f"new RegExp({json.dumps(words)}).test(document.getElementById('live-status').textContent)", timeout=minutes*60_000)
    return page.locator('#live-status').inner_text()

@pytest.fixture(scope='module')
def page(browser, server):
    "The page, loaded by keyboard; what went wrong on it is in `wrong`"
    context = browser.new_context(viewport=dict(width=1440, height=900))
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.wrong = []
    page.on('console', lambda m: page.wrong.append(m.text) if m.type in ('error','warning') else None)
    page.on('pageerror', lambda e: page.wrong.append(str(e)))
    page.goto(f'http://127.0.0.1:{server.server_port}/live.html')
    page.wait_for_function("!document.getElementById('live-load').disabled")
    page.before = dict(server.sent)
    page.locator('#live-load').focus()
    page.keyboard.press('Enter')
    said(page, 'Everything is loaded|could not')
    yield page
    context.close()

@pytest.fixture(scope='module')
def mined(page, server):
    "The page after it has mined, without a network, by mouse"
    asked = len(server.sent)
    page.context.set_offline(True)
    page.locator('#live-mine').click()
    page.words = said(page, '^Mined|failed')
    assert len(server.sent)==asked
    page.context.set_offline(False)
    return page

# Numbers of the page, which lie in its module and in its worker
getting = '''async ([what, given]) => {
  const {ask} = await import(new URL('live/page.js', location.href))
  const packed = x => {
    if (!ArrayBuffer.isView(x)) return Object.fromEntries(Object.entries(x).map(([key, o]) => [key, packed(o)]))
    const bytes = new Uint8Array(x.buffer, x.byteOffset, x.byteLength)
    let text = ''
    for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768))
    return btoa(text)
  }
  return packed(await ask(what, given))
}'''

def numbers(text): return torch.from_numpy(np.frombuffer(base64.b64decode(text), np.float32).copy())

@pytest.fixture(scope='module')
def tables(mined): return mined.evaluate(getting, ['tables', {}])

@pytest.fixture(scope='module')
def state(mined): return mined.evaluate("async () => (await import(new URL('live/page.js', location.href))).state.mined")

@pytest.fixture(scope='module')
def models():
    torch.set_num_threads(1)
    return {name: create_model(name) for name in ['mini_stylegan2', *networks]}

@pytest.fixture(scope='module')
def dictionary(models): return mine(models['mini_stylegan2'], {o: models[o] for o in networks}, n=n, seed=0, progress=False)

def test_light(page, server):
    "Nothing heavy before the click; less than 16 MB after it, as the button says, where 30 were allowed"
    assert sum(page.before.values())<3*2**20
    total = sum(server.sent.values())-sum(page.before.values())
    assert total<16e6
    assert f'{total/1e6:.0f} MB'==re.search(r'Load (.*) and', page.locator('#live-load').text_content())[1]

def test_quick(mined):
    "64 images in less than a minute, on one core"
    seconds = int(re.fullmatch(rf'Mined {n} images in (\d+) s: .*', mined.words)[1])
    assert seconds<60
    assert mined.wrong==[]

def test_images(page, models):
    "The same latents give the same images"
    G = models['mini_stylegan2']
    with torch.no_grad(): true = G(G.sample(4, seed=0))
    assert (numbers(page.evaluate(getting, ['images', dict(n=4)])).reshape(true.shape)-true).abs().max()<least

def closeness(page_table, true): return (numbers(page_table).reshape(true.shape)-true).abs()

@torch.no_grad()
def test_tables(tables, models):
    "Correlations of all pairs of units, and those of shuffled images: NaN at the same places, and within 1e-3"
    G,name = models['mini_stylegan2'],networks[-1]
    with record(G) as of_G: images = G(G.sample(n, seed=0))
    with record(models[name]) as maps: models[name](images)
    for pairing,shift in dict(true=0, null=-1).items():
        pc = PairCorrelation()
        pc.update(of_G, {layer: x.roll(shift, 0) for layer,x in maps.items()})
        for center in ('unit','position'):
            true,found = pc.compute(center),numbers(tables[name][pairing][center])
            found = found.reshape(true.shape)
            assert torch.equal(true.isnan(), found.isnan())
            assert (true-found).abs().nan_to_num(0).max()<least, (pairing, center)
    own = PairCorrelation()
    own.update(of_G, of_G)
    true = own.compute('position')
    assert closeness(tables['own']['position'], true).nan_to_num(0).max()<least

def test_matches(state, dictionary):
    "The best buddies that `mine` finds but for near-ties, with the same correlations"
    for name in networks:
        pairs = {(a,b) for a,b in dictionary.tables[name]['buddies'].tolist()}
        found = {(o['unit'],o['partner']): o for o in state['matches'][name]}
        assert len(pairs^set(found))<=len(pairs)//100
        for (a,b),scores in zip(dictionary.tables[name]['buddies'].tolist(), dictionary.tables[name]['scores'].tolist()):
            if (a,b) in found: assert abs(found[a,b]['correlation']-scores[0])<least and abs(found[a,b]['centred']-scores[1])<least

def test_concepts(state, dictionary):
    "The same concepts, but for near-ties"
    names = state['units']['G']
    found = {frozenset((names[u]['layer'],names[u]['channel']) for u in o['units']) for o in state['concepts']}
    true = {frozenset(o.units) for o in dictionary.concepts}
    assert len(found)>10
    assert len(found^true)<=len(true)//10

def test_shown(mined):
    "A card for each concept, with pictures that say what they show; counts for each network"
    assert mined.locator('#live-found > li').count()>=8
    labels = mined.locator('.live-panel canvas').evaluate_all('all => all.map(o => o.getAttribute("aria-label") || "")')
    assert min(map(len, labels))>15 and len(set(labels))==len(labels)
    assert mined.locator('#live-counts-rows tr').count()==len(networks)
    painted = 'all => all.map(o => new Set(o.getContext("2d").getImageData(0, 0, 64, 64).data).size)'
    assert min(mined.locator('.live-panel canvas').evaluate_all(painted))>4

serious = '''async () => (await axe.run('main', {resultTypes: ['violations']})).violations
  .filter(o => ['serious', 'critical'].includes(o.impact)).map(o => `${o.id}: ${o.nodes[0].html.slice(0, 160)} ${o.nodes[0].failureSummary}`)'''

# What is wider than the panel that it stands in
wide = '''() => [...document.querySelectorAll('.live-panel :is(table, canvas, select, input, .live-strip, p)')]
  .filter(o => o.getBoundingClientRect().right>o.closest('.live-panel').getBoundingClientRect().right+1).map(o => o.outerHTML.slice(0, 60))'''

@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_for_everyone(mined, scheme):
    "axe-core finds nothing serious; nothing sticks out on a phone"
    dark = "document.documentElement.classList.contains('quarto-dark')"
    if mined.evaluate(dark)!=(scheme=='dark'): mined.locator('.quarto-color-scheme-toggle').first.evaluate('o => o.click()')
    # the site looks once at its background, 50 ms later, and on `load`: on a busy machine the style may come after that
    mined.wait_for_function(f"(dispatchEvent(new Event('load')), {dark}==={'true' if scheme=='dark' else 'false'})")
    for width in (1440,375):
        mined.set_viewport_size(dict(width=width, height=900))
        assert mined.evaluate('document.documentElement.scrollWidth')<=width
        assert mined.evaluate(wide)==[]
        (shots/str(width)).mkdir(parents=True, exist_ok=True)
        mined.screenshot(path=shots/f'{width}/live_{scheme}.jpg', type='jpeg', quality=60, full_page=True)
    mined.set_viewport_size(dict(width=1440, height=900))
    mined.evaluate(axe_script())
    assert mined.evaluate(serious)==[]

pixels = '([what, place]) => document.querySelectorAll(what)[place].toDataURL()'

def focused(page): return page.evaluate('document.activeElement.id')

def test_keyboard(mined):
    "Everything can be reached and used without a mouse"
    page = mined
    def change(act, what='#live-picture canvas', place=0):
        "Does this change the picture?"
        was = page.evaluate(pixels, [what, place])
        act()
        page.wait_for_function(f'([what, place, was]) => ({pixels})([what, place])!==was', arg=[what, place, was])
    page.locator('#live-new').focus()
    change(lambda: page.keyboard.press('Enter'))
    page.keyboard.press('Tab')
    assert focused(page)=='live-reset'
    page.keyboard.press('Tab')
    change(lambda: page.keyboard.press('End')) # the slider at its right end
    page.locator('#live-concept').focus()
    change(lambda: page.keyboard.press('ArrowDown'), '#live-units canvas')
    page.locator('#live-edit-sliders input').first.focus()
    change(lambda: page.keyboard.press('End'), '#live-edits canvas', 1)
    assert page.locator('#live-edit-rows td:nth-child(4)').all_inner_texts()==['2.0', '0.0', '0.0']
    page.locator('#live-k').focus()
    page.keyboard.press('ArrowUp')
    said(page, 'With K = 3')
    page.locator('#live-mine').focus()
    page.keyboard.press('Space')
    said(page, '^Mining')
    assert focused(page)=='live-stop'
    page.keyboard.press('Enter')
    assert re.match(r'Mined (16|32) images', said(page, '^Mined|failed'))
    assert focused(page)=='live-mine'
    assert page.wrong==[]
