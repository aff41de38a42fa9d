"Decks of slides from notebooks: whole, within their size, and without anything from elsewhere"
import json
import re
import sys
from pathlib import Path

import pytest

root = Path(__file__).parents[1]
sys.path.insert(0, str(root/"tools"))
import slides as tool # noqa: E402

masters = sorted((root/"nbs/labs").glob("*.ipynb"))
PIXEL = '<img alt="A point" src="data:image/png;base64,iVBORw0KGgo=">'

def unrun(path):
    "The cells of a notebook as if each that has words for a picture had drawn one"
    runs = []
    for cell in json.loads(path.read_text())["cells"]:
        source = "".join(cell["source"])
        shown = [PIXEL] if re.search(r"^#\| ?fig-alt", source, re.M) else []
        runs.append(tool.Run(cell["cell_type"], source, shown))
    return runs

def check(slides):
    "15 to 25 slides, each with a title and something on it, and notes for most; nothing is fetched"
    assert 15 <= len(slides) <= 25
    assert all(o.title and o.body for o in slides)
    assert sum(bool(o.notes) for o in slides) >= len(slides)/2
    assert len({o.title + o.body for o in slides}) == len(slides)
    page = tool.page_of(slides)
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", page.replace('href="https://', ""))
    assert "<details" not in page and "SOLUTION" not in page and "<img alt=\"\"" not in page
    assert not re.search(r"@\d+@", page), "a formula was lost"

@pytest.mark.parametrize("path", masters, ids=[o.stem for o in masters])
def test_lab(path):
    slides = tool.lab_deck(unrun(path))
    check(slides)
    questions = [o for o in slides if o.kind == "question"]
    text = path.read_text()
    assert len(questions) == len(re.findall(r'"## Question \d', text))
    assert any("What the checks may say" in o.notes for o in questions)

def test_paper():
    check(tool.own_deck(unrun(root/"nbs/labs/slides/paper.ipynb")))

def test_sentences():
    "Formulas and code do not end a sentence, and come back whole"
    text = "See Eq. 3 of `a. B` and $x. Y$. Then more. And more."
    assert tool.beginning(text, 1) == "See Eq. 3 of `a. B` and $x. Y$."
    assert tool.beginning(text, 9) == text
    assert tool.beginning("- one. Two. Three.\n- four", 1) == "- one. Two. Three.\n- four"
    assert "<math" in tool.as_html("the mean $\\mu$") and "<code>a&lt;b</code>" in tool.as_html("`a<b`")

def test_run(tmp_path):
    "Pictures and their words come from the cells"
    code = '#| fig-alt: "A line"\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]);'
    cells = [dict(cell_type="markdown", source="# Title"), dict(cell_type="code", source=code)]
    path = tmp_path/"a.ipynb"
    path.write_text(json.dumps(dict(cells=cells)))
    shown = tool.executed(path)[1].shown
    assert len(shown) == 1 and shown[0].startswith('<img alt="A line" src="data:image/png')
    cells[1]["source"] = "1/0"
    path.write_text(json.dumps(dict(cells=cells)))
    with pytest.raises(SystemExit, match="ZeroDivisionError"):
        tool.executed(path)

def test_unknown(tmp_path):
    with pytest.raises(SystemExit, match="no deck '9_maps'"):
        tool.build("9_maps", tmp_path)
