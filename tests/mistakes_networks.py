"Wrong and shortcut solutions of Labs 6 and 7, as in mistakes.py"
planted = []
def wrong(lab, question, what, says, code): planted.append((lab, question, what, says, code))

L = "6_real"
strong = '''
def strengths(maps):
    %s
    return %s'''
squares = "power = (maps-maps.mean(0)).double().square().sum((2,3))"
wrong(L, "q1", "mean map left in", "subtract the mean map", strong % ("power = maps.double().square().sum((2,3))", "(power/power.sum(0)).sqrt()"))
wrong(L, "q1", "each photograph's own mean subtracted", "the mean of each photograph's own map", strong % ("power = (maps-maps.mean((2,3), keepdim=True)).double().square().sum((2,3))", "(power/power.sum(0)).sqrt()"))
wrong(L, "q1", "relative to all units", "relative to the unit's own length", strong % (squares, "(power/power.sum(1, keepdim=True)).sqrt()"))
wrong(L, "q1", "strengths themselves add up to 1", "and not the strengths themselves", strong % (squares, "power.sqrt()/power.sqrt().sum(0)"))
wrong(L, "q2", "some pairs are enough", "*every* pair", '''
def safe_shift(groups):
    for s in range(1, len(groups)):
        if (groups!=groups.roll(-s)).any(): return s''')
wrong(L, "q2", "not in a circle", "after the last comes the first", '''
def safe_shift(groups):
    for s in range(1, len(groups)):
        if (groups[:-s]!=groups[s:]).all(): return s''')
table = '''
def flipped(a, b, signs):
    def rows(x): return F.normalize(x.transpose(0,1).flatten(1), dim=1)
    signs = signs[:,None,None,None]
    %s'''
wrong(L, "q3", "position left in", "that is the correlation with position left in", table % '''a,b = (x.double()-x.double().mean((0,2,3), keepdim=True) for x in (a,b))
    return rows(a)@rows(b*signs).T''')
wrong(L, "q3", "both networks flipped", "cancels itself", table % '''a,b = (x.double()-x.double().mean(0) for x in (a,b))
    return rows(a*signs)@rows(b*signs).T''')
wrong(L, "q3", "flipped before centring", "flip *after*", table % '''a,b = (x.double()-x.double().mean(0) for x in (a,b*signs))
    return rows(a)@rows(b).T''')
wide = '''
def widening(s, t): return %s'''
wrong(L, "q4", "number of photographs missing", "photographs n is missing", wide % "(s.square().T@t.square()).sqrt()")
wrong(L, "q4", "not squared", "stand squared in the formula", wide % "(len(s)*(s.T@t)).sqrt()")
wrong(L, "q4", "no root", "the root is missing", wide % "len(s)*(s.square().T@t.square())")
both = '''
def weakest(similar, group): return min((%s for u in group for v in group if u!=v), default=1.0)

def compact(similar, level):
    groups = []
    for u in range(len(similar)):
        %s
    return groups'''
first = '''fits = [g for g in groups if %s]
        fits[0].append(u) if fits else groups.append([u])'''
every = first % "all(similar[u,v]>=level for v in g)"
wrong(L, "q6", "absolute values", "no absolute values", both % ("abs(similar[u,v].item())", every))
wrong(L, "q6", "neighbours alone", "the *least* similarity", '''
def weakest(similar, group): return min((similar[u,v].item() for u,v in zip(group, group[1:])), default=1.0)

def compact(similar, level):
    groups = []
    for u in range(len(similar)):
        fits = [g for g in groups if all(similar[u,v]>=level for v in g)]
        fits[0].append(u) if fits else groups.append([u])
    return groups''')
wrong(L, "q6", "chains", "that is a chain", both % ("similar[u,v].item()", first % "any(similar[u,v]>=level for v in g)"))
wrong(L, "q6", "in every group that fits", "exactly one group", both % ("similar[u,v].item()", '''fits = [g for g in groups if all(similar[u,v]>=level for v in g)]
        for g in fits: g.append(u)
        if not fits: groups.append([u])'''))
