"""Every number that a page claims can be traced

A number in the prose of README, the figures, the evidence pages and the trainings must stand in an
output or in the code of the same notebook, rounded as the prose has it; what a command under
benchmarks/ measured, the notebook reads and shows. What is neither (the paper's own numbers, what was
counted once, what a reader is asked to try) is listed in `GIVEN` with where it is from. Whole numbers
below 100 are not asked, as most of them only count, nor are the usual 5 and 95 %.
"""
import json
import re
from pathlib import Path

import pytest

root = Path(__file__).parent.parent
PAGES = [
    "index", *(f"figures/{o.stem}" for o in sorted((root/"nbs/figures").glob("*.ipynb"))),
    "11_evidence", "11b_planted", "11c_models", "11d_measures", "11m_generators", "13_editing",
    "15_train/05_stylegan2", "15_train/08_biggan", "15_train/09_styleganxl"]
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?:\s?%)?")
# what is no claim: code, links, formulas, names of equations, sections, years, tables of the paper
QUIET = re.compile(
    r"```.*?```|`[^`]*`|\]\([^)]*\)|\$\$.*?\$\$|\$[^$]*\$|https?://\S+"
    r"|(?:Eq\.|Sec\.|[Ss]ection|Figure|Table|Python|ICCV|arXiv|seeds?|License|Lite) ?[\d.]+(?:(?: and | to |, )\d[\d.]*)*"
    r"|\b(?:19|20)\d\d\b|[\d.]+ (?:x|by) [\d.]+|\b9?5 ?%", re.S)

PAPER = "the paper's own number"
TRY = "what a reader is asked to try"
ONCE = "seen or counted once, while the network was trained"
GIVEN = {
    "figures/diffusion": {"400": "samples, the default of benchmarks/diffusion.py"},
    "figures/figure2": {"1600": "images of a whole run, the default of `mine`"},
    "figures/figure3": {"226": "the number of a class of ImageNet"},
    "figures/figure4": {"500": "steps, the default of `invert`"},
    "figures/figure7": {"200": "scenes of Table 1", "1.4": "dB, Table 1", "300": TRY},
    "figures/figure8": {"200": "steps of benchmarks/editing.py"},
    "figures/table1": {
        "5000": PAPER, "13.99": PAPER, "0.340": PAPER, "0.48": PAPER, "15.06": PAPER, "0.360": PAPER,
        "15.20": PAPER, "15.42": PAPER, "0.365": PAPER, "0.46": PAPER,
        "300": TRY},
    "11_evidence": {"100": "samples, in a definition"},
    "11b_planted": {"4.3 %": "over 100 worlds, measured once"},
    "15_train/05_stylegan2": dict.fromkeys(
        ["1.6", "38,786", "9069", "34,938", "235", "17,000", "1.7", "6800"], ONCE),
    "15_train/08_biggan": {"290": ONCE, "300": ONCE},
    "15_train/09_styleganxl": {"2.1": ONCE, "2600": ONCE, "17,000": ONCE},
}


def cells(page):
    "(kind, text) of each cell of a notebook: its source, then what it printed"
    for cell in json.loads((root/f"nbs/{page}.ipynb").read_text())["cells"]:
        yield cell["cell_type"], "".join(cell["source"])
        for o in cell.get("outputs", []):
            said = o.get("data", {})
            for text in (o.get("text"), said.get("text/plain"), said.get("text/markdown")):
                if text:
                    yield "output", "".join(text)


def known(page):
    "Numbers in the code and in the outputs of a notebook"
    found = set()
    for kind, text in cells(page):
        if kind != "markdown":
            found |= {float(o) for o in re.findall(r"\d*\.?\d+", text.replace("_", ""))}
    return found


def claims(page):
    "Numbers in the prose of a notebook, each with what stands around it"
    for kind, text in cells(page):
        if kind != "markdown":
            continue
        text = QUIET.sub(" ", text)
        for o in NUMBER.finditer(text):
            number = o.group().strip().rstrip(",")
            plain = number.rstrip("% ").replace(",", "")
            if "." in plain or "%" in number or float(plain) >= 100:
                yield number, text[max(0, o.start() - 60):o.end() + 40].replace("\n", " ")


def holds(number, pool):
    "Is a number of the prose one of the pool, rounded as it is, as a share or in percent?"
    plain = number.rstrip("% ").replace(",", "")
    digits = len(plain.partition(".")[2])
    scales = (1, 100) if "%" in number else (1,)
    slack = .5*10**-digits + 1e-9
    return any(abs(abs(o)*s - float(plain)) <= slack for o in pool for s in scales)


def untraced(page, pool):
    "Claims of a page that nothing it holds bears out"
    given = GIVEN.get(page, {})
    return [(n, around) for n, around in claims(page) if n not in given and not holds(n, pool)]


@pytest.mark.parametrize("page", PAGES)
def test_numbers_can_be_traced(page):
    left = untraced(page, known(page))
    assert not left, "\n".join(f"{n}: ...{around}..." for n, around in left)


@pytest.mark.parametrize("page", [o for o in PAGES if o in GIVEN])
def test_nothing_given_is_idle(page):
    "What is listed stands on the page, and could not be traced without the list"
    said = {n for n, _ in claims(page)}
    pool = known(page)
    assert [n for n in GIVEN[page] if n not in said or holds(n, pool)] == []


def test_a_wrong_number_is_found():
    pool = {.6877, 1.5, 300.}
    assert holds("0.69", pool) and holds("69 %", pool) and holds("300", pool)
    assert not holds("0.70", pool) and not holds("0.7", pool - {.6877}) and not holds("301", pool)


def test_grading_a_class():
    "What the guide for instructors says of the time is what benchmarks/grading.json holds; 15 minutes are the bound"
    found = json.loads((root/"benchmarks/grading.json").read_text())
    each = {lab[0]: took["mean"] for lab, took in found["cpu_seconds_each"].items()}
    text = "\n".join(o for kind, o in cells("tutorials/labs_instructors") if kind == "markdown")
    said = text.partition("**How long does grading take?**")[2].partition("\n\n")[0]
    for o in (f"class of {found['submissions']} submissions", f"took {found['cpu_seconds']} seconds of processor time",
              f"{found['wall_seconds']} seconds by the clock", f"about {found['minutes_if_two_processors_were_idle']} minutes"):
        assert o in said, o
    assert max(each[o] for o in "1236") <= 5 and "up to 5 seconds" in said
    assert {round(each[o]) for o in "47"} == {11} and "Lab 4 or 7 about 11" in said
    assert round(each["5"]) == 31 and "Lab 5, which searches, about 31" in said
    assert found["minutes_if_two_processors_were_idle"] < 15 and found["wall_seconds"] < 15*60
    assert found["solutions_all_full"] and found["blanks_all_zero"]
    assert found["marks"]["mistake"]["full_marks"] == 0
