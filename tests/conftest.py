"What several tests share: the site, built once, and a browser; and the marks that follow from what a test asks for"
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock

root = Path(__file__).parents[1]
flags = [
    '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync']
slow = {'exported', 'graded', 'grades', 'lab', 'made', 'site', 'wheel'} # fixtures that take over 20 seconds

LONG = ( # files, the longest first
    'test_labs', 'test_site', 'test_scale', 'test_grading', 'test_report', 'test_commands', 'test_widgets', 'test_zoo',
    'test_grading_labs', 'test_live', 'test_mining', 'test_images')

@pytest.hookimpl(tryfirst=True) # before -m chooses
def pytest_collection_modifyitems(items):
    """`browser` where a test opens one, `slow` where it waits for a fixture that is

    Long files come first, so that in the end no process of pytest-xdist waits for another.
    """
    place = {stem: i for i,stem in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path.stem, len(LONG)))
    for item in items:
        if 'browser' in item.fixturenames:
            item.add_marker(pytest.mark.browser)
        if slow.intersection(item.fixturenames):
            item.add_marker(pytest.mark.slow)

@pytest.hookimpl(tryfirst=True) # before fixtures
def pytest_runtest_setup():
    "No test rests on chance: each starts from one seed, or from that of ROSETTA_SEED, to try others"
    seed = int(os.environ.get('ROSETTA_SEED', 0))
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)

@pytest.fixture(scope='session')
def site():
    "The folder of the site, built as the workflow builds it, and once for all processes of pytest-xdist"
    run = os.environ.get('PYTEST_XDIST_TESTRUNUID', str(os.getpid()))
    built = Path(tempfile.gettempdir())/f'rosetta-site-{run}'
    with FileLock(f'{built}.lock'):
        if not built.exists():
            r = subprocess.run([sys.executable, 'tools/docs.py'], cwd=root, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            assert r.returncode==0, r.stdout[-3000:]
            built.touch()
    return root/'_docs'

@pytest.fixture(scope='module')
def browser():
    "Chromium from the system, or else Chrome"
    playwright = pytest.importorskip('playwright.sync_api')
    found = shutil.which('chromium') or shutil.which('google-chrome')
    with playwright.sync_playwright() as p:
        try:
            b = p.chromium.launch(executable_path=found, channel=None if found else 'chrome', args=flags)
        except playwright.Error as e:
            pytest.skip(f'no Chromium or Chrome: {e}')
        yield b
        b.close()
