"""The second pass of `prepare`: a shard of the store is gathered from all parts.

It takes from each batch the rows whose place lies in the shard's range, a slice that is found by
bisection, and sorts them by place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from ..files import replacing
from .read_pass import Part, Placed, by_place, part_name
from .rows import columns_of, rows_of
from .split import SPLITS, Fractions, Split
from .store import read_table

__all__ = ["Shuffle", "ShardRange", "Taken", "shard_ranges", "taken_of", "write_shard"]

SHARD_BYTES = 12 * 2**20


@dataclass(frozen=True, slots=True)
class Taken:
    """What is taken of a part.

    Attributes:
        path: of the part.
        labels: in the store, of each word of the part.
        rows: how many of each word; the first of the file.
    """

    path: Path
    labels: list[int]
    rows: list[int]


@dataclass(frozen=True, slots=True)
class ShardRange:
    """Shard `number` of the `of` equal ones of a split."""

    split: Split
    number: int
    of: int

    @property
    def file(self) -> str:
        return f"{self.split}-{self.number:05d}.arrow"

    @property
    def places(self) -> tuple[int, int]:
        """The first place, and the first beyond."""
        base = SPLITS.index(self.split) << 62
        return (
            base + (self.number << 62) // self.of,
            base + ((self.number + 1) << 62) // self.of,
        )


@dataclass(frozen=True, slots=True)
class Shuffle:
    """What the second pass needs to know; `schema` is that of the store,
    `has_times` whether it has pen times."""

    out: Path
    taken: list[Taken]
    n_labels: int
    shards: list[ShardRange]
    schema: pa.Schema
    has_times: bool
    image_shape: tuple[int, ...] | None


def taken_of(
    parts: Sequence[Part], work: Path, classes: Sequence[str], per_class: int | None
) -> list[Taken]:
    """Spread `per_class` over the parts, the first ones first."""
    label = {word: index for index, word in enumerate(classes)}
    left: Counter[str] = Counter()
    every = []
    for index, part in enumerate(parts):
        rows = []
        for word, n in zip(part.words, part.rows, strict=True):
            n_taken = n if per_class is None else min(n, per_class - left[word])
            left[word] += n_taken
            rows.append(n_taken)
        path = work / f"{part_name(index)}.arrow"
        every.append(Taken(path, [label[word] for word in part.words], rows))
    return every


def shard_ranges(n_bytes: int, fractions: Fractions) -> list[ShardRange]:
    """Shards of about SHARD_BYTES for this much, at least one for each split."""
    shares = (1.0 - fractions.val - fractions.test, fractions.val, fractions.test)
    ranges = []
    for split, share in zip(SPLITS, shares, strict=True):
        n = max(1, round(n_bytes * share / SHARD_BYTES))
        ranges += [ShardRange(split, number, n) for number in range(n)]
    return ranges


def write_shard(shuffle: Shuffle, index: int) -> list[int]:
    """Write one shard, if it is not there; how many rows of each label it has."""
    shard = shuffle.shards[index]
    path = shuffle.out / shard.file
    if path.exists():
        labels = read_table(path).column("label").to_numpy()
    else:
        pieces = [piece for taken in shuffle.taken for piece in _pieces(taken, shard, shuffle)]
        schema = shuffle.schema
        batch = schema.empty_table().to_batches()
        labels = np.zeros(0, np.int32)
        if pieces:
            rows = by_place(pieces).rows
            columns = columns_of(rows, has_times=shuffle.has_times)
            batch, labels = [pa.record_batch(columns, schema=schema)], rows.labels
        with replacing(path) as temporary, pa.ipc.new_file(str(temporary), schema) as writer:
            for each in batch:
                writer.write_batch(each)
    return [int(n) for n in np.bincount(labels, minlength=shuffle.n_labels)]


def _pieces(taken: Taken, shard: ShardRange, shuffle: Shuffle) -> Iterator[Placed]:
    """Rows of one part that belong into a shard, with the labels of the store."""
    if not taken.labels:
        return
    low, high = shard.places
    new_label, cap = np.array(taken.labels, np.int32), np.array(taken.rows)
    for batch in read_table(taken.path).to_batches():
        place = batch.column("place").to_numpy()
        # Inclusive above, because the end of a range may be 2 ** 64.
        first = int(np.searchsorted(place, np.uint64(low), side="left"))
        last = int(np.searchsorted(place, np.uint64(high - 1), side="right"))
        if first == last:
            continue
        # Copied, so that no page of the part stays mapped while the others are read.
        piece = batch.slice(first, last - first)
        rows = rows_of(pa.Table.from_batches([piece]), shuffle.image_shape)
        old = rows.labels
        rows = replace(rows, labels=new_label[old])
        places = piece.column("place").to_numpy().copy()
        ranks = piece.column("rank").to_numpy().astype(np.int64)
        within = ranks < cap[old]
        if not within.all():
            chosen = np.flatnonzero(within)
            rows, places, ranks = rows.take(chosen), places[chosen], ranks[chosen]
        if len(rows):
            yield Placed(rows, places, ranks)
