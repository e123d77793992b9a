"""Tables that do without some columns where the terminal is narrow, and that may be long."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence

__all__ = ["fitting", "long_table"]

BETWEEN = 3
"""Characters between two columns."""


def fitting(rows: Sequence[dict[str, str]], optional: Sequence[str]) -> list[str]:
    """The columns of the rows that fit into the terminal; all of them where there is none.

    Args:
        rows: name of a column to its cell.
        optional: columns to do without, the first of them first.
    """
    columns = list(rows[0])
    if not sys.stdout.isatty():
        return columns
    room = shutil.get_terminal_size().columns
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in columns}
    for name in optional:
        if sum(widths[each] + BETWEEN for each in columns) > room:
            columns.remove(name)
    return columns


def long_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table as `output.table` sets it, at a twentieth of the time.

    Args:
        columns: their heads.
        rows: of cells; none is broken into lines.
    """
    from rich.cells import cell_len

    cells = [columns, *rows]
    wide = [[cell_len(cell) for cell in row] for row in cells]
    widths = [max(column) for column in zip(*wide, strict=True)]
    right = [
        index > 0 and all(row[index][:1] in "-–±0123456789" for row in rows)
        for index in range(len(columns))
    ]
    yield ""
    for number, row in enumerate(cells):
        padded = (
            " " * (width - own) + cell if is_right else cell + " " * (width - own)
            for cell, own, width, is_right in zip(row, wide[number], widths, right, strict=True)
        )
        yield (" " + (" " * BETWEEN).join(padded)).rstrip()
        if number == 0:
            yield " " + "─" * (sum(widths) + BETWEEN * (len(widths) - 1))
    yield ""
