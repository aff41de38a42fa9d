"report.html in a real browser that has no network"
import json,re

import pytest

from rosetta_neurons.cli import mine_folder

@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    "What `rosetta-mine` writes, on so few images that some concepts do not survive"
    out = tmp_path_factory.mktemp('mined')
    mine_folder(n=64, out=out, progress=False)
    return out

@pytest.fixture(scope='module')
def mined(folder): return json.loads((folder/'dictionary.json').read_text())

@pytest.fixture(scope='module')
def concepts(mined): return mined['concepts']

@pytest.fixture
def page(browser, folder):
    "The page, opened offline; whatever it complains of or asks the network for fails the test"
    context = browser.new_context(offline=True, viewport=dict(width=1280, height=900))
    page,wrong = context.new_page(),[]
    page.on('console', lambda m: wrong.append(m.text) if m.type in ('error','warning') else None)
    page.on('pageerror', lambda e: wrong.append(str(e)))
    page.on('request', lambda r: None if re.match('file:|data:', r.url) else wrong.append(r.url))
    page.goto((folder/'report.html').as_uri())
    yield page
    context.close()
    assert wrong==[]

def seen(page, key=None):
    "The concepts on view, in order: their ids, or one of their numbers"
    ids = page.locator('.concept:visible').evaluate_all('(os, k) => os.map(o => k ? +o.dataset[k] : o.id)', key)
    return ids

def test_opens_with_survivors(page, mined, concepts):
    "What survives 5 %, strongest content first, each with pictures that load; the count says so"
    sure = [f'concept-{i}' for i,o in enumerate(concepts) if o['q']<=0.05]
    assert sure and set(seen(page))==set(sure)
    assert seen(page, 'content')==sorted(seen(page, 'content'), reverse=True)
    assert page.locator('#count').inner_text()==f'{len(sure)} of {len(concepts)} concepts shown'
    first = page.locator('.concept:visible').first
    first.scroll_into_view_if_needed()
    pictures = first.locator('img')
    page.wait_for_function('o => [...o.querySelectorAll("img")].every(i => i.complete && i.naturalWidth > 0)', arg=first.element_handle())
    assert pictures.count()==1+len(mined['recipe']['names']) and all(o.get_attribute('alt') for o in pictures.all()) # the images, and the maps of each network

def test_shows_the_rest(page, concepts):
    "One click away"
    page.locator('#show-all').check()
    assert len(seen(page))==len(concepts)>len([o for o in concepts if o['q']<=0.05])

@pytest.mark.parametrize('key,down', [('correlation',True), ('q',False), ('size',True), ('content',True)])
def test_sorts(page, key, down):
    "By each number"
    page.locator('#show-all').check()
    page.locator('#sort').select_option('size' if key=='content' else 'content')
    before = seen(page)
    page.locator('#sort').select_option(key)
    values = seen(page, key)
    assert values==sorted(values, reverse=down) and len(set(values))>1
    assert seen(page)!=before

def test_finds(page, concepts):
    "By the name of a unit; nothing where nothing is so named"
    page.locator('#show-all').check()
    layer,channel = concepts[-1]['units'][0]
    page.locator('#filter').fill(f'{layer}:{channel}')
    assert f'concept-{len(concepts)-1}' in seen(page) and len(seen(page))<len(concepts)
    page.locator('#filter').fill('no such unit')
    assert seen(page)==[]

def test_one_model(page, concepts):
    "The rows of the generator and of one model"
    page.locator('#model').select_option('mini_mae')
    rows = page.locator('.concept:visible .row[data-model]:visible').evaluate_all('os => os.map(o => o.dataset.model)')
    assert set(rows)=={'G','mini_mae'}

def test_least_content(page):
    "Concepts below it go"
    page.locator('#show-all').check()
    values = seen(page, 'content')
    least = round(sorted(values)[len(values)//2]//.05*.05 + .05, 2)
    page.locator('#min-content').fill(str(least))
    assert sorted(seen(page, 'content'))==sorted(o for o in values if o>=least)
    assert 0<len(seen(page))<len(values)

def test_link_to_a_concept(page, concepts):
    "Shows it, whether it survives or not"
    weak = next(i for i,o in enumerate(concepts) if o['q']>0.05)
    page.evaluate(f"location.hash = '#concept-{weak}'")
    page.wait_for_selector(f'#concept-{weak}:visible')

def test_without_scripts(browser, folder, concepts):
    "The survivors are there for those who run no scripts, and a click shows the rest"
    context = browser.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto((folder/'report.html').as_uri())
    assert page.locator('.concept:visible').count()==sum(o['q']<=0.05 for o in concepts)
    page.locator('#show-all').check()
    assert page.locator('.concept:visible').count()==len(concepts)
    context.close()

@pytest.mark.parametrize('width', [360, 768, 1280])
def test_fits(page, width):
    "No sideways scrolling, on a phone or a screen"
    page.set_viewport_size(dict(width=width, height=800))
    assert page.evaluate('document.documentElement.scrollWidth')<=width

def test_nothing_from_elsewhere(folder):
    "The page names no address that it would load from"
    text = (folder/'report.html').read_text()
    assert re.findall(r'(?:src|srcset|href)="(?!data:|#)[^"]*"|url\((?!data:)|@import', text)==[]
