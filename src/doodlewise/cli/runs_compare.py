"""doodlewise runs compare"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigError
from ._columns import fitting
from ._output import JsonFlag, QuietFlag, VerboseFlag, output
from .runs_list import RunsFolder

if TYPE_CHECKING:
    from ..training.runs.compare import Comparison, Entry

__all__ = ["compare"]

OPTIONAL = ("network", "parameters", "drawings/s", "top-5", "±")
"""Columns that a narrow terminal does without, the first of them first."""
SPARKS = 60
"""Characters of a curve at most."""


def compare(
    names: Annotated[list[str], typer.Argument(metavar="RUN...", help="Names or folders of runs.")],
    runs: RunsFolder = Path("runs"),
    html: Annotated[
        Path | None, typer.Option(help="Write a page with the curves over each other.")
    ] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Put runs side by side: their figures, what differs in their settings, their curves."""
    from ..files import explain_os_errors
    from ..training.runs.compare import compare as compare_runs
    from ..training.runs.find import read_run

    comparison = compare_runs([read_run(name, runs) for name in names])
    if len(comparison.entries) < 2:
        raise ConfigError("Name two runs or more: doodlewise runs compare first second")
    if html is not None:
        from ..training.runs.page import write_comparison

        with explain_os_errors(f"writing {html}", "Choose another path for --html"):
            write_comparison(html, comparison)
    if output.is_json:
        output.json(comparison.to_dict())
    else:
        for warning in comparison.warnings:
            output.text(f"! {warning}")
        _figures(comparison)
        _differences(comparison)
        _curves(comparison)
        for line in [*_repeated(comparison), *comparison.notes]:
            output.text(line)
    if html is not None:
        output.say(f"Page: {html}")
    else:
        output.say("A page of it: add --html compare.html")


def _figures(comparison: Comparison) -> None:
    rows = [_figures_of(entry) for entry in comparison.entries]
    columns = fitting(rows, OPTIONAL)
    output.table(columns, [[row[column] for column in columns] for row in rows], is_wide=True)


def _figures_of(entry: Entry) -> dict[str, str]:
    from ..training.runs.spell import share
    from ..training.usage import duration

    low, high = entry.interval or (0.0, 0.0)
    return {
        "run": entry.label,
        "top-1": share(entry.top1),
        "±": f"±{50 * (high - low):.1f}" if entry.interval else "–",
        "top-5": share(entry.top5),
        "loss": "–" if entry.loss is None else f"{entry.loss:.4f}",
        "ECE": share(entry.ece, 1),
        "best epoch": f"{entry.best_epoch or '–'} of {entry.run.epochs_done}",
        "time": "–" if entry.seconds is None else duration(entry.seconds),
        "drawings/s": "–" if entry.drawings_per_s is None else f"{entry.drawings_per_s:,.0f}",
        "parameters": "–" if entry.n_parameters is None else f"{entry.n_parameters:,}",
        "network": entry.run.model or "–",
    }


def _differences(comparison: Comparison) -> None:
    from ..training.runs.spell import written

    if not comparison.differences:
        output.text("All settings are the same.\n")
        return
    labels = [entry.label for entry in comparison.entries]
    table = [[name, *map(written, values)] for name, values in comparison.differences.items()]
    columns = ["setting", *labels]
    if len(labels) > len(table):
        columns = ["run", *comparison.differences]
        table = [[label, *(line[1 + at] for line in table)] for at, label in enumerate(labels)]
    output.table(columns, table, is_wide=True)


def _curves(comparison: Comparison) -> None:
    """A curve a run, in the same scale for all of them."""
    from ..training.runs.compare import CURVES
    from ._sparks import spark

    longest = max(entry.run.epochs_done for entry in comparison.entries)
    wide = max(len(entry.label) for entry in comparison.entries)
    room = min(SPARKS, max(10, shutil.get_terminal_size().columns - wide - 22))
    for column, title in CURVES.items():
        curves = [[value for _, value in entry.curve(column)] for entry in comparison.entries]
        values = sorted(value for curve in curves for value in curve)
        if not values:
            continue
        # One that diverged does not flatten the others.
        high = values[min(len(values) - 1, int(0.98 * len(values)))]
        width = max(len(spark(curve, 0, 1, room, longest)) for curve in curves)
        output.text(f"{title}, {_number(values[0], column)} to {_number(values[-1], column)}")
        for entry, curve in zip(comparison.entries, curves, strict=True):
            if curve:
                drawn = spark(curve, values[0], high, room, longest)
                ends = f"{_number(curve[0], column)} → {_number(curve[-1], column)}"
                output.text(f"  {entry.label:{wide}}  {drawn:{width}}  {ends}")
        output.text("")


def _number(value: float, column: str) -> str:
    return f"{100 * value:.1f} %" if column.endswith("top1") else f"{value:.3f}"


def _repeated(comparison: Comparison) -> list[str]:
    return [
        f"{', '.join(each.labels)} differ in nothing but the seed: {100 * each.mean:.2f} ±"
        f" {100 * each.spread:.2f} % top-1 (mean and standard deviation)."
        for each in comparison.repeated
    ]