words = '''
def word_scores(activity, logits, k):
    p = %s
    best = activity.topk(k, dim=0%s).indices
    return %s'''
wrong(L, "q7", "no softmax", "take the softmax", words % ("logits", "", "p[best].mean(0)-p.mean(0)"))
wrong(L, "q7", "softmax over photographs", "and not over the photographs", words % ("logits.softmax(0)", "", "p[best].mean(0)-p.mean(0)"))
wrong(L, "q7", "frequent words", "it names nothing", words % ("logits.softmax(1)", "", "p[best].mean(0)"))
wrong(L, "q7", "least active photographs", "it is *most* active", words % ("logits.softmax(1)", ", largest=False", "p[best].mean(0)-p.mean(0)"))

# Each of what follows fails one hidden test and no other
wrong(L, "q1", "sum of absolute values", "the root of the sum of squares", strong % ("power = (maps-maps.mean(0)).double().abs().sum((2,3)).square()", "(power/power.sum(0)).sqrt()"))
wrong(L, "q2", "size of the largest group", "do not stand beside each other", '''
def safe_shift(groups): return groups.unique(return_counts=True)[1].max().item()''')
wrong(L, "q3", "rows and columns exchanged", "[units of a, units of b]", table % '''a,b = (x.double()-x.double().mean(0) for x in (a,b))
    return rows(b*signs)@rows(a).T''')
wrong(L, "q3", "in float32", "in float64, please", table % '''a,b = (x-x.mean(0) for x in (a,b))
    return rows(a)@rows(b*signs).T''')
wrong(L, "q4", "units exchanged", "[units of a, units of b]", wide % "(len(s)*(t.square().T@s.square())).sqrt()")
wrong(L, "q5", "wider always passes more", "its right end", '''
reading = {"a": True, "b": True, "c": False, "d": True}''')
wrong(L, "q5", "one spread for all", "the largest values of both nulls", '''
reading = {"a": False, "b": True, "c": True, "d": False}''')
wrong(L, "q6", "the first member alone", "to the first one", both % ("similar[u,v].item()", first % "similar[u,g[0]]>=level"))
wrong(L, "q6", "similar on average", "on average, is not enough", both % ("similar[u,v].item()", first % "similar[u,g].mean()>=level"))
wrong(L, "q7", "the first photograph, whatever k", "the k most active photographs", words % ("logits.softmax(1)", "", "p[best[0]]-p.mean(0)"))

L = "7_ablation"
hooks = '''
def without(model, units, means, images):
    def hook_for(layer, channels):
        def hook(mod, args, out):
            %s
        return hook
    handles = []
    try:
        for layer in {l for l,_ in units}:
            channels = [c for l,c in units if l==layer]
            handles.append(model.get_submodule(layer).register_forward_hook(hook_for(layer, channels)))
        with torch.no_grad(): return model(images)
    finally:
        for handle in handles: handle.remove()'''
change = '''out = out.clone()
            out[:,channels] = means[layer][channels]
            return out'''
ends = '''    finally:
        for handle in handles: handle.remove()'''
wrong(L, "q1", "zero", "the unit is zero", hooks % change.replace("means[layer][channels]", "0"))
wrong(L, "q1", "nothing returned", "the hook has to return", hooks % change.replace("return out", "pass"))
wrong(L, "q1", "the whole layer", "the other channels of the layer should stay", hooks % "return means[layer].expand_as(out).clone()")
wrong(L, "q1", "one number for a map", "its mean map is a number for each position", hooks % change.replace("[channels]", "[channels].mean((1,2), keepdim=True)"))
wrong(L, "q1", "the loop's last round", "sees the loop's last round", '''
def without(model, units, means, images):
    handles = []
    try:
        for layer in sorted({l for l,_ in units}):
            channels = [c for l,c in units if l==layer]
            def hook(mod, args, out):
                out = out.clone()
                out[:,channels] = means[layer][channels]
                return out
            handles.append(model.get_submodule(layer).register_forward_hook(hook))
        with torch.no_grad(): return model(images)
    finally:
        for handle in handles: handle.remove()''')
