"""A fuzz of the grader: odd but right notebooks get all points, wrong ones the points they should

Everything is graded in one go, by lab 3, which needs no search. What a wrong notebook loses is said by hand in `LOSSES`."""
import copy,csv,io,json,os,random,re,shutil,sys,unicodedata,zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from rosetta_neurons.labs import build_labs,grade_labs

from mistakes import planted
from test_labs import bare,replaced,root,source

LAB = '3_buddies'
POSSIBLE,WRITTEN = 23,4

@dataclass
class Case:
    "A submission, and what should come of it"
    name:str # of the file, "/" for folders
    data:bytes
    score:float = POSSIBLE
    words:str = '' # which the notes hold
    student:str = 'Ann Lee'
    shown:str = '' # name in the table, where it is another

LOSSES = { # (question, mistake of tests/mistakes.py): points
    ('q1','more neighbours than there are'): 1,
    ('q2','one neighbour, whatever k'): 1,
    ('q3','two models of three'): 2, ('q3','union'): 3,
    ('q4','equal sizes in the order found'): 2, ('q4','pairs are clusters'): 4,
    ('q5','always the next image'): 2, ('q5','the other way round'): 3,
    ('q6','rows and columns exchanged'): 2, ('q6','one mean for a unit'): 4,
    ('q7','training put it all there'): 1, ('q7','counts believed'): 1,
}
CODE = {(q, what): code for lab,q,what,_,code in planted if lab==LAB}

# What stands above an answer, or beside it
MAGICS = {
    'time': '%%time', 'capture': '%%capture', 'capture named': '%%capture out --no-stderr', 'matplotlib': '%matplotlib inline',
    'timeit line': '%timeit -n 1 -r 1 1', 'shell': '!ls', 'shell kept': 'files = !ls', 'shell in braces': 'name = "x"\n!echo {name}',
    'pip': '%pip install torch', 'pip shell': '!pip install -q torch', 'autoreload': '%load_ext autoreload\n%autoreload 2',
    'retina': "%config InlineBackend.figure_format = 'retina'", 'help': 'print?', 'env': '%env A=1', 'precision': '%precision 3',
    'widget backend': '%matplotlib widget', 'await': 'import asyncio\nawait asyncio.sleep(0)', 'async for': 'async def n():\n    yield 1\nasync for i in n(): pass',
    'who': '%who', 'prun': '%prun 1', 'cd': '%cd .', 'html': "from IPython.display import HTML, display\ndisplay(HTML('<b>hi</b>'))",
}
REMARKED = {'unknown line magic': ('%wandb login', '%wandb'), 'unknown cell magic': ('%%memit', '%%memit')}
PRINTS = {
    'flush': "print('hi', flush=True)", 'many': "for i in range(3000): print(i)", 'stdout': "import sys\nsys.stdout.write('hi')\nsys.stdout.flush()",
    'number 1': "import os\nos.write(1, b'hi')\nos.write(2, b'hi')", 'stderr': "import sys\nprint('hi', file=sys.stderr, flush=True)",
    'original': "import sys\nprint('hi', file=sys.__stdout__, flush=True)", 'buffer': "import sys\nsys.stdout.buffer.write(b'hi')\nsys.stdout.buffer.flush()",
    'logging': "import logging\nlogging.basicConfig(level=10)\nlogging.warning('hi')\nlogging.getLogger('a').info('hi')",
    'tqdm': "from tqdm import tqdm\nfor i in tqdm(range(500)): pass", 'tqdm auto': "from tqdm.auto import tqdm\nfor i in tqdm(range(50)): pass",
    'subprocess': "import subprocess\nsubprocess.run(['echo','hi'], check=True)", 'system': "import os\nassert os.system('echo hi; echo hi >&2')==0",
    'no text': r"print('\udce9 \u2713')", 'redirected': "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()): print('hi')",
    'warnings': "import warnings\nwarnings.warn('hi')", 'faulthandler': "import faulthandler\nfaulthandler.enable()", 'duplicated': "import os\nos.close(os.dup(1))",
    'tee': "import sys\nclass Tee:\n    def write(self, s): return sys.__stdout__.write(s)\n    def flush(self): sys.__stdout__.flush()\nold,sys.stdout = sys.stdout,Tee()\nprint('hi')\nsys.stdout = old",
    'widget': "import ipywidgets\nipywidgets.interact(lambda x: print(x), x=(0,3))", 'picture': "import matplotlib.pyplot as plt\nplt.plot([1,2])\nplt.show()",
    'threads': "import threading\nt = threading.Thread(target=print, args=('hi',))\nt.start()\nt.join()",
}

