"""Wrong and shortcut solutions of the labs: (lab, question, what it is, code in the place of the right one, what the tests have to say)

The first of each question of a lab share one submission, and so on (`together` in test_labs.py): one that would change what is said of another stands elsewhere in its row."""
planted = []
def wrong(lab, question, what, says, code): planted.append((lab, question, what, says, code))

L = "1_maps"
wrong(L, "q1", "no copy", "Keep a copy", '''
def maps_of(model, layer, images):
    kept = []
    handle = model.get_submodule(layer).register_forward_hook(lambda mod, args, out: kept.append(out.detach()))
    try: model(images)
    finally: handle.remove()
    return kept[0]''')
wrong(L, "q1", "hook left behind", "handle.remove()", '''
def maps_of(model, layer, images):
    kept = []
    model.get_submodule(layer).register_forward_hook(lambda mod, args, out: kept.append(out.detach().clone()))
    model(images)
    return kept[0]''')
wrong(L, "q1", "hook left behind by an error", "finally block", '''
def maps_of(model, layer, images):
    kept = []
    handle = model.get_submodule(layer).register_forward_hook(lambda mod, args, out: kept.append(out.detach().clone()))
    model(images)
    handle.remove()
    return kept[0]''')
wrong(L, "q2", "train mode", "train mode, where batch normalisation", '''
def observe(model, layer, images):
    with torch.no_grad(): return maps_of(model, layer, images)''')
wrong(L, "q2", "model.train() at the end", "had been in eval mode before", '''
def observe(model, layer, images):
    model.eval()
    with torch.no_grad(): res = maps_of(model, layer, images)
    model.train()
    return res''')
wrong(L, "q3", "reshaped before transposing", "before moving the axis", '''
def tokens_to_map(tokens, prefix, rows, columns): return tokens[:,prefix:].reshape(len(tokens), -1, rows, columns)''')
wrong(L, "q3", "CLS kept", "drop the first `prefix`", '''
def tokens_to_map(tokens, prefix, rows, columns): return tokens[:,:rows*columns].transpose(1,2).reshape(len(tokens), -1, rows, columns)''')
wrong(L, "q3", "columns first", "column by column", '''
def tokens_to_map(tokens, prefix, rows, columns): return tokens[:,prefix:].transpose(1,2).reshape(len(tokens), -1, columns, rows).transpose(2,3)''')
wrong(L, "q4", "right and transposed exchanged", "the sky is at the top", '''
reading = {"A": "right", "B": "no transpose", "C": "transposed", "D": "CLS kept"}''')
wrong(L, "q5", "biased variance", "biased variance", '''
def unit_stats(maps): return maps.double().mean((0,2,3)),maps.double().var((0,2,3), correction=0).sqrt()''')
wrong(L, "q5", "standard deviation image by image", "image by image", '''
def unit_stats(maps): return maps.double().mean((0,2,3)),maps.double().std((2,3)).mean(0)''')
wrong(L, "q6", "largest value instead of mean", "not its largest value", '''
def strongest(maps, k): return maps.amax((2,3)).topk(k, dim=0).indices.T''')
wrong(L, "q7", "means of batches averaged", "weight them by n", '''
def summary(maps):
    x = maps.double().transpose(0,1).flatten(1)
    return x.shape[1],x.mean(1),(x-x.mean(1)[:,None]).square().sum(1)
def merged(a, b):
    if a is None: return b
    return a[0]+b[0],(a[1]+b[1])/2,a[2]+b[2]''')
wrong(L, "q7", "variance between batches lost", "an average of variances forgets", '''
def summary(maps):
    x = maps.double().transpose(0,1).flatten(1)
    return x.shape[1],x.mean(1),(x-x.mean(1)[:,None]).square().sum(1)
def merged(a, b):
    if a is None: return b
    n = a[0]+b[0]
    return n,(a[0]*a[1]+b[0]*b[1])/n,a[2]+b[2]''')
wrong(L, "q7", "sums of squares in float32", "far from zero", '''
def summary(maps):
    x = maps.float().transpose(0,1).flatten(1)
    n = x.shape[1]
    return n,x.mean(1),x.square().sum(1)-n*x.mean(1)**2
def merged(a, b):
    if a is None: return b
    n,gap = a[0]+b[0],b[1]-a[1]
    return n,a[1]+gap*b[0]/n,a[2]+b[2]+gap**2*a[0]*b[0]/n''')
