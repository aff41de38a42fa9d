"Fetching weights: whole or not at all, resumed, checked, offline when asked; the network is a server of our own"
import argparse,hashlib,os,re,socket,threading,time
from http.server import BaseHTTPRequestHandler,ThreadingHTTPServer

import huggingface_hub.constants,numpy as np,pytest,timm,torch
from safetensors.torch import save_file

from rosetta_neurons.dictionary import RosettaDictionary
from rosetta_neurons.mining import mine

from rosetta_neurons.world import sample_scenes
from rosetta_neurons.zoo import create_model,files
from rosetta_neurons.zoo.core import _known_model
from rosetta_neurons.zoo.files import SOURCES,Source,_can_reach,fetch

content = bytes(range(256))*4000 # 1 MB

class Server(BaseHTTPRequestHandler):
    "Serves `content` with ranges; `cut`: hangs up after so many bytes"
    content,cut,tag,seen,status = content,None,'"one"',[],None
    def log_message(self, *_): pass
    def do_GET(self):
        s = type(self)
        s.seen.append(self.headers.get('Range'))
        if s.status: return self.send_error(s.status)
        asked = re.fullmatch(r'bytes=(\d+)-', self.headers.get('Range', ''))
        start = int(asked[1]) if asked and self.headers.get('If-Range')==s.tag else 0
        data = s.content[start:]
        self.send_response(206 if start else 200)
        if start: self.send_header('Content-Range', f'bytes {start}-{len(s.content)-1}/{len(s.content)}')
        self.send_header('ETag', s.tag)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data[:s.cut])
        if s.cut: self.close_connection = True

@pytest.fixture
def server(tmp_path, monkeypatch):
    "(its class, a source of a file on it); PyTorch's cache is empty"
    s = type('S', (Server,), dict(seen=[]))
    http = ThreadingHTTPServer(('127.0.0.1', 0), s)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    was = torch.hub.get_dir()
    torch.hub.set_dir(str(tmp_path))
    monkeypatch.delenv('HF_HUB_OFFLINE', raising=False)
    yield s,Source(f'http://127.0.0.1:{http.server_port}/net.bin', 'none', len(content), hashlib.sha256(content).hexdigest()[:12])
    torch.hub.set_dir(was)
    http.shutdown()
    http.server_close()

def held(tmp_path): return {p.name for p in (tmp_path/'checkpoints').iterdir() if p.suffix!='.lock'}

def test_fetch(server, tmp_path):
    "Once from the network, then from the cache, under its own name"
    s,source = server
    path = fetch('x', source)
    assert path.read_bytes()==content and held(tmp_path)=={'net.bin'}
    assert fetch('x', source)==path and s.seen==[None]

def test_resume(server, tmp_path):
    "Cut off, nothing has the file's name; the next try asks for the rest only"
    s,source = server
    s.cut = 300_000
    with pytest.raises(ConnectionError, match='licensed none.*Get http://127.0.0.1:.*/net.bin where there is a network, and put it at .*net.bin, or give the file as checkpoint_path='): fetch('x', source)
    assert held(tmp_path)=={'net.bin.part','net.bin.tag'}
    s.cut = None
    assert fetch('x', source).read_bytes()==content
    assert s.seen==[None, 'bytes=300000-'] and held(tmp_path)=={'net.bin'}

def test_changed_between(server, tmp_path):
    "Another file by now: from its beginning, not glued to the old half"
    s,source = server
    s.cut,s.content = 300_000,b'\1'*len(content)
    with pytest.raises(ConnectionError): fetch('x', source)
    s.cut,s.content,s.tag = None,content,'"two"'
    assert fetch('x', source).read_bytes()==content

