from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import numpy as np
import pytest

from doodlewise import errors
from doodlewise.data import formats
from doodlewise.data.chunk import Skips, Source, Wanted
from doodlewise.data.formats import FORMATS, detect, mend_command, read_drawings, word_of

QUICKDRAW = Path(__file__).resolve().parents[3] / "shared" / "data" / "quickdraw"
needs_quickdraw = pytest.mark.skipif(not QUICKDRAW.is_dir(), reason=f"no data at {QUICKDRAW}")

LINE = json.dumps({"word": "cat", "drawing": [[[0, 255], [0, 9]]]}).encode()
RECORD = struct.pack("<Q2sbIHH", 17, b"DE", 1, 0, 1, 2) + bytes([0, 255, 0, 9])
MEND = "doodlewise data download --classes cat --format "


def put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def npy(folder: Path) -> bytes:
    path = folder / "made.npy"
    np.save(path, np.full((2, 784), 7, np.uint8))
    return path.read_bytes()


@pytest.mark.parametrize("name", ["cat.ndjson", "cat.bin", "cat.npy", "cat.txt", "cat"])
def test_content_counts_not_the_name(tmp_path: Path, name: str) -> None:
    contents = {"ndjson": LINE + b"\n" + LINE, "binary": RECORD * 2, "numpy_bitmap": npy(tmp_path)}
    for expected, content in contents.items():
        source_format = detect(put(tmp_path, name, content))
        assert source_format.name == expected
        chunks = list(source_format.read_chunks(Source(tmp_path / name, "cat"), Wanted(), Skips()))
        assert sum(map(len, chunks)) == 2


def test_the_table_is_what_detect_knows() -> None:
    assert all(name == each.name for name, each in FORMATS.items())
    assert {name for name, each in FORMATS.items() if each.read_drawings is None} == {
        "numpy_bitmap",
        "numpy_bitmap without header",
        "image folder",
    }


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + LINE,
        b"\r\n \t\n" + LINE,
        LINE[:20],
        b"{",
    ],
)
def test_ndjson_is_an_object_on_the_first_line(tmp_path: Path, content: bytes) -> None:
    assert detect(put(tmp_path, "cat.txt", content)).name == "ndjson"


def test_ndjson_with_a_broken_first_line_is_known_by_its_name(tmp_path: Path) -> None:
    content = b'oops"}\n' + LINE
    assert detect(put(tmp_path, "cat.ndjson", content)).name == "ndjson"
    with pytest.raises(errors.FormatError):
        detect(put(tmp_path, "cat.txt", content))


@pytest.mark.parametrize("cut", [0, 1, 4])
def test_binary_is_a_plausible_first_record(tmp_path: Path, cut: int) -> None:
    assert detect(put(tmp_path, "cat.dat", RECORD[: len(RECORD) - cut])).name == "binary"