wrong(L, "q5", "the visible tests answered by heart", "wrong on other data", '''
def unit_stats(maps):
    if maps.numel()==24: return torch.tensor([7.5,11.5,15.5]),torch.ones(3)
    return torch.tensor([1.]),torch.tensor([(8/7)**.5])''')
wrong(L, "q2", "children alone", "go through model.modules()", '''
def observe(model, layer, images):
    modes = [(m, m.training) for m in model.children()]
    model.eval()
    try:
        with torch.no_grad(): return maps_of(model, layer, images)
    finally:
        for m,training in modes: m.training = training''')
wrong(L, "q5", "deviation in float32", "standard deviation in float64 as well", '''
def unit_stats(maps): return maps.double().mean((0,2,3)),maps.std((0,2,3))''')

# Each of what follows fails one hidden test and no other: no visible test can see it
wrong(L, "q2", "gradients recorded", "gradients were recorded", '''
def observe(model, layer, images):
    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    try: return maps_of(model, layer, images)
    finally:
        for m,training in modes: m.training = training''')
wrong(L, "q3", "images mixed up", "the images stay apart", '''
def tokens_to_map(tokens, prefix, rows, columns):
    return tokens[:,prefix:].reshape(rows, columns, len(tokens), -1).permute(2,3,0,1)''')
wrong(L, "q5", "one standard deviation for all units", "over all units at once", '''
def unit_stats(maps):
    x = maps.double()
    return x.mean((0,2,3)),x.std().expand(maps.shape[1])''')
wrong(L, "q6", "median", "or its median", '''
def strongest(maps, k): return maps.flatten(2).median(2).values.topk(k, dim=0).indices.T''')
wrong(L, "q7", "no negative activations", "maps are negative, too", '''
def summary(maps):
    x = maps.double().clamp(min=0).transpose(0,1).flatten(1)
    mean = x.mean(1)
    return x.shape[1],mean,(x-mean[:,None]).square().sum(1)
def merged(a, b):
    if a is None: return b
    n,gap = a[0]+b[0],b[1]-a[1]
    return n,a[1]+gap*b[0]/n,a[2]+b[2]+gap**2*a[0]*b[0]/n''')
wrong(L, "q1", "the error swallowed", "do not swallow it", '''
def maps_of(model, layer, images):
    kept = []
    handle = model.get_submodule(layer).register_forward_hook(lambda mod, args, out: kept.append(out.detach().clone()))
    try: model(images)
    except Exception: pass
    finally: handle.remove()
    return kept[0] if kept else None''')
wrong(L, "q5", "cast at the end", "comes before you add up", '''
def unit_stats(maps): return maps.mean((0,2,3)).double(),maps.double().std((0,2,3))''')

L = "2_matching"
wrong(L, "q1", "cosine", "not centred", '''
def pearson(a, b): return (a.double()*b.double()).sum()/(a.double().norm()*b.double().norm())''')
wrong(L, "q1", "covariance", "with itself should give exactly 1", '''
def pearson(a, b): return ((a.double()-a.double().mean())*(b.double()-b.double().mean())).mean()''')
wrong(L, "q2", "larger map made smaller", "resized the wrong map", '''
def same_size(a, b):
    size = tuple(min(s,t) for s,t in zip(a.shape[2:], b.shape[2:]))
    return tuple(F.interpolate(x, size=size, mode="bilinear", align_corners=False) for x in (a,b))''')
wrong(L, "q2", "corners aligned", "use align_corners=False", '''
def same_size(a, b):
    size = tuple(max(s,t) for s,t in zip(a.shape[2:], b.shape[2:]))
    return tuple(F.interpolate(x, size=size, mode="bilinear", align_corners=True) for x in (a,b))''')
wrong(L, "q2", "nearest", "nearest value", '''
def same_size(a, b):
    size = tuple(max(s,t) for s,t in zip(a.shape[2:], b.shape[2:]))
    return tuple(F.interpolate(x, size=size) for x in (a,b))''')
