"Wrong and shortcut solutions of the labs: (lab, question, what it is, code in the place of the right one, what the tests have to say)"
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
wrong(L, "q5", "sums of squares", "far from zero", stream % ("float", "return n,ma,mb,a.square().sum(1)-n*ma**2,b.square().sum(1)-n*mb**2,a@b.T-n*ma[:,None]*mb", "1"))
wrong(L, "q6", "cosine is a scale", "do they lie on a line", '''
choice = {"left": "a", "right": "b"}''')
wrong(L, "q3", "the first batch alone", "wrong on maps of different sizes", rows.replace("a,b = same_size(a, b)", "a,b = same_size(a[:8], b[:8])") % '''k = x.amax(1)==x.amin(1)
        x = x-x.mean(1, keepdim=True)
        x = x/x.norm(dim=1, keepdim=True)
        x[k] = torch.nan
        return x''')