def as_json(nb, **kwargs): return json.dumps(nb, **kwargs)

def zipped(**files):
    "A zip in memory"
    with zipfile.ZipFile(out := io.BytesIO(), 'w') as z:
        for name,data in files.items(): z.writestr(name, data)
    return out.getvalue()

def locked(data):
    "A zip that says that it has a password"
    data = bytearray(data)
    data[6] |= 1
    data[data.index(b'PK\x01\x02')+8] |= 1
    return bytes(data)

def target(nb):
    "The answer that things are put above: of lab 3 the third, of others the first"
    names = re.findall(r'^def (\w+)\(', '\n'.join(source(c) for c in nb['cells']), re.M)
    return 'rosetta' if 'rosetta' in names else names[0]

def before(nb, code, what=None):
    "Code above an answer, in its cell"
    nb,what = copy.deepcopy(nb),what or target(nb)
    cell = next(c for c in nb['cells'] if re.search(rf'^def {what}\(', source(c), re.M))
    cell['source'] = code + '\n' + source(cell)
    return nb

def instead(nb, code, what):
    "Another cell for an answer; none if there is no code"
    nb = copy.deepcopy(nb)
    at = next(i for i,c in enumerate(nb['cells']) if re.search(rf'^def {what}\(', source(c), re.M))
    if code is None: del nb['cells'][at]
    else: nb['cells'][at]['source'] = code
    return nb

def encodings(nb):
    "A right notebook, in every encoding and layout"
    text = as_json(before(nb, '# naïve'), ensure_ascii=False)
    lined = copy.deepcopy(nb)
    for c in lined['cells']: c['source'] = source(c).replace('\n', '\r\n')
    maced = copy.deepcopy(nb)
    for c in maced['cells']: c['source'] = source(c).replace('\n', '\r')
    lists = copy.deepcopy(nb)
    for c in lists['cells']: c['source'] = source(c).splitlines(True)
    yield 'utf8 mark', text.encode('utf-8-sig')
    for kind in ('utf-16','utf-16-le','utf-16-be','utf-32','latin-1','cp1252'): yield kind, text.encode(kind)
    yield 'windows lines', as_json(nb, indent=1).replace('\n', '\r\n').encode()
    yield 'windows lines inside', as_json(lined).encode()
    yield 'old mac lines inside', as_json(maced).encode()
    yield 'lists', as_json(lists, indent=1).encode()
    yield 'tabs and blank lines', ('\n\n' + as_json(nb, indent='\t') + '\n\n').encode()
    yield 'raw line ends in text', as_json(nb).replace(r'\n', '\n').encode()

def shapes(nb):
    "A right notebook that lost something on its way"
    def changed(f):
        one = copy.deepcopy(nb)
        f(one)
        return as_json(one).encode()
    def checks(one): one['cells'] = [c for c in one['cells'] if 'grader.check' not in source(c)]
    def setup(one): one['cells'] = [c for c in one['cells'] if 'otter' not in source(c)]
    def bare_cells(one): one['cells'] = [{k: c[k] for k in ('cell_type','source')} for c in one['cells']]
    def nothing(one): one['metadata'] = {}; setup(one); checks(one); bare_cells(one)
    def sheets(one): one['worksheets'] = [dict(cells=[dict(cell_type=c['cell_type'], input=source(c)) for c in one.pop('cells')])]
    def outputs(one): one['cells'][3]['outputs'] = [dict(output_type='stream', name='stdout', text=['x'*10**6])]
    yield 'no metadata', changed(lambda one: one.pop('metadata')), 'metadata is lost'
    yield 'empty metadata', changed(lambda one: one.update(metadata=None)), 'metadata is lost'
    yield 'colab metadata', changed(lambda one: one.update(metadata=dict(colab=dict(provenance=[])))), 'metadata is lost'
    yield 'no ids and tags', changed(bare_cells), ''
    yield 'no checks', changed(checks), ''
    yield 'no setup', changed(setup), ''
    yield 'only the answers', changed(nothing), 'its functions say'
    yield 'format 3', changed(sheets), ''
    yield 'long outputs', changed(outputs), ''