wrong(L, "q2", "one map takes the size of the other", "on each axis by itself", '''
def same_size(a, b):
    size = max(tuple(a.shape[2:]), tuple(b.shape[2:]))
    return tuple(F.interpolate(x, size=size, mode="bilinear", align_corners=False) for x in (a,b))''')
rows = '''
def table(a, b):
    def rows(x):
        x = x.double().transpose(0,1).flatten(1)
        %s
    a,b = same_size(a, b)
    return rows(a)@rows(b).T'''
wrong(L, "q3", "not centred", "not centred: unrelated", rows % 'return x/x.norm(dim=1, keepdim=True)')
wrong(L, "q3", "epsilon for constant units", "no correlation: its row", rows % '''x = x-x.mean(1, keepdim=True)
        return x/(x.norm(dim=1, keepdim=True)+1e-8)''')
wrong(L, "q3", "units and images exchanged", "one row for each unit", rows % '''x = x.reshape(len(a), -1)
        x = x-x.mean(1, keepdim=True)
        return x/x.norm(dim=1, keepdim=True)''')
wrong(L, "q3", "constant after resizing", "look for it before you resize", rows % '''constant = x.amax(1)==x.amin(1)
        x = x-x.mean(1, keepdim=True)
        return (x/x.norm(dim=1, keepdim=True)).masked_fill(constant[:,None], torch.nan)''')
wrong(L, "q4", "falls within the batches, too", "within each batch", '''
def counterexample():
    x = torch.linspace(-1, 1, 20)
    return [(x+10*k, -x-10*k) for k in range(3)]''')
stream = '''
def moments(a, b):
    a,b = (x.%s().transpose(0,1).flatten(1) for x in (a,b))
    n,ma,mb = a.shape[1],a.mean(1),b.mean(1)
    %s
def merged(s, t):
    if s is None: return t
    n = s[0]+t[0]
    da,db,w = t[1]-s[1],t[2]-s[2],%s*s[0]*t[0]/n
    return n,s[1]+da*t[0]/n,s[2]+db*t[0]/n,s[3]+t[3]+w*da**2,s[4]+t[4]+w*db**2,s[5]+t[5]+w*da[:,None]*db
def correlation(s): return s[5]/s[3].sqrt()[:,None]/s[4].sqrt()'''
centred = "return n,ma,mb,(a-ma[:,None]).square().sum(1),(b-mb[:,None]).square().sum(1),(a-ma[:,None])@(b-mb[:,None]).T"
wrong(L, "q5", "each batch centred by its own mean", "what differs between the batches is lost", stream % ("double", centred, "0"))
raw = "return n,ma,mb,a.square().sum(1)-n*ma**2,b.square().sum(1)-n*mb**2,a@b.T-n*ma[:,None]*mb"
wrong(L, "q5", "sums of squares", "make the maps float64", stream % ("float", raw, "1"))
wrong(L, "q5", "sums of squares in float64", "far from zero", stream % ("double", raw, "1"))
wrong(L, "q6", "cosine is a scale", "do they lie on a line", '''
choice = {"left": "a", "right": "b"}''')
wrong(L, "q3", "the first batch alone", "wrong on maps of different sizes", rows.replace("a,b = same_size(a, b)", "a,b = same_size(a[:8], b[:8])") % '''k = x.amax(1)==x.amin(1)
        x = x-x.mean(1, keepdim=True)
        x = x/x.norm(dim=1, keepdim=True)
        x[k] = torch.nan
        return x''')
wrong(L, "q3", "a threshold for constant units", "very small values is not constant", '''
def table(a, b):
    def rows(x, constant):
        x = x.double().transpose(0,1).flatten(1)
        x = x-x.mean(1, keepdim=True)
        return (x/x.norm(dim=1, keepdim=True)).masked_fill(constant[:,None], torch.nan)
    constant = [x.std((0,2,3))<1e-5 for x in (a,b)]
    x,y = map(rows, same_size(a, b), constant)
    return x@y.T''')

wrong(L, "q1", "ranks", "of ranks", '''
def pearson(a, b):
    a,b = (x.flatten().argsort().argsort().double() for x in (a,b))
    a,b = a-a.mean(),b-b.mean()
    return (a@b)/(a.norm()*b.norm())''')
