"""Slides of the labs and of the paper, made from notebooks: python tools/slides.py [NAME ...] [--out slides] [--pdf]

A deck is one HTML file without scripts, fonts or pictures from elsewhere, so it works offline; its
pictures are those that the notebook's cells have just made. NAME is a lab (`1_maps`), or `paper`;
without a name all eight are made. With --pdf each deck is also printed by Chromium, a slide a page,
and a slide whose text does not fit is an error. A lab takes up to three minutes, `paper` one.

In a lab, a heading with its text becomes one or two slides with the beginning of each paragraph,
and the whole text goes into the speaker's notes; a picture gets a slide of its own, and
a question one with the task, whose notes hold the mistakes that its checks name. `paper` is written
as slides: a heading begins one, and what follows "**Notes.**" is for the speaker.
"""
import argparse
import html
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

import mistune
from execnb.shell import CaptureShell
from latex2mathml.converter import convert

ROOT = Path(__file__).parents[1]
MASTERS = ROOT/"nbs/labs"
NOTES = "**Notes.**"
END = r"(?<!Eq)(?<!\be\.g)[.?!][)*_\"”]*\s+(?=[A-Z(*@])" # of a sentence


@dataclass
class Slide:
    "One slide; title, body and notes are HTML"
    title:str
    body:str = ""
    notes:str = ""
    kind:str = "" # a class of the style sheet


@dataclass
class Run:
    "A cell that has run"
    kind:str # as in the notebook
    source:str
    shown:list[str] = field(default_factory=list) # HTML of what it displays


# Text

def with_math(
    text:str, # Markdown
)->tuple[str, dict[str, str]]: # the same with marks, {mark: HTML}
    "Put formulas and code aside, which Markdown and the cutting of sentences would spoil"
    kept = {}
    def keep(found):
        mark = f"@{len(kept)}@"
        display, inline, code = found.groups()
        if code:
            kept[mark] = f"<code>{html.escape(code)}</code>"
        else:
            kept[mark] = convert(display or inline, display="block" if display else "inline")
        return mark
    marked = re.sub(r"\$\$(.+?)\$\$|\$([^$\n]+?)\$|(?<!`)`([^`\n]+)`(?!`)", keep, text, flags=re.S)
    return marked, kept

def as_html(
    text:str, # Markdown
)->str:
    "Markdown with formulas as HTML"
    marked, kept = with_math(text)
    made = mistune.html(marked)
    for mark, what in kept.items():
        made = made.replace(mark, what)
    return made

def beginning(
    paragraph:str, # Markdown
    n:int, # sentences
)->str: # Markdown
    "What a slide shows of a paragraph: lists, tables and formulas whole, of other text a beginning"
    if re.match(r"\s*([-*] |\d+\. |\||<|\$\$)", paragraph):
        return paragraph
    marked, kept = with_math(paragraph)
    ends = [o.end() for o in re.finditer(END, marked)]
    head = marked[:ends[n - 1]].rstrip() if len(ends) >= n else marked
    for mark in kept:
        if mark in head:
            head = head.replace(mark, original(paragraph, int(mark[1:-1])))
    return head

def fitting(
    blocks:list[str], # Markdown
    most:int, # characters
)->str: # Markdown
    "As many sentences of each paragraph as a slide has room for, two at least"
    for n in (99, 4, 3, 2):
        text = "\n\n".join(beginning(o, n) for o in blocks)
        if len(text) <= most:
            break
    return text

def original(
    text:str, # Markdown
    i:int, # number of the formula or code
)->str:
    "A formula or code as it is written in the text"
    pattern = r"\$\$.+?\$\$|\$[^$\n]+?\$|(?<!`)`[^`\n]+`(?!`)"
    return re.findall(pattern, text, flags=re.S)[i]

def paragraphs(
    text:str, # Markdown
)->list[str]:
    "Blocks between blank lines; a list stays with the line that announces it"
    blocks = [o for o in re.split(r"\n\s*\n", text.strip()) if o.strip()]
    return [o for o in blocks if not o.startswith(("<details", "</details", "Hint"))]

