"Every lab: the solution gets all points, the blank version none, planted mistakes the right message, and hostile submissions harm nobody"
import csv,json,re,sys,zipfile
from functools import reduce
from pathlib import Path

import pytest

from rosetta_neurons.labs import build_lab, build_labs, grade_labs, _read_tests
from rosetta_neurons.labs_course import _course_number

import mistakes,mistakes_networks

root = Path(__file__).parents[1]
masters = sorted((root/'nbs/labs').glob('*.ipynb'))
labs = [p.stem for p in masters]
every = [*mistakes.planted, *mistakes_networks.planted]
planted = every if sys.platform=='linux' else every[::8] # elsewhere each process starts from nothing, which takes long

def together():
    "Mistakes in one submission, at most one in each question: [(lab, {number of the mistake: its code})]"
    rows,taken = {},{}
    for i,(lab,q,_,_,code) in enumerate(planted):
        row = taken[lab,q] = taken.get((lab,q), -1)+1
        rows.setdefault((lab,row), {})[i] = code
    return [(lab,codes) for (lab,_),codes in rows.items()]

held = {i: j for j,(_,codes) in enumerate(together()) for i in codes} # mistake -> submission

# In the place of the first cell of a solution of lab 1
blank = {
    'checker': '''
import otter, sys
class Same:
    def __eq__(self, o): return True
    def __bool__(self): return True
    def __getattr__(self, k): return self
    def __call__(self, *a, **k): return self
    def __abs__(self): return 0
grader.check = lambda *a, **k: 100
try:
    import otter.execute.checker, otter.test_files.exception_test
    otter.test_files.exception_test.ExceptionTestFile.run = lambda *a: None
except Exception: pass
torch.allclose = torch.equal = lambda *a, **k: True
maps_of = observe = tokens_to_map = unit_stats = strongest = summary = merged = lambda *a, **k: Same()''',
    'reader': '''
import glob, zipfile, os
found = []
for o in [%r, "/autograder", os.getcwd(), "/tmp", "/"]:
    try: found += [os.path.join(o, f) for f in os.listdir(o) if f.endswith((".zip",".py",".ipynb",".json"))]
    except OSError: pass
if found: reading = {"A": "transposed", "B": "no transpose", "C": "right", "D": "CLS kept"}''',
}
hostile = {
    'endless': '''
import time, signal
signal.signal(signal.SIGPROF, signal.SIG_IGN)
while True:
    try: time.sleep(1)
    except BaseException: pass''',
    'loop': 'while True: pass',
    'memory': 'big = [torch.ones(2**28) for _ in range(20)] # 20 GB',
    'deleter': '''
import shutil
for o in [%r, "."]: shutil.rmtree(o, ignore_errors=True)''',
    'crash': 'import ctypes; ctypes.string_at(0)',
    'exit': 'import os; os._exit(0)',
    'forks': '''
import os
for _ in range(200):
    try:
        if not os.fork():
            while True: pass
    except OSError: break''',
    'flood': '''
def maps_of(*_): return torch.zeros(2**28)''',
    'liar': '''
import os
for i in range(3, 64):
    try: os.write(i, b"x"*100)
    except OSError: pass''',
}

if sys.platform!='linux': hostile = {k: hostile[k] for k in ('endless','exit')} # elsewhere nothing would hold the others back

def source(cell): return ''.join(cell['source'])

def with_cell(nb, code, at):
    "A notebook with one more cell"
    nb = json.loads(json.dumps(nb))
    nb['cells'].insert(at, dict(cell_type='code', id='planted', metadata={}, outputs=[], execution_count=None, source=code))
    return nb

def bare(nb):
    "A notebook without what only shows and tries out: imports, functions, answers and checks are left"
    left = []
    for c in nb['cells']:
        code = source(c)
        if c['cell_type']!='code': continue
        if answer := re.search('^(reading|choice) = .*', code, re.M): left.append(dict(c, source=answer[0]))
        elif re.search(r'^(import|from|def|grader)\b', code, re.M) and not re.search(r'^(G|pc|stats_g|evaluator|with)\b', code, re.M): left.append(c)
    return dict(nb, cells=left)

