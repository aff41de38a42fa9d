"Images in all forms that people have them in, in an order that is fair, at one size"
import io
import multiprocessing
import os
import pickle
import struct
import time
import warnings
import zlib

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, IterableDataset

from rosetta_neurons import reading, sources
from rosetta_neurons.images import ImageFiles, ImageRun, near_copies, read_image, to_image
from rosetta_neurons.sources import _check_images
from rosetta_neurons.reading import _input_size
from rosetta_neurons.world import sample_scenes


def as_pillow(images):
    "Pillow images of a batch"
    return [Image.fromarray((o*255).round().byte().permute(1, 2, 0).numpy()) for o in images]

def save(images, folder, suffix=".png", first=0):
    "Files of a batch"
    folder.mkdir(parents=True, exist_ok=True)
    for i, o in enumerate(as_pillow(images), first):
        o.save(folder/f"{i:03}{suffix}")
    return folder

@pytest.fixture(scope="module")
def scenes(): return (sample_scenes(80, seed=3).render(32)*255).round()/255

@pytest.fixture(scope="module")
def folder(scenes, tmp_path_factory): return save(scenes, tmp_path_factory.mktemp("scenes"))

class Pairs:
    "A data set of (image, label)"
    def __init__(self, images): self.images = images
    def __len__(self): return len(self.images)
    def __getitem__(self, i): return self.images[i], 3

class Records(Pairs):
    "A data set of dictionaries"
    def __getitem__(self, i): return {"image": self.images[i], "label": 3}


# Fault 15: linked folders were passed over, and file names that are no text ended the run

@pytest.mark.unit
def test_linked_folders(scenes, tmp_path):
    "2 of 14 images were used"
    outside, top = save(scenes[:12], tmp_path/"outside"), save(scenes[12:14], tmp_path/"top", first=12)
    (top/"more").symlink_to(outside)
    run = ImageRun(top, 14, workers=0)
    assert len(run) == 14
    (outside/"up").symlink_to(top) # goes round
    (top/"again").symlink_to(outside)
    assert len(ImageFiles(top)) == 14

@pytest.mark.unit
def test_linked_folder_itself_and_files(scenes, tmp_path):
    "The folder that is given may be a link; a link to nowhere is named"
    here = save(scenes[:4], tmp_path/"here")
    (tmp_path/"link").symlink_to(here)
    assert len(ImageRun(tmp_path/"link", 4)) == 4
    (here/"gone.png").symlink_to(tmp_path/"nowhere.png")
    with pytest.raises(ValueError, match="gone.png"):
        ImageRun(here, 5)

@pytest.mark.unit
def test_hidden_files_and_folders_with_suffix(scenes, tmp_path):
    "A folder may be called a.jpg, and what a system hides is no image"
    here = save(scenes[:3], tmp_path/"a.jpg")
    save(scenes[3:5], here/".thumbnails")
    (here/"._000.png").write_bytes(b"no image")
    (tmp_path/"notes.txt").write_text("none")
    assert len(ImageFiles(tmp_path)) == 3

@pytest.mark.unit
@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="names are text there")
def test_file_names_of_any_bytes(scenes, tmp_path):
    "Latin-1 in a file name: UnicodeEncodeError"
    save(scenes[:3], tmp_path)
    odd = os.fsdecode(b"caf\xe9.png")
    (tmp_path/"000.png").rename(tmp_path/odd)
    run = ImageRun(tmp_path, 3)
    assert len(run.digest()) == 64 and run[:3].shape == (3, 3, 32, 32)
    (tmp_path/odd).write_bytes(b"torn")
    with pytest.raises(ValueError) as error:
        ImageRun(tmp_path, 3)
    str(error.value).encode() # can be printed
    assert "caf\\xe9.png" in str(error.value)
    with pytest.warns(UserWarning, match="passed over") as said:
        assert len(ImageRun(tmp_path, 2, errors="skip")) == 2
    str(said[0].message).encode()


# Fault 16: values whose meaning is unknown came out near black, or in two levels

def grey_png(path, values): Image.fromarray(values).save(path)