wrong(L, "q1", "hooks left behind", "call handle.remove() for each", (hooks % change).replace(ends, "    finally: pass"))
wrong(L, "q1", "in place", "change a copy, out.clone()", hooks % change.replace("out = out.clone()", "pass"))
size = '''
def strength_of(maps): return %s'''
wrong(L, "q2", "position left in", "position was left in", size % "(maps-maps.mean((0,2,3), keepdim=True)).square().mean((0,2,3)).sqrt()")
wrong(L, "q2", "sum instead of mean", "and not the sum", size % "(maps-maps.mean(0)).square().sum((0,2,3)).sqrt()")
wrong(L, "q2", "variance", "that is a variance", size % "(maps-maps.mean(0)).square().mean((0,2,3))")
pairing = '''
def fair_pairs(units, pool, strength, caliper):
    pairs,taken = [],set()
    for layer,channel in units:
        free = [o for o in pool if %s]
        if not free: continue
        def gap(o): return abs(%s)
        best = min(free, key=gap)
        %s
    return pairs'''
free = "o[0]==layer and o not in taken"
ratio = "math.log(strength[o[0]][o[1]])-math.log(strength[layer][channel])"
take = '''if gap(best)<=caliper:
            pairs.append(((layer,channel),best))
            taken.add(best)'''
wrong(L, "q3", "any layer", "the control is of another layer", pairing % ("o not in taken", ratio, take))
wrong(L, "q3", "differences", "compare logarithms", pairing % (free, "strength[o[0]][o[1]]-strength[layer][channel]", take))
wrong(L, "q3", "taken twice", "a control was taken twice", pairing % ("o[0]==layer", ratio, take))
wrong(L, "q3", "no caliper", "so it is left out", pairing % (free, ratio, "pairs.append(((layer,channel),best)); taken.add(best)"))
ends_of = '''
def interval(own, control, sets, images):
    diff = (own-control).double()
    means = torch.stack([%s.mean() for s,i in zip(sets, images)])
    low,high = means.quantile(torch.tensor([%s]).double()).tolist()
    return %s.item(),low,high'''
middle = ".025,.975"
wrong(L, "q4", "each table by itself", "draw from the *differences*", '''
def interval(own, control, sets, images):
    def ends(x): return torch.stack([x.double()[s][:,i].mean() for s,i in zip(sets, images)]).quantile(torch.tensor([.025,.975]).double())
    a,b = ends(own),ends(control)
    return (own-control).mean().item(),(a[0]-b[1]).item(),(a[1]-b[0]).item()''')
wrong(L, "q4", "images alone", "draw sets as well as images", ends_of % ("diff[:,i]", middle, "diff.mean()"))
wrong(L, "q4", "sets alone", "draw images as well as sets", ends_of % ("diff[s]", middle, "diff.mean()"))
wrong(L, "q4", "one by one", "pairs them one by one", ends_of % ("diff[s,i]", middle, "diff.mean()"))
wrong(L, "q4", "mean of the draws", "the mean of the table itself", ends_of % ("diff[s][:,i]", middle, "means.mean()"))

# Each of what follows fails one hidden test and no other
wrong(L, "q1", "hooks left behind by an error", "finally block", (hooks % change).replace("    try:\n        for", "    if True:\n        for").replace(
    "with torch.no_grad(): return model(images)\n" + ends, "with torch.no_grad(): res = model(images)\n        for handle in handles: handle.remove()\n        return res"))
