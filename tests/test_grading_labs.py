"""Odd but right notebooks of all labs get all points

`test_grading.py` hands in lab 3 in every odd way. Here each other lab gets its share of these ways, and all labs
together get every one; with FUZZ=all in the environment each lab gets all of them (some ten minutes)."""
import csv,json,os,sys

import pytest

from rosetta_neurons.labs import build_labs,grade_labs

from test_grading import LAB,names,right
from test_labs import bare,masters,root

pytestmark = pytest.mark.skipif(sys.platform!='linux', reason='elsewhere each process starts from nothing')
LABS = [p.stem for p in masters if p.stem!=LAB]
WAYS = [o for o in names(right) if o!='print in the answer.ipynb']
PLAIN = lambda name: all(o.isascii() and (o.isalnum() or o in '._ -') for o in name) and not name.startswith(('-','.')) # other names are tried in test_grading.py

def share(lab):
    "The ways in which a lab is handed in"
    ways = [o for o in WAYS if PLAIN(o)]
    return ways if os.environ.get('FUZZ')=='all' else ways[LABS.index(lab)::len(LABS)]

@pytest.fixture(scope='module')
def graded(tmp_path_factory):
    "{file: (case, row)} of all labs, graded in one go"
    tmp = tmp_path_factory.mktemp('fuzz_all')
    tmp.chmod(0o755)
    build_labs('a fuzz of all', root/'nbs/labs', tmp/'labs')
    cases = {}
    for lab in LABS:
        nb = bare(json.loads((tmp/f'labs/solution/{lab}.ipynb').read_text()))
        who = 'student_name = "Ann Lee"\nstudent_number = "007"'
        nb['cells'].insert(0, dict(cell_type='code', id='who', metadata={}, outputs=[], execution_count=None, source=who))
        for o in right(nb):
            if o.name in share(lab):
                cases[f'{lab}/{o.name}'] = o
                (tmp/'in'/lab).mkdir(parents=True, exist_ok=True)
                (tmp/'in'/lab/o.name).write_bytes(o.data)
    grade_labs(tmp/'in', tmp/'labs/autograder', tmp/'grades.csv', minutes=3, seconds=30)
    with open(tmp/'grades.csv', newline='', encoding='utf-8') as f: rows = {o['file']: o for o in csv.DictReader(f)}
    for o in rows.values(): o['kept'] = (tmp/'grades/instructor'/o['feedback']).read_text()
    return {k: (o, rows[k]) for k,o in cases.items()}

@pytest.mark.parametrize('file', [f'{lab}/{o}' for lab in LABS for o in share(lab)])
def test_odd_but_right(graded, file):
    case,row = graded[file]
    assert row['percent']=='100.0' and row['lab']==file.split('/')[0], row['kept']
    assert case.words in row['notes'] and bool(case.words)==bool(row['notes']), row['notes']
    assert row['student'].removeprefix(f"{row['lab']}/")==case.student # the path, where nobody gave a name

def test_shares():
    "Six labs, and every way at least once"
    assert len(LABS)==6 and {o for lab in LABS for o in share(lab)}=={o for o in WAYS if PLAIN(o)} and len(WAYS)>80
