"""doodlewise data download"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..data.catalog import FORMATS, resolve_words
from ._output import JsonFlag, QuietFlag, VerboseFlag, output

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from ..data.download import DownloadReport

__all__ = ["download", "fetch"]


def download(
    classes: Annotated[list[str], typer.Option(help="Words: cat,dog or a set such as animals10.")],
    format: Annotated[str, typer.Option(help=", ".join(FORMATS) + ".")] = "simplified",
    per_class: Annotated[
        int | None, typer.Option(help="Only the first drawings of each word.")
    ] = None,
    to: Annotated[Path, typer.Option(help="Folder.")] = Path("downloads"),
    base_url: Annotated[
        str | None,
        typer.Option(help="Of a mirror of Google's bucket.", envvar="DOODLEWISE_BASE_URL"),
    ] = None,
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
    """Download with one view of it: a bar for all, and one for each file that is on its way."""
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

    from ..data import download as downloads

    chosen = resolve_words(words)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[size]}", justify="right"),
        TimeRemainingColumn(compact=True),
    )
    with output.progress(*columns) as progress:
        view = _View(progress, len(chosen))
        try:
            return downloads.download(
                chosen,
                format=format,  # type: ignore[arg-type]  # checked by download
                to=to,
                per_class=per_class,
                base_url=base_url or downloads.BASE_URL,
                progress=view.show,
            )
        except KeyboardInterrupt:
            output.say("What has arrived is kept; run the same command again to go on.")
            raise


class _View:
    """The bars of a download. A file that is here makes room for the next."""

    def __init__(self, progress: Progress, n_files: int) -> None:
        self._progress, self._n_files = progress, n_files
        self._task_of: dict[str, TaskID] = {}
        self._bytes: dict[str, int] = {}
        self._share: dict[str, float] = {}
        self._all = progress.add_task(self._summary, total=n_files, size=_megabytes(0))

    def show(self, word: str, here: int, wanted: int | None) -> None:
        """What `download` reports: the bytes of a file that are here, and those wanted."""
        self._bytes[word] = here
        self._share[word] = here / wanted if wanted else 0.0
        progress, task = self._progress, self._task_of.get(word)
        size = _megabytes(here)
        if here == wanted:
            if task is not None:
                progress.remove_task(self._task_of.pop(word))
        elif task is None:
            self._task_of[word] = progress.add_task(word, completed=here, total=wanted, size=size)
        else:
            progress.update(task, completed=here, total=wanted, size=size)
        progress.update(
            self._all,
            description=self._summary,
            completed=sum(self._share.values()),
            size=_megabytes(sum(self._bytes.values())),
        )

    @property
    def _summary(self) -> str:
        n_here = sum(share == 1.0 for share in self._share.values())
        return f"{n_here} of {self._n_files} files"


def _megabytes(n: int) -> str:
    return f"{n / 1e6:,.1f} MB"
