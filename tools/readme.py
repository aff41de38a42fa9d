"Write README.md from nbs/index.ipynb and its saved outputs: python tools/readme.py"
import base64,re
from pathlib import Path

from fastcore.nbio import read_nb
from nbdev.config import get_config

note = '<!-- Made from nbs/index.ipynb by tools/readme.py: edit that -->\n'
links = re.compile(r'(\]\()(?!\w+:|#|/)')

def fence(text, lang=''): return f'``` {lang}'.rstrip() + f'\n{text.rstrip()}\n```'

def picture(kind, data, pictures, alt):
    "Keep the base64 `data` in `pictures`, and link to it"
    name = f'index_files/{len(pictures)+1}.{kind}'
    pictures[name] = base64.b64decode(''.join(data))
    return f'![{alt}]({name})'

def output(out, pictures, alt):
    "An output as Markdown: a picture, Markdown, or text"
    if 'text' in out: return fence(''.join(out['text']))
    data = {k: ''.join(v) for k,v in out['data'].items()}
    for kind in ('png','jpeg'):
        if f'image/{kind}' in data: return picture(kind, data[f'image/{kind}'], pictures, alt)
    return data.get('text/markdown') or fence(data['text/plain'])

def cell2md(cell, pictures):
    "A cell and its outputs as Markdown; a hidden one is empty"
    d = cell.directives
    if {'hide','default_exp'} & d.keys() or d.get('include')=='false': return ''
    if cell.cell_type!='code': return links.sub(r'\1nbs/', cell.source)
    source = re.sub(r'^#\|.*\n?', '', cell.source, flags=re.M).strip()
    parts = [fence(source, 'python')] if source and d.get('echo')!='false' else []
    return '\n\n'.join(parts + [output(o, pictures, d.get('fig-alt', '').strip('"')) for o in cell.outputs])

def readme(
    nb:Path, # The notebook
)->tuple: # The README's text, and {name: bytes} of its pictures
    "The Markdown of notebook `nb`"
    pictures = {}
    cells = [cell2md(c, pictures) for c in read_nb(nb).cells]
    title,*rest = filter(None, cells)
    return '\n\n'.join([title, note.rstrip(), *rest]) + '\n', pictures

def main():
    "Write README.md and its pictures beside the notebooks' folder"
    cfg = get_config()
    text,pictures = readme(cfg.nbs_path/cfg.readme_nb)
    for old in (cfg.config_path/'index_files').glob('*'): old.unlink()
    for name,data in {'README.md':text.encode(), **pictures}.items():
        (cfg.config_path/name).parent.mkdir(exist_ok=True)
        (cfg.config_path/name).write_bytes(data)

if __name__=='__main__': main()
