"What several tests share: the site, built once, and a browser; and the marks that follow from what a test asks for"
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

root = Path(__file__).parents[1]
flags = [
    '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync']
slow = {'exported', 'graded', 'grades', 'lab', 'made', 'site', 'wheel'} # fixtures that take over 20 seconds

LONG = ('test_scale', 'test_site', 'test_labs', 'test_grading', 'test_report') # minutes each

@pytest.hookimpl(tryfirst=True) # before -m chooses
def pytest_collection_modifyitems(items):
    """`browser` where a test opens one, `slow` where it waits for a fixture that is

    Long files come first, so that in the end no process of pytest-xdist waits for another; what needs the
    site comes last, when test_site has built it.
    """
    def waits(item): return 'site' in item.fixturenames and item.path.stem not in LONG
    items.sort(key=lambda item: 2 if waits(item) else item.path.stem not in LONG)
    for item in items:
        if 'browser' in item.fixturenames:
            item.add_marker(pytest.mark.browser)
        if slow.intersection(item.fixturenames):
            item.add_marker(pytest.mark.slow)

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
