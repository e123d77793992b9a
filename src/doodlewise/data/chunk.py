"""A few thousand rows as a reader hands them over, and what it had to leave out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..drawing import Drawing
from ..ragged import Ragged

__all__ = ["Chunk", "Kind", "Skips", "SourceFormat"]

Kind = Literal["strokes", "pixels"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of one source file; either `drawings` or `images` is there.

    Attributes:
        words: the class of each row.
        key_ids: uint64 (rows,); where the source has none, a hash of the content.
        countries: two letters each, "" where unknown.
        recognised: int8 (rows,), 1 yes, 0 no, -1 unknown.
        drawings: uint8 points in the frame.
        images: uint8 (rows, height, width, channels).
    """

    words: list[str]
    key_ids: NDArray[np.uint64]
    countries: list[str]
    recognised: NDArray[np.int8]
    drawings: Ragged | None = None
    images: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.words)


@dataclass(slots=True)
class Skips:
    """Rows that were left out, counted by reason, with the first places of each.

    Attributes:
        counts: how many rows for each reason.
        examples: for each reason up to five places, such as "cat.ndjson:17".
        notes: rows that were kept but changed, counted by what was done.
    """

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)

    def add(self, reason: str, place: str, count: int = 1) -> None:
        self.counts[reason] += count
        places = self.examples.setdefault(reason, [])
        if len(places) < 5:
            places.append(place)

    def merge(self, other: Skips) -> None:
        self.counts.update(other.counts)
        self.notes.update(other.notes)
        for reason, places in other.examples.items():
            kept = self.examples.setdefault(reason, [])
            kept += places[: 5 - len(kept)]

    def to_dict(self) -> dict[str, Any]:
        return {
            "counts": dict(self.counts),
            "examples": self.examples,
            "notes": dict(self.notes),
        }


@dataclass(frozen=True, slots=True)
class SourceFormat:
    """One kind of source file.

    Attributes:
        name: as users know it, such as "simplified ndjson".
        kind: what comes out of it.
        sniff: whether a file with these first bytes, at this path, is of this format.
        read_chunks: yields the rows of a file: `(path, word, skips)`; `word` is the class where
            the file does not say it. Rows that cannot be used are counted in `skips`.
        read_drawings: yields the drawings of a file with all that is known about them, and
            raises `FormatError` at the first that cannot be used; None where there are no strokes.
    """

    name: str
    kind: Kind
    sniff: Callable[[bytes, Path], bool]
    read_chunks: Callable[[Path, str, Skips], Iterator[Chunk]]
    read_drawings: Callable[[Path], Iterator[Drawing]] | None = None