wrong(L, "q2", "absolute deviation", "square first", size % "(maps-maps.mean(0)).abs().mean((0,2,3))")
wrong(L, "q3", "taken by channel", "a layer *and* a channel", pairing % ("o[0]==layer and o[1] not in taken", ratio, take.replace("taken.add(best)", "taken.add(best[1])")))
wrong(L, "q3", "left out, and still taken", "who is left out takes nobody", pairing % (free, ratio, '''taken.add(best)
        if gap(best)<=caliper: pairs.append(((layer,channel),best))'''))
wrong(L, "q4", "ninety percent", "0.025 and the 0.975 quantile", ends_of % ("diff[s][:,i]", ".05,.95", "diff.mean()"))
wrong(L, "q5", "the third row not read", "where does the interval lie", '''
reading = {"a": True, "b": False, "c": False, "d": False}''')
wrong(L, "q5", "zero inside means zero", "also holds other values", '''
reading = {"a": True, "b": True, "c": True, "d": False}''')
wrong(L, "q6", "blindly and untouched exchanged", "from all units of a layer", '''
choice = {"A": "random", "B": "untouched", "C": "layer", "D": "strength"}''')
wrong(L, "q6", "strength for whatever reason", "equal in something", '''
choice = {"A": "untouched", "B": "random", "C": "strength", "D": "layer"}''')

# Right in another way: loops, other functions, other precision; the pictures have to be drawn with them, too
otherwise = {"6_real": ['''
def strengths(maps):
    c = maps-maps.mean(0)
    s = c.flatten(2).norm(dim=2)
    return s/s.norm(dim=0)''', '''
def safe_shift(groups):
    n,s = len(groups),1
    while any(groups[i]==groups[(i+s)%n] for i in range(n)): s += 1
    return s''', '''
def flipped(a, b, signs):
    a,b = a.double(),b.double()
    a,b = a-a.mean(0),b-b.mean(0)
    num = torch.einsum('nuhw,nvhw,n->uv', a, b, signs.double())
    return num/a.pow(2).sum((0,2,3)).sqrt()[:,None]/b.pow(2).sum((0,2,3)).sqrt()''', '''
def widening(s, t): return torch.sqrt(len(s)*torch.einsum('nu,nv->uv', s**2, t**2)).float()''', '''
def weakest(similar, group):
    return similar[group][:,group].min()

def compact(similar, level):
    groups = []
    for u in range(len(similar)):
        for g in groups:
            if (similar[u,g]>=level).all():
                g.append(u)
                break
        else: groups.append([u])
    return groups''', '''
def word_scores(activity, logits, k):
    p,top = logits.double().softmax(-1),activity.argsort(dim=0, descending=True)[:k]
    return torch.stack([p[top[:,u]].mean(0)-p.mean(0) for u in range(activity.shape[1])])'''],
"7_ablation": ['''
def without(model, units, means, images):
    handles = []
    try:
        for layer,channel in units:
            def hook(mod, args, out, layer=layer, channel=channel):
                out = out.clone()
                out[:,channel] = means[layer][channel]
                return out
            handles.append(model.get_submodule(layer).register_forward_hook(hook))
        with torch.no_grad(): return model(images)
    finally:
        for h in handles: h.remove()''', '''
def strength_of(maps):
    d = maps.double()-maps.double().mean(0, keepdim=True)
    return d.pow(2).mean(dim=(0,2,3))**.5''', '''
def fair_pairs(units, pool, strength, caliper):
    pairs,pool = [],list(pool)
    for l,c in units:
        there = [u for u in pool if u[0]==l]
        if len(there)==0: continue
        gap = lambda u: (strength[l][u[1]].log()-strength[l][c].log()).abs()
        best = min(there, key=gap)
        if gap(best)<=caliper:
            pairs.append([(l,c),best])
            pool.remove(best)
    return pairs''', '''
def interval(own, control, sets, images):
    d = own-control
    boot = torch.stack([d[sets[k]][:,images[k]].mean() for k in range(len(sets))])
    return d.mean(),boot.quantile(.025),boot.quantile(.975)''']}
