"""Readers of doodle data, one file for each source format, and what tells the formats apart.

A new format is a `SourceFormat` in a file of its own and an entry in FORMATS.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...drawing import Drawing
from ...errors import FormatError, did_you_mean
from ..catalog import WORDS
from ..chunk import SourceFormat
from .binary import BINARY, write_binary
from .bitmap import BITMAP
from .folder import FOLDER
from .headerless import HEADERLESS
from .kaggle import CSV
from .naming import mend_command, word_of
from .ndjson import NDJSON, write_ndjson
from .sketchrnn import SKETCHRNN
from .table import TABLE

__all__ = [
    "FORMATS",
    "detect",
    "mend_command",
    "read_drawings",
    "word_of",
    "write_binary",
    "write_ndjson",
]

FORMATS: dict[str, SourceFormat] = {
    each.name: each for each in (BITMAP, SKETCHRNN, TABLE, BINARY, HEADERLESS, NDJSON, CSV, FOLDER)
}
"""All formats that can be read, by name; the first whose `sniff` agrees is taken."""

_HEAD = 1 << 16
_SUPPORTED = (
    "Doodlewise reads ndjson (simplified or raw), .bin, numpy_bitmap (.npy), Kaggle's CSV files,"
    " sketch-rnn (.npz), Parquet and Arrow tables, and folders of pictures"
)

_KNOWN_STRANGERS = (
    (b"\x1f\x8b", "is compressed by gzip", "Unpack it (gunzip)"),
    (b"PK\x03\x04", "is a zip archive", "Unpack it and give the folder"),
    (b"\x89PNG", "is a PNG picture", "Give the folder in which the folders of the classes are"),
    (b"\xff\xd8\xff", "is a JPEG picture", "Give the folder of the folders of the classes"),
    (b"\xff\xfe", "is text in UTF-16", "Save it as UTF-8"),
    (b"[", "is one JSON array", "Write one JSON object a line instead"),
)


def detect(path: Path) -> SourceFormat:
    """Find out which format a file has by what is in it.

    Raises:
        FormatError: no such file, an empty one, or none of FORMATS.
    """
    head = _read_head(path)
    for source_format in FORMATS.values():
        if source_format.sniff(head, path):
            return source_format
    raise FormatError(_explain_stranger(path, head))


def read_drawings(path: Path) -> Iterator[Drawing]:
    """All drawings of a file of strokes, with everything that the file knows about them.

    They are as they are in the file: raw drawings keep their times and their own coordinates. In a
    .bin file the word is the file's name.

    Raises:
        FormatError: a file without strokes, or of no known format; and, when the reader comes to
            it, a drawing that cannot be used.
    """
    source_format = detect(path)
    if source_format.read_drawings is None:
        raise FormatError(
            f"{path} is {source_format.name}: it holds pixels, not strokes. Give an ndjson, .bin or"
            " CSV file."
        )
    return source_format.read_drawings(path)


def _read_head(path: Path) -> bytes:
    if path.is_dir():
        raise FormatError(f"{path} is a folder. Give the files in it.")
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except FileNotFoundError:
        neighbours = [each.name for each in path.parent.glob("*")]
        advice = did_you_mean(path.name, neighbours) or " Check the path."
        raise FormatError(f"There is no file {path}.{advice}") from None
    if not head:
        raise FormatError(
            f"{path} is empty: it has 0 bytes. If a download broke off, run: {mend_command(path)}"
        )
    return head


def _explain_stranger(path: Path, head: bytes) -> str:
    """What a file of no known format seems to be, and what to do."""
    if head.lstrip().startswith(b"<"):
        return (
            f"{path} is a web page or XML (it begins with {_quoted(head)}), probably the error page"
            f" of a failed download. Delete it and run: {mend_command(path)}"
        )
    for beginning, what, advice in _KNOWN_STRANGERS:
        if head.lstrip().startswith(beginning):
            return f"{path} {what}. {advice}. {_SUPPORTED}."
    again = ""
    if word_of(path) in WORDS:
        again = f" If it is a broken download, run: {mend_command(path)}"
    return (
        f"{path} has no format that is known here: it begins with {_quoted(head)}. {_SUPPORTED}."
        f" Convert it to one of these.{again}"
    )


def _quoted(head: bytes) -> str:
    return repr(head.lstrip()[:40]).removeprefix("b")