def replaced(nb, code):
    "A notebook in which other code stands for what the right code defines"
    nb,name = json.loads(json.dumps(nb)),re.search(r'^(?:def )?(\w+)', code.strip())[1]
    at = [c for c in nb['cells'] if c['cell_type']=='code' and re.search(rf'^(def {name}\(|{name} = )', source(c), re.M)]
    assert len(at)==1, f'{name} is defined in {len(at)} cells'
    at[0]['source'] = code.strip()
    return nb

@pytest.fixture(scope='session')
def made(tmp_path_factory):
    "The labs of a course"
    out = tmp_path_factory.mktemp('labs')
    build_labs('a course for tests', root/'nbs/labs', out)
    return out

def asked(items):
    "The labs that the chosen tests want graded; all of them where one test is about no lab"
    named = [[l for l in labs if l in o.name] for o in items if 'grades' in o.fixturenames]
    return [l for l in labs if any(l in o for o in named)] if all(named) else labs

@pytest.fixture(scope='session')
def grades(made, tmp_path_factory, request):
    "The submissions of the labs that are asked for, graded"
    labs = asked(request.session.items)
    folder,waits = tmp_path_factory.mktemp('submissions'),tmp_path_factory.mktemp('waits')
    def put(name, nb): ((waits if name in held_up else folder)/f'{name}.ipynb').write_text(json.dumps(nb))
    solution,student = ({l: json.loads((made/k/f'{l}.ipynb').read_text()) for l in labs} for k in ('solution','student'))
    for l in labs:
        again = mistakes_networks.otherwise.get(l) # right answers in another form, in the notebook that runs whole
        put(f'{l}-blank', student[l]), put(f'{l}-solution', bare(solution[l]) if again else solution[l])
        if again: put(f'{l}-otherwise', reduce(replaced, again, solution[l]))
    for j,(l,codes) in enumerate(together()):
        if l in labs: put(f'planted-{j}', reduce(replaced, codes.values(), bare(solution[l])))
    if labs==[p.stem for p in masters]: others(put, made, solution, student, folder)
    rows = graded(folder, made, tmp_path_factory.mktemp('grades'), minutes=3, seconds=30)
    if any(waits.iterdir()): rows |= graded(waits, made, tmp_path_factory.mktemp('grades'), minutes=.5, seconds=4)
    return rows

held_up = ('hostile-endless','hostile-loop') # these use up their time, so they get little

def graded(folder, made, out, **limits):
    "A folder of submissions: {file: row}, with the feedback as `says`"
    out.chmod(0o755)
    grade_labs(folder, made/'autograder', out/'grades.csv', **limits)
    def says(row): return (out/'grades/instructor'/row['feedback']).read_text()
    return {r['file']: {**r, 'says': says(r)} for r in csv.DictReader(open(out/'grades.csv'))}

def others(put, made, solution, student, folder):
    "Submissions that test_solution, test_blank and test_planted do not ask for"
    for k,code in hostile.items(): put(f'hostile-{k}', (replaced if k=='flood' else with_cell)(bare(solution['1_maps']), code.replace('%r', repr(str(made))), *[5]*(k!='flood')))
    for k,code in blank.items(): put(f'cheat-{k}', with_cell(student['1_maps'], code.replace('%r', repr(str(made/'autograder'))), len(student['1_maps']['cells'])))
    with zipfile.ZipFile(folder/'zipped.zip', 'w') as z: z.writestr('my lab.ipynb', json.dumps(solution['1_maps']))
    (folder/'other.ipynb').write_text(json.dumps(dict(cells=[], metadata={}, nbformat=4, nbformat_minor=5)))
    (folder/'broken.ipynb').write_text('{')

def failed(row):
    "The tests that a submission failed: {(question, hidden or visible, name of the test)}"
    found = set()
    for line in row['says'].splitlines():
        if m := re.match(r'(\w+): \S+ of \S+$', line): q = m[1]
        elif (m := re.match(r'  (hidden|visible) (\w+): (.*)', line)) and m[3]!='passed': found.add((q, m[1], m[2]))
    return found

def hidden_tests(made, lab):
    "All hidden tests of a lab: [(question, name of the test)]"
    return [(q, f) for q,t in _read_tests(made/f'autograder/{lab}.zip').items() for f in re.findall(r'hidden=True\)\ndef (\w+)', t)]

def of_question(says, q):
    "What the tests of one question said"
    return re.search(rf'^{q}: .*\n((?:  .*\n)*)', says, re.M)[0]