@pytest.mark.parametrize('sent,said', [(content[:-1], 'has 1023999 bytes, expected 1024000'), (content[:-1] + b'\0', 'expected .*damaged')])
def test_damaged(server, tmp_path, sent, said):
    "Wrong size or content: refused, and not kept"
    s,source = server
    s.content = sent
    with pytest.raises(ValueError, match=said): fetch('x', source)
    assert not {'net.bin','net.bin.part'} & held(tmp_path)
    s.content,s.tag = content,'"two"'
    assert fetch('x', source).read_bytes()==content

def test_part_is_too_long(server, tmp_path):
    "A server that has nothing after what is here (416): the next try starts anew"
    s,source = server
    s.cut = 300_000
    with pytest.raises(ConnectionError): fetch('x', source)
    s.status = 416
    with pytest.raises(ConnectionError, match='416'): fetch('x', source)
    s.status = s.cut = None
    assert fetch('x', source).read_bytes()==content

def test_missing(server):
    s,source = server
    s.status = 404
    with pytest.raises(ConnectionError, match='404.*net.bin'): fetch('x', source)

def test_offline(server, monkeypatch):
    "Asked not to, it does not; what is in the cache is used"
    s,source = server
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    with pytest.raises(ConnectionError, match='HF_HUB_OFFLINE is set'): fetch('x', source)
    assert s.seen==[]
    monkeypatch.delenv('HF_HUB_OFFLINE')
    path = fetch('x', source)
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    assert fetch('x', source)==path

def test_by_hand(server, tmp_path):
    "A file put where the error said; a wrong one there is refused"
    s,source = server
    place = files._place_of('x', source)
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    assert fetch('x', source)==place and s.seen==[]
    place.write_bytes(content[:100])
    with pytest.raises(ValueError, match='has 100 bytes, expected 1024000'): fetch('x', source)

def test_two_at_once(server, tmp_path):
    "Two processes' worth of threads: one fetches, the other waits"
    s,source = server
    found = []
    threads = [threading.Thread(target=lambda: found.append(fetch('x', source).read_bytes())) for _ in range(3)]
    for o in threads: o.start()
    for o in threads: o.join()
    assert found==[content]*3 and s.seen==[None]

def test_hub(tmp_path, monkeypatch):
    "Files of the hub go through its client, with the repository, the revision and the name of the address"
    asked = []
    def download(repo, name, revision):
        asked.append((repo, name, revision))
        raise FileNotFoundError('no network')
    monkeypatch.setattr(huggingface_hub, 'hf_hub_download', download)
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    with pytest.raises(ConnectionError, match='stylegan2-cat-config-f.pt where there is a network, and put it at .*stylegan2_cat.pt'): create_model('stylegan2_cat')
    assert asked==[('ZeqiangLai/StyleGAN2', 'stylegan2-cat-config-f.pt', 'main')]

@pytest.mark.parametrize('name', SOURCES)
def test_every_name_without_a_network(name, tmp_path, monkeypatch):
    "One error, with the licence, the address and the place"
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    def download(*a, **k): raise FileNotFoundError('no network')
    monkeypatch.setattr(huggingface_hub, 'hf_hub_download', download)
    with pytest.raises(ConnectionError) as e: create_model(name)
    assert all(o in str(e.value) for o in (SOURCES[name].url, SOURCES[name].licence, str(tmp_path), 'checkpoint_path='))

def test_no_network_at_all(tmp_path, monkeypatch):
    "The real clients, sent to an address where nobody answers"
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    monkeypatch.delenv('HF_HUB_OFFLINE', raising=False)
    with pytest.raises(ConnectionError, match='Get http://127.0.0.1:9/net.bin'): fetch('x', Source('http://127.0.0.1:9/net.bin', 'none'))

def test_libraries_without_a_network(monkeypatch):
    "timm's and open_clip's own ways fail with the same words"
    import open_clip,timm
    def fail(*a, **k): raise FileNotFoundError('no network')
    monkeypatch.setattr(timm, 'create_model', fail)
    with pytest.raises(ConnectionError, match='https://huggingface.co/timm/resnet18.*checkpoint_path='): create_model('timm:resnet18')
    monkeypatch.setattr(open_clip, 'create_model', fail)
    with pytest.raises(ConnectionError, match='open_clip:RN50/openai.*checkpoint_path='): create_model('open_clip:RN50/openai')

