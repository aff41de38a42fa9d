"Eq. 2 and 3 against the plainest code that could compute them, on whatever maps hypothesis comes up with"
import numpy as np, pytest, torch, torch.nn.functional as F
from hypothesis import given, settings, strategies as st
from rosetta_neurons.matching import best_buddies
from rosetta_neurons.moments import _MapMoments
from rosetta_neurons.correlation import PairCorrelation
from rosetta_neurons.ranges import _map_shapes, _unit_rows

sizes = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=3)
offsets = st.sampled_from([0., 1e2, 1e4, 1e6])
centers = st.sampled_from(["unit", "position"])
several = settings(max_examples=40, deadline=None)

def maps_of(sizes, n, offset, seed, shared=0.):
    gen = torch.Generator().manual_seed(seed)
    draw = lambda *s: torch.randn(*s, generator=gen)
    common = torch.randn(n, 1, 9, 9, generator=torch.Generator().manual_seed(0))
    return {f"{i}": F.adaptive_avg_pool2d(common, s)*shared + draw(n, 2, *s) + draw(2, *s) + offset*draw(2, 1, 1) for i, s in enumerate(sizes)}

def plain(maps_a, maps_b, center="unit"):
    "Eq. 2 in float64, with every map of every image at hand"
    def flat(m, size):
        m = m.double()
        return F.interpolate(m - m.mean(0) if center == "position" else m, size, mode="bilinear", align_corners=False).transpose(0, 1).flatten(1)
    def block(a, b):
        x, y = (flat(m, [max(s, t) for s, t in zip(a.shape[2:], b.shape[2:])]) for m in (a, b))
        x, y = (v - v.mean(1, keepdim=True) for v in (x, y))
        return x @ y.T/x.norm(dim=1)[:, None]/y.norm(dim=1)
    return torch.cat([torch.cat([block(a, b) for b in maps_b.values()], 1) for a in maps_a.values()])

def pick(maps, i): return {l: m[i] for l, m in maps.items()}
def seen(maps_a, maps_b, cuts=()):
    n, pc = len(next(iter(maps_a.values()))), PairCorrelation()
    for start, stop in zip([0, *cuts], [*cuts, n]): pc.update(pick(maps_a, slice(start, stop)), pick(maps_b, slice(start, stop)))
    return pc
def cuts_of(data, n): return sorted(data.draw(st.sets(st.integers(1, n-1), max_size=n-1)))
def near(a, b, offset=0.): assert (a - b).abs().max() <= (1e-4 if offset > 1e5 else 1e-5), (a, b)

@several
@given(sizes, sizes, st.integers(3, 12), offsets, centers, st.integers(0, 99), st.data())
def test_any_split_and_any_order_of_merges(sizes_a, sizes_b, n, offset, center, seed, data):
    a, b = maps_of(sizes_a, n, offset, seed, 1.), maps_of(sizes_b, n, offset, seed+100, 1.)
    cuts = cuts_of(data, n)
    near(seen(a, b, cuts).compute(center), plain(a, b, center), offset)
    parts = [seen(pick(a, slice(i, j)), pick(b, slice(i, j))) for i, j in zip([0, *cuts], [*cuts, n])]
    whole = PairCorrelation()
    for p in data.draw(st.permutations(parts)): whole.merge(p)
    near(whole.compute(center), plain(a, b, center), offset)

@several
@given(sizes, sizes, offsets, centers, st.lists(st.tuples(st.sampled_from([-3., -1., -.5, .01, 2., 100.]), st.floats(-50, 50)), min_size=2, max_size=2), st.integers(0, 99))
def test_affine_changes_of_a_unit_only_flip_signs(sizes_a, sizes_b, offset, center, change, seed):
    a, b = maps_of(sizes_a, 8, 0., seed, 1.), maps_of(sizes_b, 8, offset, seed+100, 1.)
    scale, shift = torch.tensor(change).T[:, None, :, None, None]
    moved = {l: m*scale + shift for l, m in a.items()}
    near(seen(moved, b, [3]).compute(center), plain(moved, b, center), offset)
    near(seen(moved, b).compute(center), seen(a, b).compute(center)*scale.sign().flatten().repeat(len(a))[:, None], 1e6)

@several
@given(sizes, sizes, offsets, centers, st.integers(0, 99), st.data())
def test_turned_and_shuffled(sizes_a, sizes_b, offset, center, seed, data):
    a, b = maps_of(sizes_a, 6, offset, seed, 1.), maps_of(sizes_b, 6, offset, seed+100, 1.)
    r = seen(a, b, [2]).compute(center)
    near(seen(b, a, [2]).compute(center).T, r, offset)
    order = data.draw(st.permutations([0, 1]))
    rows = torch.cat([torch.tensor(order) + 2*i for i in range(len(a))])
    near(seen({l: m[:, order] for l, m in a.items()}, b, [2]).compute(center), r[rows], offset)