def right(nb):
    "Odd, but right"
    plain = as_json(nb).encode()
    for k,data in encodings(nb): yield Case(f'encoding {k}.ipynb', data, words='Windows-1252' if k in ('latin-1','cp1252') else '')
    for k,data,words in shapes(nb): yield Case(f'shape {k}.ipynb', data, words=words)
    for k,code in MAGICS.items(): yield Case(f'magic {k}.ipynb', as_json(before(nb, code)).encode())
    for k,(code,words) in REMARKED.items(): yield Case(f'magic {k}.ipynb', as_json(before(nb, code)).encode(), words=words)
    for k,code in PRINTS.items():
        inside = '\n'.join('    '+o for o in code.split('\n'))
        talks = f'def talk():\n{inside}\ntalk()'
        yield Case(f'print {k}.ipynb', as_json(before(nb, talks)).encode())
    if target(nb)=='rosetta':
        asked = before(nb, "def shuffled(maps, s):\n    print(maps, flush=True)\n    return maps.roll(-s, dims=0)\nmine = shuffled", 'shuffled')
        asked = instead(asked, source(next(c for c in asked['cells'] if 'mine = shuffled' in source(c))) + '\nshuffled = mine', 'shuffled')
        yield Case('print in the answer.ipynb', as_json(asked).encode())
    for name in ('CAPITALS.IPYNB','a/b.ipynb','a_b.ipynb','a b.ipynb',"it's \"quoted\".ipynb",'line\nend.ipynb','no suffix','download.ipynb.txt','漢字 🐈.ipynb',
        unicodedata.normalize('NFD', 'José.ipynb'),unicodedata.normalize('NFC', 'José.ipynb'),'x'*240+'.ipynb','c.ipynb','c.ipynb.txt/d.ipynb','.ipynb'): yield Case(name, plain)
    for name in ('=1+1.ipynb','-rf.ipynb'): yield Case(name, plain, shown=f"'{name}")
    yield Case(os.fsdecode(b'Jos\xe9.ipynb'), plain, shown=r'Jos\xe9.ipynb')
    mac = {'my lab/lab.ipynb': plain, '__MACOSX/my lab/._lab.ipynb': b'\0\5\x16\7', 'my lab/.DS_Store': b'\0', 'my lab/.ipynb_checkpoints/lab-checkpoint.ipynb': b'{}'}
    for k,data in {'plain.zip': zipped(**{'lab.ipynb': plain}), 'mac.ZIP': zipped(**mac), 'in a zip.zip': zipped(**{'out.zip': zipped(**mac)}), 'really a zip.ipynb': zipped(**mac),
        'really a notebook.zip': plain, 'twice the same.zip': zipped(**{'a/lab.ipynb': plain, 'b/lab.ipynb': plain}), 'with data.zip': zipped(**{'lab.IPYNB': plain, 'data.csv': b'1'})}.items():
        yield Case(f'zip {k}', data)
    late = copy.deepcopy(nb)
    late['cells'].append(dict(cell_type='code', metadata={}, outputs=[], source='rosetta = nearest = None\n1/0'))
    yield Case('spoiled after its check.ipynb', as_json(late).encode(), words='ZeroDivisionError')
    for k,line,who in (('unquoted','student_name = Bo Ek','Bo Ek'), ('formula','student_name = "=HYPERLINK(1)"',"'=HYPERLINK(1)"), ('blank','student_name = ""','who blank'),
        ('dots','student_name = ...','who dots'), ('remark','student_name = "Zoë O\'Neil" # me','Zoë O\'Neil'), ('gone','','who gone')):
        one = copy.deepcopy(nb)
        one['cells'][0]['source'] = line
        yield Case(f'who {k}.ipynb', as_json(one).encode(), student=who, words='SyntaxError' if k=='unquoted' else '')

