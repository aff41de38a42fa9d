"axe-core, which finds what a page withholds from people who can't see or use a mouse"
from pathlib import Path

import pytest

def axe_file():
    "Where it is"
    package = pytest.importorskip('axe_playwright_python')
    return Path(package.__file__).parent/'axe.min.js'

def axe_script():
    "Its source, to be run in a page"
    return axe_file().read_text()
