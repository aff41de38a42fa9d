"Widgets in a real browser: the page's form as the site has it, without kernel and network, and the live form in JupyterLab"
import json,re,socket,subprocess,sys,time,urllib.request
from pathlib import Path
from types import SimpleNamespace

import ipywidgets,pytest
from fastcore.nbio import mk_cell,new_nb,read_nb,write_nb

from axe import axe_script
from rosetta_neurons.cards import _html
from rosetta_neurons.dictionary import RosettaDictionary
from rosetta_neurons.widgets import dictionary_explorer,edit_studio
from rosetta_neurons.zoo import create_model

root = Path(__file__).parents[1]

def bundles(path): return [o['data'] for c in read_nb(path).cells if c.cell_type=='code' for o in c.outputs if 'rosetta-frames' in ''.join(o.get('data', {}).get('text/html', ''))]

saved = bundles(root/'nbs/14_widgets.ipynb')

@pytest.fixture(scope='module')
def site(site):
    "The page of the widgets"
    return site/'widgets.html'

@pytest.fixture
def opened(browser, site):
    "Opens the page offline; what it complains of or asks another host for fails the test"
    wrong,contexts = [],[]
    def open_page(**kw):
        contexts.append(browser.new_context(offline=True, **{'viewport': dict(width=1280, height=900), **kw}))
        page = contexts[-1].new_page()
        page.set_default_timeout(120_000)
        page.on('console', lambda m: wrong.append(m.text) if m.type in ('error','warning') else None)
        page.on('pageerror', lambda e: wrong.append(str(e)))
        page.on('request', lambda r: None if re.match('file:|data:', r.url) else wrong.append(r.url))
        page.goto(site.as_uri())
        return page
    yield open_page
    for o in contexts: o.close()
    assert wrong==[]

def widgets(page): return page.locator('.rosetta-frames').all()

def pictures(page):
    "What is seen in each widget, and the words to it"
    words = "[...o.querySelectorAll('img,svg[role=img]')].map(x => x.getAttribute('alt') || x.getAttribute('aria-label'))"
    return page.evaluate(f"[...document.querySelectorAll('.rosetta-view')].map(o => ({{html: o.innerHTML, words: {words}}}))")

def test_saved():
    "Each widget in the form that needs no kernel, and in no other; 600 KB in all"
    assert len(saved)>=6
    for o in saved: assert set(o)=={'text/html','text/plain'}
    assert sum(len(json.dumps(o)) for o in saved)<600_000

def test_page(site):
    "3 MB at most"
    assert site.stat().st_size<3*2**20

def test_frames(opened):
    "Every choice leads to another frame, in which each picture has words, and other words than in the other frames"
    for w in widgets(opened()):
        data = json.loads(w.locator('script[type="application/json"]').text_content())
        frames = [''.join(data['parts'][i] for i in o) for o in data['frames']]
        words = [tuple(re.findall('(?:alt|aria-label)="([^"]*)"', o)) for o in frames]
        assert len(frames)>5 and len(set(words))==len(frames)
        for f,o in zip(frames, words): assert len(o)==len(re.findall('<img|role="img"', f))>0 and all(len(x)>15 for x in o)

def moved_by_mouse(page, o):
    "Choose something else"
    kind = o.evaluate('o => o.type')
    o.scroll_into_view_if_needed()
    if kind=='checkbox': o.click()
    elif kind=='range':
        box,at,most = o.bounding_box(),int(o.input_value()),int(o.get_attribute('max'))
        page.mouse.click(box['x'] + (3 if at==most else box['width']-3), box['y']+box['height']/2)
    else: o.select_option(index=1)

def moved_by_keys(page, o):
    "The same without a mouse"
    kind = o.evaluate('o => o.type')
    o.focus()
    at_end = kind=='range' and o.input_value()==o.get_attribute('max')
    page.keyboard.press('Space' if kind=='checkbox' else 'ArrowLeft' if at_end else 'ArrowDown' if kind=='select-one' else 'ArrowRight')

@pytest.mark.parametrize('move', [moved_by_mouse,moved_by_keys])
def test_moves(opened, move):
    "Each control of each widget changes its picture and the words to it, and no other widget's"
    page = opened()
    assert len(widgets(page))==len(saved)
    for i,w in enumerate(widgets(page)):
        controls = w.locator('form :is(input,select)').all()
        assert len(controls)>=2
        for o in controls:
            before = pictures(page)
            move(page, o)
            after = pictures(page)
            changed = {k: [j for j in range(len(saved)) if after[j][k]!=before[j][k]] for k in ('html','words')}
            assert changed==dict(html=[i], words=[i]), o.get_attribute('name')
            if o.evaluate('o => o.type')=='range': assert o.get_attribute('aria-valuetext')==o.locator('xpath=../output').inner_text()

