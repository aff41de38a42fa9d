"""Gather 600 and more varied photographs for benchmarks from Debian's packages: python tools/photos.py FOLDER

They are under free licences that ask for something (naming, the same licence), so they are fetched, not shipped.
`apt-get` and `dpkg-deb` are needed (any Debian or Ubuntu). FOLDER gets JPEG files of about 256 pixels, and `table.csv`:
kind, group (all that is from one original), package, path in it, and which of Debian's licences it is under.
"""
import argparse
import csv
import io
import random
import re
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 256 # pixels of the shorter side of what is written
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")

@dataclass
class Original:
    "A photograph as its package has it"
    image:Image.Image
    kind:str    # such as "animals/birds"
    package:str
    path:str    # in the package, or in its collection of resources
    crops:int   # how many details to cut out beside the whole

@dataclass
class Row:
    "What the table says of a file"
    file:str
    kind:str
    group:str
    package:str
    path:str
    part:str
    licence:str


# Packages

def unpack(package:str, folder:Path)->Path:
    "Fetch a package of the running system's release, and unpack it"
    here = folder/package
    if not here.is_dir():
        with tempfile.TemporaryDirectory(dir=folder) as fresh:
            subprocess.run(["apt-get", "download", "-qq", package], cwd=fresh, check=True)
            archive = next(Path(fresh).glob("*.deb"))
            subprocess.run(["dpkg-deb", "-x", archive, Path(fresh)/"x"], check=True)
            (Path(fresh)/"x").rename(here)
    return here

def licences(copyright:str)->list[tuple[str, str]]:
    "(pattern of files without suffix, licence) from `debian/copyright`, in its order"
    found = []
    for paragraph in re.split(r"\n\s*\n", copyright):
        files = re.search(r"^Files:((?:.|\n[ \t])*)", paragraph, re.M)
        licence = re.search(r"^License: *(\S.*)$", paragraph, re.M)
        if files and licence:
            for pattern in files[1].split():
                found.append((re.sub(r"\.\w+$", "", pattern), licence[1]))
    return found

def licence_of(path:str, known:list[tuple[str, str]])->str:
    "That of the last pattern that fits, as Debian's policy has it"
    stem = re.sub(r"\.\w+$", "", path)
    fits = [licence for pattern, licence in known if fnmatch(stem, "*" + pattern.lstrip("*"))]
    fits = fits or [licence for pattern, licence in known if Path(pattern).name == Path(stem).name]
    return fits[-1] if fits else "see debian/copyright"


# Qt's resource files: a tree of names, and the data

def resources(data:bytes)->Iterator[tuple[str, bytes]]:
    "(path, content) of all files in a collection of Qt's resources, as `rcc --binary` writes it"
    magic, version, tree, contents, names = struct.unpack(">4sIIII", data[:20])
    if magic != b"qres":
        raise ValueError("no collection of Qt's resources")
    size = 14 if version < 2 else 22
    def name(at):
        n, = struct.unpack(">H", data[names + at:names + at + 2])
        start = names + at + 6 # a hash stands between
        return data[start:start + 2*n].decode("utf-16-be")
    def walk(number, folder):
        at = tree + number*size
        label, flags = struct.unpack(">IH", data[at:at + 6])
        here = f"{folder}/{name(label)}" if number else ""
        if flags & 2: # a folder
            count, first = struct.unpack(">II", data[at + 6:at + 14])
            for child in range(first, first + count):
                yield from walk(child, here)
            return
        start = contents + struct.unpack(">I", data[at + 10:at + 14])[0]
        length, = struct.unpack(">I", data[start:start + 4])
        content = data[start + 4:start + 4 + length]
        yield here, zlib.decompress(content[4:]) if flags & 1 else content
    yield from walk(0, "")


# What is a photograph, in each package

ACTIVITIES = { # of gcompris-qt-data, whose pictures are photographs
    "categorization": r"images/(tools|renewable|monuments|fishes|others)/",
    "explore_monuments": "",
    "explore_world_animals": "animals/",
    "explore_farm_animals": "animals/",
    "explore_world_music": "music/",
    "erase": "",
}
# of tuxpaint-stamps-default
STAMPS = "animals food hobbies household plants space sports town/monuments vehicles".split()
NO_STAMPS = ( # drawn, or there twice
    r"/(cartoon|toys|plastic|dinosaur)/|/planets/|"
    r"mirror|hedgehog|pizza|highlighter|outline|sedan_police")
WALLPAPERS = { # package: those that are photographs and no designs
    "mate-backgrounds":
        "Dune FreshFlower Garden GreenMeadow LadyBird RainDrops TwoWings Wood YellowFlower",
    "lomiri-wallpapers-16.04":
        "Bridge Dragonfly Picture_0B Picture_1A Wine aitzgorri free_by friends greentock life picos "
        "seeding sunset",
    "lomiri-wallpapers-20.04": "Kleiber Infinite-Sea",
    "plasma-workspace-wallpapers":
        "BytheWater ColdRipple ColorfulCups EveningGlow FallenLeaf Grey OneStandsOut Volna summer_1am",
}

def in_resources(package:str, root:Path)->Iterator[Original]:
    for activity, wanted in ACTIVITIES.items():
        file = next(root.rglob(f"{activity}.rcc"))
        for path, content in resources(file.read_bytes()):
            if path.endswith(SUFFIXES) and re.search(wanted, path):
                kind = f"{activity}/{Path(path).parent.name}"
                yield Original(Image.open(io.BytesIO(content)), kind, package, path.split("gcompris/")[-1], 0)

