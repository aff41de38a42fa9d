"The numbers of the exam's answers, computed; and who gets to see them"
import re
from pathlib import Path

import torch

from rosetta_neurons.labs_course import _without_answers, _write_exam
from rosetta_neurons.matching import best_buddies

root = Path(__file__).parents[1]
EXAM = (root/"nbs/labs/exam.md").read_text(encoding="utf-8")
ANSWERS = re.split(r"^## \d+\. ", EXAM, flags=re.M)

def f(*values): return torch.tensor(values, dtype=torch.float64)

def pearson(a, b): return torch.corrcoef(torch.stack([a, b]))[0, 1].item()

def said(i, *numbers):
    "Do these stand in the answer to a question?"
    answer = ANSWERS[i].partition("> **Answer.**")[2]
    assert all(o in answer for o in numbers), (i, numbers, answer)

def test_form():
    assert len(ANSWERS) == 11 and all(o.count("> **Answer.**") == 1 for o in ANSWERS[1:])

def test_statistics():
    unit = f(0, 0, 2, 2)
    said(1, f"{unit.mean():g}", f"{unit.std():.3f}")
    said(2, str((32//8)**2 + 1), f"= {1 + 2*4 + 1}")

def test_correlations():
    a, b = f(1, 2, 3), f(2, 2, 5)
    said(3, f"{pearson(a, b):.3f}", f"{(a@b/a.norm()/b.norm()).item():.3f}")
    assert round(pearson(f(0, 1), f(0, 1)), 6) == round(pearson(f(10, 11), f(-10, -9)), 6) == 1
    said(4, f"{pearson(f(0, 1, 10, 11), f(0, 1, -10, -9)):.3f}")

def test_matches():
    nan = torch.nan
    table = torch.tensor([[.9, .2, .1], [.8, .7, nan], [.6, .3, .5]])
    for k, part in ((1, "(a)"), (2, "(b)")):
        pairs = ", ".join(str(tuple(o)) for o in best_buddies(table, k=k).tolist())
        said(5, f"{part} {pairs}")
    assert {0, 2, 5} & {2, 5, 7} & {2, 4, 5} == {2, 5}
    said(6, "2 and 5")

def test_rates():
    said(7, "6 %", "2.5 %", f"{100*13/200:.1f} %", f"{100*4/120:.1f} %")

def test_losses():
    def loss(alpha, rec, distance, similarity): return rec + alpha*distance - similarity
    a, b = (.3, 2, .8), (.2, 4, .85)
    said(9, f"A: {loss(.1, *a):.2f} against {loss(.1, *b):.2f}")
    said(9, f"B: {loss(.01, *a):.2f} against {loss(.01, *b):.2f}")
    assert loss(.1, *a) < loss(.1, *b) and loss(.01, *a) > loss(.01, *b)

def test_effect():
    before, after = f(.4, .5, .6), f(.5, .58, .72)
    diff = after - before
    apart = ((before.var() + after.var())/3).sqrt()
    said(10, f"mean {diff.mean():.2f}", f"{diff.std()/3**.5:.4f}", f"{apart:.3f}")

def test_answers_are_kept(tmp_path):
    "Questions to hand out hold no answer; the site holds neither"
    _write_exam(root/"nbs/labs", tmp_path)
    asked = (tmp_path/"exam.md").read_text(encoding="utf-8")
    assert "Answer" not in asked and asked.count("## ") == 10 and "-99/101" not in asked
    assert "-99/101" in (tmp_path/"exam_answers.md").read_text(encoding="utf-8")
    assert _without_answers("a\n\n> b\n\nc") == "a\n\nc\n"
    site = "".join(o.read_text(encoding="utf-8") for o in (root/"nbs/guide").glob("*.qmd"))
    assert "-99/101" not in site
    _write_exam(tmp_path/"none", tmp_path/"nowhere") # masters without an exam
    assert not (tmp_path/"nowhere").exists()
