"What several tests share: the site, built once, and a browser"
import shutil,subprocess,sys
from pathlib import Path

import pytest
from playwright.sync_api import Error,sync_playwright

root = Path(__file__).parents[1]
flags = '--no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update --disable-sync'.split()

@pytest.fixture(scope='session')
def site():
    "The folder of the site, built as the workflow builds it"
    r = subprocess.run([sys.executable, 'tools/docs.py'], cwd=root, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert r.returncode==0, r.stdout[-3000:]
    return root/'_docs'

@pytest.fixture(scope='module')
def browser():
    "Chromium from the system, or else Chrome"
    found = shutil.which('chromium') or shutil.which('google-chrome')
    with sync_playwright() as p:
        try: b = p.chromium.launch(executable_path=found, channel=None if found else 'chrome', args=flags)
        except Error as e: pytest.skip(f'no Chromium or Chrome: {e}')
        yield b
        b.close()
