"""The first pass of `prepare`: a source file becomes a part, an Arrow file of batches.

Each row has a *place*: the split in its two highest bits, a random number below, both from a hash
of the drawing's id. A batch is sorted by place. Each row also has a *rank*: how many rows of its
word came before it in the file, so that the second pass can take the first ones only.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..errors import FormatError
from ..files import explain_os_errors, replacing, write_json
from .chunk import Chunk, Kind, Skips
from .formats import detect, word_of
from .split import Fractions, order_of, split_of
from .store import VERSION, columns_of, schema_of

__all__ = ["Part", "Plan", "by_place", "part_name", "places", "read_part"]

BATCH_ROWS = 16_384
BATCH_BYTES = 16 * 2**20
"""A batch ends when it has as many rows or bytes: whatever the drawings, memory is bounded."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides the bytes of a store; equal plans may continue each other.

    Attributes:
        files: path, bytes and time of the last change (ns) of each source.
        classes: words that are wanted; all when None.
        per_class: at most so many drawings of each word.
        recognised_only: whether others are left out.
        fractions: shares held out.
        seed: of the shuffling.
        version: of the store's format.
    """

    files: list[tuple[str, int, int]]
    classes: list[str] | None
    per_class: int | None
    recognised_only: bool
    fractions: Fractions
    seed: int
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Part:
    """One source file, read.

    Attributes:
        file: its path.
        words: of the rows that were kept; a row's label is an index into them.
        rows: how many of each word.
        skips: `Skips` as a dict.
        sha256: of the file.
        image_shape: height, width, channels; None for strokes.
    """

    file: str
    words: list[str]
    rows: list[int]
    skips: dict[str, Any]
    sha256: str
    image_shape: list[int] | None


def part_name(index: int) -> str:
    return f"part-{index:05d}"


def read_part(files: list[Path], work: Path, plan: Plan, index: int) -> Part:
    """Read one source file into a part. A file that is unusable is recorded as skipped whole."""
    file = files[index]
    skips = Skips()
    kept: Counter[str] = Counter()
    words: list[str] = []
    image_shape: list[int] | None = None
    target = work / f"{part_name(index)}.arrow"
    only = word_of(file)
    with explain_os_errors(f"reading {file}", "Mend it, and run the same command again"):
        try:
            source = detect(file)
            with replacing(target) as temporary, _PartWriter(temporary, source.kind) as writer:
                for chunk in source.read_chunks(file, only, skips):
                    rows = _wanted_rows(chunk, kept, plan, skips)
                    for word in dict.fromkeys(chunk.words[row] for row in rows):
                        if word not in kept:
                            words.append(word)
                    before = kept.copy()
                    kept.update(chunk.words[row] for row in rows)
                    if chunk.images is not None:
                        image_shape = list(chunk.images.shape[1:])
                    writer.write(chunk, rows, words, before, plan)
                    # A file that is named after its one word need not be read to its end.
                    if plan.per_class and set(kept) == {only} and kept[only] >= plan.per_class:
                        break
        except FormatError as error:
            skips.add(str(error), file.name)
            words = []
        part = Part(
            file=str(file),
            words=words,
            rows=[kept[word] for word in words],
            skips=skips.to_dict(),
            sha256=_sha256(file),
            image_shape=image_shape,
        )
    write_json(work / f"{part_name(index)}.json", asdict(part))
    return part


def _wanted_rows(chunk: Chunk, kept: Counter[str], plan: Plan, skips: Skips) -> NDArray[np.int64]:
    """Rows of a chunk that belong into the store, by word, recognition and cap."""
    taken = kept.copy()
    wanted = set(plan.classes) if plan.classes else None
    rows = []
    for row, word in enumerate(chunk.words):
        if wanted is not None and word not in wanted:
            skips.notes["of a class that was not asked for"] += 1
        elif plan.recognised_only and chunk.recognised[row] != 1:
            skips.notes["not known to be recognised"] += 1
        elif plan.per_class is not None and taken[word] >= plan.per_class:
            skips.notes["more than --per-class"] += 1
        else:
            taken[word] += 1
            rows.append(row)
    return np.array(rows, dtype=np.int64)


class _PartWriter:
    """Gathers chunks into batches sorted by place, and writes them."""

    def __init__(self, path: Path, kind: Kind) -> None:
        self._path, self._kind = path, kind
        self._pending: list[pa.RecordBatch] = []
        self._rows, self._bytes = 0, 0
        self._file: pa.ipc.RecordBatchFileWriter | None = None

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
        words: list[str],
        before: Counter[str],
        plan: Plan,
    ) -> None:
        """Add these rows of a chunk."""
        if len(rows) == 0:
            return
        number = {word: index for index, word in enumerate(words)}
        labels = np.array([number[chunk.words[row]] for row in rows])
        ids = chunk.key_ids[rows]
        images = None if chunk.images is None else chunk.images[rows]
        columns = columns_of(
            labels=labels,
            key_ids=ids,
            countries=[chunk.countries[row] for row in rows],
            recognised=chunk.recognised[rows],
            drawings=None if chunk.drawings is None else chunk.drawings.take(rows),
            images=images,
        )
        schema = schema_of(self._kind, None if images is None else images.shape[1:])
        schema = schema.append(pa.field("place", pa.uint64())).append(pa.field("rank", pa.uint32()))
        place = places(ids, plan.fractions, plan.seed)
        rank = _ranks(labels) + np.array([before[word] for word in words])[labels]
        columns += [pa.array(place), pa.array(rank.astype(np.uint32))]
        batch = pa.record_batch(columns, schema=schema)
        self._pending.append(batch)
        self._rows += len(rows)
        self._bytes += batch.nbytes
        if self._rows >= BATCH_ROWS or self._bytes >= BATCH_BYTES:
            self._flush()

    def _flush(self) -> None:
        if not self._pending:
            return
        table = by_place(pa.Table.from_batches(self._pending))
        if self._file is None:
            self._file = pa.ipc.new_file(str(self._path), table.schema)
        self._file.write_table(table)
        self._pending, self._rows, self._bytes = [], 0, 0


def by_place(table: pa.Table) -> pa.Table:
    """The rows of a table, not none, sorted by place, in one chunk; equal ones keep their order."""
    table = table.combine_chunks()
    order = np.argsort(table.column("place").to_numpy(), kind="stable")
    # Few rows at a time, because Arrow makes an index of eight bytes for each byte of a list.
    portions = [table.take(order[at : at + _TAKEN]) for at in range(0, len(order), _TAKEN)]
    return pa.concat_tables(portions).combine_chunks()


_TAKEN = 2_048


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