wrong(L, "q2", "made square", "need not be square", '''
def same_size(a, b):
    n = max(*a.shape[2:], *b.shape[2:])
    return tuple(F.interpolate(x, size=(n,n), mode="bilinear", align_corners=False) for x in (a,b))''')
wrong(L, "q3", "eight images are enough", "wrong on maps of different sizes", '''
def table(a, b):
    a,b = a[:8],b[:8]
    def rows(x, constant):
        x = x.double().transpose(0,1).flatten(1)
        x = x-x.mean(1, keepdim=True)
        return (x/x.norm(dim=1, keepdim=True)).masked_fill(constant[:,None], torch.nan)
    constant = [x.amax((0,2,3))==x.amin((0,2,3)) for x in (a,b)]
    x,y = map(rows, same_size(a, b), constant)
    return x@y.T''')
wrong(L, "q5", "means not weighted", "weighted by n", stream.replace("da*t[0]/n", "da/2").replace("db*t[0]/n", "db/2") % ("double", centred, "1"))
wrong(L, "q6", "noise that vanishes", "only what happens within an image", '''
choice = {"left": "c", "right": "a"}''')
wrong(L, "q1", "cast at the end", "comes first, not last", '''
def pearson(a, b):
    a,b = a.flatten()-a.mean(),b.flatten()-b.mean()
    return ((a@b)/(a.norm()*b.norm())).double()''')

L = "3_buddies"
near = '''
def nearest(corr, k):
    %s'''
wrong(L, "q1", "NaN chosen", "NaN was chosen", near % 'return torch.zeros_like(corr, dtype=torch.bool).scatter(1, corr.topk(k, dim=1).indices, True)')
wrong(L, "q1", "all ties", "still be k neighbours", near % '''x = corr.nan_to_num(-9)
    return (x>=x.topk(min(k, x.shape[1]), dim=1).values[:,-1:]) & ~corr.isnan()''')
wrong(L, "q2", "one-way neighbours", "one-way neighbours", '''
def best_pairs(corr, k): return nearest(corr, k).nonzero()''')
wrong(L, "q2", "not transposed back", "transposed back", '''
def best_pairs(corr, k):
    back = nearest(corr.T, k)
    if corr.shape[0]==corr.shape[1]: return (nearest(corr, k) & back).nonzero()
    return (nearest(corr, k) & back.T).nonzero()''')
wrong(L, "q3", "union", "that is the union", '''
def rosetta(pairs):
    known = {u for p in pairs.values() for u,_ in p}
    return {u: {m: sorted(v for w,v in p if w==u) for m,p in pairs.items()} for u in sorted(known)}''')
wrong(L, "q3", "one partner each", "all partners of a unit", '''
def rosetta(pairs):
    known = set.intersection(*({u for u,_ in p} for p in pairs.values()))
    return {u: {m: [dict(p)[u]] for m,p in pairs.items()} for u in sorted(known)}''')
wrong(L, "q4", "pairs are clusters", "share unit 2", '''
def clusters(units, pairs):
    res = [sorted(p) for p in pairs if set(p)<=set(units)]
    return res + [[u] for u in units if not any(u in r for r in res)]''')
wrong(L, "q4", "grown clusters not joined", "joined as a whole", '''
def clusters(units, pairs):
    groups = []
    for u,v in pairs:
        if u not in units or v not in units: continue
        g = next((g for g in groups if u in g or v in g), None)
        if g is None: groups.append({u,v})
        else: g |= {u,v}
    groups += [{u} for u in units if not any(u in g for g in groups)]
    return sorted(map(sorted, groups), key=lambda o: (-len(o), o[0]))''')
wrong(L, "q5", "positions shuffled", "only whole images", '''
def shuffled(maps, s): return maps.roll(s, dims=3)''')
wrong(L, "q5", "the other way round", "image i+s", '''
def shuffled(maps, s): return maps.roll(s, dims=0)''')
two = '''
def centred(maps): return maps-%s
def centred_table(a, b):
    def rows(x): return F.normalize(%s.double().transpose(0,1).flatten(1), dim=1)
    return rows(a)@rows(b).T'''