def test_without_scripts(opened):
    "A picture with its words, and nothing to move"
    for w in widgets(opened(java_script_enabled=False)):
        pictures = w.locator('img:visible,svg[role=img]:visible').all()
        assert pictures and all(o.get_attribute('alt') or o.get_attribute('aria-label') for o in pictures)
        assert w.locator('input,select').count()==0

@pytest.mark.parametrize('width', [375,1440])
@pytest.mark.parametrize('scheme', ['light','dark'])
def test_fits_and_reads(opened, width, scheme):
    "No sideways scrolling, and no serious fault that axe finds, on a phone and a screen, by day and by night"
    page = opened(viewport=dict(width=width, height=800), color_scheme=scheme)
    assert page.evaluate('document.documentElement.scrollWidth')<=width
    page.evaluate(axe_script())
    found = page.evaluate("axe.run('.rosetta-frames', {resultTypes: ['violations'], preload: false})")['violations']
    assert [(o['id'],n['html'][:200]) for o in found if o['impact'] in ('serious','critical') for n in o['nodes']]==[]

model = '''async esm => {
  const {default: widget} = await import('data:text/javascript;charset=utf-8,' + encodeURIComponent(esm))
  const values = await values_of(), heard = {}, waiting = {}
  window.took = news => { for (const k in news) { if (values[k] !== news[k]) { values[k] = news[k]; (heard['change:' + k] || []).forEach(f => f()) } } }
  const model = {
    get: k => values[k],
    set(k, x) { values[k] = waiting[k] = x },
    save_changes() { const news = {...waiting}; for (const k in waiting) delete waiting[k]; told(news).then(took) },
    on(k, f) { (heard[k] ??= []).push(f) },
    off(k, f) { heard[k] = heard[k].filter(o => o != f) }}
  window.heard = heard
  window.leave = await widget.render({model, el: document.querySelector('main')})
}''' # what a widget asks of anywidget: the values that kernel and page share

@pytest.fixture
def shared(browser, monkeypatch):
    "Opens the anywidget form of frames in a page; the kernel is this process. The package is an extra: a stand-in does"
    monkeypatch.setitem(sys.modules, 'anywidget', SimpleNamespace(AnyWidget=ipywidgets.DOMWidget))
    context = browser.new_context(offline=True)
    wrong = []
    def open_page(frames):
        widget = frames.anywidget()
        page = context.new_page()
        page.on('pageerror', lambda e: wrong.append(str(e)))
        def values(): return {k: getattr(widget, k) for k in ('html','controls','at','view','search','asked','busy')}
        def told(news):
            for k,x in news.items(): setattr(widget, k, x)
            return values()
        page.expose_function('values_of', values)
        page.expose_function('told', told)
        page.set_content('<main></main>')
        page.evaluate(model, widget._esm)
        return page,widget
    yield open_page
    context.close()
    assert wrong==[]

def test_anywidget_explorer(shared):
    "The dictionary explorer: each control, by mouse and keyboard, leads to the kernel's frame; all options are there, not those of a page alone"
    d = RosettaDictionary.shipped('mini_biggan')
    frames = dictionary_explorer(d)
    page,widget = shared(frames)
    page.locator('.rosetta-view img').first.wait_for()
    assert page.locator('[name=concept] option').count()==len(d.concepts)>5
    for name in frames.controls:
        for move in (moved_by_mouse,moved_by_keys):
            before = widget.view
            at = [*widget.at]
            move(page, page.locator(f'[name={name}]'))
            page.wait_for_function("before => document.querySelector('.rosetta-view').innerHTML != before", arg=page.evaluate("before => { const o = document.createElement('div'); o.innerHTML = before; return o.innerHTML }", before))
            assert widget.at!=at and sum(a!=b for a,b in zip(at, widget.at))==1
            choice = dict(zip(frames.controls, (o.value(k) for o,k in zip(frames.controls.values(), widget.at))))
            assert widget.view==_html(*frames.frame(**choice))
    page.evaluate('leave()')
    assert page.evaluate('Object.values(heard).flat().length')==0

def test_anywidget_studio(shared):
    "The edit studio searches when its button is pressed, once, and shows what it found"
    G = create_model('mini_stylegan2')
    d = RosettaDictionary.shipped('mini_stylegan2')
    page,widget = shared(edit_studio(G, G.sample(1, seed=3), d, {'one': [0]}, steps=2))
    assert page.locator('.rosetta-view').inner_text().count('Not searched')==1
    page.get_by_role('button', name='Search').click()
    page.wait_for_function("!document.querySelector('.rosetta-view').innerText.includes('Not searched')")
    assert page.locator('.rosetta-view img').count()==2 and widget.asked==1 and not widget.busy
    assert page.get_by_role('button', name='Search').is_enabled()

