"""What writes the files of an export: one class a format, one file a word, one file open at a time.

A word becomes the name of its file with what no file name may hold written as in an address, such
as "and%2For"; Doodlewise reads it back as the word.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from PIL import Image

from ..raster import RenderSpec
from .formats.binary import COUNTRIES, HEADER, UNKNOWN_COUNTRY
from .rows import Rows
from .split import Split

__all__ = [
    "BinFiles",
    "FileWriter",
    "Look",
    "NdjsonFiles",
    "NpyFiles",
    "PngFiles",
    "file_stems",
    "png_of",
]

_UNSAFE = frozenset('<>:"/\\|?*%')
_RECOGNISED: dict[int, bool | None] = {-1: None, 0: False, 1: True}

NO_COUNTRY = "countries that are not two capital letters, written as unknown"
NO_TIMES = "drawings whose pen times .bin has no room for"
NO_RECOGNITION = "drawings of which nobody knows whether they were recognised, written as not"


@dataclass(frozen=True, slots=True)
class Look:
    """How rows become pictures.

    Attributes:
        spec: how strokes are drawn.
        image_shape: height, width, channels of a store of pixels; None for strokes.
        is_ink: whether 0 is paper and 255 is ink; else it is a photo.
        has_times: whether there are pen times, of some of the strokes at least.
    """

    spec: RenderSpec
    image_shape: tuple[int, int, int] | None
    is_ink: bool
    has_times: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of a picture."""
        return self.image_shape or (self.spec.side, self.spec.side, 1)

    @property
    def n_bytes(self) -> int:
        """Of a picture."""
        height, width, channels = self.shape
        return height * width * channels

    def pixels(self, rows: Rows) -> NDArray[np.uint8]:
        """Pictures as a network gets them: uint8 (rows, height, width, channels)."""
        if rows.images is not None:
            return rows.images
        from ..raster_host import render_rows

        assert rows.drawings is not None
        return render_rows(rows.drawings, self.spec).transpose(0, 2, 3, 1)

    def pictures(self, rows: Rows) -> NDArray[np.uint8]:
        """Pictures as people expect them, dark ink on white paper; photos as they are."""
        pixels = self.pixels(rows)
        return 255 - pixels if self.is_ink else pixels


class FileWriter(Protocol):
    """Writes the files of one format.

    Attributes:
        notes: drawings of which something could not be written, counted by what it is.
    """

    notes: Counter[str]

    def __init__(
        self, folder: Path, words: Sequence[str], wanted: NDArray[np.int64], look: Look, /
    ) -> None:
        """Begin.

        Args:
            folder: empty, for the files.
            words: all classes.
            wanted: (classes,), how many rows of each will come.
            look: how rows become pictures.
        """

    def add(self, rows: Rows, split: Split, /) -> None:
        """Write some rows, of any classes."""

    def close(self) -> None:
        """Finish the files."""


class _ClassFiles:
    """A file for each word; rows are appended, and the file is closed again."""

    suffix: str

    def __init__(
        self, folder: Path, words: Sequence[str], wanted: NDArray[np.int64], look: Look
    ) -> None:
        self.folder, self.words, self.wanted, self.look = folder, words, wanted, look
        self.stems = file_stems(words)
        self.notes: Counter[str] = Counter()

    def add(self, rows: Rows, _split: Split, /) -> None:
        for label, own in _by_label(rows):
            with self.path_of(label).open("ab") as file:
                file.write(self.encode(own, self.words[label]))

    def path_of(self, label: int) -> Path:
        return self.folder / (self.stems[label] + self.suffix)

    def encode(self, rows: Rows, word: str) -> bytes | memoryview:
        """The bytes that stand for these rows of one word."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is open."""


