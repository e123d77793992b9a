"""doodlewise data export"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._output import JsonFlag, QuietFlag, VerboseFlag, output

if TYPE_CHECKING:
    from ..data.export import ExportReport

__all__ = ["export"]


def export(
    store: Annotated[Path, typer.Argument(help="Folder of a store.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the files.")],
    format: Annotated[
        str,
        typer.Option(help="png in class folders; npy, ndjson or bin as Google's; or parquet."),
    ],
    split: Annotated[
        str,
        typer.Option(help="train, val, test; or all: in one, but for parquet, a file of each."),
    ] = "all",
    classes: Annotated[
        list[str] | None,
        typer.Option(help="Only these words: cat,dog or a set such as animals10."),
    ] = None,
    per_class: Annotated[int | None, typer.Option(help="At most this many of each word.")] = None,
    side: Annotated[
        int | None,
        typer.Option(help="Of the pictures that are drawn of strokes; 28 if not given."),
    ] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Write a store as files that other programs read.

    Pictures show dark ink on white paper; arrays hold ink as 255 on 0, as Google's bitmaps do.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    from ..data.catalog import resolve_words
    from ..data.export import export as export_store
    from ..data.store import Store
    from ..raster import RenderSpec

    opened = Store(store)
    columns = (
        TextColumn("exporting"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("drawings"),
        TimeRemainingColumn(),
    )
    with output.progress(*columns) as progress:
        task = progress.add_task("exporting", total=None)
        report = export_store(
            opened,
            out,
            format=format,
            split=split,
            classes=resolve_words(classes, opened.classes) if classes else None,
            per_class=per_class,
            spec=RenderSpec(side=side) if side is not None else None,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    _say(report)


def _say(report: ExportReport) -> None:
    if output.is_json:
        output.json(
            {
                "out": str(report.out),
                "format": report.format,
                "classes": report.rows,
                "n": sum(report.rows.values()),
                "files": report.files,
                "bytes": report.n_bytes,
                "notes": report.notes,
            }
        )
        return
    files = "1 file" if report.files == 1 else f"{report.files:,} files"
    output.text(
        f"{report.out}: {sum(report.rows.values()):,} drawings of {len(report.rows)} classes in"
        f" {files}, {report.n_bytes / 2**20:,.1f} MiB"
    )
    for note, count in report.notes.items():
        output.say(f"{count:,} {note}")
