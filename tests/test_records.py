"Grades and written points become tables that learning platforms take, and pages for students"
import csv
import re
from datetime import datetime

import pytest

from rosetta_neurons.labs_records import _deadlines_of, merge_grades
from rosetta_neurons.labs_written import (
    _BEGINS, _CHANGED, _ELSEWHERE, _ENDS, _LONGEST, _answers_between, _answers_to, _read_table, _write_awaited)

COLUMNS = "file,student,number,lab,handed_in,score,possible,notes,feedback"
GRADES = f"""{COLUMNS}
in/a.ipynb,Ann Lee,0071,1_maps,2026-10-12 20:00:00,22,22,,a.txt
in/a2.ipynb,Ann Lee,0071,2_matching,2026-10-12 20:00:00,10,20,,../instructor/a.txt
b.ipynb,"Ek, Bo",b-2,1_maps,2026-10-14 00:00:00,3,22,,b.txt
c.ipynb,'=HYPERLINK(1),,1_maps,2026-10-12 20:00:00,22,22,,c.txt
d.ipynb,<script>x</script>,44,1_maps,2026-10-12 20:00:00,11,22,,none.txt
broken.ipynb,broken,,,2026-10-12 20:00:00,0,,cut short,broken.txt
"""
WRITTEN = """file;student;number;lab;question;points;of;comment
in/a.ipynb;Ann Lee;71;1_maps;q8;3,5;4;a <b>good</b> example
in/a2.ipynb;Ann Lee;71;2_matching;q7;2;6;
b.ipynb;Ek, Bo;b-2;1_maps;q8;0;4;
c.ipynb;;;1_maps;q8;4;4;
d.ipynb;;44;1_maps;q8;;4;
"""

def rows_of(path):
    "A table as strict readers take it: UTF-8 without a mark, as many cells as there are columns"
    data = path.read_bytes()
    assert not data.startswith(b"\xef\xbb\xbf")
    lines = list(csv.reader(data.decode("utf-8").splitlines()))
    head = lines[0]
    assert len(set(head)) == len(head) and all(head)
    for line in lines:
        assert len(line) == len(head), line
        assert not any(cell.startswith(("=", "+", "@")) for cell in line), line
    return [dict(zip(head, line)) for line in lines[1:]]

def is_points(text):
    "A number with a decimal point, or blank where there is none"
    return text == "" or re.fullmatch(r"\d+(\.\d+)?", text) is not None

def check_canvas(path):
    """What Canvas's import of grades asks for: its `lib/gradebook_importer.rb` wants "Student" and "ID" first, finds the two SIS
    columns by their place, and "Section" in the last column before the assignments; "Points Possible" marks the row of points"""
    rows = rows_of(path)
    head = list(rows[0])
    assert head[:5] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    assert rows[0]["Student"].strip() == "Points Possible"
    assert all(float(rows[0][lab]) > 0 for lab in head[5:])
    for row in rows[1:]:
        assert row["Student"] and (row["ID"] or row["SIS User ID"] or row["SIS Login ID"]), row
        assert all(is_points(row[lab]) for lab in head[5:]), row
    ids = [row["SIS User ID"] for row in rows[1:]]
    assert len(set(ids)) == len(ids), "one row for each student"
    return rows

def check_moodle(path):
    "What Moodle's import of grades asks for: somebody it knows in each row, and numbers"
    rows = rows_of(path)
    assert "ID number" in rows[0]
    labs = [o for o in rows[0] if f"{o} feedback" in rows[0]]
    assert labs
    for row in rows:
        assert row["ID number"] and all(is_points(row[lab]) for lab in labs), row
    return rows

def check_gradescope(path):
    "The columns of Gradescope's export"
    rows = rows_of(path)
    head = list(rows[0])
    assert head[:4] == ["First Name", "Last Name", "SID", "Email"]
    labs = [o for o in head if f"{o} - Max Points" in head]
    assert labs and len(head) == 4 + 4*len(labs)
    for row in rows:
        for lab in labs:
            assert is_points(row[lab]) and float(row[f"{lab} - Max Points"]) > 0
            assert re.fullmatch(r"(\d+:\d\d:\d\d)?", row[f"{lab} - Lateness (H:M:S)"])
            time = row[f"{lab} - Submission Time"]
            assert not time or datetime.fromisoformat(time)
    return rows

