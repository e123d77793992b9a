"""The one place through which commands speak: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

__all__ = ["JsonFlag", "QuietFlag", "VerboseFlag", "output"]


class Output:
    """How the running command speaks.

    Attributes:
        is_json: results are JSON, for programs.
        is_quiet: only results and errors.
        is_verbose: errors come with their traceback.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Back to the defaults, as at the start of a command."""
        self.is_json = self.is_quiet = self.is_verbose = False

    @property
    def talk(self) -> Console:
        """For people: progress, hints."""
        from rich.console import Console

        return Console(stderr=True, quiet=self.is_quiet, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """A line for people."""
        self.talk.print(text, markup=False)

    def text(self, text: str) -> None:
        """A result as text."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    @property
    def page(self) -> Console:
        """A result that is set: wrapped, in colours where the terminal has them."""
        from rich.console import Console

        width = None if sys.stdout.isatty() else 80
        return Console(file=sys.stdout, highlight=False, markup=False, width=width)

    def json(self, value: Any, *, indent: int | None = 2) -> None:
        """A result as JSON; a line of its own when `indent` is None."""
        self.text(json.dumps(value, indent=indent, ensure_ascii=False))

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        is_wide: bool = False,
    ) -> None:
        """A result as a table; columns of numbers are set to the right.

        Args:
            columns: their heads.
            rows: of cells.
            is_wide: lines are broken on a terminal only, so that programs find a line a row.
        """
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table

        listed = [list(row) for row in rows]
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for index, column in enumerate(columns):
            numbers = all(row[index][:1] in "-–±…0123456789" for row in listed if row[index])
            table.add_column(column, justify="right" if index and numbers else "left")
        for row in listed:
            table.add_row(*row)
        width = 1000 if is_wide and not sys.stdout.isatty() else None
        Console(file=sys.stdout, highlight=False, markup=False, width=width).print(table)

    @contextmanager
    def progress(self, *columns: Any) -> Iterator[Progress]:
        """A bar on a terminal; nothing elsewhere."""
        from rich.progress import Progress

        with Progress(
            *columns, console=self.talk, transient=True, disable=self.is_quiet or not self.is_live
        ) as progress:
            yield progress

    @property
    def is_live(self) -> bool:
        """Whether a person is watching a terminal."""
        return sys.stderr.isatty()


output = Output()


def _set(name: str) -> Any:
    def callback(value: bool) -> bool:
        if value:
            setattr(output, name, True)
        return value

    return callback


JsonFlag = Annotated[
    bool, typer.Option("--json", help="Results as JSON.", callback=_set("is_json"))
]
QuietFlag = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Only results and errors.", callback=_set("is_quiet")),
]
VerboseFlag = Annotated[
    bool,
    typer.Option("--verbose", "-v", help="Tracebacks of errors.", callback=_set("is_verbose")),
]
