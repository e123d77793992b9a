"""Folders of pictures as people have them: nested, flat, with stray and broken files."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from doodlewise.data.chunk import Chunk, Skips, Source, Wanted
from doodlewise.data.formats.folder import FOLDER, find_picture_folders
from doodlewise.errors import ConfigError, FormatError
from doodlewise.image import ImageSpec, read_image

PHOTOS = Path(__file__).resolve().parents[3] / "shared/data/photos"
WANTED = Wanted(image=ImageSpec(16, 16))


def picture(path: Path, shade: int = 100, size: tuple[int, int] = (20, 12)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (shade, 50, 200)).save(path)
    return path


def read(source: Source, wanted: Wanted = WANTED) -> tuple[list[Chunk], Skips]:
    skips = Skips()
    return list(FOLDER.read_chunks(source, wanted, skips)), skips


def names_of(chunks: list[Chunk]) -> list[str]:
    return [name for chunk in chunks if chunk.origins for name in chunk.origins.names]


def test_a_folder_becomes_rows(tmp_path: Path) -> None:
    shades = {"b.PNG": 10, "a.jpg": 20, "c.webp": 30, "d.Jpeg": 40, "e.tiff": 50, "f.gif": 60}
    for name, shade in shades.items():
        picture(tmp_path / "cat" / name, shade, (20 + shade, 12))
    (chunk,), skips = read(Source(tmp_path / "cat", "cat"))
    assert chunk.names == ["cat"]
    assert chunk.words == ["cat"] * 6
    assert chunk.origins is not None
    assert chunk.origins.names == [f"cat/{name}" for name in sorted(shades)]
    assert chunk.origins.sizes.dtype == np.uint32
    assert chunk.origins.sizes.tolist() == [[20 + shades[name], 12] for name in sorted(shades)]
    assert chunk.images is not None
    assert chunk.images.shape == (6, 16, 16, 3)
    assert WANTED.image is not None
    for name, image in zip(sorted(shades), chunk.images, strict=True):
        assert np.array_equal(image, read_image(tmp_path / "cat" / name, WANTED.image).pixels)
    assert chunk.countries == [""] * 6
    assert chunk.recognised.tolist() == [-1] * 6
    assert not skips.counts
    assert not skips.notes


def test_equal_files_have_equal_keys(tmp_path: Path) -> None:
    for name, shade in (("1.png", 7), ("2.png", 8), ("copy of 1.png", 7)):
        picture(tmp_path / "cat" / name, shade)
    picture(tmp_path / "dog" / "3.png", 7)
    (cats,), _ = read(Source(tmp_path / "cat", "cat"))
    (dogs,), _ = read(Source(tmp_path / "dog", "dog"))
    one, two, copy = cats.key_ids.tolist()
    assert one == copy == dogs.key_ids[0]
    assert one != two


def test_unusable_files_are_counted_and_named(tmp_path: Path) -> None:
    folder = tmp_path / "cat"
    picture(folder / "fine.png")
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    Image.fromarray(noise).save(file, "JPEG")
    (folder / "cut.jpg").write_bytes(file.getvalue()[:900])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "page.png").write_text("<html>Not found</html>")
    (folder / "nowhere.png").symlink_to(tmp_path / "gone.png")
    for other in ("Thumbs.db", "notes.txt", "labels.csv"):
        (folder / other).write_text("something")
    for hidden in ("._fine.png", ".DS_Store", ".hidden.png"):
        (folder / hidden).write_bytes(b"\0\5\x16\7")
    chunks, skips = read(Source(folder, "cat"))
    assert names_of(chunks) == ["cat/fine.png"]
    assert skips.examples == {
        "truncated picture": ["cat/cut.jpg"],
        "empty file": ["cat/empty.jpg"],
        "not a picture": ["cat/page.png"],
    }
    assert set(skips.counts.values()) == {1}
    assert dict(skips.notes) == {"files that are not pictures": 3}


def test_a_drawing_without_ink_is_counted(tmp_path: Path) -> None:
    picture(tmp_path / "sun" / "blank.png")
    line = Image.new("L", (30, 30), 255)
    line.paste(0, (4, 4, 20, 6))
    line.save(tmp_path / "sun" / "line.png")
    wanted = Wanted(image=ImageSpec(28, 28, 1, look="drawing"))
    (chunk,), skips = read(Source(tmp_path / "sun", "sun"), wanted)
    assert chunk.images is not None
    assert chunk.images.shape == (1, 28, 28, 1)
    assert skips.examples == {"no ink": ["sun/blank.png"]}


def test_a_folder_without_a_usable_picture(tmp_path: Path) -> None:
    picture(tmp_path / "cat" / "1.png").write_bytes(b"broken")
    with pytest.raises(FormatError, match="not one usable picture of 'cat'"):
        read(Source(tmp_path / "cat", "cat"))
    picture(tmp_path / "cat" / "2.png")
    for source in (Source(tmp_path / "cat", "cat", 0, 1), Source(tmp_path / "cat", "cat", 1, 2)):
        chunks, _ = read(source)
        assert len(chunks) == source.first


def test_what_is_not_wanted_is_not_read(tmp_path: Path) -> None:
    picture(tmp_path / "cat" / "1.png").write_bytes(b"broken")
    image = WANTED.image
    for wanted in (
        Wanted(image=image, classes=("dog",)),
        Wanted(image=image, countries=("NZ",)),
        Wanted(image=image, recognised_only=True),
    ):
        chunks, skips = read(Source(tmp_path / "cat", "cat"), wanted)
        assert chunks == []
        assert not skips.counts


def test_without_a_size_it_says_so(tmp_path: Path) -> None:
    picture(tmp_path / "cat" / "1.png")
    with pytest.raises(ConfigError, match="--size 64"):
        read(Source(tmp_path / "cat", "cat"), Wanted())


def test_chunks_are_small(tmp_path: Path) -> None:
    content = picture(tmp_path / "cat" / "0000.png", size=(4, 4)).read_bytes()
    for number in range(1, 600):
        (tmp_path / "cat" / f"{number:04}.png").write_bytes(content)
    chunks, _ = read(Source(tmp_path / "cat", "cat"))
    assert [len(chunk) for chunk in chunks] == [512, 88]
    large = Wanted(image=ImageSpec(1024, 1024))
    chunks, _ = read(Source(tmp_path / "cat", "cat", 0, 10), large)
    assert [len(chunk) for chunk in chunks] == [6, 4]


def test_stretches_are_the_whole_folder(tmp_path: Path) -> None:
    content = picture(tmp_path / "cat" / "0000.png", size=(4, 4)).read_bytes()
    assert FOLDER.cut is not None
    assert FOLDER.cut(tmp_path / "cat", WANTED) == [(0, 1)]
    for number in range(1, 2750):
        (tmp_path / "cat" / f"{number:04}.png").write_bytes(content)
    (tmp_path / "cat" / "notes.txt").write_text("cats")
    stretches = FOLDER.cut(tmp_path / "cat", WANTED)
    assert stretches == [(0, 916), (916, 1833), (1833, 2750)]
    names, notes = [], 0
    wanted = Wanted(image=ImageSpec(8, 8))
    for first, last in stretches:
        chunks, skips = read(Source(tmp_path / "cat", "cat", first, last), wanted)
        names += names_of(chunks)
        notes += skips.notes.total()
    assert names == [f"cat/{number:04}.png" for number in range(2750)]
    assert notes == 1


# --- Which folders there are ----------------------------------------------------------------------


def found(root: Path) -> list[tuple[str, str]]:
    return [
        (folder.relative_to(root).as_posix(), word) for folder, word in find_picture_folders(root)
    ]


def test_folders_at_any_depth(tmp_path: Path) -> None:
    for folder in ("val/cat", "train/cat", "train/dog/small", "train/dog"):
        picture(tmp_path / folder / "1.JPG")
    (tmp_path / "train/empty").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/read me.txt").write_text("cats and dogs")
    picture(tmp_path / ".cache/1.jpg")
    picture(tmp_path / "collage.png")
    assert found(tmp_path) == [
        ("train/cat", "cat"),
        ("train/dog", "dog"),
        ("train/dog/small", "small"),
        ("val/cat", "cat"),
    ]


def test_words_stay_as_they_are(tmp_path: Path) -> None:
    words = ["Cat", "cat", "ice cream", "n02123045-tabby", "ЯБЛОКО", "caf\u00e9", "cafe\u0301"]
    for word in words:
        picture(tmp_path / word / "1.png")
    assert sorted(word for _, word in found(tmp_path)) == sorted(words)


@pytest.mark.skipif(os.name == "nt", reason="names of files are Unicode there")
def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    picture(tmp_path / "1.png").rename(
        picture(folder / "0.png").with_name(os.fsdecode(b"\xff.png"))
    )
    ((path, word),) = find_picture_folders(tmp_path)
    chunks, _ = read(Source(path, word))
    assert word == "caf\ufffd"
    assert names_of(chunks) == ["caf\ufffd/0.png", "caf\ufffd/\ufffd.png"]


def test_links_are_followed_once(tmp_path: Path) -> None:
    picture(tmp_path / "elsewhere/n02123/1.png")
    root = tmp_path / "root"
    root.mkdir()
    (root / "cat").symlink_to(tmp_path / "elsewhere/n02123")
    (root / "loop").symlink_to(root)
    assert found(root) == [("cat", "cat")]
    chunks, _ = read(Source((root / "cat").resolve(), "cat"))
    assert [chunk.names for chunk in chunks] == [["cat"]]


def test_no_pictures_at_all(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("cats")
    assert find_picture_folders(tmp_path) == []


def test_classes_by_the_names_of_files(tmp_path: Path) -> None:
    """As Kaggle's dogs and cats come: train/cat.0.jpg, train/dog.0.jpg."""
    root = tmp_path / "train"
    for number, name in enumerate(["cat.0.jpg", "cat.10.jpg", "dog.0.jpg", "ice cream.1.png"]):
        picture(root / name, number)
    (root / "notes.txt").write_text("cats")
    sources = [Source(folder, word) for folder, word in find_picture_folders(root)]
    assert [source.word for source in sources] == ["cat", "dog", "ice cream"]
    rows = [read(source) for source in sources]
    assert [names_of(chunks) for chunks, _ in rows] == [
        ["train/cat.0.jpg", "train/cat.10.jpg"],
        ["train/dog.0.jpg"],
        ["train/ice cream.1.png"],
    ]
    assert [chunk.names for chunks, _ in rows for chunk in chunks] == [
        ["cat"],
        ["dog"],
        ["ice cream"],
    ]
    assert [skips.notes.total() for _, skips in rows] == [1, 0, 0]
    assert read(Source(root, "cat", 2, 4))[0] == []


