"""Sources into a store, in two passes of constant memory, each a function mapped over processes.

1. *Read*: every source, or a stretch of a large one, becomes a part, an Arrow file of sorted
   batches (`read_pass`).
2. *Shuffle*: every shard of the store is gathered from all parts (`shuffle_pass`).

So the rows are shuffled across all sources, no process ever holds more than a batch or a shard, and
the bytes of a store depend on the sources and settings alone, not on how many processes wrote it.

A part and a shard appear under their name only when whole. Whoever kills this and starts it again
goes on where it stopped; the manifest is written last.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from ..errors import ConfigError, DataError, StoreError
from ..files import LOCK, explain_os_errors, locked, write_json
from ..image import Fit, ImageSpec, Look, guess_spec
from ..raster import RenderSpec
from .chunk import Kind, Skips, Wanted
from .executor import Executor, ExecutorName, make_executor
from .most import most_frequent
from .read_pass import Part, Plan, part_name, read_part
from .rows import schema_of
from .shuffle_pass import Shuffle, shard_ranges, taken_of, write_shard
from .sources import Found, find_sources, sample_pictures, tasks_of, unknown_classes, with_classes
from .split import SPLITS, Fractions
from .store import MANIFEST, WORK, Manifest, Shard

__all__ = ["PictureWish", "PrepareProgress", "prepare"]


MUCH = 128 << 20


@dataclass(frozen=True, slots=True)
class PrepareProgress:
    """How far `prepare` is: which pass, files done of all, drawings so far."""

    doing: str
    done: int
    total: int
    drawings: int


@dataclass(frozen=True, slots=True)
class PictureWish:
    """What is wanted of pictures; what is None is found out from the pictures.

    Attributes:
        size: width and height to which they are brought, pixels.
        fit: what is done about another aspect ratio; see `ImageSpec`.
        channels: 1 grey or ink, 3 RGB.
        look: "photo", or "drawing": ink on paper.
    """

    size: tuple[int, int] | None = None
    fit: Fit = "pad"
    channels: int | None = None
    look: Look | None = None


def prepare(
    inputs: Sequence[str | Path],
    out: str | Path,
    *,
    classes: Sequence[str] | None = None,
    per_class: int | None = None,
    top_labels: int | None = None,
    top_countries: int | None = None,
    recognised_only: bool = False,
    label_column: str | None = None,
    times: bool = True,
    pictures: PictureWish | None = None,
    fractions: Fractions | None = None,
    seed: int = 0,
    jobs: int | None = None,
    executor: ExecutorName = "processes",
    overwrite: bool = False,
    progress: Callable[[PrepareProgress], None] | None = None,
) -> Manifest:
    """Read sources and write a store.

    Args:
        inputs: files, or folders of files or pictures; the format of each is found from its
            content.
        out: folder of the store.
        classes: only these words; all that are found when None.
        per_class: at most this many drawings a word, the first ones of the files.
        top_labels: only so many words, those with most drawings (of the countries that are
            taken); equal ones by the alphabet.
        top_countries: only drawings from so many countries, those with most drawings.
        recognised_only: leave out drawings that the game did not recognise.
        label_column: of tables, where the class is; found by its usual names when None.
        times: keep the pen times that sources have; where some of the sources have none, those of
            their drawings are unknown.
        pictures: how pictures become pixels.
        fractions: shares held out for validation and test.
        seed: of the shuffling.
        jobs: processes; as many as cores when None, but one for a little.
        executor: "processes" of this machine, or "ray" for a cluster.
        overwrite: replace a store that is already there.
        progress: called as the work goes on.

    Returns:
        What is in the store.

    Raises:
        DataError: no usable file, a full disk, no permission.
        StoreError: `out` holds something else, or sources of both kinds were given.
        UnknownClassError: a word that no source has.
        ConfigError: a number out of range, or a picture size that is needed or has no use.
        MissingExtraError: what a format or executor needs is not installed.
    """
    out = Path(out)
    for name, value in (
        ("--per-class", per_class),
        ("--top-labels", top_labels),
        ("--top-countries", top_countries),
    ):
        if value is not None and value < 1:
            raise DataError(f"{name} is {value}; choose 1 or more.")
    tell = progress or (lambda _: None)
    again = "Run the same command again; it goes on where it stopped"
    with explain_os_errors(f"writing {out}", again):
        found = find_sources(inputs)
        sources = with_classes(found, classes) if classes else found
        wanted = Wanted(
            classes=tuple(sorted(set(classes))) if classes else None,
            recognised_only=recognised_only,
            label_column=label_column,
            per_class=per_class,
            times=times,
        )
        image = _image_spec(sources, wanted, pictures or PictureWish())
        wanted = replace(wanted, image=image)
        plan = Plan(
            tasks=tasks_of(sources, wanted),
            wanted=wanted,
            fractions=fractions or Fractions(),
            seed=seed,
        )
        settings = _settings_of(plan, top_labels, top_countries)
        with locked(out, "prepared"):
            finished = _open_work(out, plan, settings, overwrite)
            if finished is not None:
                return finished
            tasks = len(plan.tasks) if jobs or _is_much(plan) else 1
            with make_executor(executor, jobs=jobs, tasks=tasks) as pool:
                if top_labels or top_countries:
                    wanted = _most(plan, out, top_labels, top_countries, pool, tell)
                    plan = replace(plan, wanted=wanted)
                parts = _read_all(out, plan, pool, tell)
                _check_words(parts, plan, found)
                manifest = _shuffle_all(parts, out, plan, settings, pool, tell)
            manifest.write(out)
            shutil.rmtree(out / WORK)
    return manifest


def _is_much(plan: Plan) -> bool:
    """Whether there is more to read than one process has read before others have started."""
    bytes_of = {task.path: task.bytes for task in plan.tasks}
    # A byte of a picture takes some ten times as long as a byte of strokes.
    return sum(bytes_of.values()) * (10 if plan.wanted.image else 1) > MUCH


def _image_spec(sources: Sequence[Found], wanted: Wanted, wish: PictureWish) -> ImageSpec | None:
    """How pictures become pixels; None if there are none.

    Raises:
        ConfigError: pictures of different sizes and no size is asked for, or one is asked for where
            there are no pictures.
    """
    asked = None
    if wish.size is not None:
        width, height = wish.size
        asked = ImageSpec(height, width, fit=wish.fit)
    samples = sample_pictures(sources, replace(wanted, image=asked))
    first = next(samples, None)
    if first is not None:
        # One at a time: a phone's photos are large.
        every = chain([first], samples)
        return guess_spec(
            every, size=wish.size, fit=wish.fit, channels=wish.channels, look=wish.look
        )
    if wish != PictureWish():
        raise ConfigError(
            "The sources hold no pictures that could be brought to another size or look: strokes"
            " are kept as strokes and drawn at any size later (doodlewise train ... --side 64)."
            " Leave out --size, --fit, --channels and --look."
        )
    return None


def _open_work(out: Path, plan: Plan, settings: dict[str, Any], overwrite: bool) -> Manifest | None:
    """Make ready the folder; a manifest if this very store is already there."""
    work = out / WORK
    record = work / "plan.json"
    wanted = json.loads(json.dumps({"plan": asdict(plan), "settings": settings}))
    is_store = (out / MANIFEST).exists()
    if is_store and not overwrite:
        manifest = Manifest.read(out)
        made_of = [[s["path"], s["bytes"], s["mtime_ns"]] for s in manifest.sources]
        # Stores of older versions say nothing of times.
        made_with = {"times": wanted["settings"]["times"]} | manifest.settings
        if made_of == _files_of(plan) and made_with == wanted["settings"]:
            shutil.rmtree(work, ignore_errors=True)
            return manifest
        raise StoreError(
            f"{out} already holds a store, made of other sources or with other settings. Choose"
            " another --out, or add --overwrite."
        )
    if out.exists() and not is_store and not work.exists() and _is_foreign(out):
        raise StoreError(f"The folder {out} is not empty and not a store. Choose another --out.")
    before = json.loads(record.read_text(encoding="utf-8")) if record.exists() else None
    leftovers = [*out.glob(".*.tmp"), *work.glob(".*.tmp")]
    if is_store or before != wanted:
        # In this order, whoever is interrupted here leaves a folder that is known to be ours, and
        # in which nothing old is taken for new.
        work.mkdir(parents=True, exist_ok=True)
        record.unlink(missing_ok=True)
        (out / MANIFEST).unlink(missing_ok=True)
        leftovers += [*out.glob("*.arrow"), *work.glob("part-*"), *work.glob("most.json")]
    for leftover in leftovers:
        leftover.unlink()
    if not record.exists():
        write_json(record, wanted)
    return None


def _is_foreign(out: Path) -> bool:
    """Whether there is anything that no work of ours has left."""
    return any(each.name not in (WORK, LOCK) for each in out.iterdir())


def _files_of(plan: Plan) -> list[list[Any]]:
    """Path, bytes and time of the last change of each source."""
    unique = dict.fromkeys((task.path, task.bytes, task.mtime_ns) for task in plan.tasks)
    return [list(each) for each in unique]


def _settings_of(plan: Plan, top_labels: int | None, top_countries: int | None) -> dict[str, Any]:
    wanted = plan.wanted
    return {
        "classes": list(wanted.classes) if wanted.classes else None,
        "per_class": wanted.per_class,
        "top_labels": top_labels,
        "top_countries": top_countries,
        "recognised_only": wanted.recognised_only,
        "label_column": wanted.label_column,
        "times": wanted.times,
        "image": wanted.image.to_dict() if wanted.image else None,
        "fractions": asdict(plan.fractions),
        "seed": plan.seed,
    }


def _most(
    plan: Plan,
    out: Path,
    top_labels: int | None,
    top_countries: int | None,
    pool: Executor,
    tell: Callable[[PrepareProgress], None],
) -> Wanted:
    """What is wanted, narrowed down to the most frequent words and countries."""
    record = out / WORK / "most.json"
    if not record.exists():

        def counted(done: int, rows: int) -> None:
            tell(PrepareProgress("counting", done, len(plan.tasks), rows))

        write_json(record, most_frequent(plan, top_labels, top_countries, pool, counted))
    most = json.loads(record.read_text(encoding="utf-8"))
    return replace(
        plan.wanted,
        classes=tuple(most["classes"]) if top_labels else plan.wanted.classes,
        countries=tuple(most["countries"]) if top_countries else None,
    )


def _read_all(
    out: Path, plan: Plan, pool: Executor, tell: Callable[[PrepareProgress], None]
) -> list[Part]:
    parts: dict[int, Part] = {}
    for index in range(len(plan.tasks)):
        record = out / WORK / f"{part_name(index)}.json"
        if record.exists():
            parts[index] = Part(**json.loads(record.read_text(encoding="utf-8")))
    missing = [index for index in range(len(plan.tasks)) if index not in parts]
    drawings = sum(sum(part.rows) for part in parts.values())
    tell(PrepareProgress("reading", len(parts), len(plan.tasks), drawings))
    for index, part in pool.map(partial(read_part, out / WORK, plan), missing):
        parts[index] = part
        drawings += sum(part.rows)
        tell(PrepareProgress("reading", len(parts), len(plan.tasks), drawings))
    return [parts[index] for index in range(len(plan.tasks))]


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


def _check_words(parts: Sequence[Part], plan: Plan, found: Sequence[Found]) -> None:
    """Raise an error if nothing was found, or not every word that was asked for."""
    words = {word for part in parts for word in part.words}
    missing = [word for word in plan.wanted.classes or [] if word not in words]
    if missing:
        raise unknown_classes(missing, words | {each.source.word for each in found})
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
    settings: dict[str, Any],
    pool: Executor,
    tell: Callable[[PrepareProgress], None],
) -> Manifest:
    classes = sorted({word for part in parts for word in part.words})
    image_shape = _image_shape(parts)
    has_origins = all(part.has_origins for part in parts if part.words)
    has_times = any(part.has_times for part in parts)
    kind: Kind = "strokes" if image_shape is None else "pixels"
    taken = taken_of(parts, out / WORK, classes, plan.wanted.per_class)
    total = sum(sum(each.rows) for each in taken)
    n_bytes = sum(each.path.stat().st_size for each in taken if each.labels)
    shards = shard_ranges(n_bytes, plan.fractions)
    schema = schema_of(kind, image_shape, has_origins=has_origins, has_times=has_times)
    shuffle = Shuffle(out, taken, len(classes), shards, schema, has_times, image_shape)
    written: dict[int, list[int]] = {}
    tell(PrepareProgress("shuffling", 0, len(shards), total))
    for index, by_label in pool.map(partial(write_shard, shuffle), range(len(shards))):
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
        # Bitmaps that no picture was made of are Google's, whose look is the default RenderSpec.
        render=RenderSpec() if image_shape == (28, 28, 1) and not plan.wanted.image else None,
        image=plan.wanted.image,
        has_origins=has_origins and image_shape is not None,
        has_times=has_times,
        fractions=plan.fractions,
        seed=plan.seed,
        sources=_sources(parts, plan, [sum(each.rows) for each in taken]),
        skipped=_all_skips(parts).to_dict(),
        settings=settings,
    )


def _sources(parts: Sequence[Part], plan: Plan, rows: Sequence[int]) -> list[dict[str, Any]]:
    """What the manifest says of each source; the stretches of one are put together."""
    sources: dict[str, dict[str, Any]] = {}
    for task, part, n in zip(plan.tasks, parts, rows, strict=True):
        source = sources.setdefault(
            task.path,
            {
                "path": task.path,
                "bytes": task.bytes,
                "mtime_ns": task.mtime_ns,
                "sha256": part.sha256,
                "rows": 0,
            },
        )
        source["rows"] += n
    return list(sources.values())


def _all_skips(parts: Iterable[Part]) -> Skips:
    skips = Skips()
    for part in parts:
        values = part.skips
        skips.merge(Skips(Counter(values["counts"]), values["examples"], Counter(values["notes"])))
    return skips
