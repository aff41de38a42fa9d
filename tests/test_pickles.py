"`read_pickle` runs nothing: hostile files execute nothing, and broken ones give one clear error"
import argparse,collections,io,os,pickle,random,re,resource,struct,subprocess,sys,warnings
from pathlib import Path

import numpy as np,pytest,torch

from rosetta_neurons.zoo import create_model
from rosetta_neurons.zoo.pickles import _Global, _Inert
from rosetta_neurons.zoo.files import PickledNetwork, read_generator, read_pickle, read_state
from rosetta_neurons.zoo.reading import _unwrapped

fixtures = Path(__file__).parent/'fixtures'
names = ['stylegan2ada_open','stylegan2ada_open_proto3','styleganxl_random']

@pytest.fixture
def bait(tmp_path):
    "A file that hostile pickles would make"
    return tmp_path/'executed'

def write(tmp_path, data):
    (tmp_path/'net.pkl').write_bytes(data)
    return tmp_path/'net.pkl'

def text(s): return b'\x8c' + bytes([len(s)]) + s.encode() # SHORT_BINUNICODE
def glob(module, name): return text(module) + text(name) + b'\x93' # STACK_GLOBAL
def shell(bait): return f'touch {bait}'

def os_system(bait): return b'\x80\x04' + glob('os', 'system') + text(shell(bait)) + b'\x85R.'
def posix_global(bait): return b'\x80\x02cposix\nsystem\n' + b'X' + struct.pack('<I', len(shell(bait))) + shell(bait).encode() + b'\x85R.'
def inst(bait): return b'\x80\x02(X' + struct.pack('<I', len(shell(bait))) + shell(bait).encode() + b'ios\nsystem\n.'
def obj(bait): return b'\x80\x02(cos\nsystem\nX' + struct.pack('<I', len(shell(bait))) + shell(bait).encode() + b'o.'
def newobj_ex(bait): return b'\x80\x04' + glob('subprocess', 'Popen') + text(shell(bait)) + b'\x85}' + text('shell') + b'\x88s\x92.'
def in_storage(bait): return b'\x80\x04' + glob('torch.storage', '_load_from_bytes') + b'B' + struct.pack('<I', len(os_system(bait))) + os_system(bait) + b'\x85R.'
def dotted(bait): return b'\x80\x04' + glob('collections', 'OrderedDict.fromkeys.__self__.__init__.__globals__') + b')R.'
def dotted_os(bait): return b'\x80\x04' + glob('torch', 'os.system') + text(shell(bait)) + b'\x85R.'
def numpy_exec(bait): return b'\x80\x04' + glob('numpy.testing._private.utils', 'runstring') + text(f'open({str(bait)!r}, "w")') + b'}\x86R.'
def evaluate(bait): return b'\x80\x04' + glob('builtins', 'eval') + text(f'open({str(bait)!r}, "w")') + b'\x85R.'
def looks_allowed(bait): return b'\x80\x04' + glob('torch._utils', '_rebuild_tensor_v2.__globals__') + b')R.'
def set_state(bait): # BUILD on an allowed global: would set attributes on our own function
    return b'\x80\x04' + glob('collections', 'OrderedDict') + b'}' + text('__setstate__') + glob('os', 'system') + b'sb' + text(shell(bait)) + b'b.'
def set_slots(bait): # BUILD with the state of slots: would call setattr
    return b'\x80\x04' + glob('torch.storage', '_load_from_bytes') + b'N}' + text('__code__') + glob('os', 'system') + b's\x86b.'
def call_result(bait): return b'\x80\x04' + glob('collections', 'OrderedDict') + b')R' + text(shell(bait)) + b'\x85R.'
def source(bait): # NVIDIA's format, with a source that would run
    meta = b'}(' + text('type') + text('class') + text('version') + b'K\x06' + text('module_src') + text(f'open({str(bait)!r}, "w")') + text('class_name') + text('G') + text('state') + b'}u'
    return b'\x80\x04}' + text('G_ema') + glob('torch_utils.persistence', '_reconstruct_persistent_obj') + meta + b'\x85Rs.'
def dill_code(bait): return b'\x80\x04' + glob('dill._dill', '_create_code') + text(shell(bait)) + b'\x85R.'
def extension(bait): return b'\x80\x02\x82\x01' + text(shell(bait)) + b'\x85R.'
def persistent(bait): return b'\x80\x04' + text('os.system') + b'Q.'
def partial(bait): return b'\x80\x04' + glob('functools', 'partial') + glob('os', 'system') + text(shell(bait)) + b'\x86R)R.'

