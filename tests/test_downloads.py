"Fetching weights: whole or not at all, resumed, checked, offline when asked; the network is a server of our own"
import hashlib,os,re,threading
from http.server import BaseHTTPRequestHandler,ThreadingHTTPServer

import pytest,torch

from rosetta_neurons.zoo import create_model,files
from rosetta_neurons.zoo.files import SOURCES,Source,fetch

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
    place = files.place_of('x', source)
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
    monkeypatch.setattr(files, 'hf_hub_download', download)
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    with pytest.raises(ConnectionError, match='stylegan2-cat-config-f.pt where there is a network, and put it at .*stylegan2_cat.pt'): create_model('stylegan2_cat')
    assert asked==[('ZeqiangLai/StyleGAN2', 'stylegan2-cat-config-f.pt', 'main')]

@pytest.mark.parametrize('name', SOURCES)
def test_every_name_without_a_network(name, tmp_path, monkeypatch):
    "One error, with the licence, the address and the place"
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    def download(*a, **k): raise FileNotFoundError('no network')
    monkeypatch.setattr(files, 'hf_hub_download', download)
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