# Without a network, at once (real-networks.md, 9)

@pytest.fixture
def unreachable(tmp_path, monkeypatch):
    "An empty cache, and a hub at whose address nobody answers, though nothing says so"
    monkeypatch.delenv('HF_HUB_OFFLINE', raising=False)
    for name,value in dict(HF_HUB_OFFLINE=False, ENDPOINT='http://127.0.0.1:9', HF_HUB_CACHE=str(tmp_path/'hub')).items():
        monkeypatch.setattr(huggingface_hub.constants, name, value)
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path/'torch'))
    return tmp_path/'hub'

@pytest.mark.parametrize('name', ['timm:resnet18', 'timm:vit_base_patch16_224.dino', 'open_clip:RN50/openai', 'open_clip:ViT-B-32', 'stylegan2_cat', 'mae_vitb16'])
def test_unreachable_at_once(name, unreachable, capfd):
    "In seconds, not in a minute; what is wrong and the cure stand first, and the client is as it was"
    start = time.time()
    with pytest.raises(ConnectionError) as e: create_model(name)
    assert time.time()-start<15
    said = str(e.value)
    assert 'http://127.0.0.1:9 can\'t be reached' in said and 'checkpoint_path=' in said and 'https://huggingface.co/' in said
    assert huggingface_hub.constants.HF_HUB_OFFLINE is False and 'Retry' not in capfd.readouterr().err

def test_silent_server():
    "One that takes the call and never answers counts as none; one that answers with an error is there"
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        s.listen(1)
        start = time.time()
        assert not _can_reach(f'http://127.0.0.1:{s.getsockname()[1]}', timeout=.5)
        assert time.time()-start<3

def test_answering_server(server):
    s,source = server
    s.status = 500
    assert _can_reach(source.url)

def keep_in_cache(hub, name, state):
    "Put tensors where the hub's client would have put them"
    folder = hub/f"models--{timm.get_pretrained_cfg(name).hf_hub_id.replace('/', '--')}"
    (folder/'refs').mkdir(parents=True)
    (folder/'refs/main').write_text('0'*40)
    (folder/'snapshots'/('0'*40)).mkdir(parents=True)
    save_file(state, folder/'snapshots'/('0'*40)/'model.safetensors')

@pytest.mark.parametrize('told', [False, True])
def test_cache_is_used(told, unreachable, monkeypatch):
    "Weights that timm has fetched before are taken without a network, whether one was told or not"
    if told: monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    net = timm.create_model('test_resnet')
    keep_in_cache(unreachable, 'test_resnet', {k: v + 1 for k,v in net.state_dict().items()})
    assert torch.equal(create_model('timm:test_resnet').net.fc.bias, net.fc.bias + 1)

def test_dictionary_finds_timm_again(unreachable, tmp_path):
    "real-networks.md, 5: a dictionary read from disk finds its networks by their names"
    keep_in_cache(unreachable, 'test_resnet', timm.create_model('test_resnet').state_dict())
    D = create_model('timm:test_resnet')
    images = sample_scenes(8).render()
    mine(create_model('mini_resnet'), {'other': D}, images=images, n=8, batch_size=4, progress=False, out=tmp_path/'d')
    found = RosettaDictionary.load(tmp_path/'d').every_network()
    assert (found['G'].name, found['other'].name)==('mini_resnet', 'timm:test_resnet')

@pytest.mark.parametrize('name,known', [('mini_mae', True), ('mini_resnet.seed1', True), ('timm:resnet18', True), ('timm:resnet18.a1_in1k', True), ('open_clip:RN50/openai', True),
    ('timm:resnet51', False), ('open_clip:RN50/openay', False), ('Sequential', False), ('ftp:there', False), ('timm:', False), ('', False)])