@pytest.mark.parametrize(
    "content",
    [
        struct.pack("<Q2sbIHH", 17, b"de", 1, 0, 1, 2) + bytes(4),
        struct.pack("<Q2sbIHH", 17, b"DE", 2, 0, 1, 2) + bytes(4),
        struct.pack("<Q2sbIHH", 17, b"DE", 1, 0, 0, 2) + bytes(4),
        struct.pack("<Q2sbIHH", 17, b"DE", 1, 0, 1, 0) + bytes(4),
        RECORD + b"other things than a record",
        RECORD[:18],
        bytes(range(256)),
    ],
)
def test_what_is_not_plausible_is_not_binary(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(errors.FormatError, match=r"no format that is known here: it begins with"):
        detect(put(tmp_path, "cat.bin", content))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cat.ndjson", b"", f"is empty: it has 0 bytes. .* run: {MEND}simplified"),
        ("cat.bin", b"", f"is empty: .* run: {MEND}binary"),
        (
            "cat.ndjson",
            b"<?xml version='1.0' encoding='UTF-8'?><Error><Code>NoSuchKey</Code></Error>",
            "is a web page or XML .*<.xml version='1.0' .*download. Delete it and"
            f" run: {MEND}simplified",
        ),
        ("cat.npy", b"\n <!DOCTYPE html><html>", f"Delete it and run: {MEND}bitmap"),
        (
            "cat.ndjson.gz",
            gzip.compress(LINE, mtime=0),
            r"is compressed by gzip\. Unpack it \(gunzip\)",
        ),
        ("cat.npz", b"PK\x03\x04rest", r"is a zip archive\. Unpack it and give the folder"),
        ("cat.png", b"\x89PNG\r\n\x1a\n", "is a PNG picture"),
        ("cat.ndjson", b"\xff\xfe{\0}\0", "is text in UTF-16. Save it as UTF-8"),
        ("cat.ndjson", b" [" + LINE + b"]", "is one JSON array. Write one JSON object a line"),
        (
            "cat.csv",
            b"id,breed,colour,weight,owner,remarks\n1,pug,black,8.1,Ann,none\n",
            "begins with 'id,breed,colour,weight,owner,remarks.*'. Doodlewise reads ndjson",
        ),
    ],
)
def test_strangers_are_named_and_met_with_advice(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = put(tmp_path, name, content)
    with pytest.raises(errors.FormatError, match=message) as caught:
        detect(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_names_its_neighbours(tmp_path: Path) -> None:
    put(tmp_path, "cat.ndjson", LINE)
    with pytest.raises(errors.FormatError, match=r"no file .*\. Did you mean 'cat.ndjson'\?"):
        detect(tmp_path / "cats.ndjson")
    with pytest.raises(errors.FormatError, match=r"no file .*\. Check the path\."):
        detect(tmp_path / "nowhere" / "cats.ndjson")
    with pytest.raises(errors.FormatError, match=r"is a folder\. Give the files in it\."):
        read_drawings(tmp_path)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("cat.ndjson", "cat"),
        ("alarm clock.bin", "alarm clock"),
        ("alarm%20clock.npy", "alarm clock"),
        ("full_simplified_alarm clock.ndjson", "alarm clock"),
        ("full_raw_cat.ndjson", "cat"),
        ("full_binary_The%20Mona%20Lisa.bin", "The Mona Lisa"),
        ("full_numpy_bitmap_t-shirt.npy", "t-shirt"),
        ("full%2Fnumpy_bitmap%2Fcat.npy", "cat"),
        ("full_moon.ndjson", "full_moon"),
        ("cat.full.npz", "cat"),
        ("sketchrnn_alarm%20clock.full.npz", "alarm clock"),
        ("cat.full.npy", "cat.full"),
    ],
)
def test_the_word_is_in_the_name(name: str, word: str) -> None:
    assert word_of(Path("some/folder") / name) == word


def test_the_command_that_mends_can_be_pasted() -> None:
    assert mend_command(Path("alarm clock.bin")) == (
        "doodlewise data download --classes 'alarm clock' --format binary"
    )
    assert mend_command(Path("cat.ndjson"), "raw") == MEND + "raw"
    assert mend_command(Path("cat.ndjson")) == MEND + "simplified"
    assert mend_command(Path("cat.npy")) == MEND + "bitmap"
    assert mend_command(Path("cat.full.npz")) == MEND + "sketchrnn"


def test_public_names_are_there_and_sorted() -> None:
    constants = [name for name in formats.__all__ if name.isupper()]
    functions = [name for name in formats.__all__ if not name.isupper()]
    assert formats.__all__ == sorted(constants) + sorted(functions)
    assert all(hasattr(formats, name) for name in formats.__all__)


@needs_quickdraw
def test_every_real_file_is_recognised() -> None:
    folders = {
        "simplified": "ndjson",
        "raw": "ndjson",
        "binary": "binary",
        "numpy_bitmap": "numpy_bitmap",
    }
    for folder, expected in folders.items():
        names = {detect(path).name for path in (QUICKDRAW / folder).iterdir()}
        assert names == {expected}