class NpyFiles(_ClassFiles):
    """Arrays of uint8: (rows, side * side) of ink, as Google's bitmaps; else (rows, h, w[, 3]).

    The number of rows is known beforehand, so the header is written first.
    """

    suffix = ".npy"

    def __init__(
        self, folder: Path, words: Sequence[str], wanted: NDArray[np.int64], look: Look
    ) -> None:
        super().__init__(folder, words, wanted, look)
        height, width, channels = look.shape
        is_flat = look.is_ink and height == width and channels == 1
        row_shape = (height * width,) if is_flat else (height, width, channels)[: 2 + channels // 3]
        for label in np.flatnonzero(wanted).tolist():
            header = {
                "descr": "|u1",
                "fortran_order": False,
                "shape": (int(wanted[label]), *row_shape),
            }
            with self.path_of(label).open("xb") as file:
                npy.write_array_header_1_0(file, header)

    def encode(self, rows: Rows, _word: str) -> bytes | memoryview:
        return np.ascontiguousarray(self.look.pixels(rows)).data


class _Line(msgspec.Struct, gc=False):
    """A line as Google writes it."""

    word: str
    countrycode: str
    timestamp: None
    recognized: bool | None
    key_id: str
    drawing: list[list[list[int]]]


class NdjsonFiles(_ClassFiles):
    """Google's .ndjson: simplified, or with the pen times of the raw files in the frame of the
    simplified ones. No time stamps, which a store does not keep."""

    suffix = ".ndjson"

    def encode(self, rows: Rows, word: str) -> bytes:
        known = zip(
            rows.countries,
            rows.recognised.tolist(),
            rows.key_ids.tolist(),
            stroke_lists(rows),
            strict=True,
        )
        return msgspec.json.Encoder().encode_lines(
            [
                _Line(word, country, None, _RECOGNISED[recognised], str(key_id), strokes)
                for country, recognised, key_id, strokes in known
            ]
        )


class BinFiles(_ClassFiles):
    """Google's .bin; what is not known becomes "ZZ" and 0, as nothing else has room."""

    suffix = ".bin"

    def encode(self, rows: Rows, _word: str) -> bytes:
        drawings = rows.drawings
        assert drawings is not None
        parts: list[bytes] = []
        columns = np.ascontiguousarray(drawings.points.T)
        x, y = columns[0].tobytes(), columns[1].tobytes()
        lengths = drawings.stroke_lengths.tolist()
        stroke_offsets = drawings.stroke_offsets.tolist()
        timed = drawings.is_timed.tolist()
        at = 0
        for row, (key_id, code, recognised) in enumerate(
            zip(rows.key_ids.tolist(), rows.codes.tolist(), rows.recognised.tolist(), strict=True)
        ):
            first, last = stroke_offsets[row : row + 2]
            country = self._country(code)
            self.notes[NO_RECOGNITION] += recognised < 0
            parts.append(HEADER.pack(key_id, country, recognised == 1, 0, last - first))
            self.notes[NO_TIMES] += timed[row]
            for length in lengths[first:last]:
                end = at + length
                parts += [length.to_bytes(2, "little"), x[at:end], y[at:end]]
                at = end
        self.notes = +self.notes
        return b"".join(parts)

    def _country(self, code: bytes) -> bytes:
        if code in COUNTRIES:
            return code
        self.notes[NO_COUNTRY] += code != b""
        return UNKNOWN_COUNTRY


class PngFiles:
    """A folder for each word, and in it "<key_id>.png"; another of the same key is "<key_id>-2"."""

    def __init__(
        self, folder: Path, words: Sequence[str], wanted: NDArray[np.int64], look: Look
    ) -> None:
        self.look = look
        self.folders = [folder / stem for stem in file_stems(words)]
        self.notes: Counter[str] = Counter()
        for label in np.flatnonzero(wanted).tolist():
            self.folders[label].mkdir()

    def add(self, rows: Rows, _split: Split, /) -> None:
        pictures = self.look.pictures(rows)
        known = zip(rows.labels.tolist(), rows.key_ids.tolist(), pictures, strict=True)
        for label, key_id, picture in known:
            with _new_file(self.folders[label], str(key_id)) as file:
                file.write(png_of(picture))

    def close(self) -> None:
        """Nothing is open."""


def _new_file(folder: Path, stem: str) -> io.BufferedWriter:
    copies = 1
    while True:
        name = f"{stem}.png" if copies == 1 else f"{stem}-{copies}.png"
        try:
            return (folder / name).open("xb")
        except FileExistsError:
            copies += 1


def png_of(picture: NDArray[np.uint8]) -> bytes:
    """A picture, (height, width, 1 or 3), as the content of a PNG file."""
    if picture.shape[2] == 1:
        picture = picture[:, :, 0]
    with io.BytesIO() as file:
        Image.fromarray(picture).save(file, "png", compress_level=6)
        return file.getvalue()


def stroke_lists(rows: Rows) -> Iterator[list[list[list[int]]]]:
    """The strokes of each row in Google's layout, [[x, ...], [y, ...]], and times if known."""
    drawings = rows.drawings
    assert drawings is not None
    x, y = drawings.points[:, 0].tolist(), drawings.points[:, 1].tolist()
    ends = np.cumsum(drawings.stroke_lengths).tolist()
    begins = [0, *ends]
    offsets = drawings.stroke_offsets.tolist()
    timed = drawings.is_timed.tolist()
    milliseconds: list[int] = []
    if drawings.times is not None:
        milliseconds = np.nan_to_num(drawings.times).astype(np.int64).tolist()
    for row in range(len(drawings)):
        strokes = range(offsets[row], offsets[row + 1])
        axes = (x, y, milliseconds) if timed[row] else (x, y)
        yield [[axis[begins[s] : ends[s]] for axis in axes] for s in strokes]


def _by_label(rows: Rows) -> Iterator[tuple[int, Rows]]:
    """The rows of each label that occurs, in the order of the rows."""
    order = np.argsort(rows.labels, kind="stable")
    rows = rows.take(order)
    labels, begins = np.unique(rows.labels, return_index=True)
    ends = [*begins[1:].tolist(), len(rows)]
    for label, begin, end in zip(labels.tolist(), begins.tolist(), ends, strict=True):
        yield label, rows.slice(begin, end)


def file_stems(words: Sequence[str]) -> list[str]:
    """A file name for each word, without suffix.

    Two words that differ only in capitals get names that differ in more, for the disks that do not
    tell them apart.
    """
    stems: list[str] = []
    taken: set[str] = set()
    for word in words:
        stem = file_stem(word)
        if stem.casefold() in taken:
            stem = "".join(f"%{byte:02X}" for byte in word.encode())
        taken.add(stem.casefold())
        stems.append(stem)
    return stems


def file_stem(word: str) -> str:
    """A word as a file name without suffix; `word_of` gives back the word."""
    last = len(word) - 1
    return "".join(
        "".join(f"%{byte:02X}" for byte in letter.encode())
        if letter in _UNSAFE or not letter.isprintable() or (letter in ". " and index in (0, last))
        else letter
        for index, letter in enumerate(word)
    )
