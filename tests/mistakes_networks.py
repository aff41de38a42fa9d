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
wrong(L, "q4", "units exchanged", "[units of a, units of b]", wide % "(len(s)*(t.square().T@s.square())).sqrt()")
wrong(L, "q5", "wider always passes more", "its right end", '''
reading = {"a": True, "b": True, "c": False, "d": True}''')
wrong(L, "q5", "one spread for all", "the largest values of both nulls", '''
reading = {"a": False, "b": True, "c": True, "d": False}''')
wrong(L, "q6", "the first member alone", "to the first one", both % ("similar[u,v].item()", first % "similar[u,g[0]]>=level"))
wrong(L, "q6", "similar on average", "on average, is not enough", both % ("similar[u,v].item()", first % "similar[u,g].mean()>=level"))
wrong(L, "q7", "the first photograph, whatever k", "the k most active photographs", words % ("logits.softmax(1)", "", "p[best[0]]-p.mean(0)"))