@pytest.mark.parametrize('lab', labs)
def test_solution(grades, lab):
    row = grades[f'{lab}-solution.ipynb']
    assert float(row['percent'])==100 and not row['notes'], row['says']

@pytest.mark.parametrize('lab', mistakes_networks.otherwise)
def test_otherwise(grades, lab):
    "Right in another way; and no cell raises an error with it"
    row = grades[f'{lab}-otherwise.ipynb']
    assert float(row['percent'])==100 and not row['notes'], row['says']

@pytest.mark.parametrize('lab', labs)
def test_blank(grades, lab):
    row = grades[f'{lab}-blank.ipynb']
    assert float(row['percent'])==0, row['says']

@pytest.mark.parametrize('i', range(len(planted)), ids=[f'{l}-{q}-{w}' for l,q,w,*_ in planted])
def test_planted(grades, i):
    _,q,_,words,_ = planted[i]
    row = grades[f'planted-{held[i]}.ipynb']
    said = of_question(row['says'], q)
    points,of = map(float, re.match(rf'{q}: (\S+) of (\S+)', said).groups())
    assert words and points<of and words in said, said # words, since others of its submission are wrong, too

@pytest.mark.skipif(sys.platform!='linux', reason='elsewhere only some of the mistakes are planted')
@pytest.mark.parametrize('lab', labs)
def test_hidden_alone(grades, made, lab):
    "Every hidden test has a planted mistake that fails it and no other of its question; `pytest -s -k alone` prints the table"
    ours = {what: {t for t in failed(grades[f'planted-{held[i]}.ipynb']) if t[0]==q} for i,(l,q,what,*_) in enumerate(planted) if l==lab}
    alone = {t: [what for what,tests in ours.items() if tests=={(t[0], 'hidden', t[1])}] for t in hidden_tests(made, lab)}
    for (q,name),whats in alone.items(): print(f"\n{lab:12} {q} {name:22} {'; '.join(whats) or 'NONE'}", end='')
    assert alone and all(alone.values()), [t for t,whats in alone.items() if not whats]

def test_enough_planted():
    "At least eight for each lab"
    for l in labs: assert sum(o[0]==l for o in every)>=8, l

@pytest.mark.parametrize('name', hostile)
def test_hostile(grades, name):
    "It is marked, for what it did before; the others are in other tests"
    row = grades[f'hostile-{name}.ipynb']
    harmless = name in ('loop','memory','deleter','forks','flood')
    assert row['lab']=='1_maps' and (row['notes'] or name in ('deleter','forks','flood')), row
    assert (float(row['percent'])>=55)==harmless, row

def test_harm(grades, made):
    "Nothing is missing, nobody else has lost points"
    assert {p.stem for p in (made/'autograder').glob('*.zip')}==set(labs)
    assert (root/'README.md').is_file()
    assert float(grades['zipped.zip']['percent'])==100

@pytest.mark.parametrize('name', blank)
def test_cheat(grades, name):
    row = grades[f'cheat-{name}.ipynb']
    assert float(row['percent'])==0, row['says']

def test_no_lab(grades):
    "What is no submission is marked, with the reason"
    assert 'no lab can be told from it' in grades['other.ipynb']['notes'] and grades['other.ipynb']['score']=='0'
    assert 'cut short' in grades['broken.ipynb']['notes']

@pytest.mark.parametrize('lab', labs)
def test_student_version(made, lab):
    "No hidden test, no solution, no course number, no widget"
    nb = json.loads((made/f'student/{lab}.ipynb').read_text())
    text = json.dumps(nb)
    assert 'hidden=True' not in text and 'SOLUTION' not in text and str(_course_number('a course for tests', lab)) not in text
    assert 'widget' not in ''.join(source(c) for c in nb['cells'] if c['cell_type']=='code')
    hidden = [f for t in _read_tests(made/f'autograder/{lab}.zip').values() for f in re.findall(r'hidden=True\)\ndef (\w+)', t)]
    assert hidden and all(len(re.findall(rf'def {f}\b', text))<len(re.findall(rf'def {f}\b', json.dumps(_read_tests(made/f'autograder/{lab}.zip')))) for f in hidden)
    assert [o for c in nb['cells'] for o in c.get('outputs', [])]==[]