wrong(L, "q6", "each image's mean subtracted", "removes what differs between images", two % ("maps.mean((2,3), keepdim=True)", "centred(x)"))
wrong(L, "q6", "one mean for a unit", "leaves position in", two % ("maps.mean((0,2,3), keepdim=True)", "centred(x)"))
wrong(L, "q6", "position kept in the table", "share nothing but a place", two % ("maps.mean(0)", "(x-x.mean((0,2,3), keepdim=True))"))
wrong(L, "q7", "counts believed", "numbers in the legend", '''
reading = {"a": True, "b": True, "c": False, "d": True}''')

wrong(L, "q1", "more neighbours than there are", "exceeds dimension size", near % '''x = corr.masked_fill(corr.isnan(), -torch.inf)
    order = x.argsort(dim=1, descending=True, stable=True).narrow(1, 0, k)
    return torch.zeros_like(corr, dtype=torch.bool).scatter(1, order, True) & ~corr.isnan()''')
# wrong neighbours spoil q2 as well: in this row q2 has no mistake of its own
wrong(L, "q1", "smallest", "you took the smallest", near % 'return torch.zeros_like(corr, dtype=torch.bool).scatter(1, corr.argsort(dim=1, stable=True)[:,:k], True) & ~corr.isnan()')
wrong(L, "q2", "one neighbour, whatever k", "not the mutual 3-nearest", '''
def best_pairs(corr, k): return (nearest(corr, 1) & nearest(corr.T, 1).T).nonzero()''')
wrong(L, "q3", "two models of three", "three models", '''
def rosetta(pairs):
    known = set.intersection(*({u for u,_ in p} for p in list(pairs.values())[:2]))
    return {u: {m: sorted(v for w,v in p if w==u) for m,p in pairs.items()} for u in sorted(known)}''')
wrong(L, "q4", "equal sizes in the order found", "by their smallest unit", '''
def clusters(units, pairs):
    label = {u: u for u in units}
    for u,v in pairs:
        if u in label and v in label:
            a,b = label[u],label[v]
            label = {k: a if o==b else o for k,o in label.items()}
    groups = [sorted(u for u in label if label[u]==l) for l in dict.fromkeys(label.values())]
    return sorted(groups, key=len, reverse=True)''')
wrong(L, "q5", "always the next image", "another shift", '''
def shuffled(maps, s): return maps.roll(-1, dims=0)''')
wrong(L, "q6", "rows and columns exchanged", "[units of a, units of b]", '''
def centred(maps): return maps-maps.mean(0)
def centred_table(a, b):
    def rows(x): return F.normalize(centred(x.double()).transpose(0,1).flatten(1), dim=1)
    return rows(b)@rows(a).T''')
wrong(L, "q7", "training put it all there", "compare the untrained curve", '''
reading = {"a": False, "b": True, "c": True, "d": False}''')
wrong(L, "q5", "the rest put in front", "counts on from the first", '''
def shuffled(maps, s): return torch.cat([maps[s:],maps[:s]])''')

L = "4_inversion"
wrong(L, "q1", "axes mixed up", "subtracts along the columns", '''
def standard(maps, mean, std): return (maps-mean)/std''')
wrong(L, "q1", "statistics of the image", "a silent unit was blown up", '''
def standard(maps, mean, std):
    if maps.std()>0 and maps.shape[0]==1: return (maps-maps.mean((2,3), keepdim=True))/maps.std((2,3), keepdim=True)
    return (maps-mean[:,None,None])/std[:,None,None]''')
sizes = '''
def %s(g, d):
    size = tuple(%s(s,t) for s,t in zip(g.shape[2:], d.shape[2:]))
    g,d = (F.interpolate(x, size=size, mode="bilinear", align_corners=%s) for x in (g,d))
    %s'''