def without_hints(
    text:str, # of a question
)->str:
    "A question as it stands before its hints"
    return text.partition("<details>")[0].strip()

def list_of(
    items:list[str], # plain text
)->str: # HTML
    "A list"
    return "<ul>" + "".join(f"<li>{html.escape(o)}</li>" for o in items) + "</ul>"


# Notebooks

def picture(
    data:dict, # of an output, by kind
    alt:str,
)->str: # HTML, or nothing
    "What a cell displays, as HTML"
    if "image/png" in data:
        png = "".join(data["image/png"]).replace("\n", "")
        return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{png}">'
    if "image/svg+xml" in data:
        return "".join(data["image/svg+xml"])
    if "text/markdown" in data:
        return as_html("".join(data["text/markdown"]))
    return ""

def executed(
    path:Path, # notebook
)->list[Run]:
    "Run a notebook from top to bottom; its error ends this program"
    runs = []
    shell = CaptureShell(path, mpl_format="png")
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        run = Run(cell["cell_type"], source)
        runs.append(run)
        if run.kind != "code":
            continue
        outputs = shell.run(source)
        if shell.exc:
            raise SystemExit(f"{path.name}: a cell failed: {shell.exc!r}\n{source[:300]}")
        alt = re.search(r'^#\| ?fig-alt: "(.*)"', source, re.M)
        for output in outputs:
            shown = picture(output.get("data", {}), alt[1] if alt else "")
            if shown:
                run.shown.append(shown)
    return runs

def mistakes_in(
    source:str, # of a test
)->list[str]:
    "What a check may say"
    said = re.findall(r', f?"([^"]+)"$', source, re.M)
    return [o for o in said if "gives nothing back" not in o and "{" not in o]


# A lab

def opening(
    text:str, # first cell of a lab
)->list[Slide]:
    "The title, and what is learned"
    blocks = paragraphs(text)
    title = blocks[0].removeprefix("# ")
    under = as_html(blocks[1].removeprefix("> "))
    time = next(o for o in blocks if o.startswith("**Time:**"))
    goals = next(o for o in blocks if o.startswith("**When you are done"))
    aims = goals.partition("\n")[2]
    return [
        Slide(title, under, as_html(time), "first"),
        Slide("When you are done you can", as_html(aims), as_html(blocks[-1]))]

