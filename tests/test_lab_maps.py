"A student's wrong maps stand beside the right ones; whatever else comes out of a submission is said in words"
import json
import re
import shutil
from html.parser import HTMLParser
from inspect import getdoc, signature
from pathlib import Path

import pytest
import torch

import mistakes
from rosetta_neurons.labs import build_labs, grade_labs, merge_grades
from rosetta_neurons.labs_maps import _example_of, _read_examples, _result_of, _shown_maps, _take_examples
from rosetta_neurons.labs_sandbox import _Submission
from test_labs import bare, replaced

ROOT = Path(__file__).parents[1]
LAB = "1_maps"
HTML = "<script>alert(1)</script><img src=x onerror=alert(2)>"
EXAMPLE = "# MAPS\ndef same(f):\n    'The same'\n    import torch\n    x = torch.eye(4)[None]\n    return f(x), x\n"
ODD = { # answers of `f`, and what is said of them
    "right": ("return x", "are the right ones"),
    "text": (f"return {HTML!r}", "gives no tensor"),
    "list": ("return [x, x]", "gives no tensor"),
    "deep": ("y = []\n    for _ in range(5000): y = [y]\n    return y", "error"),
    "object": ("return type('<b>', (), {})()", "gave a <b>"),
    "nothing": ("return None", "gives nothing back"),
    "html": (f"raise ValueError({HTML!r}*100)", "<script>"),
    "shape": ("return x[0]", "[4, 4] here; [1, 4, 4] is expected"),
    "many": ("return torch.zeros(4000, 4000)", "[4000, 4000] here"),
    "huge": ("return torch.zeros(2**28)", "are allowed"),
    "endless shape": ("return torch.zeros([1]*60)", "with 60 axes"),
    "nan": ("return x*torch.nan", "16 of 16 values"),
    "infinite": ("return x/0", "NaN or infinite"),
    "complex": ("return x + 1j", "complex"),
    "loop": ("while True: pass", "took too long"),
    "crash": ("import os; os._exit(0)", "ended by itself"),
    "gone": ("return x", "could not be tried"), # after a crash
}

class Tags(HTMLParser):
    "All tags of a page, with their attributes"
    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

def is_harmless(page):
    "No script, no handler, no picture or link from elsewhere"
    for tag, attributes in Tags(page).found:
        assert tag not in ("script", "b", "iframe", "object", "embed", "form"), tag
        assert not any(o.startswith("on") for o in attributes), attributes
        assert attributes.get("src", "data:image/png;base64,").startswith("data:image/png;base64,"), attributes
        assert attributes.get("href", "#").startswith("#"), attributes
        assert tag != "img" or re.match(r"(Yours|Expected): largest value \S+ in row", attributes["alt"]), attributes
    return True

def pictures(page):
    return sum(tag == "img" for tag, _ in Tags(page).found)

@pytest.fixture(scope="module")
def submission():
    with _Submission(seconds=2) as o:
        yield o

@pytest.mark.parametrize("name", ODD)
def test_odd_answers(submission, name):
    "What is no map of the right shape is said in words, and words only"
    code, words = ODD[name]
    if name != "gone":
        submission.ask("run", f"import torch\ndef f(x):\n    {code}")
    found = _result_of(_example_of(EXAMPLE), dict(f=submission.get("f")))
    assert set(found) == {"said"} and words in found["said"] and len(found["said"]) < 400, found
    page = _shown_maps(dict(q1=dict(found, example="E", visible=True)), "visible")
    assert is_harmless(page) and pictures(page) == 0 and "No pictures: " in page

def test_large_values():
    "Values a thousand times too large, or the same everywhere, leave the right map to be seen"
    for yours in (1e300*torch.eye(4).double(), 5 + 0*torch.eye(4), -1e-30*torch.eye(4), torch.eye(4).flip(0) > 0):
        found = _result_of(_example_of(EXAMPLE), dict(f=lambda x, y=yours: y[None]))
        page = _shown_maps(dict(q1=dict(found, example="E", visible=True)), "visible")
        assert is_harmless(page) and pictures(page) == 2
        assert ("nearer end" in page) == (yours.max().item() > 3)

def test_no_place_for_html():
    "Even a file of numbers that somebody has changed brings no tags onto a page"
    o = dict(said=HTML, example=HTML, visible=True)
    assert is_harmless(_shown_maps({"q1": o}, "all"))
    with pytest.raises((TypeError, ValueError)):
        _shown_maps({"q1": dict(yours=[[HTML]], expected=[[1.]], example="", visible=True)}, "all")

