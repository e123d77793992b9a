"""Sources into a store, in two passes of constant memory, each a function mapped over processes.

1. *Read*: every source file becomes a part, an Arrow file of sorted batches (`read_pass`).
2. *Shuffle*: every shard of the store is gathered from all parts (`shuffle_pass`).

So the rows are shuffled across all sources, no process ever holds more than a batch or a shard, and
the bytes of a store depend on the sources and settings alone, not on how many processes wrote it.

A part and a shard appear under their name only when whole. Whoever kills this and starts it again
goes on where it stopped; the manifest is written last.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from ..errors import DataError, StoreError, UnknownClassError, did_you_mean
from ..files import explain_os_errors, write_json
from ..raster import RenderSpec
from .catalog import WORDS
from .chunk import Kind, Skips
from .formats import word_of
from .read_pass import Part, Plan, part_name, read_part
from .shuffle_pass import Shuffle, shard_ranges, taken_of, write_shard
from .split import SPLITS, Fractions
from .store import MANIFEST, WORK, Manifest, Shard, schema_of

__all__ = ["PrepareProgress", "prepare"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PrepareProgress:
    """How far `prepare` is: which pass, files done of all, drawings so far."""

    doing: str
    done: int
    total: int
    drawings: int


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
    found = _source_files(inputs)
    files = _files_of(classes, found) if classes else found
    plan = Plan(
        files=[(str(f.resolve()), f.stat().st_size, f.stat().st_mtime_ns) for f in files],
        classes=sorted(set(classes)) if classes else None,
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
            _check_words(parts, plan, found)
            manifest = _shuffle_all(parts, out, plan, executor, tell)
        manifest.write(out)
        shutil.rmtree(out / WORK)
    return manifest


_NOT_DATA = {".md", ".json", ".yaml", ".html", ".part"}


def _source_files(inputs: Sequence[str | Path]) -> list[Path]:
    """The files to read, in a fixed order, each once."""
    files: list[Path] = []
    for name in inputs:
        path = Path(name)
        if not path.exists():
            raise DataError(f"There is no file or folder {path}. Check the path.")
        if not path.is_dir():
            files.append(path)
            continue
        for file in sorted(path.iterdir()):
            is_data = not file.name.startswith(".") and file.suffix not in _NOT_DATA
            if is_data and file.is_file():
                files.append(file)
    if not files:
        raise DataError(
            f"There is nothing to read in {', '.join(map(str, inputs))}. Give files or folders of"
            " .ndjson, .bin or .npy."
        )
    return list(dict.fromkeys(files))


def _files_of(classes: Sequence[str], found: list[Path]) -> list[Path]:
    """The files that may hold these words; those of other known words are passed over unopened.

    Raises:
        UnknownClassError: a word has no file, and no file may hold several words.
    """
    names = {word_of(file) for file in found}
    files = [file for file in found if word_of(file) in classes or word_of(file) not in WORDS]
    missing = [word for word in classes if word not in names]
    if missing and names.issubset(WORDS):
        raise _unknown_classes(missing, names)
    return files


def _unknown_classes(missing: Sequence[str], known: Iterable[str]) -> UnknownClassError:
    return UnknownClassError(
        f"No usable drawing of {', '.join(repr(word) for word in missing)} in the sources."
        f"{did_you_mean(missing[0], sorted(known))} Check the spelling and the folder."
    )


def _open_work(out: Path, plan: Plan, overwrite: bool) -> Manifest | None:
    """Make ready the folder; a manifest if this very store is already there."""
    work = out / WORK
    record = work / "plan.json"
    wanted = json.loads(json.dumps(asdict(plan)))
    is_store = (out / MANIFEST).exists()
    if is_store and not overwrite:
        manifest = Manifest.read(out)
        made_of = [[s["path"], s["bytes"], s["mtime_ns"]] for s in manifest.sources]
        if made_of == wanted["files"] and manifest.settings == _settings_of(plan):
            shutil.rmtree(work, ignore_errors=True)
            return manifest
        raise StoreError(
            f"{out} already holds a store, made of other sources or with other settings. Choose"
            " another --out, or add --overwrite."
        )
    if out.exists() and not is_store and not work.exists() and any(out.iterdir()):
        raise StoreError(f"The folder {out} is not empty and not a store. Choose another --out.")
    before = json.loads(record.read_text(encoding="utf-8")) if record.exists() else None
    leftovers = [*out.glob(".*.tmp"), *work.glob(".*.tmp")]
    if is_store or before != wanted:
        # In this order, whoever is interrupted here leaves a folder that is known to be ours, and
        # in which nothing old is taken for new.
        work.mkdir(parents=True, exist_ok=True)
        record.unlink(missing_ok=True)
        (out / MANIFEST).unlink(missing_ok=True)
        leftovers += [*out.glob("*.arrow"), *work.glob("part-*")]
    for leftover in leftovers:
        leftover.unlink()
    if not record.exists():
        write_json(record, wanted)
    return None


def _settings_of(plan: Plan) -> dict[str, Any]:
    return {
        "classes": plan.classes,
        "per_class": plan.per_class,
        "recognised_only": plan.recognised_only,
        "fractions": asdict(plan.fractions),
        "seed": plan.seed,
    }


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
        except BrokenProcessPool as error:
            raise DataError(
                "A process that was preparing the data has died, perhaps because memory ran out."
                " Run the same command again with --jobs 1; it goes on where it stopped. In a"
                ' script, call prepare() under `if __name__ == "__main__":`, or with jobs=1.'
            ) from error
        except BaseException:
            executor.shutdown(wait=True, cancel_futures=True)
            raise


def _map(
    executor: Executor | None, function: Callable[[int], T], tasks: Iterable[int]
) -> Iterator[tuple[int, T]]:
    """Results as they come, each with its task."""
    if executor is None:
        for task in tasks:
            yield task, _run(function, task)
        return
    futures = {executor.submit(_run, function, task): task for task in tasks}
    for future in as_completed(futures):
        yield futures[future], future.result()


def _run(function: Callable[[int], T], task: int) -> T:
    """Do a task, and give back the memory that Arrow keeps for a next one."""
    try:
        return function(task)
    finally:
        pa.default_memory_pool().release_unused()


def _read_all(
    files: list[Path],
    out: Path,
    plan: Plan,
    executor: Executor | None,
    tell: Callable[[PrepareProgress], None],
) -> list[Part]:
    parts: dict[int, Part] = {}
    for index in range(len(files)):
        record = out / WORK / f"{part_name(index)}.json"
        if record.exists():
            parts[index] = Part(**json.loads(record.read_text(encoding="utf-8")))
    missing = [index for index in range(len(files)) if index not in parts]
    drawings = sum(sum(part.rows) for part in parts.values())
    tell(PrepareProgress("reading", len(parts), len(files), drawings))
    for index, part in _map(executor, partial(read_part, files, out / WORK, plan), missing):
        parts[index] = part
        _image_shape(parts.values())
        drawings += sum(part.rows)
        tell(PrepareProgress("reading", len(parts), len(files), drawings))
    return [parts[index] for index in range(len(files))]


def _image_shape(parts: Iterable[Part]) -> tuple[int, ...] | None:
    """Shape of the images of all parts; None for strokes.

    Raises:
        StoreError: they differ.
    """
    shapes = {tuple(part.image_shape) if part.image_shape else None for part in parts if part.words}
    if len(shapes) > 1:
        kinds = sorted("strokes" if shape is None else f"images of {shape}" for shape in shapes)
        raise StoreError(
            f"The sources are of different kinds: {', '.join(kinds)}. Prepare a store of each."
        )
    return next(iter(shapes), None)


def _check_words(parts: Sequence[Part], plan: Plan, found: Sequence[Path]) -> None:
    """Raise an error if nothing was found, or not every word that was asked for."""
    words = {word for part in parts for word in part.words}
    missing = [word for word in plan.classes or [] if word not in words]
    if missing:
        raise _unknown_classes(missing, words | {word_of(file) for file in found})
    if not words:
        counts = _all_skips(parts).counts
        reasons = "; ".join(f"{reason} ({n}x)" for reason, n in counts.most_common(3))
        raise DataError(
            f"Not one drawing could be used: {reasons or 'none was wanted'}. Check the sources."
        )


def _shuffle_all(
    parts: list[Part],
    out: Path,
    plan: Plan,
    executor: Executor | None,
    tell: Callable[[PrepareProgress], None],
) -> Manifest:
    classes = sorted({word for part in parts for word in part.words})
    image_shape = _image_shape(parts)
    kind: Kind = "strokes" if image_shape is None else "pixels"
    taken = taken_of(parts, out / WORK, classes, plan.per_class)
    total = sum(sum(each.rows) for each in taken)
    n_bytes = sum(each.path.stat().st_size for each in taken if each.labels)
    shards = shard_ranges(n_bytes, plan.fractions)
    shuffle = Shuffle(out, taken, len(classes), shards, schema_of(kind, image_shape))
    written: dict[int, list[int]] = {}
    tell(PrepareProgress("shuffling", 0, len(shards), total))
    for index, by_label in _map(executor, partial(write_shard, shuffle), range(len(shards))):
        written[index] = by_label
        tell(PrepareProgress("shuffling", len(written), len(shards), total))
    counts: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    for index, shard in enumerate(shards):
        counts[shard.split].update(dict(zip(classes, written[index], strict=True)))
    return Manifest(
        kind=kind,
        classes=classes,
        counts={split: {word: counts[split][word] for word in classes} for split in SPLITS},
        shards=[
            Shard(shard.file, shard.split, sum(written[index]))
            for index, shard in enumerate(shards)
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
                "rows": sum(each.rows),
            }
            for part, (path, n_bytes, mtime_ns), each in zip(parts, plan.files, taken, strict=True)
        ],
        skipped=_all_skips(parts).to_dict(),
        settings=_settings_of(plan),
    )


def _all_skips(parts: Iterable[Part]) -> Skips:
    skips = Skips()
    for part in parts:
        values = part.skips
        skips.merge(Skips(Counter(values["counts"]), values["examples"], Counter(values["notes"])))
    return skips
