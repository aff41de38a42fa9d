"What was found can be tested, named, used on new images, compared and read again; what the commands under benchmarks/ say holds"
import json,re,sys
from pathlib import Path

import pytest,torch

from rosetta_neurons.cli import mine_folder
from rosetta_neurons.correlation import PairCorrelation
from rosetta_neurons.dictionary import RosettaDictionary
from rosetta_neurons.permutations import _CachedMaps
from rosetta_neurons.nulls import p_values, permuted_maxima, planted
from rosetta_neurons.truth import agreement
from rosetta_neurons.world import PARTS,sample_scenes

root = Path(__file__).parents[1]
shipped = lambda name: json.loads((root/f'benchmarks/{name}.json').read_text())

def cached(seed=0, n=60, **kw):
    (a,ca),(b,cb) = planted(n=n, seed=seed, concepts=8, own=12, sizes=((8,4),(8,)), **kw)
    cache = _CachedMaps(n)
    cache.add(a, b)
    return cache.finish(),(ca[:,None]==cb) & (ca[:,None]>=0)

def test_permutations_know_what_is_shared():
    "Matches with p of 5 % are right where something is planted; where B's images are others, hardly any run has one"
    cache,shared = cached(noise=1.)
    maxima = torch.tensor(permuted_maxima(cache, 39))
    corr = cache.true.compute('position')
    sure = p_values(corr.flatten(), maxima).view_as(corr)<=.05
    assert sure.any() and shared[sure].float().mean()>.9
    wrong = 0
    for seed in range(20):
        cache,_ = cached(seed, n=40)
        null = cache.paired(torch.arange(40).roll(1)).compute('position')
        wrong += p_values(null.max()[None], torch.tensor(permuted_maxima(cache, 19, center='position', seed=seed))).item()<=.05
    assert wrong<=4 # of 20, expected 1

def test_same_permutations():
    "A preset seed gives the same numbers, in one go or in two"
    cache,_ = cached()
    once = permuted_maxima(cache, 6, seed=3)
    assert once==permuted_maxima(cache, 4, seed=3)+permuted_maxima(cache, 6, seed=3, start=4)!=permuted_maxima(cache, 6, seed=4)

@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp('mined')
    mine_folder(models=['mini_resnet','mini_clip_resnet'], n=32, permutations=19, out=out, progress=False)
    return out

@pytest.fixture(scope='module')
def mined(folder): return RosettaDictionary.load(folder)

@pytest.mark.slow # mines first
def test_option(mined):
    "`rosetta-mine --permutations`: each match has a p, which falls as content rises, and the file keeps it"
    assert all(len(mined.tables[m]['maxima'])==19 for m in mined.models)
    for m in mined.models:
        p = [o.p for o in sorted(mined.matches_of(m), key=lambda o: o.centred)]
        assert p==sorted(p, reverse=True) and min(p)==.05

@pytest.mark.slow # mines first
def test_page_names(folder, mined):
    "Every concept of the default page has a purity and a p, and some a name"
    page = (folder/'report.html').read_text()
    assert len(re.findall('purity <b>', page))==len(mined.concepts)==len(re.findall('<article', page))
    assert re.search(r'Concept \d+</a>: \w+</h3>', page) and 'p <b>' in page and 'name, purity' in page

@pytest.mark.slow # mines first
def test_score(mined):
    "Scores of any images; of a part of the concepts and in any batches the same"
    images = sample_scenes(6, seed=5).render()
    scores = mined.score(images)
    assert scores.shape==(6,len(mined.concepts)) and scores.isfinite().all()
    torch.testing.assert_close(mined.score(images, concepts=[1], batch_size=4)[:,0], scores[:,1])
    best,s = mined.retrieve(0, images, 3)
    assert s.tolist()==sorted(scores[:,0].tolist(), reverse=True)[:3]

def test_earlier_version():
    "A dictionary that was written before there were permutations is read, and is the same as ever"
    d = RosettaDictionary.load(root/'tests/fixtures/dictionary_v1')
    assert len(d.concepts)==15 and d.matches[0].p is None
    c = d.compare(d)
    assert (c.matches,c.neurons,c.found)==(1,1,1) and [i for i,_ in c.counterparts]==list(range(15))

def test_version_2(tmp_path):
    "Of before some fields were renamed: the same tensors to the last bit, and the same numbers under other names"
    old = root/'tests/fixtures/dictionary_v2'
    d = RosettaDictionary.load(old)
    d.save(tmp_path)
    assert (tmp_path/'dictionary.safetensors').read_bytes() == (old/'dictionary.safetensors').read_bytes()
    was, now = (json.loads((o/'dictionary.json').read_text()) for o in (old, tmp_path))
    assert was['version'] == 2 and now['version'] == 3 and dict(was['recipe'], neighbours=None) == now['recipe']
    assert len(was['concepts']) == len(now['concepts']) == 29
    for one, two in zip(was['concepts'], now['concepts']):
        assert [one[k] for k in ('units', 'correlation', 'content', 'null_content', 'flip_content', 'q')] == [
            two[k] for k in ('units', 'correlation', 'centred', 'null_centred', 'flip_centred', 'q')]
    (tmp_path/'dictionary.json').write_text((old/'dictionary.json').read_text().replace('"q": 0.', '"q": 0.9', 1))
    with pytest.raises(ValueError, match='was it edited'):
        RosettaDictionary.load(tmp_path)

def test_older_state():
    "The sums of squares of a `PairCorrelation` were called energy once"
    gen = torch.Generator().manual_seed(0)
    a, b = ({'x': torch.randn(9, 3, 4, 4, generator=gen)} for _ in range(2))
    pc = PairCorrelation()
    pc.update(a, b)
    state = {k.replace('.sum_sq.', '.energy.'): x for k, x in pc.state_dict().items()}
    assert any('.energy.' in k for k in state)
    assert torch.equal(PairCorrelation().load_state_dict(state).compute(), pc.compute())

def test_agreement_finds_the_planted():
    "A network whose channels are colours tells sky from ground on scenes where they differ in colour, and nothing of the animal"
    class Colours(torch.nn.Module):
        layers = ['out']
        def __init__(self): super().__init__(); self.out = torch.nn.Identity()
        def forward(self, x): return self.out(x)
    x,masks = sample_scenes(40, seed=6).render(masks=True)
    a = agreement(Colours(), torch.cat([masks[:,[PARTS.index('eyes')]], x[:,1:]], 1), masks, PARTS)
    assert a.auroc[0,PARTS.index('eyes')]>.95 and a.best()[0]==PARTS.index('eyes') and a.iou[0,PARTS.index('eyes')]>.5

def test_promises():
    "What the project promises of planted truth, from the shipped output of benchmarks/planted.py"
    t = shipped('planted')
    for o in ('unit','position'):
        assert t[f'promise.{o}']['draws']==50 and t[f'promise.{o}']['precision'][0]>=.93
        lo,hi = t[f'calibration.{o}']['interval_99']
        assert t[f'calibration.{o}']['draws']==200 and lo<=.05<=hi

def test_commands_keep_their_rows():
    "Every row that a benchmark can make is in its output"
    sys.path.insert(0, str(root/'benchmarks'))
    import planted as command
    assert set(command.ROWS)<=set(shipped('planted'))
    assert {'groups','names','nulls','stability','pairs'}<=shipped('evidence').keys()
    assert len(shipped('measures')['measures'])==6
