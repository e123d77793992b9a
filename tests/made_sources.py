"""Small sources of every kind, made by code, under the names that the docs call them by."""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

from doodlewise.data.catalog import WORD_SETS
from doodlewise.data.formats import read_drawings, write_binary, write_ndjson

sys.path.insert(0, str(Path(__file__).parent / "data"))
from bucket import serving
from miniature import make_doodle_dataset

WORDS = ("cat", "star", "house")


def make_sources(folder: Path, doodles: Path) -> None:
    """Write them all.

    Args:
        folder: that the commands are run in.
        doodles: of "<word>.ndjson", synthetic doodles.
    """
    _kaggle(folder, doodles)
    make_doodle_dataset(folder / "Doodle Dataset", ["star", "cat", "fish"], ["US", "NA"], 40)
    _photos(folder / "photos")
    _table(folder / "drawings.parquet", doodles)
    _sketch_rnn(folder / "omniglot.npz", doodles)


@contextmanager
def sources_of_google(doodles: Path) -> Iterator[str]:
    """The address of a server that has some of Google's files."""
    with serving() as bucket, tempfile.TemporaryDirectory() as scratch:
        for word in (*WORDS, *WORD_SETS["animals10"]):
            # Of words that no doodle is made of, cats are drawn.
            drawn = word if word in WORDS else "cat"
            source = doodles / f"{drawn}.ndjson"
            drawings = [replace(drawing, word=word) for drawing in read_drawings(source)]
            write_ndjson(drawings, Path(scratch) / "file")
            bucket.files[f"full/simplified/{word}.ndjson"] = (Path(scratch) / "file").read_bytes()
            write_binary(drawings, Path(scratch) / "file")
            bucket.files[f"full/binary/{word}.bin"] = (Path(scratch) / "file").read_bytes()
        yield bucket.url


def _kaggle(folder: Path, doodles: Path) -> None:
    train = folder / "train_simplified"
    train.mkdir()
    header = ["countrycode", "drawing", "key_id", "recognized", "timestamp", "word"]
    for word in WORDS:
        with (train / f"{word}.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(header)
            for n, drawing in enumerate(read_drawings(doodles / f"{word}.ndjson")):
                strokes = json.dumps(drawing.to_strokes())
                rows.writerow(["NA", strokes, 10**15 + n, True, "2017-03-08 21:12:07.26604", word])
    with (folder / "test_simplified.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["key_id", "countrycode", "drawing"])
        for n, drawing in enumerate(read_drawings(doodles / "cat.ndjson")):
            rows.writerow([9 * 10**15 + n, "DE", json.dumps(drawing.to_strokes())])


def _photos(folder: Path) -> None:
    """Cats are red rounds, dogs are blue squares, on noise, in all sizes."""
    random = np.random.default_rng(0)
    for word, colour in (("cat", (200, 60, 40)), ("dog", (40, 70, 200))):
        (folder / word).mkdir(parents=True)
        for n in range(40):
            width, height = random.integers(60, 160, 2).tolist()
            noise = random.integers(90, 160, (height, width, 3), dtype=np.uint8)
            image = Image.fromarray(noise)
            box = (width // 5, height // 5, width * 4 // 5, height * 4 // 5)
            shape = ImageDraw.Draw(image)
            (shape.ellipse if word == "cat" else shape.rectangle)(box, fill=colour)
            image.save(folder / word / f"{word}.{n}.jpg", quality=90)


def _table(path: Path, doodles: Path) -> None:
    rows = [
        {"word": word, "drawing": [[[int(v) for v in row] for row in s] for s in d.to_strokes()]}
        for word in WORDS
        for d in read_drawings(doodles / f"{word}.ndjson")
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)


def _sketch_rnn(path: Path, doodles: Path) -> None:
    sketches = []
    for drawing in read_drawings(doodles / "cat.ndjson"):
        moves = np.diff(drawing.points, axis=0, prepend=0)
        lifted = np.zeros(len(moves))
        lifted[np.cumsum(drawing.lengths) - 1] = 1
        sketches.append(np.column_stack([moves, lifted]).astype(np.int16))
    splits = {"train": sketches[:-8], "valid": sketches[-8:-4], "test": sketches[-4:]}
    arrays = {}
    for name, part in splits.items():
        arrays[name] = np.empty(len(part), object)
        arrays[name][:] = part
    np.savez(path, **arrays)