@pytest.mark.unit
@pytest.mark.parametrize("values,cure", [
    (np.linspace(0, 4095, 64).reshape(8, 8).astype(np.uint16), "values >> 4"),
    (np.linspace(0, 1023, 64).reshape(8, 8).astype(np.uint16), "values >> 2"),
    (np.linspace(0, 16383, 64).reshape(8, 8).astype(np.uint16), "values >> 6"),
    (np.linspace(0, 255, 64).reshape(8, 8).astype(np.int32), "astype"),
    (np.linspace(0, 255, 64).reshape(8, 8).astype(np.uint16), "astype"),
    (np.linspace(0, 1e6, 64).reshape(8, 8).astype(np.int32), "values go from 0 to 1000000"),
    (np.linspace(-5, 65535, 64).reshape(8, 8).astype(np.int32), "values go from -5")])
def test_unknown_integers_are_refused(values, cure, tmp_path):
    "From a file and from memory"
    with pytest.raises(ValueError, match=cure):
        to_image(Image.fromarray(values))
    path = tmp_path/"deep.tif"
    grey_png(path, values)
    with pytest.raises(ValueError, match="deep.tif.*what is white can't be told"):
        ImageRun(path, 1)

@pytest.mark.unit
def test_sixteen_bits_are_right(tmp_path):
    "16 bits of grey come out as 8, black as black"
    deep = np.linspace(0, 65535, 64).reshape(8, 8).astype(np.uint16)
    for values in (deep, deep.astype(np.int32), np.zeros((8, 8), np.uint16)):
        shown = to_image(Image.fromarray(values))[0, 0]
        assert (shown - torch.from_numpy(values/65535)).abs().max() <= .5/255 + 1e-6
    grey_png(tmp_path/"deep.png", deep)
    assert np.asarray(read_image(tmp_path/"deep.png")).max() == 255

def colour_png(path, values):
    "16 bits a channel, which Pillow reads but does not write: `[H, W, 3]`"
    rows, columns, _ = values.shape
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in values)
    def chunk(kind, data): return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", columns, rows, 16, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))

@pytest.mark.unit
def test_colour_of_sixteen_bits(tmp_path):
    "Pillow takes the upper byte: 12 bits would be nearly black"
    deep = np.random.default_rng(0).integers(0, 65536, (8, 8, 3))
    colour_png(tmp_path/"full.png", deep)
    assert np.abs(np.asarray(read_image(tmp_path/"full.png")).astype(int) - deep//256).max() <= 1
    for bits in (8, 10, 12, 14):
        colour_png(tmp_path/"few.png", deep >> (16 - bits))
        with pytest.raises(ValueError, match="few.png.*16 bits a channel"):
            ImageRun(tmp_path/"few.png", 1)

@pytest.mark.unit
def test_floats_and_bytes():
    "As before: floating-point modes, bytes in tensors, and values outside of [0, 1] are refused"
    with pytest.raises(ValueError, match="floating-point numbers of unknown range"):
        to_image(Image.fromarray(np.ones((4, 4), np.float32)))
    with pytest.raises(ValueError, match="divide bytes by 255"):
        ImageRun(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), 2)
    with pytest.raises(ValueError, match=r"expected values in \[0, 1\]"):
        ImageRun(torch.full((2, 3, 8, 8), 2.), 2)
    with pytest.raises(ValueError, match="expected values"):
        _check_images(torch.full((1, 3, 2, 2), torch.nan))


# Fault 17: lists of paths, a DataLoader, a single file, a pattern were refused

def forms(scenes, folder):
    "The same images in many forms"
    files = sorted(folder.glob("*.png"))
    pillow = as_pillow(scenes)
    arrays = np.stack([np.asarray(o) for o in pillow])
    return {
        "folder": folder, "text": str(folder), "paths": files, "texts": [str(o) for o in files],
        "pattern": str(folder/"*.png"), "deep pattern": str(folder.parent/folder.name/"**"/"*.png"),
        "tensor": scenes, "arrays": arrays, "floats": arrays/np.float32(255), "list of Pillow": pillow,
        "list of arrays": [*arrays], "pairs": Pairs(scenes), "records": Records(pillow), "pairs of paths": Pairs(files),
        "loader": DataLoader(Pairs(scenes), batch_size=7, shuffle=True), "loader of tensor": DataLoader(scenes, batch_size=7)}

