"""What there is to read: files and folders as people name them, made into tasks."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from PIL import Image

from ..errors import DataError, FormatError, UnknownClassError, did_you_mean
from .catalog import WORDS
from .chunk import Source, SourceFormat, Wanted
from .formats import FORMATS, detect, word_of
from .formats.folder import FOLDER, find_picture_folders

__all__ = [
    "Found",
    "Task",
    "find_sources",
    "sample_pictures",
    "tasks_of",
    "unknown_classes",
    "with_classes",
]

_DATA = {".ndjson", ".jsonl", ".bin", ".npy", ".npz", ".csv", ".parquet", ".arrow", ".feather"}
_NOT_DATA = {".md", ".txt", ".json", ".yaml", ".html", ".part", ".png", ".jpg", ".jpeg"}
_SAMPLED_SOURCES = 32
_SAMPLED_EACH = 4


@dataclass(frozen=True, slots=True)
class Task:
    """A stretch of a source, as it was when the work began.

    Attributes:
        path: of the file or folder, absolute.
        format: its name in FORMATS; "" where none was found out.
        word: the class of rows whose class the source does not say.
        first: where the stretch begins, in the unit of the format.
        last: where the next one begins; None for the end.
        bytes: size of the file, or of all files in the folder.
        mtime_ns: time of the last change of any of them.
    """

    path: str
    format: str
    word: str
    first: int
    last: int | None
    bytes: int
    mtime_ns: int

    @property
    def source(self) -> Source:
        return Source(Path(self.path), self.word, self.first, self.last)

    @property
    def reader(self) -> SourceFormat:
        """The format.

        Raises:
            FormatError: it was not found out; the message says why.
        """
        return FORMATS[self.format] if self.format else detect(Path(self.path))


@dataclass(frozen=True, slots=True)
class Found:
    """A source, and its format, None if that is unknown."""

    source: Source
    format: SourceFormat | None

    @property
    def is_of_one_word(self) -> bool:
        """Whether it holds no other word than the one that it is named after."""
        return self.format is FOLDER or self.source.word in WORDS


def find_sources(inputs: Sequence[str | Path]) -> list[Found]:
    """The files and folders of pictures to read, in a fixed order, each once.

    Of a folder, the files of data in it are taken; else the folders of pictures in it, at any
    depth; else the files of data at any depth.

    Raises:
        DataError: a path that is not there, or nothing to read.
    """
    found = [each for name in inputs for each in _found_in(Path(name))]
    if not found:
        raise DataError(
            f"There is nothing to read in {', '.join(map(str, inputs))}. Give files or folders of"
            " drawings (.ndjson, .bin, .npy, .npz, .csv, .parquet) or of pictures."
        )
    return list(dict.fromkeys(found))


def _found_in(path: Path) -> Iterator[Found]:
    if not path.exists():
        near = did_you_mean(path.name, [each.name for each in path.absolute().parent.glob("*")])
        raise DataError(
            f"There is no file or folder {path}.{near or ' Check the path.'}"
            " For Google's drawings, say: doodlewise data prepare quickdraw --classes cat,dog"
        )
    if not path.is_dir():
        yield _found(path)
        return
    files = [_found(file) for file in _files_in(path.iterdir())]
    if any(each.format is not None for each in files):
        yield from files
        return
    pictures = find_picture_folders(path)
    if pictures:
        yield from (Found(Source(folder.resolve(), word), FOLDER) for folder, word in pictures)
        return
    yield from files or map(_found, _files_in(path.rglob("*")))


def _files_in(paths: Iterable[Path]) -> list[Path]:
    """Files that may be data, sorted; hidden ones and notes are passed over."""
    return sorted(
        path
        for path in paths
        if not path.name.startswith(".") and path.suffix.lower() not in _NOT_DATA and path.is_file()
    )


def _found(path: Path) -> Found:
    """A file; that it is of no known format will be explained when it is read."""
    source = Source(path.resolve(), word_of(path))
    try:
        return Found(source, detect(path))
    except (FormatError, OSError):
        return Found(source, None)


def with_classes(found: Sequence[Found], classes: Sequence[str]) -> list[Found]:
    """What may hold these words; what is named after other known words is passed over unread.

    Raises:
        UnknownClassError: a word has no source, and no source may hold several words.
    """
    names = {each.source.word for each in found}
    missing = [word for word in classes if word not in names]
    if missing and all(each.is_of_one_word for each in found):
        raise unknown_classes(missing, names)
    return [each for each in found if each.source.word in classes or not each.is_of_one_word]


def unknown_classes(missing: Sequence[str], known: Iterable[str]) -> UnknownClassError:
    """The error for words that no source has."""
    return UnknownClassError(
        f"No usable drawing of {', '.join(repr(word) for word in missing)} in the sources."
        f"{did_you_mean(missing[0], sorted(known))} Check the spelling and the folder."
    )


def sample_pictures(sources: Sequence[Found], wanted: Wanted) -> Iterator[Image.Image]:
    """Some pictures from all over the sources; none if they are read as strokes or bitmaps."""
    step = max(1, len(sources) // _SAMPLED_SOURCES)
    for found in sources[::step]:
        if found.format is not None and found.format.sample is not None:
            yield from islice(found.format.sample(found.source, wanted), _SAMPLED_EACH)


def tasks_of(sources: Sequence[Found], wanted: Wanted) -> list[Task]:
    """The sources, large ones cut into stretches that are read side by side."""
    tasks = []
    for found in sources:
        path = found.source.path
        stretches: list[tuple[int, int | None]] = [(0, None)]
        if found.format is not None and found.format.cut is not None:
            stretches = list(found.format.cut(path, wanted)) or stretches
        n_bytes, mtime_ns = _status_of(path)
        for first, last in stretches:
            tasks.append(
                Task(
                    path=str(path),
                    format=found.format.name if found.format else "",
                    word=found.source.word,
                    first=first,
                    last=last,
                    bytes=n_bytes,
                    mtime_ns=mtime_ns,
                )
            )
    return tasks


def _status_of(path: Path) -> tuple[int, int]:
    """Bytes and time of the last change of a file, or of all files in a folder."""
    if not path.is_dir():
        status = path.stat()
        return status.st_size, status.st_mtime_ns
    n_bytes, latest = 0, path.stat().st_mtime_ns
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_file():
                status = entry.stat()
                n_bytes += status.st_size
                latest = max(latest, status.st_mtime_ns)
    return n_bytes, latest
