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


def prepare(
    sources: Annotated[
        list[Path], typer.Argument(help="Files, or folders of files: .ndjson, .bin or .npy.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder of the store.")],
    classes: Annotated[
        list[str] | None,
        typer.Option(help="Only these words: cat,dog or a set such as animals10."),
    ] = None,
    per_class: Annotated[int | None, typer.Option(help="At most this many of each word.")] = None,
    recognised_only: Annotated[
        bool, typer.Option("--recognised-only", help="Only what the game recognised.")
    ] = False,
    val: Annotated[float, typer.Option(help="Share held out to validate.")] = 0.06,
    test: Annotated[float, typer.Option(help="Share held out to test.")] = 0.06,
    seed: Annotated[int, typer.Option(help="Of the shuffling.")] = 0,
    jobs: Annotated[
        int | None, typer.Option(help="Processes; as many as cores if not given.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a store that is there.")
    ] = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Make a store of drawings: the form in which they are trained on.

    Killed or interrupted, the same command goes on where it stopped.
    """
    from ..data.prepare import prepare as prepare_store
    from ..data.split import Fractions
    from ..data.store import Store

    with _bar() as show:
        prepare_store(
            sources,
            out,
            classes=_words(classes) if classes else None,
            per_class=per_class,
            recognised_only=recognised_only,
            fractions=Fractions(val, test),
            seed=seed,
            jobs=jobs,
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
            TimeRemainingColumn(),
        )
        with output.progress(*columns) as progress:
            task = progress.add_task("reading", total=None, drawings=0)

            def show(at: PrepareProgress) -> None:
                progress.update(
                    task,
                    description=at.doing,
                    completed=at.done,
                    total=at.total,
                    drawings=at.drawings,
                )

            yield show

    return bar()


def _report(store: Store) -> None:
    """What is in the store now, and what was left out."""
    from .data_stats import facts_of

    if output.is_json:
        output.json(facts_of(store))
        return
    manifest = store.manifest
    sizes = ", ".join(f"{store.size(split):,} {split}" for split in ("train", "val", "test"))
    output.text(f"{store.folder}: {len(store.classes)} classes of {store.kind}, {sizes}")
    for reason, count in manifest.skipped.get("counts", {}).items():
        places = ", ".join(manifest.skipped["examples"].get(reason, []))
        output.say(f"left out {count:,}: {reason} ({places})")
    for note, count in manifest.skipped.get("notes", {}).items():
        output.say(f"{count:,} {note}")
    output.say(f"Next: doodlewise train {store.folder}")
