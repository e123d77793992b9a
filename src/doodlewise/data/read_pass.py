"""The first pass of `prepare`: a source becomes a part, an Arrow file of batches.

Each row has a *place*: the split in its two highest bits, a random number below, both from a hash
of the drawing's id. A batch is sorted by place. Each row also has a *rank*: how many rows of its
word came before it in the source, so that the second pass can take the first ones only.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..errors import FormatError
from ..files import explain_os_errors, replacing, write_json
from .chunk import Chunk, Kind, Skips, Wanted
from .pen_times import mended
from .rows import Rows, columns_of, schema_of
from .sources import Task
from .split import Fractions, order_of, split_of
from .store import VERSION

__all__ = ["Part", "Placed", "Plan", "by_place", "part_name", "places", "read_part"]

BATCH_ROWS = 65_536
BATCH_BYTES = 6 * 2**20
"""A batch ends when it has as many rows or bytes: whatever the drawings, memory is bounded. The
second pass looks into every batch for every shard, so that small ones would cost it time."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides the bytes of a store; equal plans may continue each other.

    Attributes:
        tasks: the sources.
        wanted: what is wanted of them.
        fractions: shares held out.
        seed: of the shuffling.
        version: of the store's format.
    """

    tasks: list[Task]
    wanted: Wanted
    fractions: Fractions
    seed: int
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Part:
    """One task, done.

    Attributes:
        words: of the rows that were kept; a row's label is an index into them.
        rows: how many of each word.
        skips: `Skips` as a dict.
        sha256: of the file; of a stretch of one, or of a folder, of the keys of its rows.
        image_shape: height, width, channels; None for strokes.
        has_origins: whether the rows were files.
        has_times: whether any of the rows has pen times.
    """

    words: list[str]
    rows: list[int]
    skips: dict[str, Any]
    sha256: str
    image_shape: list[int] | None
    has_origins: bool
    has_times: bool


def part_name(index: int) -> str:
    return f"part-{index:05d}"


def read_part(work: Path, plan: Plan, index: int) -> Part:
    """Do one task. A source that is unusable is recorded as skipped whole."""
    task = plan.tasks[index]
    source = task.source
    skips, keys = Skips(), hashlib.sha256()
    choice = _Choice(plan)
    writer = None
    with explain_os_errors(f"reading {source.path}", "Mend it, and run the same command again"):
        try:
            with (
                replacing(work / f"{part_name(index)}.arrow") as temporary,
                _PartWriter(temporary, keeps_times=plan.wanted.times) as writer,
            ):
                for chunk in task.reader.read_chunks(source, plan.wanted, skips):
                    rows, labels, ranks = choice.of(chunk, skips)
                    chunk = _with_times(chunk, plan.wanted, skips)
                    writer.write(chunk, rows, labels, ranks, plan)
                    keys.update(chunk.key_ids[rows].tobytes())
                    if choice.is_done(source.word):
                        break
        except FormatError as error:
            skips.add(str(error), source.path.name)
            choice = _Choice(plan)
        is_whole = source.path.is_file() and source.first == 0 and source.last is None
        part = Part(
            words=choice.words,
            rows=choice.kept.tolist(),
            skips=skips.to_dict(),
            sha256=_sha256(source.path) if is_whole else keys.hexdigest(),
            image_shape=writer.image_shape if writer else None,
            has_origins=bool(writer and writer.has_origins),
            has_times=bool(writer and writer.has_times),
        )
    write_json(work / f"{part_name(index)}.json", asdict(part))
    return part


def _with_times(chunk: Chunk, wanted: Wanted, skips: Skips) -> Chunk:
    """The chunk with pen times as a store keeps them, or with none."""
    drawings = chunk.drawings
    if drawings is None or drawings.times is None:
        return chunk
    kept = mended(drawings, skips) if wanted.times else replace(drawings, times=None)
    return replace(chunk, drawings=kept)


class _Choice:
    """Which rows of a source belong into the store: by word, country, recognition and cap.

    Attributes:
        words: of the rows that were kept, in the order in which they came.
        kept: int64 (words,), how many of each.
    """

    def __init__(self, plan: Plan) -> None:
        self._wanted, self._per_class = plan.wanted, plan.wanted.per_class
        self._countries = None
        if plan.wanted.countries is not None:
            self._countries = np.array([c.encode() for c in plan.wanted.countries], "S2")
        self._label: dict[str, int] = {}
        self.kept = np.zeros(0, np.int64)

    @property
    def words(self) -> list[str]:
        return list(self._label)

    def of(
        self, chunk: Chunk, skips: Skips
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """The rows of a chunk that are kept, their labels, and their ranks within their word."""
        classes = self._wanted.classes
        is_wanted = np.ones(len(chunk), bool)
        if classes is not None:
            by_name = np.array([name in classes for name in chunk.names], bool)
            is_wanted = _less(is_wanted, by_name[chunk.labels], "of a class not asked for", skips)
        if self._countries is not None:
            known = np.isin(chunk.codes, self._countries)
            is_wanted = _less(is_wanted, known, "of a country not asked for", skips)
        if self._wanted.recognised_only:
            recognised = chunk.recognised == 1
            is_wanted = _less(is_wanted, recognised, "not known to be recognised", skips)
        rows = np.flatnonzero(is_wanted)
        for name in (chunk.names[label] for label in _in_order(chunk.labels[rows])):
            self._label.setdefault(name, len(self._label))
        labels = np.array([self._label.get(name, -1) for name in chunk.names])[chunk.labels[rows]]
        self.kept = np.pad(self.kept, (0, len(self._label) - len(self.kept)))
        ranks = _ranks(labels) + self.kept[labels]
        if self._per_class is not None:
            within = ranks < self._per_class
            skips.notes["more than --per-class"] += int((~within).sum())
            rows, labels, ranks = rows[within], labels[within], ranks[within]
        self.kept += np.bincount(labels, minlength=len(self.kept))
        return rows, labels, ranks

    def is_done(self, word: str) -> bool:
        """Whether a source that is named after its one word need not be read to its end."""
        return self.words == [word] and int(self.kept[0]) == self._per_class


def _less(
    wanted: NDArray[np.bool_], condition: NDArray[np.bool_], note: str, skips: Skips
) -> NDArray[np.bool_]:
    """Those wanted that meet a condition; the others are noted."""
    lost = int((wanted & ~condition).sum())
    if lost:
        skips.notes[note] += lost
    return wanted & condition


def _in_order(labels: NDArray[np.integer[Any]]) -> list[int]:
    """The labels that occur, in the order in which they come."""
    unique, first = np.unique(labels, return_index=True)
    return [int(label) for label in unique[np.argsort(first)]]


class _PartWriter:
    """Gathers chunks into batches sorted by place, and writes them."""

    def __init__(self, path: Path, *, keeps_times: bool) -> None:
        self._path, self._keeps_times = path, keeps_times
        self._pending: list[Placed] = []
        self._rows, self._bytes = 0, 0
        self._file: pa.ipc.RecordBatchFileWriter | None = None
        self.image_shape: list[int] | None = None
        self.has_origins = False
        self.has_times = False

    def __enter__(self) -> _PartWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._flush()
        if self._file is not None:
            self._file.close()
        elif kind is None:
            self._path.touch()

    def write(
        self,
        chunk: Chunk,
        rows: NDArray[np.int64],
        labels: NDArray[np.int64],
        ranks: NDArray[np.int64],
        plan: Plan,
    ) -> None:
        """Add these rows of a chunk."""
        if len(rows) == 0:
            return
        every = Rows(
            labels=chunk.labels,
            key_ids=chunk.key_ids,
            recognised=chunk.recognised,
            codes=chunk.codes,
            drawings=chunk.drawings,
            images=chunk.images,
            origins=chunk.origins,
        )
        kept = every if len(rows) == len(chunk) else every.take(rows)
        kept = replace(kept, labels=labels.astype(np.int32))
        placed = Placed(kept, places(kept.key_ids, plan.fractions, plan.seed), ranks)
        self._pending.append(placed)
        self._rows += len(rows)
        self._bytes += kept.nbytes
        if self._rows >= BATCH_ROWS or self._bytes >= BATCH_BYTES:
            self._flush()

    def _flush(self) -> None:
        if not self._pending:
            return
        placed = by_place(self._pending)
        self._rows, self._bytes = 0, 0
        rows = placed.rows
        self.image_shape = None if rows.images is None else list(rows.images.shape[1:])
        self.has_origins = rows.origins is not None
        kind: Kind = "strokes" if rows.images is None else "pixels"
        if rows.drawings is not None and rows.drawings.times is not None:
            self.has_times = True
        # Whether any of the rows to come has times is not known yet, and a file has one schema.
        with_times = kind == "strokes" and self._keeps_times
        schema = schema_of(
            kind, self.image_shape, has_origins=self.has_origins, has_times=with_times
        )
        schema = schema.append(pa.field("place", pa.uint64())).append(pa.field("rank", pa.uint32()))
        columns = [
            *columns_of(rows, has_times=with_times),
            pa.array(placed.places),
            pa.array(placed.ranks.astype(np.uint32)),
        ]
        if self._file is None:
            self._file = pa.ipc.new_file(str(self._path), schema)
        self._file.write_batch(pa.record_batch(columns, schema=schema))


@dataclass(frozen=True, slots=True)
class Placed:
    """Rows, with the place, uint64 (rows,), and the rank, int64 (rows,), of each."""

    rows: Rows
    places: NDArray[np.uint64]
    ranks: NDArray[np.int64]


def by_place(parts: list[Placed]) -> Placed:
    """The rows of all parts, at least one, sorted by place; equal ones keep their order.

    Args:
        parts: emptied, so that their memory is free for the result.
    """
    place = np.concatenate([part.places for part in parts])
    ranks = np.concatenate([part.ranks for part in parts])
    rows = Rows.concat([part.rows for part in parts])
    parts.clear()
    order = np.argsort(place, kind="stable")
    return Placed(rows.take(order), place[order], ranks[order])


def places(key_ids: NDArray[np.uint64], fractions: Fractions, seed: int) -> NDArray[np.uint64]:
    """Where rows go: the split in the two highest bits, a random number below."""
    split = split_of(key_ids, fractions).astype(np.uint64)
    return (split << np.uint64(62)) | (order_of(key_ids, seed) >> np.uint64(2))


def _ranks(labels: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """For each row, how many earlier rows have the same label."""
    order = np.argsort(labels, kind="stable")
    ordered = labels[order]
    starts = np.concatenate([[0], np.flatnonzero(np.diff(ordered)) + 1])
    lengths = np.diff(np.append(starts, len(labels)))
    ranks = np.empty(len(labels), np.int64)
    ranks[order] = np.arange(len(labels)) - np.repeat(starts, lengths)
    return ranks


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
