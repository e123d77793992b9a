"""doodlewise data prepare"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._output import JsonFlag, QuietFlag, VerboseFlag, output

if TYPE_CHECKING:
    from ..data.prepare import PrepareProgress
    from ..data.store import Store

__all__ = ["prepare"]

GOOGLE = "quickdraw"
"""Instead of a path: Google's drawings, fetched as far as they are wanted."""

SHOWN = 5
"""Places that are named for each reason; manifest.json has more."""


def prepare(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Files or folders of drawings, folders of pictures; or quickdraw, to fetch"
            " Google's drawings first."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder of the store.")],
    classes: Annotated[
        list[str] | None,
        typer.Option(help="Only these words: cat,dog or a set such as animals10."),
    ] = None,
    per_class: Annotated[int | None, typer.Option(help="At most this many of each word.")] = None,
    top_labels: Annotated[
        int | None, typer.Option(help="Only so many words, those with most drawings.")
    ] = None,
    top_countries: Annotated[
        int | None, typer.Option(help="Only drawings of so many countries, those with most.")
    ] = None,
    recognised_only: Annotated[
        bool, typer.Option("--recognised-only", help="Only what the game recognised.")
    ] = False,
    label_column: Annotated[
        str | None, typer.Option(help="Of a table: the column of the classes.")
    ] = None,
    times: Annotated[
        bool, typer.Option("--times/--no-times", help="Keep the pen times that raw files have.")
    ] = True,
    size: Annotated[
        str | None, typer.Option(help="Of pictures: pixels to bring them to, 64 or 64x48.")
    ] = None,
    fit: Annotated[
        str, typer.Option(help="Pictures of another aspect: pad, crop or stretch.")
    ] = "pad",
    channels: Annotated[
        int | None, typer.Option(help="Of pictures: 1 grey, 3 colour; found out if not given.")
    ] = None,
    look: Annotated[
        str | None,
        typer.Option(help="Pictures are photo or drawing (ink on paper); found out if not given."),
    ] = None,
    format: Annotated[
        str, typer.Option(help="With quickdraw: simplified, raw, binary or bitmap.")
    ] = "simplified",
    downloads: Annotated[
        Path, typer.Option(help="With quickdraw: where the files are kept.")
    ] = Path("downloads"),
    base_url: Annotated[
        str | None,
        typer.Option(
            help="With quickdraw: of a mirror of Google's bucket.", envvar="DOODLEWISE_BASE_URL"
        ),
    ] = None,
    val: Annotated[float, typer.Option(help="Share held out to validate.")] = 0.06,
    test: Annotated[float, typer.Option(help="Share held out to test.")] = 0.06,
    seed: Annotated[int, typer.Option(help="Of the shuffling.")] = 0,
    jobs: Annotated[
        int | None, typer.Option(help="Processes; as many as cores if not given.")
    ] = None,
    executor: Annotated[
        str, typer.Option(help="processes of this machine, or ray for a cluster.")
    ] = "processes",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a store that is there.")
    ] = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Make a store of drawings or pictures: the form in which they are trained on.

    Killed or interrupted, the same command goes on where it stopped.
    """
    from ..data.prepare import PictureWish
    from ..data.prepare import prepare as prepare_store
    from ..data.split import Fractions
    from ..data.store import Store

    words = _words(classes) if classes else None
    inputs: list[str | Path] = [*sources]
    if GOOGLE in sources and not Path(GOOGLE).exists():
        folder = downloads / format
        files = _fetch(words, format, folder, _fetched(per_class, recognised_only), base_url)
        inputs = [*(each for each in inputs if each != GOOGLE), *files]
    with _bar() as show:
        prepare_store(
            inputs,
            out,
            classes=words,
            per_class=per_class,
            top_labels=top_labels,
            top_countries=top_countries,
            recognised_only=recognised_only,
            label_column=label_column,
            times=times,
            pictures=PictureWish(
                _size(size) if size else None,
                fit,  # type: ignore[arg-type]  # checked by ImageSpec
                channels,
                look,  # type: ignore[arg-type]
            ),
            fractions=Fractions(val, test),
            seed=seed,
            jobs=jobs,
            executor=executor,  # type: ignore[arg-type]  # checked by make_executor
            overwrite=overwrite,
            progress=show,
        )
    _report(Store(out))


def _words(names: list[str]) -> list[str]:
    """Words of lists and set names; other words than Google's are taken as they are."""
    from ..data.catalog import resolve_words
    from ..errors import UnknownClassError

    words: list[str] = []
    for name in ",".join(names).split(","):
        name = name.strip()
        if not name:
            continue
        try:
            words += resolve_words([name])
        except UnknownClassError:
            words.append(name)
    return list(dict.fromkeys(words))


