"""sketch-rnn's .npz files: "train", "valid" and "test", each an array of stroke-3 arrays (n, 3).

Arrays of arrays are pickled; they are read without unpickling anything. All three members are
read, one after the other: `prepare` makes splits of its own. Offsets are of raw drawings, in any
scale, so every drawing is simplified.

Source of the layout: magenta/magenta models/sketch_rnn/README.md, and the files of
hardmaru/sketch-rnn-datasets.
"""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ...drawing import Drawing
from ...errors import FormatError
from ...ragged import Ragged, offsets_of
from ..chunk import Chunk, Skips, Source, SourceFormat, Wanted
from .framing import framed
from .naming import mend_command, word_of
from .pickled_arrays import BrokenPickleError, ForbiddenGlobalError, pickled_arrays
from .rows import CHUNK_ROWS, EMPTY, TRUNCATED, strokes_chunk
from .stroke3 import from_stroke3

__all__ = ["SKETCHRNN"]

NOT_STROKE3 = "not an array of numbers of shape (points, 3)"
LARGE = "a drawing of more than 1,000,000 points"

_MEMBERS = ("train", "valid", "test")
_LARGEST_MEMBER = 2 << 30
"""Ten times the largest file of Google's, unpacked."""
_LARGEST_DRAWING = 1_000_000
_CHUNK_POINTS = 1_000_000
"""A chunk of scribbles ends early, so that it stays within a hundred megabytes."""
_READ_AHEAD = 1 << 16
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What reading a damaged, encrypted or oddly packed archive raises."""


class _BrokenOffError(Exception):
    """The rest of a member cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Some drawings of a member.

    Attributes:
        drawings: float64 points, in the coordinates of the file.
        problems: why some have no strokes, by number.
        places: of each.
    """

    drawings: Ragged
    problems: dict[int, str]
    places: list[str]


def _read_chunks(source: Source, _wanted: Wanted, skips: Skips) -> Iterator[Chunk]:
    """The rows of a file; see `SourceFormat.read_chunks`.

    Raises:
        FormatError: no sketch-rnn file, one that would run code, or not one usable drawing in it.
    """
    path, n_rows = source.path, 0
    found = "none of its drawings has points"
    with _open(path) as archive:
        for member in _members(archive, path):
            try:
                for batch in _batches(archive, member, path):
                    chunk = _chunk(batch, source.word, skips)
                    n_rows += len(chunk)
                    if len(chunk):
                        yield chunk
            except _BrokenOffError as problem:
                found = str(problem)
                skips.add(TRUNCATED, f"{path.name} {found}, {_mend(path)}")
    if n_rows == 0:
        raise FormatError(
            f"There is not one usable drawing in {path} ({found}). For a file of Google's,"
            f" {_mend(path)}"
        )


def _chunk(batch: _Batch, word: str, skips: Skips) -> Chunk:
    drawings, rows = framed(
        batch.drawings,
        problems=batch.problems,
        is_raw=np.ones(len(batch.places), bool),
        place=batch.places.__getitem__,
        skips=skips,
    )
    return strokes_chunk(
        names=[word],
        labels=np.zeros(len(rows), np.int32),
        key_ids=np.zeros(len(rows), np.uint64),
        codes=np.zeros(len(rows), "S2"),
        recognised=np.full(len(rows), -1, np.int8),
        points=drawings.points,
        stroke_lengths=drawings.stroke_lengths,
        strokes_per_drawing=np.diff(drawings.stroke_offsets),
        skips=skips,
    )


def _read_drawings(path: Path) -> Iterator[Drawing]:
    """The drawings of a file, in its own scale; see `SourceFormat.read_drawings`.

    Raises:
        FormatError: no sketch-rnn file, one that would run code, or a drawing that cannot be used.
    """
    word = word_of(path)
    with _open(path) as archive:
        for member in _members(archive, path):
            try:
                for batch in _batches(archive, member, path):
                    for row, place in enumerate(batch.places):
                        if (
                            batch.drawings.stroke_offsets[row + 1]
                            == batch.drawings.stroke_offsets[row]
                        ):
                            raise FormatError(
                                f"{path.parent / place}: {batch.problems.get(row, EMPTY)}."
                                " Remove this drawing and try again."
                            )
                        yield replace(batch.drawings[row], word=word)
            except _BrokenOffError as problem:
                raise FormatError(
                    f"{path} {problem}. For a file of Google's, {_mend(path)}"
                ) from None


def _batches(archive: zipfile.ZipFile, member: str, path: Path) -> Iterator[_Batch]:
    """The drawings of a member, some thousands at a time.

    Raises:
        FormatError: it is no array of arrays, or would run code.
        _BrokenOffError: the rest cannot be read; what came before was yielded.
    """
    arrays: list[NDArray[Any] | None] = []
    first, n_points = 0, 0
    name = f"{path.name} {member}"
    try:
        for array in _elements(archive, member, path):
            arrays.append(array)
            n_points += 0 if array is None else array.size // 3
            if len(arrays) >= CHUNK_ROWS or n_points >= _CHUNK_POINTS:
                yield _batch(arrays, name, first)
                first, n_points = first + len(arrays), 0
                arrays = []
    except _BrokenOffError:
        if arrays:
            yield _batch(arrays, name, first)
        raise
    if arrays:
        yield _batch(arrays, name, first)


def _batch(arrays: list[NDArray[Any] | None], name: str, first: int) -> _Batch:
    steps, unlike = [], {}
    for row, array in enumerate(arrays):
        if array is None or array.ndim != 2 or array.shape[1] != 3:
            unlike[row] = NOT_STROKE3
        elif len(array) > _LARGEST_DRAWING:
            unlike[row] = LARGE
        steps.append(np.zeros((0, 3)) if array is None or row in unlike else array)
    offsets = offsets_of([len(array) for array in steps])
    drawings, problems = from_stroke3(np.concatenate(steps).astype(np.float64), offsets)
    places = [f"{name}[{first + row}]" for row in range(len(arrays))]
    return _Batch(drawings, problems | unlike, places)


def _elements(archive: zipfile.ZipFile, member: str, path: Path) -> Iterator[NDArray[Any] | None]:
    """The arrays of a member.

    Raises:
        FormatError: it is no array of arrays, or would run code.
        _BrokenOffError: the rest cannot be read; the message says where and why.
    """
    info = archive.getinfo(f"{member}.npy")
    if info.file_size > _LARGEST_MEMBER:
        raise FormatError(
            f"{member} in {path} claims to be {info.file_size / 2**30:.1f} GiB unpacked; more than"
            f" {_LARGEST_MEMBER >> 30} GiB are not read. If that is true, split the file."
        )
    n_read = 0
    try:
        with archive.open(info) as member_file:
            stream = io.BufferedReader(cast(io.RawIOBase, member_file), _READ_AHEAD)
            n_arrays = _read_header(stream, member, path)
            for array in pickled_arrays(stream):
                n_read += 1
                yield array
        if n_read < n_arrays:
            raise BrokenPickleError(f"{n_arrays:,} were promised")
    except ForbiddenGlobalError as problem:
        raise FormatError(
            f"{member} in {path} would run code if it were unpickled: it asks for {problem}, which"
            " no array of numbers needs. Delete the file, and get it from someone you trust."
        ) from None
    except (BrokenPickleError, *_ZIP_ERRORS) as problem:
        raise _BrokenOffError(f"breaks off after {member}[{n_read}]: {problem}") from None


def _read_header(stream: BinaryIO, member: str, path: Path) -> int:
    """How many arrays there are.

    Raises:
        FormatError: it is not a list of arrays that follows.
    """
    try:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(stream)
    except _ZIP_ERRORS:
        raise
    except Exception as error:  # NumPy lets the errors of Python's tokenizer through
        raise FormatError(
            f"The header of {member} in {path} is broken: {error}. For a file of Google's,"
            f" {_mend(path)}"
        ) from None
    if not dtype.hasobject or len(shape) != 1:
        raise FormatError(
            f"{member} in {path} holds {dtype} {shape}. A sketch-rnn file holds a list of arrays of"
            " shape (points, 3): make a = np.empty(len(drawings), object), a[:] = drawings, and"
            " np.savez(file, train=a)."
        )
    return int(shape[0])


def _open(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise FormatError(
            f"{path} is not a whole .npz file ({error}). For a file of Google's, {_mend(path)}"
        ) from None


def _members(archive: zipfile.ZipFile, path: Path) -> list[str]:
    names = [name.removesuffix(".npy") for name in archive.namelist()]
    members = [name for name in _MEMBERS if name in names]
    if not members:
        raise FormatError(
            f"{path} holds {', '.join(names) or 'nothing'}. A sketch-rnn file holds train, valid"
            " and test: save yours with np.savez(file, train=...)."
        )
    return members


def _mend(path: Path) -> str:
    return f"run: {mend_command(path, 'sketchrnn')}"


def _sniff(head: bytes, path: Path) -> bool:
    """A zip archive with such a member; or, if the archive is broken, that begins with one."""
    if len(head) < _LOCAL_HEADER.size or not head.startswith(b"PK\3\4"):
        return False
    _, length, _ = _LOCAL_HEADER.unpack_from(head)
    names = {head[_LOCAL_HEADER.size :][:length].decode("latin1")}
    with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        names.update(archive.namelist())
    return not names.isdisjoint(f"{name}.npy" for name in _MEMBERS)


SKETCHRNN = SourceFormat(
    name="sketch-rnn",
    sniff=_sniff,
    read_chunks=_read_chunks,
    read_drawings=_read_drawings,
)