def wrong(nb, student):
    "Wrong, in part or in all"
    def case(name, nb, lost, words=''): return Case(f'wrong {name}.ipynb', as_json(nb).encode(), POSSIBLE-lost, words)
    for (q,what),lost in LOSSES.items(): yield case(f'{q} {what}', replaced(nb, CODE[q, what]), lost)
    r = random.Random(20)
    odd = list(encodings(nb)) # only how many there are, and how they are called
    for i in range(24):
        one,lost = copy.deepcopy(nb),0
        for q in r.sample([f'q{i}' for i in range(1,8)], r.randint(1,7)):
            key = r.choice([k for k in LOSSES if k[0]==q])
            one,lost = replaced(one, CODE[key]),lost+LOSSES[key]
        one = before(one, r.choice([*MAGICS.values(), *PRINTS.values()]).removeprefix('%%time').removeprefix('%%capture out --no-stderr').removeprefix('%%capture'))
        data = dict(encodings(one))[r.choice(odd)[0]]
        in_zip = r.random()<.3
        yield Case(f'wrong mixed {i}.{"zip" if in_zip else "ipynb"}', zipped(**{'x/lab.ipynb': data}) if in_zip else data, POSSIBLE-lost)
    markdown = copy.deepcopy(nb)
    next(c for c in markdown['cells'] if 'def rosetta' in source(c))['cell_type'] = 'markdown'
    yield Case('wrong blank.ipynb', as_json(student).encode(), 0, student='wrong blank')
    yield case('answer in text', markdown, 3)
    yield case('answer deleted', instead(nb, None, 'shuffled'), 3)
    yield case('syntax error', before(nb, 'def f(:', 'clusters'), 4, 'SyntaxError')
    yield case('error above', before(nb, '1/0', 'clusters'), 4, 'ZeroDivisionError')
    yield case('asks', before(nb, 'n = input()', 'clusters'), 4, 'nobody is there')
    yield case('own file', before(nb, 'open("data.csv")', 'clusters'), 4, 'own files')
    yield case('colab', before(nb, 'from google.colab import drive', 'clusters'), 4, "No module named 'google")
    yield case('timed away', before(nb, '%%timeit -n 1 -r 1', 'clusters'), 4, '%%timeit')
    yield case('another language', instead(nb, '%%R\nclusters <- 1', 'clusters'), 4, '%%R')
    yield case('printed', instead(nb, 'def clusters(units, pairs): print([[1,2,3],[4]])', 'clusters'), 4)
    yield case('endless recursion', instead(nb, 'def clusters(units, pairs): return clusters(units, pairs)', 'clusters'), 4)
    yield case('a module', instead(nb, 'import math\ndef clusters(units, pairs): return math', 'clusters'), 4)
    yield case('spoiled before its check', instead(nb, 'shuffled = 3', 'shuffled'), 3)
    yield case('ended', before(nb, 'import os\nos._exit(0)', 'centred'), 6, 'ended by itself') # q6 and q7
    unknown = copy.deepcopy(nb)
    unknown['metadata']['otter']['assignment_name'] = '3_budies'
    yield Case('wrong lab.ipynb', as_json(unknown).encode(), 0, "3_buddies", 'Ann Lee')

def unreadable(nb):
    "No notebook, for a reason that the row names"
    plain = as_json(nb).encode()
    two = {'a.ipynb': plain, 'b.ipynb': as_json(before(nb, '# other')).encode()}
    deep = plain
    for _ in range(5): deep = zipped(**{'a.zip': deep})
    deep = zipped(**{'a.zip': deep})
    for name,data,words in (('cut.ipynb',plain[:2000],'cut short'), ('empty.ipynb',b'','empty'), ('page.ipynb',b'<!DOCTYPE html><html>','web page'), ('paper.ipynb',b'%PDF-1.4','a PDF'),
        ('list.ipynb',b'[1]','no cells'), ('value.ipynb',b'{"a": 1}','no cells'), ('script.ipynb',b'import torch','begins with'), ('merge.ipynb',b'{\n<<<<<<< HEAD\n"cells": []}','git'),
        ('damaged.ipynb',b'{"cells": [,]}','damaged in line 1'), ('no cells.ipynb',b'{"cells": []}','no lab can be told'), ('nothing.zip',zipped(**{'a.txt': b''}),'holds no notebook'),
        ('two.zip',zipped(**two),'2 different notebooks'), ('half.zip',zipped(**two)[:-40],'damaged'), ('locked.zip',locked(zipped(**{'a.ipynb': plain})),'password'),
        ('deep.zip',deep,'zips within zips'), ('other.rar',b'Rar!','another kind than zip')): yield Case(f'bad {name}', data, 0, words, f'bad {name}'.removesuffix('.ipynb').removesuffix('.zip'))

