"""doodlewise data download"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..data.catalog import FORMATS
from ._output import JsonFlag, QuietFlag, VerboseFlag, output

if TYPE_CHECKING:
    from ..data.download import DownloadReport

__all__ = ["download", "fetch"]


def download(
    classes: Annotated[list[str], typer.Option(help="Words: cat,dog or a set such as animals10.")],
    format: Annotated[str, typer.Option(help=", ".join(FORMATS) + ".")] = "simplified",
    per_class: Annotated[
        int | None, typer.Option(help="Only the first drawings of each word.")
    ] = None,
    to: Annotated[Path, typer.Option(help="Folder.")] = Path("downloads"),
    base_url: Annotated[str | None, typer.Option(help="Of a mirror of Google's bucket.")] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Fetch drawings from Google, only what is asked for. Broken off, it goes on where it was."""
    report = fetch(classes, format=format, to=to, per_class=per_class, base_url=base_url)
    if output.is_json:
        output.json(
            [
                {"word": f.word, "path": str(f.path), "rows": f.rows, "bytes": f.n_bytes}
                for f in report.files
            ]
        )
        return
    for file in report.files:
        rows = "" if file.rows is None else f"{file.rows:,} drawings, "
        output.text(f"{file.path}: {rows}{file.n_bytes / 2**20:.1f} MiB")
    output.say(f"Next: doodlewise data prepare {to} --out stores/NAME")


def fetch(
    words: list[str], *, format: str, to: Path, per_class: int | None, base_url: str | None
) -> DownloadReport:
    """Download with a bar for each file."""
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn

    from ..data import download as downloads

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with output.progress(*columns) as progress:
        tasks: dict[str, Any] = {}

        def show(word: str, done: int, total: int | None) -> None:
            if word not in tasks:
                tasks[word] = progress.add_task(word, total=total)
            progress.update(tasks[word], completed=done, total=total)

        return downloads.download(
            words,
            format=format,  # type: ignore[arg-type]  # checked by download
            to=to,
            per_class=per_class,
            base_url=base_url or downloads.BASE_URL,
            progress=show,
        )
