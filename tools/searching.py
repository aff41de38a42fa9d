"What the site's search looks through: titles, headings, text and code apart, and the words of the glossary"
import re
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urljoin

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
SILENT = ("script", "style", "svg", "button", "select", "summary")
BLOCKS = ("p", "li", "td", "th", "pre", "div", "figcaption", "dd", "dt")

class Sections(HTMLParser):
    "The text of a page below each of its headings, prose and code apart"

    def __init__(self):
        super().__init__()
        self.found = [dict(place="", title=[], text=[], code=[])]
        self.within = []

    def handle_starttag(self, tag, attrs):
        if tag in HEADINGS:
            named = dict(attrs)
            place = named.get("data-anchor-id") or named.get("id") or ""
            self.found.append(dict(place=place, title=[], text=[], code=[]))
        if tag in (*HEADINGS, *SILENT, "pre"):
            self.within.append(tag)

    def handle_endtag(self, tag):
        if self.within and self.within[-1] == tag:
            self.within.pop()
        if tag in BLOCKS:
            self.found[-1]["text"].append(" ")
            self.found[-1]["code"].append(" ")

    def handle_data(self, data):
        inside = self.within[-1] if self.within else ""
        if inside in SILENT:
            return
        kind = "title" if inside in HEADINGS else "code" if inside == "pre" else "text"
        self.found[-1][kind].append(data)

def joined(
    parts:list[str],
)->str:
    "One line of text"
    return re.sub(r"\s+", " ", "".join(parts)).strip()

def entries(
    title:str, # of the page
    address:str, # of the page, from the site's root
    description:str, # its subtitle
    html:str, # what stands on it
)->list[dict]: # as the page's script wants them
    "What can be found on a page: the page itself, and each of its sections"
    sections = Sections()
    sections.feed(html)
    res = []
    for part in sections.found:
        place = f"#{part['place']}" if part["place"] else ""
        res.append(dict(
            objectID=address + place, href=address + place, title=title,
            section=joined(part["title"]), text=joined(part["text"]), code=joined(part["code"])))
    res[0]["text"] = f"{description} {res[0]['text']}".strip()
    return res

def glossary_terms(
    html:str, # of the glossary: tables of term, meaning, link
    address:str, # of the glossary, from the site's root
)->dict[str, list[str]]: # {address of a page: its terms}
    "Which page a term of the glossary leads to: the one that the last link of its row names"
    terms = {}
    for row in re.findall(r"<tr>(.*?)</tr>", html, re.S):
        cells = re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)
        links = re.findall(r'<a href="([^"#]*)', cells[-1]) if cells else []
        if not links:
            continue
        words = unescape(re.sub(r"<[^>]+>", "", cells[0]))
        page = urljoin(address, links[-1])
        terms.setdefault(page, []).extend(o.strip() for o in words.split(","))
    return terms