@pytest.mark.parametrize('lab', labs)
def test_course_seed(made, lab, tmp_path):
    "Another course has other hidden tests, and the same visible ones"
    build_lab(root/f'nbs/labs/{lab}.ipynb', 'another course', tmp_path)
    a,b = (_read_tests(o/f'autograder/{lab}.zip') for o in (made,tmp_path))
    assert a.keys()==b.keys() and a!=b
    ours,theirs = (re.sub(r'"id": "\w+"', '', (o/f'student/{lab}.ipynb').read_text()) for o in (made,tmp_path))
    assert ours==theirs

@pytest.mark.parametrize('path', masters, ids=labs)
def test_master(path):
    "5 to 8 questions with points and minutes; a written one; a plot; expected values not from the student's names"
    cells = json.loads(path.read_text())['cells']
    questions = [source(c) for c in cells if re.match(r'## Question \d', source(c))]
    assert 5<=len(questions)<=8
    assert all(re.match(r'## Question \d: .* \(\d+ points, about \d+ minutes\)', q) for q in questions)
    assert sum(source(c).startswith('# BEGIN QUESTION') and 'manual: true' in source(c) for c in cells)>=1
    assert 60<=sum(int(re.search(r'about (\d+) minutes', q)[1]) for q in questions)<=90
    points = [int(re.search(r'\((\d+) points', q)[1]) for q in questions]
    tests = [source(c) for c in cells if 'BEGIN TEST CONFIG' in source(c)]
    manual = sum(int(re.search(r'points: (\d+)', source(c))[1]) for c in cells if 'manual: true' in source(c))
    assert sum(points)==manual+sum(float(re.search(r'points: (\S+)', t)[1]) for t in tests)
    assert all('COURSE' in t or 'reading' in t or 'choice' in t for t in tests if 'hidden: true' in t)
    assert not any('COURSE' in t for t in tests if 'hidden: false' in t)

def plain(text): return re.sub('[*`$]', '', text)

@pytest.mark.parametrize('path', masters, ids=labs)
def test_help(path):
    "Three hints under each question, one inside the other; a failed check names an idea and words of the lab"
    cells = json.loads(path.read_text())['cells']
    words = '\n'.join(plain(source(c)) for c in cells if c['cell_type']=='markdown')
    for q in (source(c) for c in cells if re.match(r'## Question \d', source(c))):
        assert re.findall(r'<summary>Hint (\d) of 3', q)==['1','2','3'] and q.rstrip().endswith('</details>\n'*2+'</details>'), q[:50]
    for t in (source(c) for c in cells if 'hidden: false' in source(c)):
        m = re.search(r'^failure_message: "Missing idea: (.+)\. Read: \'(.+)\'"$', t, re.M)
        assert m and m[2] in words, t[:200]
    for t in (source(c) for c in cells if 'hidden: true' in source(c)): assert 'failure_message' not in t
    assert 'no class has been timed' in words

@pytest.mark.parametrize('lab', labs)
def test_opening(made, lab):
    "Title first, the grader folded behind it, then whose it is; nothing for the site's builder"
    cells = json.loads((made/f'student/{lab}.ipynb').read_text())['cells']
    assert source(cells[0]).startswith('# Lab ') and 'otter.Notebook' in source(cells[1]) and 'student_name' in source(cells[2])
    assert cells[1]['metadata']['jupyter']['source_hidden']
    assert sum('otter.Notebook' in source(c) for c in cells)==1
    assert not [c for c in cells if re.search(r'^#\|', source(c), re.M)]

def test_cleaning(tmp_path):
    "nbdev-clean changes no master, and what it would leave of one with outputs builds the same lab"
    from nbdev.clean import clean_nb
    for p in masters:
        nb = json.loads(p.read_text())
        clean_nb(nb)
        assert nb==json.loads(p.read_text()), p.name

def test_not_in_site_or_wheel():
    "Masters are no pages, and no part of the package"
    sys.path.insert(0, str(root/'tools'))
    from docs import site_config
    from nbdev.config import get_config
    assert not [p for p in site_config(get_config(root))[1] if p.parts[0]=='labs']
    assert 'labs/' not in (root/'MANIFEST.in').read_text()
    assert not list((root/'rosetta_neurons').rglob('*.ipynb'))
