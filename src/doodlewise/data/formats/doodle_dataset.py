"""The pictures of Kaggle's Doodle Dataset: a CSV file that names a PNG for each drawing.

    Doodle Dataset/
      master_doodle_dataframe.csv      image_path: data/traffic light/5613582005829632.png
      doodle/traffic light/5613582005829632.png

The paths begin with "data", the folder is called "doodle"; where it is called "data", the paths are
right as they are.

Source of the layout: notebooks and loaders in public repositories.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from PIL import Image

from ...errors import PictureError
from ...image import open_image, read_image
from ..chunk import Chunk, Skips, Source, Wanted
from .csv_rows import CsvRows
from .kaggle_columns import KaggleColumns
from .picture_rows import PictureRows
from .rows import content_key
from .strokes_of_json import UnusableError

__all__ = ["PICTURE_COLUMN", "read_pictures", "sample_pictures"]

PICTURE_COLUMN = "image_path"

MISSING = "missing picture"
OUTSIDE = "a picture outside of the folder"
UNOPENED = "pictures that were not asked for"
OVER = "more than --per-class"

_SAMPLES = 8

_FOLDER_IN_PATHS, _FOLDER = "data", "doodle"


def read_pictures(table: CsvRows, source: Source, wanted: Wanted, skips: Skips) -> Iterator[Chunk]:
    """The rows of a file as pictures; `wanted.image` says how they become pixels.

    Raises:
        FormatError: the file lists no pictures, or not one of them can be used.
    """
    spec = wanted.image
    assert spec is not None
    paths = _Paths(table, source.path)
    columns = KaggleColumns(table, source.word, wanted.label_column)
    pictures, n_rows = PictureRows(), 0
    taken: Counter[str] = Counter()
    for number, fields, problem in table:
        try:
            if problem:
                raise UnusableError(problem)
            word, country, recognised = columns.facts(fields)
            if not wanted.takes(word, country, recognised):
                skips.notes[UNOPENED] += 1
            elif taken[word] == wanted.per_class:
                skips.notes[OVER] += 1
            else:
                name = paths.name_of(fields)
                picture = read_image(source.path.parent / name, spec)
                key_id = columns.key_id(fields) or content_key(picture.pixels.tobytes())
                pictures.add(picture, name, word, key_id, country, recognised)
                taken[word] += 1
            n_rows += 1
        except UnusableError as reason:
            skips.add(str(reason), table.place_of(number))
        except PictureError as error:
            skips.add(error.reason, table.place_of(number))
        if pictures.is_full:
            yield pictures.chunk()
            pictures = PictureRows()
    if len(pictures):
        yield pictures.chunk()
    if n_rows == 0:
        raise table.unusable(skips, f" The pictures are looked for in {paths.folder}.")


def sample_pictures(source: Source, wanted: Wanted) -> Iterator[Image.Image]:
    """A few of the pictures; see `SourceFormat.sample`."""
    table = CsvRows(source.path, source.first, source.last)
    if wanted.image is None or PICTURE_COLUMN not in table.names:
        return
    paths = _Paths(table, source.path)
    columns = KaggleColumns(table, source.word, wanted.label_column)
    left = _SAMPLES
    for _, fields, problem in table:
        try:
            if problem or not wanted.takes(*columns.facts(fields)):
                continue
            picture = open_image(source.path.parent / paths.name_of(fields))
        except (UnusableError, PictureError):
            continue
        yield picture
        left -= 1
        if left == 0:
            return


class _Paths:
    """Finds the pictures.

    Attributes:
        folder: in which they are.
    """

    def __init__(self, table: CsvRows, csv: Path) -> None:
        self._column = table.required(
            PICTURE_COLUMN,
            "--size is for pictures; strokes are kept as strokes and drawn at any size later, so"
            " leave it out (doodlewise train ... --side 64).",
        )
        self._parent = csv.parent
        self._leading = _FOLDER if (csv.parent / _FOLDER).is_dir() else _FOLDER_IN_PATHS
        self.folder = csv.parent / self._leading

    def name_of(self, fields: list[bytes]) -> str:
        """Path of a row's picture below the folder of the CSV file.

        Raises:
            UnusableError: it is not there.
        """
        path = PurePosixPath(fields[self._column].decode("utf-8", "replace").replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            raise UnusableError(OUTSIDE)
        if path.parts[:1] == (_FOLDER_IN_PATHS,):
            path = PurePosixPath(self._leading, *path.parts[1:])
        if not (self._parent / path).is_file():
            raise UnusableError(MISSING)
        return str(path)
