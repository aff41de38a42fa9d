"Make the saved pictures of all notebooks small: at most 720 pixels wide, what looks like a photograph as JPEG, all else with 256 colours of its own: python tools/shrink.py"
import base64,io
from pathlib import Path

from PIL import Image
from fastcore.nbio import read_nb,write_nb
from nbdev.config import get_config

def shrunk(
    data, # A picture in PNG as base64 text, or lines of it
)->tuple: # Type, and base64 text of the same picture; what has 256 colours already is left as it is
    "A smaller picture"
    data = ''.join(data)
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    if image.mode=='P': return 'image/png',data
    image = image.convert('RGB')
    if image.width>720: image = image.resize((720, round(image.height*720/image.width)), Image.Resampling.LANCZOS)
    def saved(im, kind, **how):
        im.save(out := io.BytesIO(), kind, optimize=True, **how)
        return base64.b64encode(out.getvalue()).decode()
    few,photo = saved(image.quantize(256), 'PNG'),saved(image, 'JPEG', quality=70) # dithering would treble a file
    return ('image/jpeg',photo) if len(photo)<.7*len(few) else ('image/png',few)

def main():
    "Shrink every PNG among the outputs"
    for path in sorted(get_config().nbs_path.rglob('*.ipynb')):
        nb = read_nb(path)
        for cell in nb.cells:
            for o in cell.get('outputs', []):
                if 'image/png' not in o.get('data', {}): continue
                kind,small = shrunk(o['data'].pop('image/png'))
                o['data'] = {kind: small, **o['data']}
        write_nb(nb, path)

if __name__=='__main__': main()
