"""What there is to read: files and folders as people name them, made into tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from PIL import Image

from ..errors import DataError, FormatError, UnknownClassError, did_you_mean
from ..image import ImageSpec
from .catalog import WORDS
from .chunk import Source, SourceFormat, Wanted
from .formats import FORMATS, detect, word_of
try:
    from .formats.folder import FOLDER, find_picture_folders
except ImportError:
    FOLDER, find_picture_folders = None, lambda _: []

__all__ = ["Task", "find_sources", "sample_pictures", "tasks_of", "unknown_classes"]

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
        bytes: size of the file; of a folder, of its own entry.
        mtime_ns: time of the last change.
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
class _Found:
    """A file or folder, its format, None if unknown, and the word it is named after."""

    path: Path
    format: SourceFormat | None
    word: str


def find_sources(
    inputs: Sequence[str | Path], classes: Sequence[str] | None = None
) -> list[tuple[Source, SourceFormat | None]]:
    """The files and folders of pictures to read, in a fixed order, each once.

    Of a folder, the files of data in it are taken; else the folders of pictures in it, at any
    depth; else the files of data at any depth.

    Args:
        inputs: files or folders.
        classes: sources that are known to hold none of these words are left out.

    Raises:
        DataError: a path that is not there, or nothing to read.
        UnknownClassError: a word that no source can have.
    """
    found = [each for name in inputs for each in _found_in(Path(name))]
    if not found:
        raise DataError(
            f"There is nothing to read in {', '.join(map(str, inputs))}. Give files or folders of"
            " drawings (.ndjson, .bin, .npy, .npz, .csv, .parquet) or of pictures."
        )
    if classes:
        found = _with_classes(found, classes)
    unique = dict.fromkeys(
        (Source(each.path.resolve(), each.word), each.format) for each in found
    )
    return list(unique)


def _found_in(path: Path) -> Iterator[_Found]:
    if not path.exists():
        near = did_you_mean(path.name, [each.name for each in path.absolute().parent.glob("*")])
        raise DataError(
            f"There is no file or folder {path}.{near or ' Check the path.'}"
            " For Google's drawings, say: doodlewise data prepare quickdraw --classes cat,dog"
        )
    if not path.is_dir():
        yield _Found(path, _format_of(path), word_of(path))
        return
    files = [_Found(file, _format_of(file), word_of(file)) for file in _files_in(path.iterdir())]
    if any(each.format is not None for each in files):
        yield from files
        return
    pictures = find_picture_folders(path)
    if pictures:
        yield from (_Found(folder, FOLDER, word) for folder, word in pictures)
        return
    deeper = _files_in(path.rglob("*"))
    yield from files or (_Found(file, _format_of(file), word_of(file)) for file in deeper)


def _files_in(paths: Iterable[Path]) -> list[Path]:
    """Files that may be data, sorted; hidden ones and notes are passed over."""
    return sorted(
        path
        for path in paths
        if not path.name.startswith(".")
        and path.suffix.lower() not in _NOT_DATA
        and path.is_file()
    )


def _format_of(path: Path) -> SourceFormat | None:
    """The format; None if there is none, which the reading of the file will explain."""
    try:
        return detect(path)
    except (FormatError, OSError):
        return None


def _with_classes(found: list[_Found], classes: Sequence[str]) -> list[_Found]:
    """What may hold these words; what is named after other known words is passed over unopened.

    Raises:
        UnknownClassError: a word has no source, and no source may hold several words.
    """
    names = {each.word for each in found}
    wanted = [each for each in found if each.word in classes or not _is_of_one_word(each)]
    missing = [word for word in classes if word not in names]
    if missing and all(_is_of_one_word(each) for each in found):
        raise unknown_classes(missing, names)
    return wanted


def _is_of_one_word(each: _Found) -> bool:
    return each.format is FOLDER or each.word in WORDS


def unknown_classes(missing: Sequence[str], known: Iterable[str]) -> UnknownClassError:
    """The error for words that no source has."""
    return UnknownClassError(
        f"No usable drawing of {', '.join(repr(word) for word in missing)} in the sources."
        f"{did_you_mean(missing[0], sorted(known))} Check the spelling and the folder."
    )


def sample_pictures(
    sources: Sequence[tuple[Source, SourceFormat | None]], wanted: Wanted
) -> Iterator[Image.Image]:
    """Some pictures from all over the sources; none if they are read as strokes or bitmaps."""
    step = max(1, len(sources) // _SAMPLED_SOURCES)
    for source, source_format in sources[::step]:
        if source_format is not None and source_format.sample is not None:
            yield from islice(source_format.sample(source, wanted), _SAMPLED_EACH)


def tasks_of(
    sources: Sequence[tuple[Source, SourceFormat | None]], wanted: Wanted
) -> list[Task]:
    """The sources, large ones cut into stretches that are read side by side."""
    tasks = []
    for source, source_format in sources:
        stretches: list[tuple[int, int | None]] = [(0, None)]
        if source_format is not None and source_format.cut is not None:
            stretches = list(source_format.cut(source.path, wanted)) or stretches
        status = source.path.stat()
        name = source_format.name if source_format is not None else ""
        tasks += [
            Task(
                str(source.path),
                name,
                source.word,
                first,
                last,
                status.st_size,
                status.st_mtime_ns,
            )
            for first, last in stretches
        ]
    return tasks
