"""What a reader is given, and what it hands over: a few thousand rows, and what it left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..drawing import Drawing
from ..image import ImageSpec
from ..ragged import Ragged

__all__ = ["Chunk", "Kind", "Origins", "Skips", "Source", "SourceFormat", "Wanted", "codes_of"]

Kind = Literal["strokes", "pixels"]

EXAMPLES = 100
"""Places that are kept for each reason."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file, a folder of pictures of one class, or a stretch of one: what one task reads.

    Attributes:
        path: of the file or folder.
        word: the class of rows whose class the source does not say.
        first: where the stretch begins, in the unit of the format (bytes, files, row groups).
        last: where the next one begins; None for the end.
    """

    path: Path
    word: str
    first: int = 0
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of the sources.

    Attributes:
        classes: only these words; all when None.
        countries: only drawings of these, two letters each; all when None.
        recognised_only: leave out drawings that are not known to be recognised.
        image: how pictures become pixels; None where strokes are wanted.
        label_column: of a table, where the class is; found by its usual names when None.
        per_class: how many of each word; `prepare` sees to it, but a reader may cut large sources
            so that what is over is not read.
        times: whether pen times are kept where the sources have them; `prepare` sees to it.
    """

    classes: tuple[str, ...] | None = None
    countries: tuple[str, ...] | None = None
    recognised_only: bool = False
    image: ImageSpec | None = None
    label_column: str | None = None
    per_class: int | None = None
    times: bool = True

    def takes(self, word: str, country: str = "", recognised: int = -1) -> bool:
        """Whether a row is wanted; a reader of pictures asks before it decodes one.

        Readers of strokes need not ask: `prepare` does, for every row.
        """
        return (
            (self.classes is None or word in self.classes)
            and (self.countries is None or country in self.countries)
            and (not self.recognised_only or recognised == 1)
        )


@dataclass(frozen=True, slots=True)
class Origins:
    """Where the images of a chunk came from, for those that were files.

    Attributes:
        names: path of each, below the folder that was given.
        sizes: uint32 (rows, 2), width and height before they were brought to one size.
    """

    names: list[str]
    sizes: NDArray[np.uint32]

    def take(self, chosen: NDArray[np.integer[Any]]) -> Origins:
        """Those of these rows, in this order."""
        return Origins([self.names[row] for row in chosen.tolist()], self.sizes[chosen])

    def slice(self, first: int, last: int) -> Origins:
        """Those of rows first to last."""
        return Origins(self.names[first:last], self.sizes[first:last])

    @classmethod
    def concat(cls, parts: Sequence[Origins]) -> Origins:
        """Several, one after the other."""
        names = [name for part in parts for name in part.names]
        return cls(names, np.concatenate([part.sizes for part in parts]))


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of one source; either `drawings` or `images` is there.

    Attributes:
        names: the classes that occur.
        labels: int32 (rows,), the class of each row, an index into names.
        key_ids: uint64 (rows,); where the source has none, a hash of the content.
        codes: S2 (rows,), country codes, b"" where unknown.
        recognised: int8 (rows,), 1 yes, 0 no, -1 unknown.
        drawings: uint8 points in the frame.
        images: uint8 (rows, height, width, channels).
        origins: of images that were files.
    """

    names: list[str]
    labels: NDArray[np.int32]
    key_ids: NDArray[np.uint64]
    codes: NDArray[np.bytes_]
    recognised: NDArray[np.int8]
    drawings: Ragged | None = None
    images: NDArray[np.uint8] | None = None
    origins: Origins | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def words(self) -> list[str]:
        """The class of each row."""
        return [self.names[label] for label in self.labels.tolist()]

    @property
    def countries(self) -> list[str]:
        """The country of each row, two letters, "" where unknown."""
        return [code.decode("ascii") for code in self.codes.tolist()]


def codes_of(countries: Sequence[str]) -> NDArray[np.bytes_]:
    """Country codes as `Chunk` has them: S2 (rows,)."""
    return np.array([country.encode("ascii", "replace") for country in countries], "S2")


@dataclass(slots=True)
class Skips:
    """Rows that were left out, counted by reason, with the first places of each.

    Attributes:
        counts: how many rows for each reason.
        examples: for each reason the first places, such as "cat.ndjson:17".
        notes: rows that were kept but changed, counted by what was done.
    """

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)

    def add(self, reason: str, place: str, count: int = 1) -> None:
        self.counts[reason] += count
        places = self.examples.setdefault(reason, [])
        if len(places) < EXAMPLES:
            places.append(place)

    def merge(self, other: Skips) -> None:
        self.counts.update(other.counts)
        self.notes.update(other.notes)
        for reason, places in other.examples.items():
            kept = self.examples.setdefault(reason, [])
            kept += places[: EXAMPLES - len(kept)]

    def to_dict(self) -> dict[str, Any]:
        return {
            "counts": dict(self.counts),
            "examples": self.examples,
            "notes": {note: n for note, n in self.notes.items() if n},
        }


@dataclass(frozen=True, slots=True)
class SourceFormat:
    """One kind of source.

    Attributes:
        name: as users know it, such as "simplified ndjson".
        sniff: whether a file with these first bytes, at this path, is of this format.
        read_chunks: yields the rows of a source: `(source, wanted, skips)`. Rows that cannot be
            used are counted in `skips`; a source without one usable row raises `FormatError`.
        read_drawings: yields the drawings of a file with all that is known about them, and
            raises `FormatError` at the first that cannot be used; None where there are no strokes.
        cut: where a large file is cut into stretches that are read side by side, as
            `(first, last)` of each, whatever the number of processes; None if it is read at once.
        sample: yields a few pictures of a source, `(source, wanted)`, by which `prepare` finds
            out their size and whether they have colour; None where there are no pictures. Where
            there are strokes too, pictures are yielded only if `wanted.image` asks for them.
        count: rows of a source by word and country, quicker than by reading them; None if there is
            no quicker way.
    """

    name: str
    sniff: Callable[[bytes, Path], bool]
    read_chunks: Callable[[Source, Wanted, Skips], Iterator[Chunk]]
    read_drawings: Callable[[Path], Iterator[Drawing]] | None = None
    cut: Callable[[Path, Wanted], list[tuple[int, int]]] | None = None
    sample: Callable[[Source, Wanted], Iterator[Image.Image]] | None = None
    count: Callable[[Source], Counter[tuple[str, str]]] | None = None
