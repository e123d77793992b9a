"""A store as files that others read: pictures in class folders, Google's formats, Parquet.

    out/
      cat.ndjson  ice cream.ndjson ...    or .npy, .bin; or cat/5152802093400064.png ...
                                          or train.parquet  val.parquet  test.parquet
      export.json                         what was exported

The splits are merged, but for Parquet, which has a file of each. The store is gone through once,
some thousand rows at a time, and what belongs to a class is appended to its file: one file is open
at a time, and memory is the same for a hundred drawings as for fifty million. Everything is written
in a work folder, `out/.export`, and moved to its place when whole.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError, DataError, StoreError, did_you_mean
from ..files import explain_os_errors, write_json
from ..raster import RenderSpec
from .export_files import BinFiles, FileWriter, Look, NdjsonFiles, NpyFiles, PngFiles
from .export_parquet import ParquetFiles
from .rows import Rows
from .split import Split
from .store import MANIFEST, Store, splits_of

__all__ = ["EXPORT_FORMATS", "ExportFormat", "ExportReport", "export"]

ExportFormat = Literal["png", "npy", "ndjson", "bin", "parquet"]

EXPORT_FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)
_WRITERS: Mapping[ExportFormat, type[FileWriter]] = {
    "png": PngFiles,
    "npy": NpyFiles,
    "ndjson": NdjsonFiles,
    "bin": BinFiles,
    "parquet": ParquetFiles,
}
_OF_STROKES = ("ndjson", "bin")
_DRAWN = ("png", "npy")
"""Formats of pixels: strokes are drawn for them."""

RECORD = "export.json"
WORK = ".export"
_ROWS_AT_ONCE = 4096
_BYTES_AT_ONCE = 64 * 2**20


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was exported.

    Attributes:
        out: the folder.
        format: of the files.
        rows: drawings of each class.
        files: how many there are.
        n_bytes: of all files together.
        notes: drawings of which something could not be written, counted by what it is.
    """

    out: Path
    format: ExportFormat
    rows: dict[str, int]
    files: int
    n_bytes: int
    notes: dict[str, int]


