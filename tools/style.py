"""How the code reads, in four numbers, beside fastcore's: python tools/style.py

Lines over 100 characters, and assignments that bind several names, in percent; comprehensions per
100 lines; and the length of function bodies in characters, at the 90th percentile, without
docstrings and indentation. Lines are those that are neither empty nor a comment. An assignment
binds several names if a tuple is assigned to a tuple (`a, b = x, y`; not `a, b = f(x)`, which
unpacks one value), or if it has several targets.
"""
import ast
import importlib.util
import sys
from pathlib import Path

LIMITS = dict(long_lines=3, several_bindings=5, comprehensions=4, body=400)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def body_length(node, source):
    "Characters of a function's body, without its docstring and without indentation"
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    segments = [ast.get_source_segment(source, o) or "" for o in body]
    return sum(len(line.strip()) for o in segments for line in o.splitlines())


def binds_several(node):
    "Is this `a, b = x, y`, or `a = b = x`?"
    pairs = isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple)
    return pairs or len(node.targets) > 1


def measured(files):
    "The four numbers of some source files"
    lines, assignments, several, comprehensions, bodies = [], 0, 0, 0, []
    for file in files:
        source = file.read_text(encoding="utf-8")
        lines += [o for o in source.splitlines() if o.strip() and not o.lstrip().startswith("#")]
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Assign):
                assignments += 1
                several += binds_several(node)
            comprehensions += isinstance(node, COMPREHENSIONS)
            if isinstance(node, FUNCTIONS):
                bodies.append(body_length(node, source))
    bodies.sort()
    return dict(
        lines=len(lines),
        long_lines=100*sum(len(o) > 100 for o in lines)/len(lines),
        several_bindings=100*several/assignments,
        comprehensions=100*comprehensions/len(lines),
        body=bodies[int(.9*len(bodies))],
    )


def sources(package):
    "Source files of an installed package, or of a folder"
    folder = Path(package)
    if not folder.is_dir():
        folder = Path(importlib.util.find_spec(package).origin).parent
    return sorted(o for o in folder.rglob("*.py") if o.name != "_modidx.py")


def main(packages=("rosetta_neurons", "fastcore")):
    "Print the numbers, and fail where the first package is beyond a limit"
    rows = {o: measured(sources(o)) for o in packages}
    print(f"{'':18}" + "".join(f"{o:>18}" for o in rows) + f"{'limit':>10}")
    for key in next(iter(rows.values())):
        values = "".join(f"{o[key]:>18.1f}" for o in rows.values())
        print(f"{key:18}" + values + f"{LIMITS.get(key, ''):>10}")
    first = rows[packages[0]]
    return any(first[k] > v for k, v in LIMITS.items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ("rosetta_neurons", "fastcore")))