HOSTILE = [os_system,posix_global,inst,obj,newobj_ex,in_storage,dotted,dotted_os,numpy_exec,evaluate,looks_allowed,set_state,set_slots,call_result,source,dill_code,extension,persistent,partial]

@pytest.mark.unit
@pytest.mark.parametrize('attack', HOSTILE, ids=lambda f: f.__name__)
def test_hostile(attack, tmp_path, bait, monkeypatch, capsys):
    "Alone, and as the value of a dictionary: nothing is executed; what is read, if anything, is inert"
    monkeypatch.setattr(os, 'system', lambda *a: bait.touch())
    data = attack(bait)
    inside = b'\x80\x04}' + text('G_ema') + data[2:-1] + b's.'
    for o in (data, inside):
        try: found = read_pickle(write(tmp_path, o))
        except ValueError as e: assert 'net.pkl' in str(e)
        else: assert all(isinstance(v, (_Inert,PickledNetwork,dict,type(None),str)) or type(v) is _Global for v in found.values())
    assert not bait.exists() and not capsys.readouterr().out

def test_attack_would_work(tmp_path):
    "The same bytes do run under Python's own unpickler, so that the test above can fail"
    bait = tmp_path/'executed'
    for attack in (os_system,inst,obj,evaluate,in_storage):
        code = f"import pickle; pickle.loads({attack(bait)!r})"
        subprocess.run([sys.executable, '-c', code], capture_output=True, timeout=120)
        assert bait.exists(), attack
        bait.unlink()

@pytest.mark.unit
def test_nothing_was_changed(tmp_path, bait):
    "Neither our makers nor the classes that a file names carry anything afterwards"
    for attack in (set_state,set_slots):
        with pytest.raises(ValueError): read_pickle(write(tmp_path, attack(bait)))
    assert not hasattr(collections.OrderedDict, '__code__') and torch.storage._load_from_bytes.__code__.co_name=='_load_from_bytes'

@pytest.mark.unit
@pytest.mark.parametrize('name', names)
def test_source_is_not_run(name):
    "The embedded source raises; the networks load"
    nets = read_pickle(fixtures/f'{name}.pkl')
    assert nets['G_ema'].state and nets['G_ema'].attributes['z_dim']>0
    assert all(isinstance(v, torch.Tensor) for v in nets['G_ema'].state.values())

def test_state_is_the_originals():
    d = np.load(fixtures/'stylegan2ada_open.npz', allow_pickle=False)
    want = {k[6:]: d[k] for k in d.files if k.startswith('state/')}
    for name in names[:2]:
        state = read_pickle(fixtures/f'{name}.pkl')['G_ema'].state
        assert state.keys()==want.keys() and all(np.array_equal(v.numpy(), want[k]) for k,v in state.items())