def in_stamps(package:str, root:Path)->Iterator[Original]:
    top = next(root.rglob("stamps"))
    for path in sorted(top.rglob("*.png")):
        inside = path.relative_to(top).as_posix()
        if inside.startswith(tuple(STAMPS)) and not re.search(NO_STAMPS, inside):
            yield Original(Image.open(path), Path(inside).parent.as_posix(), package, f"stamps/{inside}", 0)

def largest(files:list[Path])->list[Path]:
    "Of a wallpaper that comes in many sizes, the largest file"
    best = {}
    for o in files:
        numbered = re.fullmatch(r"\d+x\d+", o.stem)
        name = o.parent if numbered else o
        if name not in best or o.stat().st_size > best[name].stat().st_size:
            best[name] = o
    return sorted(best.values())

def is_picture(path:Path)->bool:
    "Is it a picture of its own?"
    plain = path.is_file() and not path.is_symlink()
    return path.suffix in SUFFIXES and plain and "screenshot" not in path.name

def in_wallpapers(package:str, root:Path)->Iterator[Original]:
    for path in largest([o for o in root.rglob("*") if is_picture(o)]):
        inside = path.relative_to(root).as_posix()
        if any("/" + o in inside for o in WALLPAPERS[package].split()):
            yield Original(Image.open(path), "wallpaper", package, inside, 5)

def originals(folder:Path)->Iterator[Original]:
    "All photographs of all packages"
    ways = {
        "gcompris-qt-data": in_resources,
        "tuxpaint-stamps-default": in_stamps,
        **dict.fromkeys(WALLPAPERS, in_wallpapers),
    }
    for package, way in ways.items():
        yield from way(package, unpack(package, folder))


# Pictures

def on_ground(image:Image.Image, rng:random.Random)->Image.Image:
    "What was cut out stands on white, or on a soft gradient of some colour"
    image = image.convert("RGBA")
    side = round(1.1*max(image.size))
    ground = Image.new("RGBA", (side, side), "white")
    if rng.random() < .5:
        light = rng.randint(110, 220)
        top, bottom = ([light + rng.randint(-35, 35) for _ in range(3)] for _ in range(2))
        shade = np.linspace(top, bottom, side)[:, None].repeat(side, 1)
        ground = Image.fromarray(shade.astype(np.uint8)).convert("RGBA")
    ground.alpha_composite(image, ((side - image.width)//2, (side - image.height)//2))
    return ground.convert("RGB")

def middle(image:Image.Image)->Image.Image:
    "At most 3:2"
    width = min(image.width, round(1.5*image.height))
    height = min(image.height, round(1.5*image.width))
    left, top = (image.width - width)//2, (image.height - height)//2
    return image.crop((left, top, left + width, top + height))

def details(image:Image.Image, n:int)->list[tuple[int, int, int, int]]:
    "Boxes of the `n` squares with most in them, a third of the height and without overlap"
    small = np.asarray(image.convert("L").resize((96, 96))).astype(float)
    side = image.height//3
    boxes = []
    for row in range(3):
        for column in range(image.width//side):
            boxes.append((column*side, row*side, (column + 1)*side, (row + 1)*side))
    def busy(box):
        wholes = (image.width, image.height)*2
        left, top, right, bottom = (round(96*v/whole) for v, whole in zip(box, wholes))
        part = small[top:bottom, left:right]
        return np.abs(np.diff(part, axis=0)).mean() + np.abs(np.diff(part, axis=1)).mean()
    return sorted(boxes, key=busy, reverse=True)[:n]

def fitting(image:Image.Image)->Image.Image:
    "Made smaller, to 256 pixels on the shorter side"
    scale = SIDE/min(image.size)
    if scale >= 1:
        return image
    return image.resize((round(image.width*scale), round(image.height*scale)), Image.Resampling.LANCZOS)

def parts(original:Original, rng:random.Random)->Iterator[tuple[str, Image.Image]]:
    "(what it is of the original, picture)"
    image = original.image
    if image.has_transparency_data:
        yield "on a plain ground", fitting(on_ground(image, rng))
        return
    image = image.convert("RGB")
    yield "whole", fitting(middle(image))
    for box in details(image, original.crops):
        yield "{},{},{},{}".format(*box), fitting(image.crop(box))

def flat(image:Image.Image)->bool:
    "Nothing in it, as in a piece of sky"
    return np.asarray(image.convert("L").resize((32, 32))).std() < 8

def write_table(rows:list[Row], path:Path):
    "Write what is known of each file"
    with open(path, "w", newline="") as f:
        writer = csv.DictWriter(f, list(asdict(rows[0])))
        writer.writeheader()
        writer.writerows(map(asdict, rows))

def gather(folder:Path, packages:Path)->list[Row]:
    "Write the photographs and the table"
    folder.mkdir(parents=True, exist_ok=True)
    packages.mkdir(parents=True, exist_ok=True)
    rng = random.Random(0)
    rows = []
    for original in originals(packages):
        about = next((packages/original.package).rglob("copyright"))
        licence = licence_of(original.path, licences(about.read_text(errors="replace")))
        group = f"{original.package}/{original.path}"
        for part, image in parts(original, rng):
            if min(image.size) < 80 or flat(image):
                continue
            file = f"{len(rows):04}.jpg"
            row = Row(file, original.kind, group, original.package, original.path, part, licence)
            image.save(folder/row.file, quality=88)
            rows.append(row)
    write_table(rows, folder/"table.csv")
    return rows

def main():
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    parser.add_argument("folder", type=Path, help="where to write the photographs")
    kept = "keep the packages here, some 600 MB unpacked; by default they are thrown away"
    parser.add_argument("--packages", type=Path, help=kept)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        rows = gather(args.folder, args.packages or Path(passing))
    groups = {o.group for o in rows}
    print(f"{len(rows)} photographs of {len(groups)} originals in {args.folder}")

if __name__ == "__main__":
    main()