@pytest.fixture(scope='session')
def fuzz(tmp_path_factory):
    "All cases in one folder, graded in one go: ({name: case}, {name: row})"
    tmp = tmp_path_factory.mktemp('fuzz')
    tmp.chmod(0o755)
    (tmp/'masters').mkdir()
    shutil.copy(root/f'nbs/labs/{LAB}.ipynb', tmp/'masters')
    build_labs('a fuzz', tmp/'masters', tmp/'labs')
    solution,student = (json.loads((tmp/f'labs/{o}/{LAB}.ipynb').read_text()) for o in ('solution','student'))
    nb = bare(solution)
    nb['cells'].insert(0, dict(cell_type='code', id='who', metadata={}, outputs=[], execution_count=None, source='student_name = "Ann Lee"\nstudent_number = "007"'))
    cases = {o.name: o for o in (*right(nb), *wrong(nb, student), *unreadable(nb))}
    (tmp/'in').mkdir()
    for o in cases.values():
        (tmp/'in'/o.name).parent.mkdir(exist_ok=True)
        (tmp/'in'/o.name).write_bytes(o.data)
    (tmp/'outside').mkdir()
    (tmp/'outside/secret.ipynb').write_bytes(as_json(nb).encode())
    links = {'link out.ipynb': tmp/'outside/secret.ipynb', 'folder out': tmp/'outside', 'link nowhere.ipynb': tmp/'nowhere.ipynb', 'link round.ipynb': tmp/'in/link round.ipynb', 'link in.ipynb': tmp/'in/c.ipynb'}
    for k,to in links.items(): (tmp/'in'/k).symlink_to(to)
    os.mkfifo(tmp/'in/pipe.ipynb')
    for k in ('__MACOSX/._c.ipynb','.ipynb_checkpoints/c.ipynb'):
        (tmp/'in'/k).parent.mkdir()
        (tmp/'in'/k).write_bytes(b'{}')
    (tmp/'in/readme.txt').write_text('cake')
    said = grade_labs(tmp/'in', tmp/'labs/autograder', tmp/'grades.csv', minutes=3, seconds=30)
    with open(tmp/'grades.csv', newline='', encoding='utf-8') as f: rows = list(csv.DictReader(f))
    for o in rows: o.update(handed_out=(tmp/'grades/feedback'/o['feedback']).read_text(), kept=(tmp/'grades/instructor'/o['feedback']).read_text())
    return cases,{o['file']: o for o in rows},rows,said

pytestmark = pytest.mark.skipif(sys.platform!='linux', reason='names in bytes, pipes and links; and elsewhere each process starts from nothing')

def names(which):
    "The names of the cases, without building a lab: from a notebook of stand-ins"
    answers = ['def nearest(c, k): 1','def best_pairs(c, k): 1','def rosetta(p): 1','def clusters(u, p): 1','def shuffled(m, s): 1','def centred(m): 1','reading = {}']
    nb = dict(cells=[dict(cell_type='code', source=o) for o in ('import otter','import torch', *answers)], metadata=dict(otter=dict(assignment_name=LAB)))
    return [o.name for o in which(nb)]

def check(fuzz, name):
    "One row, the points it should have, and the reason for what was odd"
    case,row = fuzz[0][name],fuzz[1][fuzz[0][name].shown or name]
    assert float(row['score'])==case.score, row['kept']
    assert row['student']==(case.student if '\n' not in case.student else row['student']), row['kept']
    assert case.words in row['notes'] and bool(case.words)==bool(row['notes']), row['notes']
    return row

@pytest.mark.parametrize('name', names(right), ids=ascii)
def test_odd_but_right(fuzz, name):
    row = check(fuzz, name)
    assert (row['possible'],row['written_awaited'],row['total_so_far'],row['total_possible'])==('23','4','23','27') and row['percent']=='100.0'

@pytest.mark.parametrize('name', names(lambda nb: wrong(nb, nb)), ids=ascii)
def test_wrong(fuzz, name):
    case,row = fuzz[0][name],fuzz[1][name]
    assert float(row['score'])==case.score and case.words in row['notes'], row['kept']

@pytest.mark.parametrize('name', names(unreadable), ids=ascii)
def test_unreadable(fuzz, name): check(fuzz, name)

def test_how_many(): assert len(names(right))>=40 and len(names(lambda nb: wrong(nb, nb)))>=40

def test_links(fuzz):
    "A link leads nowhere but into the folder, and the class goes on"
    rows = fuzz[1]
    for name,words in (('link out.ipynb','outside the folder'), ('folder out','outside the folder'), ('link nowhere.ipynb','nowhere'), ('link round.ipynb','nowhere'), ('pipe.ipynb','no ordinary file')):
        assert words in rows[name]['notes'] and rows[name]['score']=='0', rows[name]
    assert rows['link in.ipynb']['score']==str(POSSIBLE)

def test_rows_and_files(fuzz):
    "One row and two files each; nobody's file is another's; what is no submission is named"
    cases,_,rows,said = fuzz
    assert len(rows)==len(cases)+6
    assert len({o['feedback'] for o in rows})==len(rows)
    assert 'passed over, as no notebooks: readme.txt' in said
    assert all(re.fullmatch('|[A-Za-z].*|007', o['number']) for o in rows)

def test_two_texts(fuzz):
    "The student's text has the hidden tests' results, and not what they say; the instructor's has both"
    row = fuzz[1]['wrong q7 training put it all there.ipynb']
    assert 'compare the untrained curve' in row['kept'] and 'compare the untrained curve' not in row['handed_out']
    assert 'hidden test_untrained: not passed' in row['handed_out'] and '22 of 23 points' in row['handed_out'] and '4 more points' in row['handed_out']
    assert 'student: Ann Lee' in row['kept'] and 'number: 007' in row['kept']