def of_text(
    text:str, # a heading and its paragraphs
)->list[Slide]:
    "One slide or two: the beginning of each paragraph; all of it in the notes"
    head, _, rest = text.partition("\n")
    title = head.removeprefix("## ")
    blocks = paragraphs(rest)
    pictures = [o for o in blocks if o.startswith("<img")]
    blocks = [o for o in blocks if o not in pictures]
    parts = [blocks] if len(blocks) <= 4 else [blocks[:len(blocks)//2], blocks[len(blocks)//2:]]
    slides = []
    for i, part in enumerate(parts):
        body = fitting(part, 650)
        again = " (continued)" if i else ""
        slides.append(Slide(title + again, as_html(body), as_html("\n\n".join(part))))
    return slides + [Slide(title, o, "", "picture") for o in pictures]

def of_question(
    text:str, # of the question
    mistakes:list[str],
)->Slide:
    "The task; what goes wrong is for the speaker"
    head, _, rest = without_hints(text).partition("\n")
    found = re.fullmatch(r"## (.*) \((\d+ points), (about \d+ minutes)\)", head)
    blocks = paragraphs(rest)
    tasks = [o for o in blocks if re.search(r"\bWrite `|^Say |^Choose|^Take |^Which |^- |^\d\. ", o)]
    body = fitting(blocks, 800)
    if len(body) > 800 and tasks:
        body = fitting(tasks, 800)
    size = f"<p class='size'>{found[2]}, {found[3]}</p>"
    notes = as_html("\n\n".join(blocks))
    if mistakes:
        notes += f"<p><b>What the checks may say:</b></p>{list_of(mistakes)}"
    return Slide(found[1], as_html(body) + size, notes, "question")

def of_picture(
    title:str, # of the section
    run:Run,
)->list[Slide]:
    "A slide for each picture of a cell"
    slides = []
    for shown in run.shown:
        alt = re.search(r'alt="(.*?)"', shown)
        notes = f"<p>{alt[1]}</p>" if alt else ""
        slides.append(Slide(title, shown, notes, "picture"))
    return slides

def lab_deck(
    runs:list[Run],
)->list[Slide]:
    "The slides of a lab"
    slides = []
    title = ""
    for i, run in enumerate(runs):
        if run.kind == "markdown" and run.source.startswith("# "):
            slides += opening(run.source)
            title = slides[0].title
        elif run.source.startswith("## Question"):
            mistakes = []
            for later in runs[i + 1:]:
                if later.source.startswith("# END QUESTION"):
                    break
                if "hidden: false" in later.source:
                    mistakes += mistakes_in(later.source)
            slides.append(of_question(run.source, mistakes))
        elif run.kind == "markdown" and run.source.startswith("## "):
            slides += of_text(run.source)
            title = run.source.partition("\n")[0].removeprefix("## ")
        elif "fig-alt" in run.source:
            slides += of_picture(title, run)
    return slides


# The paper

def own_deck(
    runs:list[Run],
)->list[Slide]:
    "The slides of a notebook that was written as slides"
    slides = []
    for run in runs:
        if run.kind == "markdown":
            text, _, notes = run.source.partition(NOTES)
            head, _, rest = text.partition("\n")
            kind = "first" if head.startswith("# ") else ""
            body = rest.replace("\n> ", "\n") if kind else rest
            slides.append(Slide(head.lstrip("# "), as_html(body), as_html(notes), kind))
        elif run.shown:
            is_alone = not slides[-1].body and "<img" in run.shown[0]
            slides[-1].kind = "picture" if is_alone else slides[-1].kind
            slides[-1].body += "".join(run.shown)
    return slides


# Pages

STYLE = """
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: #123; font: 32px/1.35 sans-serif; }
section { position: relative; width: 1280px; height: 720px; padding: 36px 64px 56px; overflow: hidden;
  margin: 0 auto; border-bottom: 1px solid #ccc; }
h1 { font-size: 1.5em; line-height: 1.15; margin: 0 0 .5em; color: #14487a; }
p, ul, ol, table { margin: .5em 0; }
table { border-collapse: collapse; font-size: .8em; }
th, td { border-bottom: 1px solid #bbb; padding: .15em .8em .15em 0; text-align: left; }
code { font-size: .9em; background: #eef2f6; padding: 0 .15em; }
pre { font-size: .7em; background: #eef2f6; padding: .5em; }
img { display: block; margin: 12px auto; max-width: 1150px; height: 330px; object-fit: contain; }
.picture img { width: 1150px; height: 540px; }
.first { padding-top: 220px; text-align: center; }
.question h1 { color: #8a3c10; }
.size { color: #456; }
.number { position: absolute; right: 24px; bottom: 14px; font-size: 18px; color: #567; }
aside { display: none; font-size: 20px; }
body.on section { display: none; position: absolute; left: 0; top: 0; border: 0; transform-origin: 0 0; }
body.on section.here { display: block; }
body.on.noted section.here + aside { display: block; position: fixed; left: 0; right: 0; bottom: 0;
  max-height: 45%; overflow: auto; background: #fffbe8; border-top: 2px solid #b90; padding: 8px 24px; }
@page { size: 1280px 720px; margin: 0; }
@media print { section, body.on section { display: block; position: relative; break-after: page;
  border: 0; transform: none !important; } aside { display: none !important; } }
"""

SCRIPT = """
const all = [...document.querySelectorAll("section")];
let here = Math.min(all.length, Math.max(1, +location.hash.slice(1) || 1)) - 1;
function fit(s) { // smaller letters where the text is long, down to 18 pixels
  for (let size = 32; size > 18 && s.scrollHeight > 720; size -= 1) s.style.fontSize = size + "px";
}
all.forEach(fit);
window.tooFull = () => all.map((s, i) => s.scrollHeight > 722 ? i + 1 : 0).filter(Boolean);
const slidesFull = window.tooFull();
window.tooFull = () => slidesFull;
function show() {
  const scale = Math.min(innerWidth/1280, innerHeight/720);
  all.forEach((s, i) => { s.classList.toggle("here", i === here);
    s.style.transform = `translate(${(innerWidth - 1280*scale)/2}px, 0) scale(${scale})`; });
  history.replaceState(null, "", "#" + (here + 1));
}
function go(by) { here = Math.min(all.length - 1, Math.max(0, here + by)); show(); }
document.body.classList.add("on");
addEventListener("resize", show);
addEventListener("keydown", e => {
  if (["ArrowRight", "PageDown", " ", "Enter"].includes(e.key)) go(1);
  else if (["ArrowLeft", "PageUp", "Backspace"].includes(e.key)) go(-1);
  else if (e.key === "Home") go(-all.length);
  else if (e.key === "End") go(all.length);
  else if (e.key === "n") document.body.classList.toggle("noted");
  else return;
  e.preventDefault();
});
addEventListener("click", e => { if (!getSelection().toString() && !e.target.closest("a, aside")) go(1); });
show();
"""

def page_of(
    slides:list[Slide],
)->str: # HTML
    "A whole deck in one file"
    parts = []
    for i, o in enumerate(slides, 1):
        number = f'<span class="number">{i} / {len(slides)}</span>'
        title = mistune.html(o.title).replace("<p>", "").replace("</p>", "").strip()
        parts.append(
            f'<section class="{o.kind}"><h1>{title}</h1>{o.body}{number}</section>'
            f'<aside aria-label="Notes for slide {i}">{o.notes}</aside>')
    plain = html.escape(re.sub("[`*$]", "", slides[0].title))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{plain}</title>'
        f"<style>{STYLE}</style></head>\n<body>\n<!-- keys: arrows; n for notes -->\n"
        + "\n".join(parts) + f"\n<script>{SCRIPT}</script></body></html>\n")

def print_pdf(
    deck:Path, # HTML
):
    "Print a deck by Chromium, a slide a page; what does not fit is an error"
    from playwright.sync_api import sync_playwright
    with sync_playwright() as p:
        flags = ["--headless", "--no-sandbox", "--disable-gpu"]
        at = "/usr/bin/chromium"
        browser = p.chromium.launch(executable_path=at if Path(at).exists() else None, args=flags)
        page = browser.new_page(viewport=dict(width=1280, height=720))
        page.goto(deck.resolve().as_uri())
        full = page.evaluate("window.tooFull()")
        page.pdf(path=str(deck.with_suffix(".pdf")), prefer_css_page_size=True, print_background=True)
        browser.close()
    if full:
        raise SystemExit(f"{deck}: text does not fit on slides {full}")

def build(
    name:str, # of a lab, or "paper"
    out:Path, # folder
)->Path: # of the deck
    "Run a notebook and write its deck"
    is_lab = name != "paper"
    path = MASTERS/f"{name}.ipynb" if is_lab else ROOT/"tools/paper.ipynb"
    if not path.is_file():
        names = ", ".join(sorted(o.stem for o in MASTERS.glob("*.ipynb")))
        raise SystemExit(f"no deck {name!r}: choose from {names}, paper")
    runs = executed(path)
    slides = lab_deck(runs) if is_lab else own_deck(runs)
    out.mkdir(parents=True, exist_ok=True)
    deck = out/f"{name}.html"
    deck.write_text(page_of(slides), encoding="utf-8")
    print(f"{deck}: {len(slides)} slides, {deck.stat().st_size/2**20:.1f} MB")
    return deck

def main(argv=None):
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("names", nargs="*", help="labs, or paper; all if none")
    parser.add_argument("--out", default="slides", help="folder for the decks")
    parser.add_argument("--pdf", action="store_true", help="print each, too")
    args = parser.parse_args(argv)
    names = args.names or [*sorted(o.stem for o in MASTERS.glob("*.ipynb")), "paper"]
    for name in names:
        deck = build(name, Path(args.out))
        if args.pdf:
            print_pdf(deck)

if __name__ == "__main__":
    main(sys.argv[1:])