def test_all_forms_give_the_same(scenes, folder):
    "In the same order, with the same pixels"
    runs = {k: ImageRun(o, 80, seed=5, workers=0) for k, o in forms(scenes, folder).items()}
    for name, run in runs.items():
        assert run.order == runs["tensor"].order, name
        assert torch.allclose(run[:], runs["tensor"][:], atol=1e-6), name
        assert run[:].dtype == torch.float32 and run.size == (32, 32), name

@pytest.mark.unit
def test_single_file(scenes, folder):
    "One image is a run of one"
    with pytest.warns(UserWarning, match="fewer than n=16"):
        run = ImageRun(folder/"007.png", 16)
    assert torch.allclose(run[:1], scenes[7:8], atol=1e-6)

@pytest.mark.unit
@pytest.mark.parametrize("images,error,said", [
    ("nowhere", FileNotFoundError, r"no file nowhere: .*'photos/\*\.jpg'"),
    ("nowhere/*.png", ValueError, "no image files"),
    (["nowhere.png"], FileNotFoundError, "nowhere.png"),
    ([], ValueError, "no images"),
    (3, TypeError, "expected a folder, files, a pattern"),
    (iter([]), TypeError, r"list\(images\)"),
    ({"image": 3}, TypeError, "expected a folder"),
    (torch.zeros(3, 8, 8), ValueError, r"images\[None\]"),
    (np.zeros((8, 8, 3), np.uint8), ValueError, r"images\[None\]"),
    (torch.zeros(4, 8, 8, 3), ValueError, r"\[N, 3, H, W\]"),
    (np.zeros((2, 8, 8, 3), np.int32), ValueError, r"expected bytes \(uint8\)"),
    ([{"photo": 3}], ValueError, "under 'image'"),
    (["."], ValueError, "is a folder among files")])
def test_what_is_refused_says_what_to_do(images, error, said):
    with pytest.raises(error, match=said):
        ImageRun(images, 2)

@pytest.mark.unit
def test_streams_are_refused():
    "An IterableDataset has no order that could be come back to"
    class Stream(IterableDataset):
        def __iter__(self): return iter([])
    for images in (Stream(), DataLoader(Stream())):
        with pytest.raises(TypeError, match=r"list\(images\)"):
            ImageRun(images, 2)

@pytest.mark.unit
def test_random_augmentation_is_refused(scenes):
    "A run may go over its images several times"
    class Noisy(Pairs):
        def __getitem__(self, i): return (self.images[i] + torch.rand(1)*.01).clamp(0, 1)
    with pytest.raises(ValueError, match="Turn random crops and flips off"):
        ImageRun(Noisy(scenes), 8)


# Size and fit

@pytest.mark.unit
def test_crop_keeps_proportions(scenes, tmp_path):
    "A circle stays one, the middle is taken; stretching keeps all"
    wide = torch.zeros(1, 3, 40, 80)
    y, x = torch.meshgrid(torch.arange(40), torch.arange(80), indexing="ij")
    wide[..., torch.hypot(y - 19.5, x - 39.5) < 12] = 1
    cropped = ImageRun(wide, 1, size=40, fit="crop")[:1]
    assert torch.equal(cropped, wide[..., 20:60])
    squeezed = ImageRun(wide, 1, size=40)[:1][0, 0] > .5
    assert squeezed.any(1).sum() > 1.8*squeezed.any(0).sum()
    for size in ((20, 30), (64, 16), 7):
        rows, columns = (size, size) if isinstance(size, int) else size
        assert ImageRun(wide, 1, size=size, fit="crop")[:1].shape == (1, 3, rows, columns)
    with pytest.raises(ValueError, match="no fit 'cropped'; closest: 'crop'"):
        ImageRun(wide, 1, fit="cropped")