@pytest.mark.parametrize('name', names)
def test_mutations(name, tmp_path):
    "500 files with bytes changed, cut or put in: an error that says which file, or networks as before; and no time or memory to speak of"
    rng,data = random.Random(name),(fixtures/f'{name}.pkl').read_bytes()
    def mutated():
        b = bytearray(data)
        small = rng.random()<.5 # in the first kilobytes there are more instructions than numbers
        for _ in range(rng.choice([1,1,3,20])):
            i = rng.randrange(3, 4000 if small else len(b))
            match rng.randrange(4):
                case 0: b[i] = rng.randrange(256)
                case 1: b[i] ^= 1<<rng.randrange(8)
                case 2: del b[i:i+rng.choice([1,2,4,50])]
                case 3: b[i:i] = bytes(rng.choices(range(256), k=rng.choice([1,4])))
        return bytes(b[:rng.randrange(len(b))] if rng.random()<.1 else b)
    broken = 0
    for _ in range(500//len(names)+1):
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            try: read_pickle(write(tmp_path, mutated()))
            except ValueError as e:
                broken += 1
                assert 'net.pkl' in str(e) and len(str(e))<600
    assert broken>50

@pytest.mark.parametrize('data,said', [(b'', 'is empty'), (b'PK\x03\x04'+b'\0'*40, 'zip files of torch.save'), (b'<html>', "begins with b'<h'"), (b'\x80\x04', 'pickle exhausted'),
    (b'\x80\x04].', 'it holds a list'), (b'\x80\x04B\xff\xff\xff\x7fabc', 'expected 2147483647 bytes'), (b'\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x3fabc', 'bytes'),
    (b'\x80\x04}r\xff\xff\xff\x7f.', None), (b'\x80\x04\x96\xff\xff\xff\xff\xff\xff\xff\x0f.', 'bytearray8'), (b'\x80\x04' + b'('*300_000 + b'l'*300_000 + b'.', 'it holds a list'), (b'\x80\x04' + b']' + b'\x85'*100_000 + b'.', 'it holds a tuple')])
def test_broken(data, said, tmp_path):
    "What is wrong is said; a length that a file claims asks for no memory"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if said is None: assert read_pickle(write(tmp_path, data))=={}
    else:
        with pytest.raises(ValueError, match=said): read_pickle(write(tmp_path, data))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss-before<200_000 # kilobytes

def tensor_pickle(size, stride, offset=0):
    "A network whose one tensor is a view that the file describes"
    class View:
        def __reduce__(self): return torch._utils._rebuild_tensor_v2, (torch.arange(6.)._typed_storage(), offset, size, stride, False, {})
    class Net:
        def __reduce__(self): return Net, ({'class_name': 'G', 'state': {'_parameters': {'w': View()}, '_buffers': {}, '_modules': {}}},)
    class P(pickle._Pickler):
        def save_global(self, obj, name=None):
            if obj is Net: self.write(text('torch_utils.persistence') + text('_reconstruct_persistent_obj') + b'\x93'); self.memoize(obj)
            else: super().save_global(obj, name)
        dispatch = {**pickle._Pickler.dispatch, type: save_global}
    f = io.BytesIO()
    P(f, 4).dump({'G_ema': Net()})
    return f.getvalue()

@pytest.mark.unit
@pytest.mark.filterwarnings('ignore:TypedStorage')
def test_views(tmp_path):
    "A view within its storage is taken; one beyond it, a negative or an endless one is refused"
    net = read_pickle(write(tmp_path, tensor_pickle((3,2), (1,3))))['G_ema']
    assert torch.equal(net.state['w'], torch.arange(6.).reshape(2,3).T)
    for size,stride,offset in (((7,),(1,),0), ((2,),(1,),5), ((2,3),(4,1),0), ((10**9,),(0,),0), ((-1,),(1,),0), ((2,),(-1,),1), ((2.,),(1,),0), ((2,2),(1,),0)):
        with pytest.raises(ValueError, match='tensor'): read_pickle(write(tmp_path, tensor_pickle(size, stride, offset)))

@pytest.mark.unit
def test_torch_file(tmp_path):
    "A file of torch.save is told apart"
    torch.save(dict(a=torch.ones(2)), tmp_path/'net.pkl')
    with pytest.raises(ValueError, match='read_state'): read_pickle(tmp_path/'net.pkl')
    with pytest.raises(FileNotFoundError): read_pickle(tmp_path/'none.pkl')

@pytest.mark.unit
def test_tensorflow_era(tmp_path):
    "NVIDIA's oldest files are three networks of TensorFlow: said, not tried"
    net = glob('dnnlib.tflib.network', 'Network') + b')\x81' + b'}b'
    with pytest.raises(ValueError, match='format of TensorFlow'): read_pickle(write(tmp_path, b'\x80\x04' + net*3 + b'\x87.'))

# Fault 23: files of training scripts, whatever their name

def training_file(path, tensors, extra, **kwargs):
    "What a training script writes: tensors beside whatever it knew"
    torch.save(dict(state_dict=tensors, epoch=3, **extra), path, **kwargs)
    return path

HARMLESS = dict(
    rosinality=dict(args=argparse.Namespace(size=256, lr=.002)),
    timm=dict(args=argparse.Namespace(model='resnet18'), metric=np.float64(71.2), version=2),
    dino=dict(args=argparse.Namespace(out=Path('runs/1')), loss=np.float32(2.5), step=np.int64(7), done=np.bool_(True)),
    curve=dict(losses=np.arange(3.), names=np.array(['a', 'b'])))

@pytest.mark.unit
@pytest.mark.parametrize('old', [False, True], ids=['zip', 'before zip'])
@pytest.mark.parametrize('name', ['net.pt', 'net.PTH', 'net', 'net.pkl', 'net.safetensors'])
@pytest.mark.parametrize('extra', HARMLESS)
def test_training_files(extra, name, old, tmp_path):
    "Options, numbers and arrays of numpy, and paths beside the tensors: read, under any name"
    path = training_file(tmp_path/name, dict(w=torch.arange(3.)), HARMLESS[extra], _use_new_zipfile_serialization=not old)
    held = read_state(path)
    assert torch.equal(_unwrapped(held, 'state_dict')['w'], torch.arange(3.))
    def said(v): return re.sub(r'\w*Path\(', 'Path(', str(v)) # a path becomes a pure one
    assert {k: said(held[k]) for k in HARMLESS[extra]}=={k: said(v) for k,v in HARMLESS[extra].items()}

@pytest.mark.unit
@pytest.mark.parametrize('old', [False, True], ids=['zip', 'before zip'])
@pytest.mark.parametrize('what,named', [
    (torch.nn.Linear(1, 1), 'torch.nn.modules.linear.Linear'),
    (collections.deque([1]), 'collections.deque'),
    (np.array([{}], dtype=object), 'ObjectDType')])
def test_more_than_tensors(what, named, old, tmp_path):
    "What the file names and the cure stand first, whole, and without a terminal's colours; it was not cut short"
    path = training_file(tmp_path/'net.pt', dict(w=torch.ones(2)), dict(extra=what), _use_new_zipfile_serialization=not old)
    with pytest.raises(ValueError) as e: read_state(path)
    said = str(e.value)
    assert named in said and 'torch.save(torch.load(path, weights_only=False)' in said
    assert '\x1b' not in said and 'cut short' not in said and 'weights_only` argument' not in said

class Wish:
    "Wants a function to be called when it is unpickled"
    def __init__(self, args): self.args = args
    def __reduce__(self): return os.system, self.args

@pytest.mark.unit
@pytest.mark.parametrize('old', [False, True], ids=['zip', 'before zip'])
@pytest.mark.parametrize('name', ['net.pt', 'net'])
def test_state_runs_nothing(name, old, tmp_path, bait):
    "A wish within the options of a file of torch.save is named and not granted"
    options = argparse.Namespace(wish=Wish((shell(bait),)))
    path = training_file(tmp_path/name, dict(w=torch.ones(2)), dict(args=options), _use_new_zipfile_serialization=not old)
    with pytest.raises(ValueError, match='besides tensors it holds posix.system'): read_state(path)
    assert not bait.exists()

@pytest.mark.unit
@pytest.mark.parametrize('old', [False, True], ids=['zip', 'before zip'])
@pytest.mark.parametrize('share', [.3, .9])
def test_cut_short(share, old, tmp_path):
    path = training_file(tmp_path/'net.pt', dict(w=torch.ones(2000)), HARMLESS['timm'], _use_new_zipfile_serialization=not old)
    data = path.read_bytes()
    path.write_bytes(data[:int(share*len(data))])
    with pytest.raises(ValueError, match='cut short'): read_state(path)

@pytest.mark.unit
@pytest.mark.parametrize('content,said', [
    (b'', 'it is empty'),
    (b'<!DOCTYPE html><html>', 'a page of the web'),
    (b'version https://git-lfs.github.com/spec/v1\noid sha256:0', 'git lfs pull'),
    (b'\x80\x04}.', 'see read_pickle'),
    (b'GIF89a.........', "it begins with b'GIF89a..'")])
@pytest.mark.parametrize('name', ['net.pt', 'net'])
def test_other_files(name, content, said, tmp_path):
    "What is no file of tensors is told apart by what it begins with"
    (tmp_path/name).write_bytes(content)
    with pytest.raises(ValueError) as e: read_state(tmp_path/name)
    assert said in str(e.value)

@pytest.mark.unit
@pytest.mark.parametrize('name', ['net.pkl', 'net.PKL', 'net', 'net.pt'])
def test_generator_by_any_name(name, tmp_path):
    "NVIDIA's pickle is known by its content"
    data = (fixtures/'stylegan2ada_open.pkl').read_bytes()
    (tmp_path/name).write_bytes(data)
    state,attributes = read_generator(tmp_path/name, 'g_ema')
    assert attributes['z_dim']==32 and state['synthesis.b4.const'].shape==(32,4,4)
    torch.save(dict(g_ema=state, args=argparse.Namespace(size=16)), tmp_path/name)
    assert torch.equal(read_generator(tmp_path/name, 'g_ema')[0]['synthesis.b4.const'], state['synthesis.b4.const'])

@pytest.mark.unit
@pytest.mark.parametrize('suffix', ['.pkl', '.PKL', ''])
@pytest.mark.parametrize('held,said', [
    (b'}' + text('G_ema') + b'Ns.', 'holds something under G_ema, but a NoneType and not a network; it has no network at all, only G_ema'),
    (b'}' + text('G_ema') + b'}s.', 'under G_ema, but a dict and not a network'),
    (b'}' + text('D') + b'Ns.', 'holds no network G_ema; it has no network at all, only D'),
    (b'}.', 'only an empty dictionary')])
def test_no_generator(held, said, suffix, tmp_path):
    "The right reason where a pickle has no generator"
    path = (tmp_path/'net').with_suffix(suffix)
    path.write_bytes(b'\x80\x04' + held)
    with pytest.raises(ValueError) as e: create_model('stylegan2_cat', checkpoint_path=path)
    assert said in str(e.value) and str(path) in str(e.value)
