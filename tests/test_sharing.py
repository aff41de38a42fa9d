"Sharing a dictionary: by the hub's own client, against a stand-in for its server; and as a table"
import base64, csv, json, re, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest
from huggingface_hub import RepoCard, constants

from rosetta_neurons.dictionary import RosettaDictionary

class Hub(BaseHTTPRequestHandler):
    "What of the hub takes up a folder and gives out its files; `files`: {(repository, name): bytes}"
    files, asked = {}, []
    def log_message(self, *_): pass
    def answer(self, content, status=200, **headers):
        content = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in dict(Content_Length=str(len(content)), **headers).items():
            self.send_header(name.replace('_', '-'), value)
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(content)
    def do_HEAD(self):
        found = re.fullmatch(r'/([^/]+/[^/]+)/resolve/[^/]+/(.+)', unquote(self.path))
        content = self.files.get(found.groups()) if found else None
        if content is None:
            return self.answer(b'', 404, X_Error_Code='EntryNotFound')
        self.answer(content, ETag=f'"{hash(content):x}"', X_Repo_Commit='c'*40)
    def do_GET(self):
        if self.path.startswith('/api/models/'):
            return self.answer(dict(id='me/d', sha='c'*40, siblings=[]))
        self.do_HEAD()
    def do_POST(self):
        size = self.headers.get('Content-Length')
        body = self.rfile.read(int(size)) if size else b''.join(self.chunks())
        self.asked.append(self.path)
        if self.path.endswith('/preupload/main'):
            named = [o['path'] for o in json.loads(body)['files']]
            return self.answer(dict(files=[dict(path=o, uploadMode='regular', shouldIgnore=False) for o in named]))
        if '/commit/' in self.path:
            repo = '/'.join(self.path.split('/')[3:5])
            for line in map(json.loads, body.splitlines()):
                if line['key'] == 'file':
                    self.files[repo, line['value']['path']] = base64.b64decode(line['value']['content'])
            return self.answer(dict(commitUrl=f'http://{self.headers["Host"]}/{repo}/commit/{"c"*40}', commitOid='c'*40, success=True))
        self.answer(dict(url=f'http://{self.headers["Host"]}/me/d', name='me/d'))
    def chunks(self):
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

@pytest.fixture
def hub(tmp_path, monkeypatch):
    "(its address, its files, what it was asked)"
    kind = type('H', (Hub,), dict(files={}, asked=[]))
    http = ThreadingHTTPServer(('127.0.0.1', 0), kind)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    address = f'http://127.0.0.1:{http.server_port}'
    for name, value in dict(HF_HUB_OFFLINE=False, HF_HUB_CACHE=str(tmp_path/'cache')).items():
        monkeypatch.setattr(constants, name, value)
    yield address, kind.files, kind.asked
    http.shutdown()
    http.server_close()

@pytest.fixture(scope='module')
def d(): return RosettaDictionary.shipped('mini_biggan')

def test_round_trip(d, hub, tmp_path):
    "Three files go up, and the same dictionary comes back"
    address, files, _ = hub
    d.push_to_hub('me/d', card=dict(license='cc-by-4.0', tags=['mine']), endpoint=address, token='hf_x')
    assert {name for _, name in files} == {'README.md', 'dictionary.json', 'dictionary.safetensors'}
    back = RosettaDictionary.from_hub('me/d', endpoint=address, cache_dir=tmp_path/'cache')
    assert back.matches == d.matches and back.recipe == d.recipe

def test_card(d, hub):
    "Its head is what the hub reads; the text says what, how, and what not; one that was written by hand stays"
    address, files, _ = hub
    d.push_to_hub('me/d', card=dict(license='cc-by-4.0', pretty_name='a: "b"\n- c'), endpoint=address, token='hf_x')
    card = RepoCard(files['me/d', 'README.md'].decode(), ignore_metadata_errors=False)
    assert card.data.license == 'cc-by-4.0' and card.data.library_name == 'rosetta-neurons'
    assert card.data.pretty_name == 'a: "b"\n- c' and 'interpretability' in card.data.tags
    for said in ('from_hub("me/d")', 'mini_biggan', repr(d), '"n": 1600', 'does not mean that a network uses'):
        assert said in card.text
    files['me/d', 'README.md'] = b'by hand'
    d.push_to_hub('me/d', endpoint=address, token='hf_x')
    assert files['me/d', 'README.md'] == b'by hand'
    d.push_to_hub('me/d', card={}, endpoint=address, token='hf_x')
    assert b'license' not in files['me/d', 'README.md'] and b'from_hub' in files['me/d', 'README.md']

@pytest.mark.unit
@pytest.mark.parametrize('repo,near', [
    ('https://huggingface.co/me/d/tree/main', "did you mean 'me/d'"), ('a/me/d', "did you mean 'me/d'"), ('d', "expected 'user/name'")])
def test_no_repository(d, repo, near):
    "Before anything is saved or asked of the hub"
    for ask in (d.push_to_hub, RosettaDictionary.from_hub):
        with pytest.raises(ValueError, match=near):
            ask(repo)

@pytest.mark.unit
def test_saved_with_a_card(d, tmp_path):
    "Safetensors, JSON and the card alone; a card that is no JSON is refused before anything is written"
    with pytest.raises(TypeError):
        d.save(tmp_path/'no', card=dict(license=object()))
    assert not (tmp_path/'no').exists()
    assert {o.name for o in d.save(tmp_path/'d', card={}).iterdir()} == {'README.md', 'dictionary.json', 'dictionary.safetensors'}
    assert RosettaDictionary.load(tmp_path/'d').matches == d.matches

@pytest.mark.unit
def test_digest(d):
    "Made from the units alone: it stays when a dictionary is filtered and concepts move, and each has its own"
    digests = [o.digest for o in d.concepts]
    assert len(set(digests)) == len(digests)
    few = d.filter(models=['mini_mae'])
    assert len(few.concepts) != len(d.concepts)
    for o in few.concepts:
        assert few.concept(o.digest) is o
        if o.digest in digests:
            assert set(d.concept(o.digest).units) == set(o.units)
    wrong = digests[3][:-1] + ('0' if digests[3][-1] == 'f' else 'f')
    with pytest.raises(ValueError, match=f"closest: '{digests[3]}'"):
        d.concept(wrong)

@pytest.mark.unit
def test_csv(d):
    "A row a match, with the numbers of the JSON"
    rows = list(csv.DictReader(d.as_csv().splitlines()))
    assert len(rows) == sum(len(o.matches) for o in d.concepts)
    of_third = [o for o in rows if o['concept'] == '2']
    assert list(csv.DictReader(d.as_csv(2).splitlines())) == of_third
    for row, match in zip(of_third, d.concepts[2].as_json()['matches']):
        assert row['digest'] == d.concepts[2].digest
        assert [row['layer'], int(row['channel'])] == [*match['unit']]
        assert [row['model'], row['partner_layer'], int(row['partner_channel'])] == [match['model'], *match['partner']]
        for name in ('correlation', 'centred', 'null', 'null_centred', 'flip', 'flip_centred', 'q'):
            assert float(row[name] or 'nan') == pytest.approx(match[name], nan_ok=True) or match[name] is None
