"""Tables that do without some columns where the terminal is narrow."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

__all__ = ["fitting"]

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
