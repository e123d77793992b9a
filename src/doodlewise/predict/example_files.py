"""Examples of words from files, as people have them: drawings by word, pictures by folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from ..data.formats import read_drawings
from ..drawing import Drawing
from ..errors import FormatError
from .classifier import PICTURES

__all__ = ["read_examples"]

Example: TypeAlias = Drawing | Path


def read_examples(paths: Iterable[Path], *, most: int) -> tuple[dict[str, list[Example]], int]:
    """Examples by word, in the order in which the words are met.

    A drawing belongs to the word that it carries, or else to the name of its file; a picture to the
    name of its folder.

    Args:
        paths: files, or folders that are looked through.
        most: examples of a word that are taken, the first ones.

    Returns:
        The examples, and how many more there were.

    Raises:
        FormatError: no such file, nothing usable in it, or a broken line.
    """
    examples: dict[str, list[Example]] = {}
    left_over = 0
    for path in paths:
        for word, example in _examples_of(path):
            own = examples.setdefault(word, [])
            if len(own) < most:
                own.append(example)
            else:
                left_over += 1
    return examples, left_over


def _examples_of(path: Path) -> Iterator[tuple[str, Example]]:
    if not path.exists():
        raise FormatError(f"There is no file or folder {path}. Check the path.")
    if path.is_dir():
        files = sorted(
            file
            for file in path.rglob("*")
            if file.is_file() and not any(p.startswith(".") for p in file.relative_to(path).parts)
        )
        if not files:
            raise FormatError(f"The folder {path} is empty. Give one with drawings in it.")
        for file in files:
            yield from _examples_of(file)
    elif path.suffix.lower() in PICTURES:
        yield path.resolve().parent.name, path
    else:
        for drawing in read_drawings(path):
            yield (drawing.word or path.stem).strip(), drawing