def _size(text: str) -> tuple[int, int]:
    """Width and height of "64" or "64x48"."""
    from ..errors import ConfigError

    try:
        numbers = [int(part) for part in text.lower().split("x")]
        width, height = numbers * 2 if len(numbers) == 1 else numbers
    except ValueError:
        raise ConfigError(f"--size is '{text}'. Give pixels, such as 64, or 64x48.") from None
    return width, height


def _fetched(per_class: int | None, recognised_only: bool) -> int | None:
    """How many drawings of each word are fetched: more than enough when some are left out."""
    return None if per_class is None else per_class * (2 if recognised_only else 1)


def _fetch(
    words: list[str] | None,
    format: str,
    folder: Path,
    per_class: int | None,
    base_url: str | None,
) -> list[Path]:
    """Google's files of these words."""
    from ..errors import ConfigError
    from .data_download import fetch

    if words is None:
        raise ConfigError(
            "All of Quick, Draw! is 345 words and tens of gigabytes. Say which you want: --classes"
            " cat,dog or --classes animals10; or really all of them: --classes all."
        )
    report = fetch(words, format=format, to=folder, per_class=per_class, base_url=base_url)
    return [file.path for file in report.files]


def _bar() -> Any:
    from contextlib import contextmanager

    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    @contextmanager
    def bar() -> Any:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[drawings]:,} drawings"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        with output.progress(*columns) as progress:
            task = progress.add_task("reading", total=None, drawings=0, rate="")
            rates = _Rates()

            def show(at: PrepareProgress) -> None:
                progress.update(
                    task,
                    description=at.doing,
                    completed=at.done,
                    total=at.total,
                    drawings=at.drawings,
                    rate=rates.at(at),
                )

            yield show

    return bar()


class _Rates:
    """Drawings a second of the pass that is going on; of the shuffling, by the share done."""

    def __init__(self) -> None:
        self._doing, self._since, self._before = "", 0.0, 0

    def at(self, at: PrepareProgress) -> str:
        import time

        drawings = at.drawings
        if at.doing == "shuffling":
            drawings = at.drawings * at.done // max(at.total, 1)
        now = time.monotonic()
        if at.doing != self._doing:
            self._doing, self._since, self._before = at.doing, now, drawings
        passed = now - self._since
        return f"{(drawings - self._before) / passed:,.0f}/s" if passed > 0.5 else ""


def _report(store: Store) -> None:
    """What is in the store now, and what was left out."""
    from .data_stats import facts_of

    if output.is_json:
        output.json(facts_of(store))
        return
    manifest = store.manifest
    sizes = ", ".join(f"{store.size(split):,} {split}" for split in ("train", "val", "test"))
    what: str = manifest.kind
    if manifest.image is not None:
        height, width, channels = manifest.image_shape or (0, 0, 0)
        colour = "in colour" if channels == 3 else "of ink" if manifest.holds_ink else "of grey"
        what = f"{manifest.things}, {width} x {height} pixels {colour}"
    output.text(f"{store.folder}: {len(store.classes)} classes of {what}, {sizes}")
    for reason, count in manifest.skipped.get("counts", {}).items():
        places = manifest.skipped["examples"].get(reason, [])
        more = f" and {count - SHOWN:,} more" if count > SHOWN < len(places) else ""
        output.say(f"left out {count:,}: {reason} ({', '.join(places[:SHOWN])}{more})")
    for note, count in manifest.skipped.get("notes", {}).items():
        output.say(f"{count:,} {note}")
    output.say(f"Next: doodlewise explore {store.folder}, doodlewise train {store.folder}")
