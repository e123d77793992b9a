"""Tables whose column of drawings holds picture files or pixels."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from made_tables import picture, put, read
from numpy.typing import NDArray
from PIL import Image

from doodlewise.data.chunk import Skips, Source, Wanted
from doodlewise.data.formats.table import TABLE
from doodlewise.image import ImageSpec, read_image

SPEC = ImageSpec(16, 16, 3)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([picture(), picture((1, 2, 3))]),
        pa.array([picture(), picture((1, 2, 3))], pa.large_binary()),
        pa.array(
            [{"bytes": picture(), "path": "a.png"}, {"bytes": picture((1, 2, 3)), "path": None}]
        ),
    ],
    ids=["bytes", "large", "Hugging Face"],
)
def test_picture_files_become_images(tmp_path: Path, column: pa.Array) -> None:
    path = put(tmp_path, image=column, label=["cat", "dog"])
    (chunk,), skips = read(path, image=SPEC)
    assert chunk.words == ["cat", "dog"]
    expected = [read_image(picture(), SPEC).pixels, read_image(picture((1, 2, 3)), SPEC).pixels]
    assert np.array_equal(chunk.images, expected)
    assert chunk.origins.names == ["mine.parquet row 0", "mine.parquet row 1"]
    assert chunk.origins.sizes.tolist() == [[20, 10], [20, 10]]
    assert chunk.origins.sizes.dtype == np.uint32
    assert 0 not in chunk.key_ids
    assert chunk.key_ids[0] != chunk.key_ids[1]
    assert skips == Skips()
    assert TABLE.sample is not None
    sizes = [each.size for each in TABLE.sample(Source(path, "mine"), Wanted())]
    assert sizes == [(20, 10), (20, 10)]


def pixels(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (pixels(2, 784), pa.list_(pa.uint8())),
        (pixels(2, 784), pa.list_(pa.int64(), 784)),
        (pixels(2, 28, 28), pa.list_(pa.list_(pa.uint8()))),
        (pixels(2, 28, 28), pa.list_(pa.list_(pa.uint8(), 28), 28)),
        (pixels(2, 28, 28, 1), pa.list_(pa.list_(pa.list_(pa.uint8())))),
        (pixels(2, 12, 28, 3), pa.list_(pa.list_(pa.list_(pa.uint8())))),
        (pixels(2, 12, 28, 4), pa.list_(pa.list_(pa.list_(pa.int32())))),
    ],
)
def test_pixels_become_images(tmp_path: Path, array: NDArray[np.uint8], kind: pa.DataType) -> None:
    path = put(tmp_path, image=pa.array(array.tolist(), kind), label=["cat", "dog"])
    spec = ImageSpec(28, 28, 3)
    (chunk,), _ = read(path, image=spec)
    for row in range(2):
        shape = (28, 28) if array.ndim < 4 or array.shape[3] == 1 else array.shape[1:]
        buffer = io.BytesIO()
        Image.fromarray(array[row].reshape(shape)).save(buffer, "PNG")
        assert np.array_equal(chunk.images[row], read_image(buffer.getvalue(), spec).pixels)
    assert (
        chunk.origins.sizes.tolist() == [[28, array.shape[1] if array.shape[1] == 12 else 28]] * 2
    )


def test_bad_pictures_are_counted_and_named(tmp_path: Path) -> None:
    contents = [picture(), b"no picture", picture()[:60], None, b"", picture()]
    path = put(tmp_path, image=contents, label=["cat"] * 5 + [None])
    (chunk,), skips = read(path, image=SPEC)
    assert len(chunk) == 1
    assert skips.examples.pop("no picture") == ["mine.parquet row 3", "mine.parquet row 4"]
    assert skips.examples.pop("no label") == ["mine.parquet row 5"]
    assert skips.examples == {
        "not a picture": ["mine.parquet row 1"],
        "truncated picture": ["mine.parquet row 2"],
    }
    assert TABLE.sample is not None
    assert len(list(TABLE.sample(Source(path, "mine"), Wanted()))) == 1

    rows: list[Any] = [[[1, 2], [3]], [[1, 300]], [[-1]], None, [[]], [[1, None]], [[7]]]
    path = put(tmp_path, image=pa.array(rows), label=["cat"] * 7)
    (chunk,), skips = read(path, image=SPEC)
    assert len(chunk) == 1
    assert skips.counts == {"no rectangle": 1, "pixels beyond 0..255": 3, "no picture": 2}
    path = put(tmp_path, image=[[1, 2, 3], [1, 2, 3, 4]], label=["cat", "dog"])
    (chunk,), skips = read(path, image=SPEC)
    assert chunk.names == ["dog"]
    assert skips.counts == {"no rectangle": 1}
    path = put(tmp_path, image=[[[[1, 2]]], [[[1, 2, 3]]]], label=["cat", "dog"])
    assert read(path, image=SPEC)[1].counts == {"no rectangle": 1}


def test_pictures_that_are_not_wanted_are_not_opened(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        image=[picture(), b"never opened", b"nor this", b"nor that"],
        label=["cat", "dog", "cat", "cat"],
        country=["DE", "DE", "FR", "DE"],
        recognised=["True", "True", "True", "False"],
    )
    wanted = {"classes": ("cat",), "countries": ("DE",), "recognised_only": True}
    (chunk,), skips = read(path, image=SPEC, **wanted)
    assert chunk.words == ["cat"]
    assert skips.to_dict() == {
        "counts": {},
        "examples": {},
        "notes": {"pictures that were not asked for": 3},
    }
    assert read(path, image=SPEC, classes=("bee",))[0] == []
    assert TABLE.sample is not None
    assert len(list(TABLE.sample(Source(path, "mine"), Wanted(**wanted)))) == 1


def test_few_pictures_are_sampled(tmp_path: Path) -> None:
    path = put(tmp_path, image=[picture()] * 20, label=["cat"] * 20)
    assert TABLE.sample is not None
    assert len(list(TABLE.sample(Source(path, "mine"), Wanted()))) == 8