@several
@given(sizes, offsets, centers, st.integers(0, 99), st.data())
def test_a_model_with_itself(sizes, offset, center, seed, data):
    a = maps_of(sizes, 7, offset, seed)
    m = _MapMoments(_map_shapes(a), _unit_rows(_map_shapes(a)))
    own = PairCorrelation.of(m, m)
    for i, j in zip([0, *(cuts := cuts_of(data, 7))], [*cuts, 7]):
        part = pick(a, slice(i, j))
        f = m.fit(m.inspect(part))
        m.rescale(f), own.rescale(f, f)
        xs = m.update(part)
        own.add(xs, xs)
    near(own.compute(center), plain(a, a, center), offset)

def plain_buddies(corr, k):
    def ranked(x): return sorted((j for j, v in enumerate(x) if not np.isnan(v)), key=lambda j: (-x[j], j))[:k]
    rows, cols = [ranked(r) for r in corr.tolist()], [ranked(c) for c in corr.T.tolist()]
    return [[i, j] for i in range(len(rows)) for j in range(len(cols)) if j in rows[i] and i in cols[j]]

@pytest.mark.unit
@several
@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 7), st.data())
def test_best_buddies_with_ties_and_gaps(rows, cols, k, data):
    "Few distinct values, so that ties abound"
    values = st.sampled_from([-1., 0., .5, .75, 1., float("nan")])
    corr = torch.tensor(data.draw(st.lists(st.lists(values, min_size=cols, max_size=cols), min_size=rows, max_size=rows)))
    assert best_buddies(corr, k).tolist() == plain_buddies(corr, k)

@pytest.mark.unit
@pytest.mark.parametrize("batch", (1, 3, 20))
def test_batch_sizes_give_the_same_pairs(batch):
    a, b = maps_of([(4, 4), (7, 3)], 20, 1e2, 1, 1.), maps_of([(8, 8), (1, 1)], 20, 1e2, 2, 1.)
    r = seen(a, b, range(batch, 20, batch)).compute()
    near(r, seen(a, b).compute())
    assert best_buddies(r, 2).tolist() == best_buddies(seen(a, b).compute(), 2).tolist()

scales = st.one_of(st.just(0.), st.floats(-30, 30)).map(lambda e: 10.**e if e else 1.)
kinds = st.lists(st.tuples(st.sampled_from(["plain", "dead", "sparse", "saturated", "late"]), scales), min_size=2, max_size=5)

def odd_maps(kinds, size, n, seed):
    "Units at scales of their own: dead ones, ones that fire in few images, at few places, or only at the end, and ones that are clipped"
    gen = torch.Generator().manual_seed(seed)
    x = torch.randn(n, len(kinds), *size, generator=gen) + torch.randn(n, 1, 1, 1, generator=torch.Generator().manual_seed(0))
    for i, (kind, scale) in enumerate(kinds):
        if kind == "dead": x[:, i] = x[0, i, 0, 0]
        if kind == "sparse": x[:, i] *= torch.rand(n, *size, generator=gen) < .1
        if kind == "saturated": x[:, i].clamp_(-.5, .5)
        if kind == "late": x[:n-2, i] = 0
        x[:, i] *= scale
    return {"l": x}

@settings(max_examples=150, deadline=None)
@given(kinds, kinds, st.sampled_from([(1, 1), (2, 3), (5, 5)]), st.sampled_from([(1, 1), (3, 2), (6, 6)]), st.integers(4, 12), centers, st.integers(0, 99), st.data())
def test_units_of_any_scale(kinds_a, kinds_b, size_a, size_b, n, center, seed, data):
    "From 1e-30 to 1e30, in one stream and in several that are merged: right, or constant and NaN"
    a, b = odd_maps(kinds_a, size_a, n, seed), odd_maps(kinds_b, size_b, n, seed+100)
    def flat(m, name, size):
        lo, hi = m[name].amin((0, 2, 3)).double(), m[name].amax((0, 2, 3)).double()
        return {name: torch.where((hi > lo)[:, None, None], (m[name].double()-lo[:, None, None])/(hi-lo).clamp(min=1e-300)[:, None, None], 0)}, lo == hi
    (fa, dead_a), (fb, dead_b) = flat(a, "l", size_a), flat(b, "l", size_b)
    want = plain(fa, fb, center)
    want[dead_a], want[:, dead_b] = torch.nan, torch.nan
    cuts = cuts_of(data, n)
    parts = [seen(pick(a, slice(i, j)), pick(b, slice(i, j))) for i, j in zip([0, *cuts], [*cuts, n])]
    merged = PairCorrelation()
    for p in data.draw(st.permutations(parts)): merged.merge(p)
    for pc in (seen(a, b, cuts), seen(a, b), merged):
        got = pc.compute(center).double()
        assert (got.isnan() == want.isnan()).all(), (got, want)
        assert (got-want).abs().nan_to_num(0).max() <= 1e-5, (got, want)
        assert pc.stats_a.constant.tolist() == dead_a.tolist()
        assert torch.isfinite(pc.stats_a.var).all()