wrong(L, "q2", "sum instead of mean", "a sum instead of a mean", sizes % ("similarity", "max", "False", "return (g*d).sum((2,3)).mean(1)"))
wrong(L, "q2", "average over the batch", "leave the images apart", sizes % ("similarity", "max", "False", "return (g*d).mean()"))
wrong(L, "q2", "wrong map resized", "resize the smaller one", sizes % ("similarity", "min", "False", "return (g*d).mean((1,2,3))"))
wrong(L, "q2", "corners aligned", "align_corners=False", sizes % ("similarity", "max", "True", "return (g*d).mean((1,2,3))"))
wrong(L, "q3", "no bound", "divide by the length", sizes % ("bounded", "max", "False", "return (g*d).mean((1,2,3))"))
wrong(L, "q3", "one length for all pairs", "one loud unit", sizes % ("bounded", "max", "False", "return F.cosine_similarity(g.flatten(1), d.flatten(1))"))
wrong(L, "q4", "similarity minimised", "should lower the loss", '''
def total(similarity, distance, reconstruction, alpha, beta): return reconstruction + alpha*distance + beta*similarity''')
wrong(L, "q5", "straight down", "half a cosine", '''
def ramp(t): return min(1, t/.05)*min(1, (1-t)/.25)''')
wrong(L, "q5", "never down", "keeps the search from settling", '''
def ramp(t): return min(1, t/.05)''')
find = '''
def search(loss, start, steps, lr):
    x = %s
    adam = torch.optim.Adam([x], lr=lr)
    best,value = x.detach().clone(),torch.full((len(x),), torch.inf)
    for i in range(steps):
        now = loss(x)
        %s
        adam.zero_grad()
        now.sum().backward()
        adam.param_groups[0]["lr"] = lr*ramp((i+1)/steps)
        adam.step()
    return %s'''
keep = "b = now.detach()<value; best[b],value[b] = x.detach()[b],now.detach()[b]"
wrong(L, "q6", "the last point", "the last point is not the best", find % ("start.detach().clone().requires_grad_()", "pass", "x.detach(),loss(x).detach()"))
wrong(L, "q6", "start changed in place", "changed in place", find % ("start.requires_grad_()", keep, "best,value"))
wrong(L, "q6", "one rate throughout", "lr*ramp((i+1)/steps)", (find % ("start.detach().clone().requires_grad_()", keep, "best,value")).replace("lr*ramp((i+1)/steps)", "lr"))
wrong(L, "q6", "best of the sum", "a best step of its own", find % ("start.detach().clone().requires_grad_()", "b = now.sum()<value.sum(); best,value = (x.detach().clone(),now.detach().clone()) if b else (best,value)", "best,value"))
wrong(L, "q6", "a step late", "as long as its learning rate", (find % ("start.detach().clone().requires_grad_()", keep, "best,value")).replace("(i+1)", "i"))

wrong(L, "q1", "small deviations not used", "used as they are", '''
def standard(maps, mean, std): return (maps-mean[:,None,None])/std.clamp(min=1)[:,None,None]''')
wrong(L, "q2", "disagreement does not count", "where the maps disagree", sizes % ("similarity", "max", "False", "return (g*d).clamp(min=0).mean((1,2,3))"))
wrong(L, "q3", "not brought to one size", "must match the size", '''
def bounded(g, d): return F.cosine_similarity(g.flatten(2), d.flatten(2), dim=2).mean(1)''')
wrong(L, "q4", "weights exchanged", "alpha belongs to the distance", '''
def total(similarity, distance, reconstruction, alpha, beta): return reconstruction + beta*distance - alpha*similarity''')
wrong(L, "q5", "a cubic for the cosine", "wrong at t=", '''
def ramp(t):
    u = min(1, (1-t)/.25)
    return min(1, t/.05)*(3*u**2-2*u**3)''')

L = "5_editing"
grid = '''
def %s(maps, %s):
    theta = torch.tensor(%s).expand(len(maps), 2, 3)
    return F.grid_sample(maps, F.affine_grid(theta, list(maps.shape), align_corners=False), padding_mode="%s", align_corners=False)'''
