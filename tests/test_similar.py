"Which submissions are alike: what hides a copy from the report, and what does not"
import csv
import json
import zipfile

import pytest

from rosetta_neurons.labs_similar import _answers_in, _similar_labs

CODE = """def f(a, b):
    "Text"
    total = 0
    for x in a:
        total = total + x*b.scale
    return [total/len(a) for _ in range(3)]
"""

def kept(source, asked=("f",)):
    return _answers_in([source], set(asked))

@pytest.mark.parametrize("changed", [
    CODE.replace("total", "s").replace("x", "item"),
    CODE.replace('    "Text"\n', "    # a comment\n\n"),
    CODE.replace("def f(a, b)", "def f(a: list, b) -> list"),
    CODE.replace("total/len(a)", "(total / len(a))"),
    "%%time\n!ls\n" + CODE,
])
def test_seen_through(changed):
    assert kept(changed) == kept(CODE) and kept(CODE)["f"]

@pytest.mark.parametrize("changed", [
    CODE.replace("scale", "size"), CODE.replace("range(3)", "range(4)"),
    CODE.replace("total + x*b.scale", "total - x*b.scale")])
def test_told_apart(changed):
    assert kept(changed) != kept(CODE)

def test_not_answers():
    "Blank functions, other functions, and what is no Python"
    assert kept("def f(a):\n    'Text'\n    ...") == {}
    assert kept("def g(a): return a") == {}
    assert kept("def f(:") == {} and kept("\0") == {}
    assert kept("(" * 500) == {}

@pytest.fixture
def course(tmp_path):
    "A lab of two questions, and a function that hands something in"
    for o in ("in", "labs/autograder", "labs/student", "labs/solution"):
        (tmp_path/o).mkdir(parents=True)
    with zipfile.ZipFile(tmp_path/"labs/autograder/tiny.zip", "w") as z:
        z.writestr("tests/q1.py", "def test_f(f, g): pass\n")
    def put(name, *code, text="", who="", folder="in"):
        cells = [dict(cell_type="code", source=f"student_name = '{who}'\nstudent_number = ''")]
        cells += [dict(cell_type="code", source=o) for o in code]
        cells.append(dict(cell_type="markdown", source="Words of the lab that all have"))
        cells.append(dict(cell_type="markdown", source=text))
        nb = dict(cells=cells, metadata=dict(otter=dict(assignment_name="tiny")))
        (tmp_path/folder/f"{name}.ipynb").write_text(json.dumps(nb))
    put("tiny", folder="labs/student")
    def table():
        line = _similar_labs(tmp_path/"in", tmp_path/"labs", tmp_path/"out.csv")
        return line, list(csv.DictReader(open(tmp_path/"out.csv", encoding="utf-8")))
    return tmp_path, put, table

def test_pairs(course):
    "Alone with an answer; not with one that a third has; the same student is not compared"
    _, put, table = course
    common = "def g(a): return a.sum()"
    put("a", CODE, common, who="Ann", text="my very own words")
    put("b", CODE.replace("total", "t"), common, who="Bo", text="others")
    put("c", "def f(a, b): return sum(a)", common, who="Cem", text="He has my VERY own words!")
    put("c2", "def f(a, b): return sum(a)", common, who="cem ")
    line, rows = table()
    assert "5 pairs of 4 submissions" in line and len(rows) == 5
    first, second = rows[:2]
    assert (first["a"], first["b"], first["answers_alone"]) == ("a.ipynb", "b.ipynb", "1")
    assert first["code"] == "1.0" and float(first["usual"]) < 1
    assert (second["shared_words"], second["words"]) == ("4", "my very own words")
    assert all(o["answers_alone"] == "0" for o in rows[1:])
    assert not any("lab that all have" in o["words"] for o in rows)

def test_solution(course):
    "Who is alone with the public solution"
    _, put, table = course
    put("tiny", CODE, folder="labs/solution")
    put("a", CODE.replace("x", "y"), who="Ann")
    put("b", "def f(a, b): return 3*a", who="Bo")
    _, rows = table()
    assert (rows[0]["a"], rows[0]["b"], rows[0]["answers_alone"]) == ("a.ipynb", "(solution)", "1")

def test_odd(course):
    "What cannot be read is passed over; nothing to read is an error"
    folder, put, table = course
    put("a", CODE, who="Ann")
    (folder/"in/broken.ipynb").write_text("{")
    line, rows = table()
    assert rows == [] and "1 submissions" in line
    with pytest.raises(ValueError, match="no folder"):
        _similar_labs(folder/"nowhere", folder/"labs")
    with pytest.raises(ValueError, match="rosetta-labs build"):
        _similar_labs(folder/"in", folder/"none")