def test_known_model(name, known): assert _known_model(name)==known

# A file of one's own for networks of libraries

def kept_by(form, state):
    "Tensors as a training script keeps them"
    if form=='bare': return state
    if form=='ema': return dict(state_dict={k: v*0 for k,v in state.items()}, state_dict_ema=state)
    if form=='wrapped': state = {f'module.{k}': v for k,v in state.items()}
    if form=='compiled': state = {f'_orig_mod.module.{k}': v for k,v in state.items()}
    return dict(epoch=3, arch='test_resnet', state_dict=state, args=argparse.Namespace(lr=.1), metric=np.float64(7.))

@pytest.mark.parametrize('form', ['bare', 'script', 'wrapped', 'compiled', 'ema'])
def test_timm_checkpoint(form, tmp_path):
    "timm:NAME with checkpoint_path, as timm's own training script and others write it"
    state = {k: v + 1 for k,v in timm.create_model('test_resnet').state_dict().items()}
    torch.save(kept_by(form, state), tmp_path/'last.pth.tar')
    D = create_model('timm:test_resnet', checkpoint_path=tmp_path/'last.pth.tar')
    assert all(torch.equal(v, state[k]) for k,v in D.net.state_dict().items()) and D.layers

@pytest.mark.parametrize('change,said', [
    (lambda s: {f'encoder_{k}': v for k,v in s.items()}, 'net.pth does not fit. None of its 77 names is one of the model.s 77: it begins with encoder_conv1.0.weight'),
    (lambda s: {k: v for k,v in s.items() if k!='fc.bias'}, 'does not fit: fc.bias is missing'),
    (lambda s: {**s, 'fc.weight': torch.ones(10, 384), 'fc.bias': torch.ones(10)}, 'another number of classes'),
    (lambda s: {k.replace('fc.', 'head.fc.'): v for k,v in s.items()}, 'Nearest to fc.weight: head.fc.weight')])
def test_checkpoint_does_not_fit(change, said, tmp_path):
    "real-networks.md, 9: the likely cause, not a count of what is missing"
    torch.save(change(timm.create_model('test_resnet').state_dict()), tmp_path/'net.pth')
    with pytest.raises(ValueError, match=said): create_model('timm:test_resnet', checkpoint_path=tmp_path/'net.pth')

def test_open_clip_checkpoint(tmp_path):
    import open_clip
    net = open_clip.create_model('ViT-S-32-alt')
    state = {k: v + 1 if v.is_floating_point() else v for k,v in net.state_dict().items()}
    torch.save(dict(state_dict={f'module.{k}': v for k,v in state.items()}, name='run', epoch=1), tmp_path/'epoch_1.pt')
    D = create_model('open_clip:ViT-S-32-alt', checkpoint_path=tmp_path/'epoch_1.pt')
    assert torch.equal(D.net.visual.proj, net.visual.proj + 1)

def test_beside_the_prefix(tmp_path):
    "DINO's own files: the teacher's backbone is taken, and it is said that its head is not"
    net = create_model('dino_resnet50', pretrained=False).net.state_dict()
    teacher = {f'backbone.{k}': v for k,v in net.items()} | {'head.mlp.0.weight': torch.ones(2)}
    student = {f'module.{k}': v*0 for k,v in teacher.items()}
    torch.save(dict(student=student, teacher=teacher, epoch=1, args=argparse.Namespace(arch='resnet50'), dino_loss={'center': torch.zeros(1)}), tmp_path/'dino.pth')
    with pytest.warns(UserWarning, match='1 tensors that do not begin with backbone. are left out, such as head.mlp.0.weight'):
        D = create_model('dino_resnet50', checkpoint_path=tmp_path/'dino.pth')
    assert torch.equal(D.net.conv1.weight, net['conv1.weight'])