@pytest.mark.unit
def test_default_size_is_not_that_of_the_first(tmp_path):
    "The order of mixed photographs does not change their size"
    for i, size in enumerate([(300, 200), (640, 480), (90, 120), (500, 500), (64, 400)]):
        Image.effect_noise(size, 50).save(tmp_path/f"{i}.png")
    runs = [ImageRun(tmp_path, 5, seed=o) for o in range(3)]
    assert {o.size for o in runs} == {(200, 200)} and "median" in runs[0].size_from

def test_input_size_of_real_networks():
    "What timm and the zoo say; a network of one's own says nothing"
    import timm
    from rosetta_neurons.zoo import create_model
    vit = timm.create_model("vit_tiny_patch16_224", img_size=64)
    assert _input_size(vit) == 64
    assert _input_size(vit, timm.create_model("resnet10t")) == 176
    assert _input_size(create_model("mini_resnet")) == 64
    assert _input_size(torch.nn.Conv2d(3, 3, 3)) is None


# What is wrong with a file is found before the run

@pytest.mark.unit
def test_broken_files_are_passed_over_and_named(scenes, tmp_path):
    "Another image is taken in place of each"
    save(scenes[:20], tmp_path)
    save(scenes[20:30], tmp_path, ".jpg", first=20)
    whole = {name: (tmp_path/name).read_bytes() for name in ("003.png", "021.jpg")}
    for name, data in whole.items():
        (tmp_path/name).write_bytes(data[:len(data)//2])
    (tmp_path/"x.png").write_text("no image")
    broken = {"003.png", "021.jpg", "x.png"}
    with pytest.raises(ValueError, match="|".join(broken)):
        ImageRun(tmp_path, 31)
    with pytest.warns(UserWarning, match="3 of the images .* were passed over"):
        run = ImageRun(tmp_path, 28, errors="skip")
    assert {os.path.basename(o) for o in run.skipped} == broken
    assert len(run) == 28 and torch.isfinite(run[:]).all()
    with pytest.warns(UserWarning):
        some = ImageRun(tmp_path, 25, errors="skip")
    assert len(some) == 25
    for o in broken:
        (tmp_path/o).unlink()
    assert sorted(run[:].mean((1, 2, 3)).tolist()) == sorted(ImageRun(tmp_path, 28)[:].mean((1, 2, 3)).tolist())

@pytest.mark.unit
def test_broken_items_of_a_data_set(scenes):
    "As with files; where none is left, it is an error"
    class Torn(Pairs):
        def __getitem__(self, i):
            if i % 3 == 0:
                raise OSError("disk on fire")
            return self.images[i]
    with pytest.raises(OSError, match="disk on fire") as error:
        ImageRun(Torn(scenes), 10)
    assert "in image" in error.value.__notes__[0]
    with pytest.warns(UserWarning, match="passed over"):
        run = ImageRun(Torn(scenes), 50, errors="skip")
    assert len(run) == 50 and not any(i % 3 == 0 for i in run.order)
    with pytest.warns(UserWarning, match="27 of the images"), pytest.warns(UserWarning, match="fewer than n=80"):
        assert len(ImageRun(Torn(scenes), 80, errors="skip").skipped) == 27
    with pytest.raises(ValueError, match="no image of .* can be used: image 0 .disk on fire"):
        ImageRun(Torn(scenes[:1]), 1, errors="skip")
    with pytest.raises(ValueError, match="no errors 'ignore'"):
        ImageRun(scenes, 4, errors="ignore")


# Order and groups

def paired_with_own(groups, shift=1): return int((groups == groups.roll(-shift)).sum())

@pytest.mark.unit
def test_tensors_are_shuffled(scenes):
    "Like anything else, unless shuffle=False"
    run = ImageRun(scenes, 80)
    assert run.order != sorted(run.order) == list(range(80))
    assert torch.equal(run[:], scenes[run.order])
    assert ImageRun(scenes, 80).order == run.order != ImageRun(scenes, 80, seed=1).order
    assert torch.equal(ImageRun(scenes, 80, shuffle=False)[:], scenes)
    assert ImageRun(scenes, 10, shuffle=False).order == list(range(10))

@pytest.mark.unit
@pytest.mark.parametrize("shift", [1, 2, 5])
def test_groups_are_kept_apart(scenes, shift):
    "Clips, classes, people: none beside its own, and the numbers are those of the run's order"
    clips = [f"clip {i//10}" for i in range(80)]
    run = ImageRun(scenes, 80, groups=clips, shift=shift)
    assert paired_with_own(run.groups, shift) == 0
    assert sorted(run.order) == list(range(80))
    said = [clips[i] for i in run.order]
    for i in range(80):
        for j in range(80):
            assert (said[i] == said[j]) == bool(run.groups[i] == run.groups[j])
    assert paired_with_own(ImageRun(scenes, 80, groups=torch.arange(80)//40, shift=shift).groups, shift) == 0

@pytest.mark.unit
def test_groups_that_cannot_be_kept_apart(scenes):
    "60 of 80 in one: 40 pairs at least, and a warning"
    with pytest.warns(UserWarning, match="40 of the 80 images .* paired with one of their own group"):
        ImageRun(scenes, 80, groups=[0]*60 + list(range(1, 21)))
    with pytest.warns(UserWarning, match="leave shuffle=True"):
        ImageRun(scenes, 80, groups=[i//10 for i in range(80)], shuffle=False)
    with pytest.raises(ValueError, match="groups has 3 entries for the 80 images"):
        ImageRun(scenes, 80, groups=[1, 2, 3])

@pytest.mark.unit
def test_every_image_twice(scenes):
    "Found without being told, and never side by side"
    run = ImageRun(torch.cat([scenes, scenes]), 160)
    assert len(run.groups.unique()) == 80 and paired_with_own(run.groups) == 0
    assert all(a % 80 != b % 80 for a, b in zip(run.order, run.order[1:] + run.order[:1]))

def jpeg(images, quality):
    out = []
    for o in as_pillow(images):
        o.save(file := io.BytesIO(), "JPEG", quality=quality)
        out.append(to_image(Image.open(file)))
    return torch.cat(out)

def moved(images, x, y=0):
    padded = torch.nn.functional.pad(images, (x, 0, y, 0), mode="replicate")
    return padded[..., :images.shape[-2], :images.shape[-1]]

@pytest.fixture(scope="module")
def many(): return sample_scenes(400).render()

@pytest.mark.parametrize("style,n", [("photo", 400), ("cartoon", 200), ("sketch", 200)])
def test_distinct_scenes_are_not_near(style, n):
    "All have sky above ground"
    assert near_copies(sample_scenes(n).render(style=style)).tolist() == list(range(n))

@pytest.mark.parametrize("copy", [
    lambda x: x, lambda x: jpeg(x, 75), lambda x: jpeg(x, 40), lambda x: moved(x, 1), lambda x: moved(x, 1, 1), lambda x: moved(x, 2, 2),
    lambda x: (x*1.01).clamp(0, 1), lambda x: (x*.99), lambda x: (x + .01).clamp(0, 1)],
    ids="same jpeg75 jpeg40 moved1 moved11 moved22 brighter darker lighter".split())
def test_near_copies_are_found(many, copy):
    "All 400, and nothing else is taken for one"
    assert near_copies(torch.cat([many, copy(many)])).tolist() == list(range(400))*2

@pytest.mark.parametrize("step", [1, 2])
def test_slow_films_are_groups(step):
    "The view moves, so that the last frame has little in common with the first"
    views = sample_scenes(10, seed=2).render(96)
    frames = [torch.stack([v[:, 16:80, step*i:step*i + 64] for i in range(12)]) for v in views]
    films = torch.cat(frames)[torch.randperm(120, generator=torch.Generator().manual_seed(0))]
    groups = near_copies(films)
    assert len(groups.unique()) == 10 and (groups.bincount() == 12).all()
    assert paired_with_own(ImageRun(films, 120).groups) == 0

@pytest.mark.unit
def test_small_things_on_white_are_not_near():
    "Little differs in absolute terms"
    colours = np.random.default_rng(0).random((49, 3, 1, 1), np.float32)*.6
    white = torch.ones(49, 3, 64, 64)
    for i, o in enumerate(white):
        y, x = 7*(i//7) + 4, 7*(i % 7) + 4
        o[:, y:y + 8, x:x + 8] = torch.from_numpy(colours[i])
    assert near_copies(white).tolist() == list(range(49))

def test_jpeg_files_beside_png(scenes, tmp_path):
    "A file decoded at a fraction of its size is still a copy of another"
    large = sample_scenes(12, seed=4).render(256)
    save(large, tmp_path/"a")
    save(large, tmp_path/"b", ".jpg")
    assert near_copies(tmp_path).tolist() == list(range(12))*2


# Read ahead, and told apart

def alive(): return [p for p in multiprocessing.active_children() if p.is_alive()]

def test_batches_are_those_in_sequence(scenes, folder):
    "Whoever reads, and wherever the run goes on from; no process is left, also when the loop is left"
    plain = ImageRun(folder, 80, size=(24, 40), fit="crop", workers=0)
    before = torch.get_rng_state()
    for images in (folder, Pairs(scenes)):
        run = ImageRun(images, 80, size=(24, 40), fit="crop", workers=2)
        assert run.order == plain.order
        for start, stop, step in ((0, None, 16), (37, 70, 7), (80, 80, 4)):
            ahead = [*run.batches(start, stop, step)]
            expected = [plain[i:min(i + step, stop or 80)] for i in range(start, stop or 80, step)]
            assert len(ahead) == len(expected) and all(torch.equal(a, b) for a, b in zip(ahead, expected))
        assert not alive()
    left = run.batches(0, None, 4)
    assert next(left).shape == (4, 3, 24, 40)
    assert alive()
    left.close()
    assert not alive()
    assert torch.equal(before, torch.get_rng_state()) # reading draws nothing

def test_errors_of_workers_are_those_of_the_main_process(folder, tmp_path):
    "A file that breaks after the run began is named, with its number"
    for o in folder.iterdir():
        (tmp_path/o.name).write_bytes(o.read_bytes())
    run = ImageRun(tmp_path, 80, workers=2)
    (tmp_path/f"{run.order[50]:03}.png").write_bytes(b"gone")
    with pytest.raises(ValueError, match=f"{run.order[50]:03}.png") as error:
        [*run.batches(0, None, 8)]
    assert "in image" in error.value.__notes__[0] and not alive()

@pytest.mark.unit
def test_when_others_read(scenes, folder, monkeypatch):
    "The rule: files and what can be pickled, from 64 images on, with two cores and more"
    def workers(items, n=80): return reading._n_workers(sources._items_of(items), n)
    monkeypatch.setattr(reading, "_cores", lambda: 8)
    assert workers(folder) == workers(Pairs(scenes)) == workers(DataLoader(Pairs(scenes))) == 4
    assert workers(folder, 63) == workers(scenes) == workers(as_pillow(scenes)) == 0
    holds_file = Pairs(scenes)
    with open(folder/"000.png", "rb") as holds_file.file:
        assert workers(holds_file) == 0
    monkeypatch.setattr(reading, "_MOST_PICKLED", 1000)
    assert workers(Pairs(scenes)) == 0
    monkeypatch.setattr(reading, "_cores", lambda: 1)
    assert workers(folder) == 0
    monkeypatch.setattr(reading, "_cores", lambda: 8)
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda allow_none=False: "spawn")
    assert workers(folder) == 0

def test_digest_tells_pixels_apart(scenes, folder, tmp_path):
    "Fault 2: a data set of the same length whose pixels changed; also one image of many, groups, size and fit"
    base = ImageRun(Pairs(scenes), 80)
    assert base.digest() == ImageRun(Pairs(scenes.clone()), 80, workers=0).digest()
    one = scenes.clone()
    one[33] = one[33].flip(-1)
    others = [
        ImageRun(Pairs(1 - scenes), 80), ImageRun(Pairs(one), 80), ImageRun(Pairs((scenes*.999)), 80),
        ImageRun(Pairs(scenes), 80, shuffle=False), ImageRun(Pairs(scenes), 79), ImageRun(Pairs(scenes), 80, groups=range(1, 81)), ImageRun(Pairs(scenes), 80, size=16),
        ImageRun(Pairs(scenes), 80, fit="crop"), ImageRun(folder, 80)]
    assert base.digest() == ImageRun(Pairs(scenes), 80, seed=1).digest() # the seed is told apart by itself
    digests = {base.digest(), *(o.digest() for o in others)}
    assert len(digests) == len(others) + 1
    for o in folder.iterdir():
        (tmp_path/o.name).write_bytes(o.read_bytes())
    assert ImageRun(tmp_path, 80).digest() == ImageRun(folder, 80).digest() # elsewhere, the same
    Image.open(tmp_path/"005.png").rotate(180).save(tmp_path/"005.png")
    assert ImageRun(tmp_path, 80).digest() != ImageRun(folder, 80).digest()

@pytest.mark.unit
def test_slices_and_numbers(scenes):
    "In the order of the run"
    run = ImageRun(scenes, 80)
    assert torch.equal(run[[3, 5]], torch.cat([run[3], run[5:6]]))
    assert torch.equal(run[torch.tensor([-1])], run[79:])
    assert run[80:].shape == (0, 3, 32, 32)
    assert len(run) == 80 and "80 images of Tensor of 80, 32 x 32" in repr(run)

def test_some_thousand_images_are_compared_fast():
    "In seconds, not minutes"
    scenes = sample_scenes(200).render(32)
    noise = torch.rand(3000, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    start = time.monotonic()
    groups = near_copies(torch.cat([torch.nn.functional.interpolate(noise, 32), scenes, scenes]))
    assert len(groups.unique()) == 3200
    assert time.monotonic() - start < 15

@pytest.mark.unit
def test_a_run_can_be_pickled(folder):
    "So that it may be sent to another process"
    run = ImageRun(folder, 8)
    assert torch.equal(pickle.loads(pickle.dumps(run))[:], run[:])


# The photographs that come with the package

def test_every_photograph_has_source_and_licence():
    "At most 4 MB, public domain or CC0, each in the table and each row with its file"
    from rosetta_neurons.photos import PHOTOS, photo_groups, photo_table, photos
    table = photo_table()
    assert {o.file for o in table} == {o.name for o in PHOTOS.iterdir()} - {"table.csv"}
    assert [o.path for o in table] == photos() == sorted(photos())
    assert len({o.file for o in table}) == len(table) >= 80
    for o in table:
        assert o.licence in ("CC0", "public domain"), o
        assert all((o.kind, o.group, o.source, o.part, o.author)), o
        assert any(word in o.source for word in ("CC0", "ublic domain", "public-domain")), o
        with Image.open(o.path) as im:
            assert im.mode == "RGB" and min(im.size) <= 256 and max(im.size) <= 1.51*min(im.size), o
    assert sum(o.stat().st_size for o in PHOTOS.iterdir()) < 4*2**20
    assert len(set(photo_groups())) >= 60
    assert near_copies(photos()).tolist() == list(range(len(table))) # distinct photographs are not taken for copies
    assert paired_with_own(ImageRun(photos(), len(table), groups=photo_groups()).groups) == 0

class Series:
    "Like one of pandas': `[i]` asks for a label, and values come in their places"
    def __init__(self, labels, values): self.labels, self.values = labels, values
    def __getitem__(self, label): return self.values[self.labels.index(label)]
    def __len__(self): return len(self.values)
    def __iter__(self): return iter(self.values)

@pytest.mark.parametrize("form", ["list", "tensors", "tensor", "series", "dict"])
def test_groups_in_any_form(scenes, form):
    "Tensors of one number are equal only to themselves, and a series was asked for its labels, not its places"
    order = torch.randperm(len(scenes)).tolist()
    true = [i//4 for i in order]
    groups = dict(list=true, tensors=[torch.tensor(o) for o in true], tensor=torch.tensor(true), series=Series(order, true), dict=dict(enumerate(true)))[form]
    run = ImageRun(scenes[order], len(order), groups=groups)
    assert len({(true[i], g) for i, g in zip(run.order, run.groups.tolist())}) == len(set(true))
