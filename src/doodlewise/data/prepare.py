"""Sources into a store, in two passes of constant memory, each a pure function mapped over processes.

1. *Read*: every source file becomes a *part*, an Arrow file with batches of some ten thousand rows.
   Each row has a *place*: the split in its two highest bits, a random number below, both from a
   hash of the drawing's id. A batch is sorted by place.
2. *Shuffle*: every shard of the store takes from each batch the rows whose place lies in the
   shard's range (a slice, found by bisection) and sorts them by place.

So the rows are shuffled across all sources, no process ever holds more than a batch or a shard, and
the bytes of a store depend on the sources and settings alone, not on how many processes wrote it.

A part and a shard appear under their name only when whole. Whoever kills this and starts it again
goes on where it stopped; the manifest is written last.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..errors import DataError, FormatError, StoreError, UnknownClassError, did_you_mean
from ..files import explain_os_errors, replacing, write_json
from ..raster import RenderSpec
from .chunk import Chunk, Kind, Skips
from .formats import detect, word_of
from .split import SPLITS, Fractions, Split, order_of, split_of
from .store import MANIFEST, Manifest, Shard, columns_of, read_table, schema_of

__all__ = ["PrepareProgress", "prepare"]

BATCH_ROWS = 32_768
SHARD_BYTES = 32 * 2**20
WORK = ".prepare"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PrepareProgress:
    """How far `prepare` is: which pass, files done of all, drawings so far."""

    doing: str
    done: int
    total: int
    drawings: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """Everything that decides the bytes of the store; equal plans may continue each other."""

    files: list[tuple[str, int, int]]
    classes: list[str] | None
    per_class: int | None
    recognised_only: bool
    fractions: Fractions
    seed: int


@dataclass(frozen=True, slots=True)
class _Part:
    """One source file, read."""

    file: str
    words: list[str]
    rows: list[int]
    skips: dict[str, Any]
    sha256: str
    image_shape: list[int] | None


def prepare(
    inputs: Sequence[str | Path],
    out: str | Path,
    *,
    classes: Sequence[str] | None = None,
    per_class: int | None = None,
    recognised_only: bool = False,
    fractions: Fractions | None = None,
    seed: int = 0,
    jobs: int | None = None,
    overwrite: bool = False,
    progress: Callable[[PrepareProgress], None] | None = None,
) -> Manifest:
    """Read sources and write a store.

    Args:
        inputs: files, or folders of files; the format of each is found from its content.
        out: folder of the store.
        classes: only these words; all that are found when None.
        per_class: at most this many drawings a word, the first ones of the files.
        recognised_only: leave out drawings that the game did not recognise.
        fractions: shares held out for validation and test.
        seed: of the shuffling.
        jobs: processes; as many as cores when None.
        overwrite: replace a store that is already there.
        progress: called as the work goes on.

    Returns:
        What is in the store.

    Raises:
        DataError: no usable file, a full disk, no permission.
        StoreError: `out` holds something else, or sources of both kinds were given.
        UnknownClassError: a word that no source has.
    """
    out = Path(out)
    if per_class is not None and per_class < 1:
        raise DataError(f"--per-class is {per_class}; choose 1 or more.")
    files = list(_source_files(inputs, set(classes) if classes else None))
    plan = _Plan(
        files=[(str(f.resolve()), f.stat().st_size, f.stat().st_mtime_ns) for f in files],
        classes=sorted(classes) if classes else None,
        per_class=per_class,
        recognised_only=recognised_only,
        fractions=fractions or Fractions(),
        seed=seed,
    )
    tell = progress or (lambda _: None)
    again = "Run the same command again; it goes on where it stopped"
    with explain_os_errors(f"writing {out}", again):
        finished = _open_work(out, plan, overwrite)
        if finished is not None:
            return finished
        with _executor(jobs, len(files)) as executor:
            parts = _read_all(files, out, plan, executor, tell)
            manifest = _shuffle_all(parts, files, out, plan, executor, tell)
        manifest.write(out)
        shutil.rmtree(out / WORK)
    return manifest


def _source_files(inputs: Sequence[str | Path], wanted: set[str] | None) -> Iterator[Path]:
    """The files to read, in a fixed order; those of other known words are passed over unopened."""
    found_any = False
    for name in inputs:
        path = Path(name)
        if not path.exists():
            raise DataError(f"There is no file or folder {path}. Check the path.")
        inside = sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
        for file in inside:
            if path.is_dir() and (file.name.startswith(".") or file.suffix in _NOT_DATA):
                continue
            found_any = True
            if wanted is None or word_of(file) in wanted or not _names_a_word(file):
                yield file
    if not found_any:
        raise DataError(
            f"There is nothing to read in {', '.join(map(str, inputs))}. Give files or folders of"
            " .ndjson, .bin or .npy."
        )


_NOT_DATA = {".md", ".txt~", ".json", ".yaml", ".html", ".part"}


def _names_a_word(file: Path) -> bool:
    from .catalog import WORDS

    return word_of(file) in WORDS


def _open_work(out: Path, plan: _Plan, overwrite: bool) -> Manifest | None:
    """Make ready the folder; a manifest if this very store is already there."""
    work = out / WORK
    wanted = json.loads(json.dumps(asdict(plan)))
    record = work / "plan.json"
    before = json.loads(record.read_text()) if record.exists() else None
    if (out / MANIFEST).exists() and not overwrite:
        manifest = Manifest.read(out)
        made_of = [[s["path"], s["bytes"], s["mtime_ns"]] for s in manifest.sources]
        same = made_of == wanted["files"] and _settings(manifest) == _settings_of(plan)
        if same:
            return manifest
        raise StoreError(
            f"{out} already holds a store, made of other sources or with other settings. Choose"
            " another --out, or add --overwrite."
        )
    if out.exists() and before is None and not (out / MANIFEST).exists() and any(out.iterdir()):
        raise StoreError(f"The folder {out} is not empty and not a store. Choose another --out.")
    if before != wanted or (overwrite and (out / MANIFEST).exists()):
        (out / MANIFEST).unlink(missing_ok=True)
        for shard in out.glob("*.arrow"):
            shard.unlink()
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        write_json(record, wanted)
    return None


def _settings_of(plan: _Plan) -> dict[str, Any]:
    return {
        "classes": plan.classes,
        "per_class": plan.per_class,
        "recognised_only": plan.recognised_only,
        "fractions": asdict(plan.fractions),
        "seed": plan.seed,
    }


def _settings(manifest: Manifest) -> dict[str, Any]:
    return dict(manifest.settings)


@contextmanager
def _executor(jobs: int | None, tasks: int) -> Iterator[Executor | None]:
    """Processes, or None where one is enough."""
    jobs = min(jobs or os.cpu_count() or 1, max(tasks, 1))
    if jobs == 1:
        yield None
        return
    # Spawned, not forked: a fork of a process with threads (torch, Arrow) may hang.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as executor:
        try:
            yield executor
        except BaseException:
            executor.shutdown(wait=True, cancel_futures=True)
            raise


def _map(
    executor: Executor | None, function: Callable[[int], T], tasks: Iterable[int]
) -> Iterator[tuple[int, T]]:
    """Results as they come, each with its task."""
    if executor is None:
        for task in tasks:
            yield task, function(task)
        return
    futures = {executor.submit(function, task): task for task in tasks}
    for future in as_completed(futures):
        yield futures[future], future.result()


def _read_all(
    files: list[Path],
    out: Path,
    plan: _Plan,
    executor: Executor | None,
    tell: Callable[[PrepareProgress], None],
) -> list[_Part]:
    parts: dict[int, _Part] = {}
    for index in range(len(files)):
        record = out / WORK / f"part-{index:05d}.json"
        if record.exists():
            parts[index] = _Part(**json.loads(record.read_text(encoding="utf-8")))
    missing = [index for index in range(len(files)) if index not in parts]
    read = partial(_read_part, files, out / WORK, plan)
    drawings = sum(sum(part.rows) for part in parts.values())
    tell(PrepareProgress("reading", len(parts), len(files), drawings))
    for index, part in _map(executor, read, missing):
        parts[index] = part
        drawings += sum(part.rows)
        tell(PrepareProgress("reading", len(parts), len(files), drawings))
    return [parts[index] for index in range(len(files))]


def _read_part(files: list[Path], work: Path, plan: _Plan, index: int) -> _Part:
    """Read one source file into a part. A file that is unusable is recorded as skipped whole."""
    file = files[index]
    skips = Skips()
    kept: Counter[str] = Counter()
    words: list[str] = []
    image_shape: list[int] | None = None
    target = work / f"part-{index:05d}.arrow"
    wanted = set(plan.classes) if plan.classes else None
    only = word_of(file)
    with explain_os_errors(f"reading {file}", "Mend it, and run the same command again"):
        try:
            source = detect(file)
            with replacing(target) as temporary, _PartWriter(temporary, source.kind) as writer:
                for chunk in source.read_chunks(file, only, skips):
                    rows = _wanted_rows(chunk, kept, wanted, plan, skips)
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
            target.unlink(missing_ok=True)
            words = []
            kept.clear()
        part = _Part(
            file=str(file),
            words=words,
            rows=[kept[word] for word in words],
            skips=skips.to_dict(),
            sha256=_sha256(file),
            image_shape=image_shape,
        )
    write_json(work / f"part-{index:05d}.json", asdict(part))
    return part


def _wanted_rows(
    chunk: Chunk, kept: Counter[str], wanted: set[str] | None, plan: _Plan, skips: Skips
) -> NDArray[np.int64]:
    """Rows of a chunk that belong into the store, by word, recognition and cap."""
    taken = kept.copy()
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
        self._rows = 0
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
        plan: _Plan,
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
        schema = schema.append(pa.field("place", pa.uint64())).append(
            pa.field("rank", pa.uint32())
        )
        place = places(ids, plan.fractions, plan.seed)
        rank = _ranks(labels) + np.array([before[word] for word in words])[labels]
        columns += [pa.array(place), pa.array(rank.astype(np.uint32))]
        self._pending.append(pa.record_batch(columns, schema=schema))
        self._rows += len(rows)
        if self._rows >= BATCH_ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._pending:
            return
        table = pa.Table.from_batches(self._pending).combine_chunks()
        table = table.take(np.argsort(table.column("place").to_numpy(), kind="stable"))
        if self._file is None:
            self._file = pa.ipc.new_file(str(self._path), table.schema)
        self._file.write_table(table.combine_chunks())
        self._pending, self._rows = [], 0


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


@dataclass(frozen=True, slots=True)
class _Shuffle:
    """What the second pass needs to know.

    Attributes:
        parts: (path, label of each word of the part, most rows of each word) of each part.
        n_shards: shards of each split.
    """

    out: Path
    parts: list[tuple[Path, list[int], list[int]]]
    shards: list[tuple[Split, int, int]]
    schema: pa.Schema


def _shuffle_all(
    parts: list[_Part],
    files: list[Path],
    out: Path,
    plan: _Plan,
    executor: Executor | None,
    tell: Callable[[PrepareProgress], None],
) -> Manifest:
    skips = _all_skips(parts)
    classes = sorted({word for part in parts for word in part.words})
    _check_classes(classes, plan, skips, parts)
    shapes = {tuple(part.image_shape) if part.image_shape else None for part in parts if part.words}
    if len(shapes) > 1:
        raise StoreError(
            "The sources are of different kinds: "
            + ", ".join("strokes" if s is None else f"images of {s}" for s in sorted(shapes, key=str))
            + ". Prepare a store of each."
        )
    image_shape = next(iter(shapes))
    kind: Kind = "strokes" if image_shape is None else "pixels"
    label = {word: index for index, word in enumerate(classes)}
    left = Counter(dict.fromkeys(classes, plan.per_class)) if plan.per_class else None
    taken = []
    for index, part in enumerate(parts):
        most = [rows if left is None else min(rows, left[word]) for word, rows in _counts(part)]
        for word, rows in zip(part.words, most, strict=True):
            if left is not None:
                left[word] -= rows
        path = out / WORK / f"part-{index:05d}.arrow"
        taken.append((path, [label[word] for word in part.words], most))
    total = sum(sum(most) for _, _, most in taken)
    size = sum(path.stat().st_size for path, words, _ in taken if words)
    shares = dict(zip(SPLITS, _shares(plan.fractions), strict=True))
    shards: list[tuple[Split, int, int]] = []
    for split in SPLITS:
        n = max(1, round(size * shares[split] / SHARD_BYTES))
        shards += [(split, index, n) for index in range(n)]
    shuffle = _Shuffle(out, taken, shards, schema_of(kind, image_shape))
    counts: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    written: dict[int, list[int]] = {}
    tell(PrepareProgress("shuffling", 0, len(shards), total))
    for index, by_label in _map(executor, partial(_write_shard, shuffle), range(len(shards))):
        written[index] = by_label
        tell(PrepareProgress("shuffling", len(written), len(shards), total))
    for index, (split, _, _) in enumerate(shards):
        for word, n in zip(classes, written[index], strict=True):
            counts[split][word] += n
    return Manifest(
        kind=kind,
        classes=classes,
        counts={split: {word: counts[split][word] for word in classes} for split in SPLITS},
        shards=[
            Shard(shard_name(split, number), split, sum(written[index]))
            for index, (split, number, _) in enumerate(shards)
        ],
        image_shape=list(image_shape) if image_shape else None,
        # 28 x 28 x 1 is the shape of Google's bitmaps, whose look is the default RenderSpec.
        render=RenderSpec() if image_shape == (28, 28, 1) else None,
        fractions=plan.fractions,
        seed=plan.seed,
        sources=[
            {
                "path": path,
                "bytes": n_bytes,
                "mtime_ns": mtime_ns,
                "sha256": part.sha256,
                "rows": sum(most),
            }
            for part, (path, n_bytes, mtime_ns), (_, _, most) in zip(
                parts, plan.files, taken, strict=True
            )
        ],
        skipped=skips.to_dict(),
        settings=_settings_of(plan),
    )


def _counts(part: _Part) -> Iterator[tuple[str, int]]:
    return zip(part.words, part.rows, strict=True)


def _shares(fractions: Fractions) -> tuple[float, float, float]:
    return 1.0 - fractions.val - fractions.test, fractions.val, fractions.test


def shard_name(split: Split, number: int) -> str:
    return f"{split}-{number:05d}.arrow"


def _all_skips(parts: list[_Part]) -> Skips:
    skips = Skips()
    for part in parts:
        values = part.skips
        skips.merge(
            Skips(Counter(values["counts"]), values["examples"], Counter(values["notes"]))
        )
    return skips


def _check_classes(classes: list[str], plan: _Plan, skips: Skips, parts: list[_Part]) -> None:
    missing = [word for word in plan.classes or [] if word not in classes]
    if missing:
        known = sorted({word_of(Path(part.file)) for part in parts} | set(classes))
        raise UnknownClassError(
            f"No usable drawing of {', '.join(repr(word) for word in missing)} in the sources."
            f"{did_you_mean(missing[0], known)} Check the spelling and the folder."
        )
    if not classes:
        reasons = "; ".join(f"{reason} ({n}x)" for reason, n in skips.counts.most_common(3))
        raise DataError(
            f"Not one drawing could be used: {reasons or 'the files are empty'}. Check the sources."
        )


def _write_shard(shuffle: _Shuffle, index: int) -> list[int]:
    """Write one shard; how many rows of each label it has."""
    split, number, n_shards = shuffle.shards[index]
    path = shuffle.out / shard_name(split, number)
    n_labels = 1 + max(max(labels, default=0) for _, labels, _ in shuffle.parts)
    if path.exists():
        labels = read_table(path).column("label").to_numpy()
        return [int(n) for n in np.bincount(labels, minlength=n_labels)]
    low, high = _range_of(split, number, n_shards)
    slices = [
        piece
        for part, labels, most in shuffle.parts
        if labels
        for piece in _pieces(part, labels, most, low, high, shuffle.schema)
    ]
    table = pa.concat_tables(slices) if slices else shuffle.schema.empty_table()
    if slices:
        # Equal places (the same drawing twice) keep the order of the sources.
        order = np.argsort(table.column("place").to_numpy(), kind="stable")
        table = table.drop_columns(["place", "rank"]).take(order)
    table = table.cast(shuffle.schema).combine_chunks()
    with (
        replacing(path) as temporary,
        pa.ipc.new_file(str(temporary), shuffle.schema) as writer,
    ):
        writer.write_table(table)
    return [int(n) for n in np.bincount(table.column("label").to_numpy(), minlength=n_labels)]


def _range_of(split: Split, number: int, n_shards: int) -> tuple[int, int]:
    """First place of a shard, and the first beyond it."""
    base = SPLITS.index(split) << 62
    return base + (number << 62) // n_shards, base + ((number + 1) << 62) // n_shards


def _pieces(
    part: Path, labels: list[int], most: list[int], low: int, high: int, schema: pa.Schema
) -> Iterator[pa.Table]:
    """Rows of one part whose place lies in a range, with the labels of the store."""
    table = read_table(part)
    new_label, cap = np.array(labels, np.uint16), np.array(most)
    for batch in table.to_batches():
        place = batch.column("place").to_numpy()
        # Inclusive above, because the end of the last range would not fit into 64 bits.
        first = int(np.searchsorted(place, np.uint64(low), side="left"))
        last = int(np.searchsorted(place, np.uint64(high - 1), side="right"))
        piece = batch.slice(first, last - first)
        old = piece.column("label").to_numpy()
        piece = piece.set_column(0, schema.field("label"), pa.array(new_label[old]))
        within = piece.column("rank").to_numpy() < cap[old]
        if not within.all():
            piece = piece.filter(pa.array(within))
        if piece.num_rows:
            yield pa.Table.from_batches([piece])
