"""Folders of pictures, one for each class, as they are usually handed round: train/cat/001.jpg, ...

The class is the name of the folder that holds the picture, at any depth. Pictures of all classes in
one folder will do if their names begin with the class, as in "cat.0.jpg" of Kaggle's dogs and cats.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import numpy as np
from PIL import Image

from ...errors import ConfigError, FormatError, PictureError
from ...image import open_image, read_image
from ...image_file import read_content
from ..chunk import Chunk, Skips, Source, SourceFormat, Wanted
from .picture_rows import PictureRows
from .rows import content_key

__all__ = ["FOLDER", "find_picture_folders"]

STRETCH = 1000
"""Pictures that one task reads, about."""
SAMPLES = 8
"""Pictures of a folder that are looked at to find out what they are."""
OTHER_FILES = "files that are not pictures"

_SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".gif", ".bmp", ".tif", ".tiff")
_NUMBERED = re.compile(r"(.+?)\.\d+\.[^.]+")
_LAYOUT = (
    "Put the pictures of each class into a folder named after it: photos/cat/1.jpg,"
    " photos/dog/1.jpg, ...; or name them after their class: cat.1.jpg, dog.1.jpg, ..."
)


def find_picture_folders(root: Path) -> list[tuple[Path, str]]:
    """The folders with pictures in or below a folder, sorted by path, and the class of each.

    Classes are what the folders are called, letter by letter. Pictures that lie beside the folders
    of classes, in the root itself, belong to none and are passed over, as other loaders do. Only a
    root without such folders has the classes that its pictures' names begin with, and is then
    returned once for each; or it is the folder of one class, if it has the name of one of them.

    Raises:
        FormatError: the pictures lie in the root, and a name does not begin with a class.
    """
    below = [folder for folder in _folders(root, set()) if folder != root and _has_pictures(folder)]
    if below:
        return [(folder, _class_of(folder.name)) for folder in below]
    names = _names(root)
    if not names:
        return []
    words = {name: _word_by_name(name) for name in names}
    strange = [name for name, word in words.items() if word is None]
    if strange:
        some = ", ".join(_readable(name) for name in strange[:3])
        raise FormatError(
            f"The class of {len(strange):,} pictures in {root} cannot be told: {some}. {_LAYOUT}"
        )
    known = sorted({word for word in words.values() if word is not None})
    own = _class_of(root.resolve().name)
    return [(root, word) for word in ([own] if own in known else known)]


def _read_chunks(source: Source, wanted: Wanted, skips: Skips) -> Iterator[Chunk]:
    """The pictures of a folder; see `SourceFormat.read_chunks`.

    Raises:
        ConfigError: it is not said what the pictures are to become.
        FormatError: not one picture of the folder can be used.
    """
    if wanted.image is None:
        raise ConfigError(
            f"{source.path} holds pictures. Say to which size they are to be brought, for example:"
            " --size 64"
        )
    if not wanted.takes(source.word):
        return
    every = _names(source.path)
    own = list(_of_word(every[source.first : source.last], every, source))
    # Several sources may read the folder; it is the first one that counts.
    others = sum(1 for _ in _files(source.path)) - len(every)
    if others and source.first == 0 and own[:1] == every[:1]:
        skips.notes[OTHER_FILES] += others
    folder = source.path.resolve().name
    rows = PictureRows()
    n_rows = 0
    for name in own:
        place = _readable(f"{folder}/{name}")
        try:
            content = read_content(source.path / name)
            picture = read_image(content, wanted.image)
        except PictureError as error:
            skips.add(error.reason, place)
            continue
        # Equal files get equal keys, and so are on the same side of the split.
        rows.add(picture, place, source.word, content_key(content))
        n_rows += 1
        if rows.is_full:
            yield rows.chunk()
            rows = PictureRows()
    if len(rows):
        yield rows.chunk()
    is_whole = source.first == 0 and (source.last is None or source.last >= len(every))
    if n_rows == 0 and is_whole:
        raise FormatError(
            f"There is not one usable picture of '{source.word}' in {source.path}. Save them again"
            " as PNG or JPEG, or take the folder away."
        )


def _cut(path: Path, wanted: Wanted) -> list[tuple[int, int]]:
    n_pictures = len(_names(path))
    if wanted.per_class is not None and wanted.per_class < n_pictures and not _is_mixed(path):
        # Decoding is slow, so what is over the cap is not even looked at, but for a few that take
        # the places of broken ones.
        n_pictures = min(n_pictures, wanted.per_class + wanted.per_class // 20 + 20)
    edges = np.linspace(0, n_pictures, max(1, round(n_pictures / STRETCH)) + 1).astype(int).tolist()
    return list(pairwise(edges))


def _sample(source: Source, _wanted: Wanted) -> Iterator[Image.Image]:
    every = _names(source.path)
    names = list(_of_word(every[source.first : source.last], every, source))
    # From all over the folder, however few of them are taken.
    spread = np.linspace(0, len(names), SAMPLES, endpoint=False).astype(int)
    for place in dict.fromkeys(spread[[0, 4, 2, 6, 1, 5, 3, 7]].tolist()) if names else ():
        try:
            yield open_image(source.path / names[place])
        except PictureError:
            continue


def _of_word(names: Iterable[str], every: list[str], source: Source) -> Iterator[str]:
    """Those of a folder's pictures that are of a source's class: all, unless their names say it."""
    words = {_word_by_name(name) for name in every}
    is_mixed = None not in words and source.word in words
    is_mixed = is_mixed and source.word != _class_of(source.path.resolve().name)
    return (name for name in names if not is_mixed or _word_by_name(name) == source.word)


def _count(source: Source) -> Counter[tuple[str, str]]:
    every = _names(source.path)
    own = _of_word(every[source.first : source.last], every, source)
    return Counter({(source.word, ""): sum(1 for _ in own)})


def _is_mixed(folder: Path) -> bool:
    """Whether a folder holds pictures of several classes, told apart by their names."""
    return len({_word_by_name(name) for name in _names(folder)}) > 1


def _word_by_name(name: str) -> str | None:
    match = _NUMBERED.fullmatch(name)
    return _readable(match[1]) if match else None


def _folders(folder: Path, seen: set[Path]) -> Iterator[Path]:
    """A folder and those below it, sorted; links are followed, but nothing is visited twice."""
    real = folder.resolve()
    if real in seen:
        return
    seen.add(real)
    yield folder
    with os.scandir(folder) as entries:
        below = sorted(
            each.name for each in entries if not each.name.startswith(".") and each.is_dir()
        )
    for name in below:
        yield from _folders(folder / name, seen)


def _has_pictures(folder: Path) -> bool:
    return any(_is_picture(name) for name in _files(folder))


def _names(folder: Path) -> list[str]:
    """The names of the pictures in a folder, sorted."""
    return sorted(name for name in _files(folder) if _is_picture(name))


def _files(folder: Path) -> Iterator[str]:
    """The names of the files in a folder; not of hidden ones, such as "._cat.jpg" of macOS."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and entry.is_file():
                yield entry.name


def _is_picture(name: str) -> bool:
    return name.lower().endswith(_SUFFIXES)


def _class_of(name: str) -> str:
    """The class of a folder of this name; "and%2For" is "and/or", as exported."""
    return unquote(_readable(name))


def _readable(name: str) -> str:
    """A name that can be written as UTF-8, which a file's name need not be."""
    return os.fsencode(name).decode("utf-8", "replace")


def _sniff(_head: bytes, _path: Path) -> bool:
    """No file is a folder; `find_picture_folders` finds them."""
    return False


FOLDER = SourceFormat(
    name="image folder",
    sniff=_sniff,
    read_chunks=_read_chunks,
    cut=_cut,
    sample=_sample,
    count=_count,
)