@pytest.fixture
def folder(tmp_path):
    "What `grade_labs` leaves, and an instructor fills in with a spreadsheet"
    for kind in ("feedback", "instructor"):
        (tmp_path/"grades"/kind).mkdir(parents=True)
        (tmp_path/"grades"/kind/"a.txt").write_text(f"of {kind} <&>")
    (tmp_path/"grades.csv").write_text(GRADES)
    (tmp_path/"grades/written.csv").write_bytes(WRITTEN.encode("utf-8-sig"))
    return tmp_path

@pytest.fixture
def merged(folder):
    line = merge_grades(
        folder/"grades.csv", deadline="2026-10-12", off=2, out=folder/"final")
    return line, folder/"final"

def test_totals(merged):
    "Tests, written points and lateness; never below nothing"
    rows = {o["file"]: o for o in rows_of(merged[1]/"grades.csv")}
    a = rows["in/a.ipynb"]
    assert (a["total"], a["total_possible"], a["days_late"]) == ("25.5", "26.0", "0")
    b = rows["b.ipynb"]
    assert (b["days_late"], b["late_off"], b["total"]) == ("2", "3.0", "0")
    assert rows["d.ipynb"]["written_awaited"] == "4.0"
    assert rows["broken.ipynb"]["counts"] == "no"

def test_canvas(merged):
    rows = {o["SIS User ID"]: o for o in check_canvas(merged[1]/"canvas.csv")}
    assert rows["0071"]["1_maps"] == "25.5" and rows["0071"]["2_matching"] == "12.0"
    assert rows["b-2"]["2_matching"] == "", "not handed in is blank, and not 0"
    assert rows["44"]["1_maps"] == "", "half a grade is not uploaded"
    assert rows[""]["1_maps"] == "26.0"

def test_moodle(merged):
    rows = {o["ID number"]: o for o in check_moodle(merged[1]/"moodle.csv")}
    assert rows["0071"]["1_maps feedback"] == "q8: a <b>good</b> example"

def test_gradescope(merged):
    rows = {o["SID"]: o for o in check_gradescope(merged[1]/"gradescope.csv")}
    assert rows["0071"]["Last Name"] == "Lee"
    assert rows["b-2"]["1_maps - Lateness (H:M:S)"] == "48:00:00"

@pytest.mark.parametrize("check,name,spoil", [
    (check_canvas, "canvas", ("Points Possible", "Ann Lee")),
    (check_canvas, "canvas", ("25.5", "25,5")),
    (check_moodle, "moodle", ("ID number", "Id")),
    (check_gradescope, "gradescope", ("48:00:00", "2 days"))])
def test_checkers_can_fail(merged, check, name, spoil):
    path = merged[1]/f"{name}.csv"
    text = path.read_text()
    assert spoil[0] in text
    path.write_text(text.replace(*spoil))
    with pytest.raises((AssertionError, KeyError, ValueError)):
        check(path)

def test_said(merged):
    "What to know before an upload"
    line, _ = merged
    assert re.search(r"students in .*: 4;.*for platforms: 1;.*moodle\.csv: 1;.*of no lab\): 1$", line), line

def test_pages(merged):
    "One for each student, escaped, with nothing from other folders"
    pages = {o.stem: o.read_text() for o in (merged[1]/"pages").iterdir()}
    assert len(pages) == 4 and {"0071", "b-2", "44"} <= set(pages)
    page = pages["0071"]
    assert "of feedback &lt;&amp;&gt;" in page and "of instructor" not in page
    assert "a &lt;b&gt;good&lt;/b&gt; example" in page
    assert not any("<script" in o for o in pages.values())
    assert "still awaited" in pages["44"]
    assert '<a href="#2_matching">' in page and '<h2 id="2_matching">' in page and "not yet read" not in page
    assert "11 of 26, text not yet read" in pages["44"]

def test_failures_stand_out(folder):
    "What was not passed is bold, with what is said of it; what a person has given by now is not awaited"
    (folder/"grades/feedback/a.txt").write_text(
        "1_maps: 20 of 22 points from the tests\nWritten questions: 4 more points, which a person gives.\n\n"
        "q1: 2 of 4\n  visible test_copy: keep < a copy\n    Missing idea: copies.\n  hidden test_gone: not passed\n"
        "  visible test_value: passed\n")
    merge_grades(folder/"grades.csv", out=folder/"final")
    page = (folder/"final/pages/0071.html").read_text()
    assert re.findall("<strong>(.*)</strong>", page.partition("<pre>")[2].partition("</pre>")[0]) == [
        "  visible test_copy: keep &lt; a copy", "    Missing idea: copies.", "  hidden test_gone: not passed"]
    assert "which a person gives" not in page