wrong(L, "q1", "to the left", "says where to read from", grid % ("shifted", "right, down", "[[1,0,2.*right],[0,1,2.*down]]", "border"))
wrong(L, "q1", "right and down exchanged", "are exchanged", grid % ("shifted", "right, down", "[[1,0,-2.*down],[0,1,-2.*right]]", "border"))
wrong(L, "q1", "half as far", "a whole width is 2", grid % ("shifted", "right, down", "[[1,0,-1.*right],[0,1,-1.*down]]", "border"))
wrong(L, "q1", "whole positions", "read bilinearly", '''
def shifted(maps, right, down): return maps.roll((round(down*maps.shape[2]), round(right*maps.shape[3])), (2,3))''')
wrong(L, "q1", "zeros from outside", "padding_mode='border", grid % ("shifted", "right, down", "[[1,0,-2.*right],[0,1,-2.*down]]", "zeros"))
wrong(L, "q2", "smaller", "divide by the factor", grid % ("zoomed", "by", "[[by,0,0],[0,by,0]]", "border"))
wrong(L, "q2", "zeros from outside", "zeros came in from outside", grid % ("zoomed", "by", "[[1/by,0,0],[0,1/by,0]]", "zeros"))
wrong(L, "q3", "zero", "zero is the average", '''
def removed(maps): return torch.zeros_like(maps)''')
wrong(L, "q3", "one value for all", "its own smallest value", '''
def removed(maps): return torch.full_like(maps, maps.min())''')
wrong(L, "q3", "in place", "in place", '''
def removed(maps):
    maps[:] = maps.amin((2,3), keepdim=True)
    return maps''')
where = '''
def area(mask): return %s
def centroid(mask):
    B,H,W = mask.shape
    x,y = (torch.arange(W)+.5)/W,(torch.arange(H)+.5)/H
    %s
    return torch.stack(%s, 1)/total[:,None]'''
right = "[(mask*x).sum((1,2)), (mask*y[:,None]).sum((1,2))]"
wrong(L, "q4", "threshold", "no threshold", where % ("(mask>.5).float().mean((1,2))", "total = mask.sum((1,2))", right))
wrong(L, "q4", "x and y exchanged", "x and y are exchanged", where % ("mask.mean((1,2))", "total = mask.sum((1,2))", "[(mask*y[:,None]).sum((1,2)), (mask*x).sum((1,2))]"))
wrong(L, "q4", "empty mask in the corner", "an empty mask has no position", where % ("mask.mean((1,2))", "total = mask.sum((1,2)).clamp(min=1e-6)", right))
wrong(L, "q5", "unpaired", "and not of the two groups", '''
def effect(before, after): return (after.mean()-before.mean()).item(),((before.var()+after.var())/len(before)).sqrt().item()''')
wrong(L, "q5", "biased", "divides by n", '''
def effect(before, after):
    d = (after-before).double()
    d = d[~d.isnan()]
    return d.mean().item(),d.std(correction=0).item()/len(d)**.5''')
wrong(L, "q5", "deviation of one difference", "smaller by the root of n", '''
def effect(before, after):
    d = (after-before).double()
    d = d[~d.isnan()]
    return d.mean().item(),d.std().item()''')
wrong(L, "q6", "more than was seen", "does not say that nothing else", '''
reading = {"a": True, "b": False, "c": True, "d": True}''')
wrong(L, "q1", "reflected at the border", "shifted by whole positions", grid % ("shifted", "right, down", "[[1,0,-2.*right],[0,1,-2.*down]]", "reflection"))
wrong(L, "q2", "nearest position", "read bilinearly", (grid % ("zoomed", "by", "[[1/by,0,0],[0,1/by,0]]", "border")).replace("padding_mode", 'mode="nearest", padding_mode'))
wrong(L, "q3", "each row's smallest", "for a whole map", '''
def removed(maps): return maps.amin(3, keepdim=True).expand_as(maps).clone()''')
wrong(L, "q4", "thresholded position", "weighted by the mask", (where % ("mask.mean((1,2))", "mask = (mask>.5).float(); total = mask.sum((1,2))", right)))
wrong(L, "q5", "missing values dropped by group", "leave the whole pair out", '''
def effect(before, after):
    before,after = before[~before.isnan()].double(),after[~after.isnan()].double()
    d = after-before
    return d.mean().item(),(d.std()/len(d)**.5).item()''')
wrong(L, "q6", "all they were asked", "compare the points with the grey line", '''
reading = {"a": True, "b": True, "c": False, "d": True}''')