def names_of(master):
    "What the code cells of a master define, its tests left out"
    import torch.nn.functional as F
    names = dict(torch=torch, F=F, nn=torch.nn)
    for cell in json.loads(master.read_text())["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and re.match(r"def (?!test_)", source):
            exec(source, names)
    return names

def tried(source, names):
    example = _example_of(source)
    assert len(getdoc(example)) > 20, "an example says what it is"
    return _result_of(example, {o: names[o] for o in signature(example).parameters})

@pytest.mark.parametrize("lab", [LAB, "3_buddies", "5_editing"])
def test_examples(lab):
    "The solution gives the right maps, a planted mistake others; they are small, and not the hidden tests' data"
    master = ROOT/f"nbs/labs/{lab}.ipynb"
    examples = _take_examples(json.loads(master.read_text()))
    assert examples
    for question, source in examples.items():
        assert "COURSE" not in source
        names = names_of(master)
        assert "are the right ones" in tried(source, names)["said"], question
        drawn = []
        for l, q, what, _, code in mistakes.planted:
            if (l, q) == (lab, question):
                changed = dict(names)
                exec(code, changed)
                drawn.append(tried(source, changed))
        drawn = [o for o in drawn if "yours" in o]
        assert drawn, f"{lab} {question}: no planted mistake shows"
        assert all(torch.tensor(o["expected"]).numel() <= 400 for o in drawn)

def test_which_labs():
    "The guide names the labs that have examples"
    with_examples = []
    for master in sorted((ROOT/"nbs/labs").glob("*.ipynb")):
        if _take_examples(json.loads(master.read_text())):
            with_examples.append(master.stem)
    assert with_examples == [LAB, "3_buddies", "5_editing"]
    assert "in Labs 1, 3 and 5" in (ROOT/"nbs/tutorials/labs_instructors.ipynb").read_text()

HOSTILE = f"""
class Tag(str): pass
def maps_of(model, layer, images): return Tag({HTML!r})
def observe(model, layer, images): raise type({HTML!r}, (Exception,), {{}})({HTML!r})
def tokens_to_map(tokens, prefix, rows, columns): return torch.full((len(tokens), tokens.shape[-1], rows, columns), torch.nan)"""

@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    "A lab with planted mistakes, graded: the folder"
    tmp = tmp_path_factory.mktemp("maps")
    tmp.chmod(0o755)
    (tmp/"masters").mkdir()
    shutil.copy(ROOT/f"nbs/labs/{LAB}.ipynb", tmp/"masters")
    build_labs("maps", tmp/"masters", tmp/"labs")
    solution = json.loads((tmp/f"labs/solution/{LAB}.ipynb").read_text())
    (tmp/"in").mkdir()
    codes = {what: code for l, _, what, _, code in mistakes.planted if l == LAB}
    codes["hostile"] = HOSTILE
    for what in ("reshaped before transposing", "no copy", "images mixed up", "hostile"):
        nb = bare(solution)
        if what == "hostile":
            nb["cells"].append(dict(cell_type="code", id="h", metadata={}, outputs=[], execution_count=None, source=HOSTILE))
            nb["cells"] = [c for c in nb["cells"] if "grader.check" not in "".join(c["source"])]
        else:
            nb = replaced(nb, codes[what])
        (tmp/f"in/{what}.ipynb").write_text(json.dumps(nb))
    (tmp/"in/solution.ipynb").write_text(json.dumps(bare(solution)))
    grade_labs(tmp/"in", tmp/"labs/autograder", tmp/"grades.csv", minutes=3, seconds=30)
    return tmp

def pages(graded, **options):
    merge_grades(graded/"grades.csv", out=graded/"final", **options)
    return {o.stem: o.read_text() for o in (graded/"final/pages").iterdir()}

def test_both_pictures(graded):
    "One pair for the question that was not passed, on this student's page alone"
    found = pages(graded)
    assert all(is_harmless(o) for o in found.values())
    assert pictures(found["reshaped_before_transposing"]) == pictures(found["no_copy"]) == 2
    page = found["reshaped_before_transposing"]
    assert "<strong>q3.</strong> Tokens of two units" in page and "<strong>q1.</strong>" not in page
    assert "22 of 48 values differ" in page
    assert "beside the right ones" not in found["solution"]

def test_hostile(graded):
    page = pages(graded)["hostile"]
    assert is_harmless(page) and pictures(page) == 0
    words = re.findall("<p>No pictures: (.*?)</p>", page)
    assert len(words) == 3 and "gives no tensor" in words[0] and "&lt;script&gt;" in words[1] and "48 of 48" in words[2], words

def test_hidden_failures(graded):
    "Where only hidden tests failed, students learn nothing more, unless the instructor wants it"
    name = "images_mixed_up"
    assert "beside the right ones" not in pages(graded)[name]
    assert "<strong>q3.</strong>" in pages(graded, maps="all")[name]
    assert pictures(pages(graded, maps="none")["no_copy"]) == 0
    with pytest.raises(ValueError, match="no maps 'some'"):
        pages(graded, maps="some")

def test_examples_stay_here(graded):
    "They are in the autograder, and in nothing that students get"
    assert set(_read_examples(graded/f"labs/autograder/{LAB}.zip")) == {"q1", "q2", "q3"}
    for kind in ("student", "solution"):
        assert "# MAPS" not in (graded/f"labs/{kind}/{LAB}.ipynb").read_text()
    assert not list((graded/"grades/feedback").rglob("*.json"))