def test_last_counts(folder):
    "Of two tries the later one counts, even if it is worse"
    later = "in/z.ipynb,Ann Lee,0071,1_maps,2026-10-12 21:00:00,1,22,,z.txt\n"
    (folder/"grades.csv").write_text(GRADES + later)
    merge_grades(folder/"grades.csv", out=folder/"final")
    rows = {o["SIS User ID"]: o for o in check_canvas(folder/"final/canvas.csv")}
    assert rows["0071"]["1_maps"] == "1.0"

@pytest.mark.parametrize("old,new,words", [
    ("3,5", "5", "5 points of 4"), ("3,5", "-1", "points of 4"), ("3,5", "good", "no number"),
    ("3,5", "nan", "no number")])
def test_odd_points(folder, old, new, words):
    path = folder/"grades/written.csv"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=words):
        merge_grades(folder/"grades.csv", out=folder/"final")

def test_odd_options(folder):
    with pytest.raises(ValueError, match="no time"):
        merge_grades(folder/"grades.csv", deadline="soon", out=folder/"final")
    with pytest.raises(ValueError, match="negative"):
        merge_grades(folder/"grades.csv", off=-1, out=folder/"final")
    with pytest.raises(ValueError, match="no table"):
        merge_grades(folder/"none.csv", out=folder/"final")

def test_deadlines():
    found = _deadlines_of("1_maps=2026-10-12, 2026-10-19 12:00")
    assert found == {"1_maps": datetime(2026, 10, 12, 23, 59, 59), "": datetime(2026, 10, 19, 12)}

def test_grading_again_keeps_points(tmp_path):
    row = dict(file="=a.ipynb", student="A", number="1", lab="x", written=dict(q1=2, q2=3))
    out = tmp_path/"written.csv"
    _write_awaited(out, [row])
    out.write_text(out.read_text().replace("q2,,3,", "q2,1,3,short"))
    _write_awaited(out, [row, dict(row, file="b.ipynb")])
    rows = _read_table(out)
    assert [o["points"] for o in rows] == ["", "1", "", ""] and rows[1]["comment"] == "short"

def test_changed_answers_are_noted(folder):
    "Points of another answer are kept, with a note until somebody empties it, and the merge counts them"
    row = dict(file="in/a.ipynb", student="Ann Lee", number="0071", lab="1_maps", written=dict(q8=4), answers=dict(q8="one,\ntwo"))
    out = folder/"new.csv"
    def noted(answer):
        _write_awaited(out, [dict(row, answers=dict(q8=answer))])
        return _read_table(out)[0]["note"]
    assert noted("one,\ntwo") == noted("three") == "", "nobody has given points yet"
    out.write_text(out.read_text().replace("q8,,4,", "q8,3,4,"))
    assert noted("three") == noted(" three\r\n") == "", "a spreadsheet may change spaces and line ends"
    assert noted("four") == noted("four") == _CHANGED
    assert _read_table(out)[0]["points"] == "3"
    assert "changed after points were given: 1;" in merge_grades(folder/"grades.csv", written=out, out=folder/"final")
    out.write_text(out.read_text().replace(_CHANGED, ""))
    assert noted("four") == ""

def test_answers_in_the_table(tmp_path):
    "What students wrote stands beside the room for points, whatever it is, and comes back from a spreadsheet"
    odd = 'Zoé: "a, b; c"\n\n- one\n- two'
    row = dict(file="a.ipynb", student="Zoé", number="1", lab="x", written=dict(q1=2), answers=dict(q1=odd))
    out = tmp_path/"written.csv"
    _write_awaited(out, [row, dict(row, file="b.ipynb", answers=dict(q1="=1+1"))])
    assert out.read_bytes().startswith(b"\xef\xbb\xbf"), "Excel would take it for another encoding"
    for data in (out.read_bytes(), out.read_text("utf-8-sig").encode()):
        out.write_bytes(data)
        assert [o["answer"] for o in _read_table(out)] == [odd, "'=1+1"]

def test_which_text_is_an_answer():
    begin, end = f"{_BEGINS}\n## Question 8", f"{_ENDS}\n## The end"
    prompt = "_Type your answer here, replacing this text._"
    for typed, found in (([prompt], ""), ([f"{prompt}\nyes"], "yes"), (["yes", "...", "print(1)"], "yes\n\nprint(1)"),
                         (["\ud800\0"], "?"), (["x"*50000], "x"*_LONGEST), ([], "")):
        assert _answers_between(["before", begin, *typed, end, "after"]) == [found]
    assert _answers_to(dict(q8=4), []) == _answers_to(dict(q8=4), ["a", "b"]) == dict(q8=_ELSEWHERE)