def test_the_folder_of_one_class(tmp_path: Path) -> None:
    picture(tmp_path / "cat/cat.1.jpg")
    picture(tmp_path / "cat/lion.2.jpg")
    ((folder, word),) = find_picture_folders(tmp_path / "cat")
    assert word == "cat"
    chunks, _ = read(Source(folder, word))
    assert names_of(chunks) == ["cat/cat.1.jpg", "cat/lion.2.jpg"]


def test_names_that_say_no_class(tmp_path: Path) -> None:
    for name in ("cat.0.jpg", "IMG_0001.jpg", "17.jpg"):
        picture(tmp_path / name)
    with pytest.raises(
        FormatError, match=r"The class of 2 pictures .* 17\.jpg, IMG_0001\.jpg\. Put"
    ):
        find_picture_folders(tmp_path)


# --- Samples --------------------------------------------------------------------------------------


def test_samples_are_from_all_over_the_folder(tmp_path: Path) -> None:
    for number in range(40):
        picture(tmp_path / "cat" / f"{number:02}.png", size=(10 + number, 10))
    (tmp_path / "cat" / "00.png").write_bytes(b"broken")
    assert FOLDER.sample is not None
    samples = list(FOLDER.sample(Source(tmp_path / "cat", "cat"), Wanted()))
    widths = [image.width - 10 for image in samples]
    assert widths == [20, 10, 30, 5, 25, 15, 35]
    (only,) = FOLDER.sample(Source(tmp_path / "cat", "cat", 3, 4), Wanted())
    assert only.width == 13


def test_real_photos() -> None:
    if not PHOTOS.exists():
        pytest.skip(f"the real data are not at {PHOTOS}")
    assert found(PHOTOS) == [("cat", "cat"), ("dog", "dog")]
    for folder, word in find_picture_folders(PHOTOS):
        chunks, skips = read(Source(folder, word, 0, 100))
        assert sum(map(len, chunks)) == 100
        assert not skips.counts