def export(
    store: Store,
    out: str | Path,
    *,
    format: str,
    split: str = "all",
    classes: Sequence[str] | None = None,
    per_class: int | None = None,
    spec: RenderSpec | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ExportReport:
    """Write a store, or a part of it, as files.

    Args:
        store: what to export.
        out: folder; new, empty, or of an earlier export of the same, which is written over.
        format: one of EXPORT_FORMATS; ndjson and bin need a store of strokes.
        split: train, val, test or all.
        classes: only these words; all when None.
        per_class: at most this many of each, the first of the store.
        spec: how strokes are drawn for png and npy, `RenderSpec()` when None. For nothing else.
        progress: told how many drawings are written, and of how many.

    Raises:
        ConfigError: no such format, a number that makes no sense, or a spec where nothing is drawn.
        UnknownClassError: a word is not in the store.
        StoreError: pixels as strokes, no drawings, no such split, or a damaged store.
        DataError: something else is in the folder, or it cannot be written.
    """
    folder = Path(out)
    wanted_format = _checked(format, store, spec, per_class)
    labels = range(len(store.classes)) if classes is None else store.indices_of(classes)
    wanted = _wanted_of(store, split, labels, per_class)
    look = _look_of(store, spec)
    settings = {
        "format": wanted_format,
        "split": split,
        "classes": [store.classes[label] for label in sorted(set(labels))],
        "per_class": per_class,
        "render": look.spec.to_dict() if _is_drawn(wanted_format, store) else None,
        "store": hashlib.sha256((store.folder / MANIFEST).read_bytes()).hexdigest(),
    }
    total = int(wanted.sum())
    with explain_os_errors(f"exporting to {folder}", "Run the same command again"):
        work = _open_work(folder, settings)
        try:
            with closing(_WRITERS[wanted_format](work, store.classes, wanted, look)) as writer:
                done = 0
                for part, rows in _chosen_rows(store, split, wanted, look):
                    writer.add(rows, part)
                    done += len(rows)
                    if progress is not None:
                        progress(done, total)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
        return _publish(folder, work, settings, store, wanted, writer)


def _checked(
    format: str, store: Store, spec: RenderSpec | None, per_class: int | None
) -> ExportFormat:
    """The format, if everything fits.

    Raises:
        ConfigError, StoreError: see `export`.
    """
    if format not in EXPORT_FORMATS:
        near = did_you_mean(format, EXPORT_FORMATS)
        raise ConfigError(
            f"There is no format '{format}' to export.{near} Choose {', '.join(EXPORT_FORMATS)}."
        )
    if store.kind == "pixels" and format in _OF_STROKES:
        raise StoreError(
            f"The store {store.folder} holds pixels, and {format} files hold strokes. Choose png,"
            " npy or parquet."
        )
    if spec is not None and not _is_drawn(format, store):
        raise ConfigError(
            f"A side or pen is for drawing strokes, and nothing is drawn when {store.kind} are"
            f" exported as {format}. Leave it out."
        )
    if per_class is not None and per_class < 1:
        raise ConfigError(f"per_class is {per_class}; choose 1 or more.")
    return format


def _is_drawn(format: str, store: Store) -> bool:
    return store.kind == "strokes" and format in _DRAWN


def _look_of(store: Store, spec: RenderSpec | None) -> Look:
    """How rows become pictures."""
    manifest = store.manifest
    if manifest.image_shape is None:
        spec = spec or RenderSpec()
        return Look(spec, None, is_ink=True, has_times=manifest.has_times)
    height, width, channels = manifest.image_shape
    return Look(RenderSpec(), (height, width, channels), is_ink=manifest.holds_ink)


def _wanted_of(
    store: Store, split: str, labels: Sequence[int], per_class: int | None
) -> NDArray[np.int64]:
    """How many rows of each label are exported.

    Raises:
        StoreError: none at all.
    """
    wanted = np.zeros(len(store.classes), np.int64)
    for label in labels:
        word = store.classes[label]
        n = sum(store.manifest.counts[part].get(word, 0) for part in splits_of(split))
        wanted[label] = n if per_class is None else min(n, per_class)
    if not wanted.any():
        raise StoreError(
            f"The {split} split of {store.folder} has no drawings of these classes. Choose others;"
            f" see: doodlewise data stats {store.folder}"
        )
    return wanted


def _chosen_rows(
    store: Store, split: str, wanted: NDArray[np.int64], look: Look
) -> Iterator[tuple[Split, Rows]]:
    """The first rows of each label, as many as wanted, some thousand at a time.

    Raises:
        StoreError: there are fewer than the manifest says.
    """
    left = wanted.copy()
    at_once = max(1, min(_ROWS_AT_ONCE, _BYTES_AT_ONCE // look.n_bytes))
    for shard in store.shards(split):
        for first in range(0, shard.rows, at_once):
            if not left.any():
                return
            rows = store.read(shard, first, min(first + at_once, shard.rows))
            chosen = np.flatnonzero(_rank_within(rows.labels) < left[rows.labels])
            left -= np.bincount(rows.labels[chosen], minlength=len(left))
            if len(chosen):
                yield shard.split, rows if len(chosen) == len(rows) else rows.take(chosen)
    if left.any():
        word = store.classes[int(np.flatnonzero(left)[0])]
        raise StoreError(
            f"The store {store.folder} has fewer drawings of '{word}' than its manifest says."
            " Prepare it again with --overwrite."
        )


def _rank_within(labels: NDArray[np.int32]) -> NDArray[np.int64]:
    """How many rows of the same label come before each row."""
    order = np.argsort(labels, kind="stable")
    in_order = labels[order]
    begins = np.searchsorted(in_order, in_order, side="left")
    ranks = np.empty(len(labels), np.int64)
    ranks[order] = np.arange(len(labels)) - begins
    return ranks


def _open_work(folder: Path, settings: dict[str, Any]) -> Path:
    """Make an empty work folder.

    Raises:
        DataError: something else is in the way.
    """
    record = folder / RECORD
    if record.exists():
        if _settings_in(record) != settings:
            raise DataError(
                f"{folder} holds an export of something else, or with other settings. Choose"
                " another --out, or delete the folder."
            )
    elif folder.exists() and any(each.name != WORK for each in folder.iterdir()):
        raise DataError(
            f"The folder {folder} is not empty, and not an earlier export. Choose another --out."
        )
    work = folder / WORK
    if work.exists():
        shutil.rmtree(work)
    work.mkdir(parents=True)
    return work


def _settings_in(record: Path) -> Any:
    try:
        return json.loads(record.read_text(encoding="utf-8"))["settings"]
    except (ValueError, KeyError, TypeError):
        return None


def _publish(
    folder: Path,
    work: Path,
    settings: dict[str, Any],
    store: Store,
    wanted: NDArray[np.int64],
    writer: FileWriter,
) -> ExportReport:
    """Move what was written to its place, and say what it is."""
    files, n_bytes = 0, 0
    for path in work.rglob("*"):
        if path.is_file():
            files += 1
            n_bytes += path.stat().st_size
    rows = {word: int(n) for word, n in zip(store.classes, wanted.tolist(), strict=True) if n}
    # First, so that an export that is killed from here on is known to be ours, and begun again.
    write_json(folder / RECORD, {"settings": settings, "rows": rows})
    for path in sorted(work.iterdir()):
        _move(path, folder / path.name)
    work.rmdir()
    return ExportReport(folder, settings["format"], rows, files, n_bytes, dict(writer.notes))


def _move(path: Path, final: Path) -> None:
    """Move a file, or a folder of files, over what is there of an earlier export."""
    if final.is_dir() and path.is_dir():
        for each in path.iterdir():
            each.replace(final / each.name)
        path.rmdir()
    else:
        path.replace(final)
