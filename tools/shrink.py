"Make the saved pictures of all notebooks small, by giving each 256 colours of its own: python tools/shrink.py"
import base64,io
from pathlib import Path

from PIL import Image
from fastcore.nbio import read_nb,write_nb
from nbdev.config import get_config

def shrunk(
    data, # A picture as base64 text, or lines of it
)->str: # The same picture with a palette, or as it was where that is not smaller
    "A smaller picture"
    data = ''.join(data)
    out = io.BytesIO()
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    if image.mode!='P':
        image = image.convert('RGB')
        image.quantize(palette=image.quantize(256), dither=Image.Dither.FLOYDSTEINBERG).save(out, 'PNG', optimize=True)
    small = base64.b64encode(out.getvalue()).decode()
    return small if 0<len(small)<len(data) else data

def main():
    "Shrink every PNG among the outputs"
    for path in sorted(get_config().nbs_path.rglob('*.ipynb')):
        nb = read_nb(path)
        for cell in nb.cells:
            for o in cell.get('outputs', []):
                if 'image/png' in o.get('data', {}): o['data']['image/png'] = shrunk(o['data']['image/png'])
        write_nb(nb, path)

if __name__=='__main__': main()
