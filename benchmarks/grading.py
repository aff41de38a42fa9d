"""How long does it take to grade a class? `python benchmarks/grading.py [folder]`

Nine students hand in the seven labs, but for three that are missing: 60 notebooks, whole as students save them. 14 are solutions, 7 are blank, and
39 are solutions with one of the planted mistakes of tests/mistakes.py and tests/mistakes_networks.py, drawn by seed 0. `rosetta-labs grade` grades
them, as many at a time as there are processors. Prints and writes benchmarks/grading.json: seconds of the clock and of the processors (of the
command and of all that it started), by lab, too; the largest process; and the marks. A folder, if one is given, keeps the class and its grades. Linux.
"""
import csv
import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rosetta_neurons.labs import build_labs

root = Path(__file__).parents[1]
sys.path.insert(0, str(root/"tests"))
from test_labs import every, replaced  # noqa: E402 (every: all planted mistakes)

STUDENTS = ["Ada Ek", "Björn Åkesson", "Chen Wei", "Dana O'Brien", "Emeka Okafor", "Fatima Zahra", "Giulia Rossi", "Hiro Tanaka", "Inés Núñez"]
MISSING = 3 # labs that the last student does not hand in
KINDS = {0: "solution", 1: "blank", 2: "solution"} # by number of student and of lab; all others hold a mistake
COMMAND = "rosetta-labs grade submissions --autograder labs/autograder --out grades.csv"


def signed(nb, student, number):
    "A notebook with a name and a number in its first cell"
    text = json.dumps(nb)
    for field, value in (("student_name", student), ("student_number", number)):
        blank = json.dumps(f'{field} = ""')[1:-1]
        assert text.count(blank) == 1, field
        text = text.replace(blank, json.dumps(f'{field} = "{value}"')[1:-1])
    return text


def hand_in(folder):
    "Build the labs in a folder, and write what the class hands in; {file: (lab, kind)}"
    build_labs("a class of sixty", str(root/"nbs/labs"), str(folder/"labs"))
    (folder/"submissions").mkdir()
    rng = random.Random(0)
    handed = {}
    labs = sorted(o.stem for o in (folder/"labs/student").glob("*.ipynb"))
    for j, lab in enumerate(labs):
        blank = json.loads((folder/f"labs/student/{lab}.ipynb").read_text())
        solution = json.loads((folder/f"labs/solution/{lab}.ipynb").read_text())
        mistakes = rng.sample([o[-1] for o in every if o[0] == lab], len(STUDENTS))
        for i, student in enumerate(STUDENTS):
            if i == len(STUDENTS) - 1 and j >= len(labs) - MISSING:
                continue
            kind = KINDS.get((i + j) % len(STUDENTS), "mistake")
            nb = dict(blank=blank, solution=solution).get(kind) or replaced(solution, mistakes[i])
            name = f"{lab}_{i + 1}.ipynb"
            (folder/"submissions"/name).write_text(signed(nb, student, str(40101 + i)))
            handed[name] = lab, kind
    return handed


def used():
    "Processor seconds of processes that have ended"
    o = resource.getrusage(resource.RUSAGE_CHILDREN)
    return o.ru_utime + o.ru_stime


def graded(folder):
    "Type the command, and read what it wrote: what it took, {file: row}"
    load = os.getloadavg()[0]
    before, start = used(), time.perf_counter()
    subprocess.run(COMMAND.split(), cwd=folder, check=True)
    took = dict(
        command=COMMAND, processors=os.cpu_count(), others_load_before=round(load, 1), wall_seconds=round(time.perf_counter() - start),
        cpu_seconds=round(used() - before), largest_process_mb=round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss/1024))
    took["minutes_if_two_processors_were_idle"] = round(took["cpu_seconds"]/120, 1)
    rows = {}
    for row in csv.DictReader(open(folder/"grades.csv", encoding="utf-8")):
        text = (folder/"grades/instructor"/row["feedback"]).read_text(encoding="utf-8")
        seconds = re.search(r"^processor_seconds: (\S+)", text, re.M)
        rows[row["file"]] = dict(row, seconds=float(seconds[1]) if seconds else None, percent=float(row["percent"] or 0))
    return took, rows


def summed(handed, rows):
    "Marks by kind of submission, and seconds by lab"
    kinds, labs = {}, {}
    for kind in ("solution", "blank", "mistake"):
        got = [rows[o]["percent"] for o, (_, k) in handed.items() if k == kind]
        kinds[kind] = dict(submissions=len(got), full_marks=got.count(100), zero=got.count(0))
    for lab in sorted({lab for lab, _ in handed.values()}):
        seconds = [rows[o]["seconds"] for o, (of, _) in handed.items() if of == lab]
        labs[lab] = dict(submissions=len(seconds), mean=round(statistics.mean(seconds), 1), largest=round(max(seconds), 1))
    return dict(
        solutions_all_full=kinds["solution"]["full_marks"] == kinds["solution"]["submissions"],
        blanks_all_zero=kinds["blank"]["zero"] == kinds["blank"]["submissions"], marks=kinds, cpu_seconds_each=labs)


def main(folder):
    handed = hand_in(folder)
    took, rows = graded(folder)
    assert rows.keys() == handed.keys()
    kept = dict(submissions=len(handed), students=len(STUDENTS), **took, **summed(handed, rows))
    print(json.dumps(kept, indent=1))
    Path(__file__).with_suffix(".json").write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as tmp:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else tmp)
        folder.mkdir(parents=True, exist_ok=True)
        main(folder)