live_cells = '''import torch
from rosetta_neurons.all import *
G = create_model("mini_stylegan2")
z = G.sample(1, seed=3)
with torch.no_grad(): image = G(z)
r = invert(G, image, reconstruction="l2", steps=6, frames=3, progress=False)
inversion_player(r, image)
---
d = RosettaDictionary.shipped("mini_stylegan2")
edit_studio(G, z, d, {"one": [0]}, steps=2)
---
from rosetta_neurons.counts import _growing_tables
k_and_n_explorer(_growing_tables(G, {"mini_resnet": create_model("mini_resnet")}, (4,8)), (1,2))'''

@pytest.fixture(scope='module')
def lab(tmp_path_factory):
    "A JupyterLab of its own, with one notebook: its address, and the notebook"
    folder = tmp_path_factory.mktemp('lab')
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    (folder/'work').mkdir()
    cells = [mk_cell(o) for o in live_cells.split('\n---\n')]
    write_nb(new_nb(cells, meta=dict(kernelspec=dict(name='python3', display_name='Python 3', language='python'), language_info=dict(name='python'))), folder/'work/live.ipynb')
    args = f'-m jupyterlab --no-browser --allow-root --ip=127.0.0.1 --port={port} --ServerApp.port_retries=0 --ServerApp.root_dir={folder}/work --IdentityProvider.token= --LabApp.expose_app_in_browser=True'
    env = {'PATH': f'{Path(sys.executable).parent}:/usr/bin:/bin', 'HOME': str(folder), 'PYTHONPATH': str(root), 'OMP_NUM_THREADS': '1', 'MPLBACKEND': 'agg', 'JUPYTERLAB_SETTINGS_DIR': str(folder/'settings')}
    with open(folder/'log', 'w') as log: server = subprocess.Popen([sys.executable, *args.split()], env=env, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    try:
        for _ in range(240):
            try: urllib.request.urlopen(f'http://127.0.0.1:{port}/api').close(); break
            except OSError:
                assert server.poll() is None, (folder/'log').read_text()
                time.sleep(.25)
        yield f'http://127.0.0.1:{port}',folder/'work/live.ipynb'
    finally:
        server.terminate()
        server.wait(20)

def test_live(browser, lab):
    "In JupyterLab the widgets are alive: three of them follow their controls, one after a search; what is saved can be seen without the kernel"
    address,path = lab
    context = browser.new_context(viewport=dict(width=1280, height=2000))
    page = context.new_page()
    page.set_default_timeout(240_000)
    page.goto(f'{address}/lab/tree/live.ipynb?reset')
    page.locator('.jp-Notebook .jp-CodeCell').nth(2).wait_for()
    page.evaluate("jupyterapp.restored.then(() => jupyterapp.shell.currentWidget.sessionContext.ready).then(() => { jupyterapp.commands.execute('notebook:run-all-cells') })")
    player,studio,counts = (page.locator('.jp-CodeCell').nth(i).locator('.jp-OutputArea-output') for i in range(3))
    counts.locator('.widget-dropdown').or_(page.locator('[data-mime-type*=error]')).first.wait_for()
    assert page.locator('[data-mime-type*=error]').all_inner_texts()==[]
    def words(o): return o.locator('img,svg[role=img]').evaluate_all("os => os.map(x => x.getAttribute('alt') || x.getAttribute('aria-label'))") # all at once: they may be replaced meanwhile
    def changed(o, do):
        before,end = words(o),time.time()+120
        do()
        while words(o)==before and time.time()<end: page.wait_for_timeout(100)
        assert words(o)!=before and all(words(o))
    player.locator('.noUi-handle').focus()
    changed(player, lambda: page.keyboard.press('ArrowLeft'))
    changed(counts, lambda: counts.locator('select').select_option(index=1))
    assert 'Not searched' in studio.inner_text() and len(words(studio))==1
    changed(studio, studio.locator('button').click)
    assert len(words(studio))==2
    changed(studio, studio.locator('input[type=checkbox]').click)
    page.keyboard.press('Control+s')
    page.locator('.jp-mod-dirty').wait_for(state='detached')
    for _ in range(100):
        if len(kept := bundles(path))==3: break # written
        page.wait_for_timeout(100)
    context.close()
    assert len(kept)==3 and all({'application/vnd.jupyter.widget-view+json','text/html'} <= set(o) for o in kept)
    assert ['application/json' in ''.join(o['text/html']) for o in kept]==[True,False,True] # the studio would have had to search
