"All tables of a run, against each of them computed alone with all maps at hand"
import pytest
import torch
from torch.nn.functional import interpolate

from rosetta_neurons.sums import _Sums, blocks, table_bytes

pytestmark = pytest.mark.unit
SIZES = {'G': {'a': (3, 4, 4), 'b': (2, 8, 6)}, 'one': {'c': (4, 5, 5)}, 'two': {'d': (2, 8, 8), 'e': (3, 2, 2)}}
CHANNELS = {m: {layer: s[0] for layer, s in o.items()} for m, o in SIZES.items()}


def streams(n=30):
    gen = torch.Generator().manual_seed(3)
    common = torch.randn(n, 1, 8, 8, generator=gen)
    def maps(c, *size):
        return torch.randn(n, c, *size, generator=gen) + interpolate(common, size, mode='bilinear') + 100*torch.randn(c, 1, 1, generator=gen)
    return {m: {layer: maps(*s) for layer, s in o.items()} for m, o in SIZES.items()}


def plain(a, b, center):
    "Eq. 2 as written, in float64; about the mean maps for centred correlation"
    def flat(x, size):
        x = x.double()
        x = interpolate(x - x.mean(0) if center == 'position' else x, size, mode='bilinear').transpose(0, 1).flatten(1)
        return x - x.mean(1, keepdim=True)
    def block(x, y):
        size = [max(s) for s in zip(x.shape[2:], y.shape[2:])]
        u, v = flat(x, size), flat(y, size)
        return u @ v.T/u.norm(dim=1)[:, None]/v.norm(dim=1)
    return torch.cat([torch.cat([block(x, y) for y in b.values()], 1) for x in a.values()])


def taken(maps, batch, **kw):
    sums = _Sums(**kw)
    for i in range(0, 30, batch):
        sums.update({m: {layer: x[i:i+batch] for layer, x in o.items()} for m, o in maps.items()})
    sums.finish()
    return sums


@pytest.mark.parametrize('batch', [4, 30])
@pytest.mark.parametrize('center', ['unit', 'position'])
def test_every_table(center, batch):
    maps = streams()
    sums = taken(maps, batch)
    for m, pc in sums.true.items():
        torch.testing.assert_close(pc.compute(center).double(), plain(maps['G'], maps[m], center), rtol=0, atol=1e-5)


@pytest.mark.parametrize('shift', [1, 3])
def test_shuffled_null(shift):
    "Image i of G beside image i+shift of the other; the last ones beside the first"
    maps = streams()
    sums = taken(maps, 7, shift=shift)
    for m, pc in sums.null.items():
        others = {layer: x.roll(-shift, 0) for layer, x in maps[m].items()}
        torch.testing.assert_close(pc.compute().double(), plain(maps['G'], others, 'unit'), rtol=0, atol=1e-5)


def test_some_rows_are_those_of_the_whole_table():
    maps = streams()
    whole, part = taken(maps, 10), taken(maps, 10, rows=(1, 4))
    for m in ('one', 'two', 'G'):
        torch.testing.assert_close(part.true[m].compute(), whole.true[m].compute()[1:4], rtol=0, atol=1e-6)


def test_goes_on_from_its_state():
    maps = streams()
    def batch(i): return {m: {layer: x[i:i+10] for layer, x in o.items()} for m, o in maps.items()}
    whole, first = _Sums(), _Sums()
    for i in (0, 10, 20):
        whole.update(batch(i))
    first.update(batch(0))
    again = _Sums().load(first.state())
    again.update(batch(10))
    again.update(batch(20))
    for o in (whole, again):
        o.finish()
    for kind in ('true', 'null', 'flip'):
        for m, pc in getattr(whole, kind).items():
            assert torch.equal(pc.compute(), getattr(again, kind)[m].compute())


def test_blocks_cover_all_units_within_memory():
    row = table_bytes(CHANNELS)/5
    parts = blocks(CHANNELS, int(2*row))
    assert parts[0][0] == 0 and parts[-1][1] == 5
    assert all(a[1] == b[0] for a, b in zip(parts, parts[1:])) and max(b-a for a, b in parts) <= 2
    with pytest.raises(MemoryError, match='one row'):
        blocks(CHANNELS, int(row/2))


def test_refuses_batches_that_do_not_fit():
    maps = streams()
    wrong = {m: dict(o) for m, o in maps.items()}
    wrong['one']['c'] = wrong['one']['c'][:7]
    with pytest.raises(ValueError):
        _Sums().update(wrong)
