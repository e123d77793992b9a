"""doodlewise runs show"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._output import JsonFlag, QuietFlag, VerboseFlag, output
from .runs_list import RunsFolder

if TYPE_CHECKING:
    from ..training.runs.record import RunRecord

__all__ = ["show"]

EPOCHS = 9
"""Rows of the table of epochs at most, so that everything is on one screen."""
NAME = 11


def show(
    run: Annotated[
        str | None, typer.Argument(help="Name or folder of a run; the newest if none.")
    ] = None,
    runs: RunsFolder = Path("runs"),
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Show a run: settings, data, epochs, how good it is, what it cost, and what to do next."""
    from ..training.runs.about import about, files_of, next_commands, unusual_settings
    from ..training.runs.find import newest_run, read_run

    record = newest_run(runs) if run is None else read_run(run, runs)
    if output.is_json:
        output.json(about(record))
        return
    _head(record)
    _settings(unusual_settings(record))
    _epochs(record)
    _evaluations(record)
    _cost(record)
    _section("Files", ((name, f"{size:>9}  {text}") for name, size, text in files_of(record.path)))
    commands = next_commands(record)
    if commands:
        output.say("Next:")
        for command in commands:
            output.say(f"  {command}")


def _head(run: RunRecord) -> None:
    from ..training.runs.spell import when

    output.text(f"{run.path}: {run.state.name}, {when(run.when)}")
    if run.state.reason:
        output.text(f"  {run.state.reason}")
    for problem in run.problems:
        output.text(f"  ! {problem}")
    said = run.log.facts
    facts = {
        "best": _best(run),
        "network": said.get("network") or run.model,
        "data": said.get("data") or run.store,
        **{name: text for name, text in said.items() if name not in ("network", "data", "run")},
    }
    for name, value in facts.items():
        if value:
            output.text(f"  {name:{NAME}} {value}")
    for line in run.log.advice:
        output.text(f"  {'advice':{NAME}} {line}")
    output.text("")


def _best(run: RunRecord) -> str:
    from ..training.runs.spell import share

    if not run.best:
        return ""
    figures = [f"{share(run.best[name])} {text}" for name, text in _TOPS if name in run.best]
    if "val_loss" in run.best:
        figures.append(f"loss {run.best['val_loss']:.4f}")
    if run.ece is not None:
        figures.append(f"calibration error {share(run.ece)}")
    judged = f"{run.n_val:,} validation {run.things}" if run.n_val else "validation"
    return f"{', '.join(figures)} on {judged}, epoch {run.best['epoch']:.0f}"


_TOPS = (("val_top1", "top-1"), ("val_top3", "top-3"), ("val_top5", "top-5"))


def _settings(unusual: dict[str, tuple[Any, Any]]) -> None:
    from ..training.runs.spell import written

    if not unusual:
        output.text("Settings: all as usual\n")
        return
    values = {name: written(value) for name, (value, _) in unusual.items()}
    wide = max(map(len, values.values()))
    _section(
        "Settings that are not as usual",
        (
            (name, f"{values[name]:{wide}}  usually {_usual(usual)}")
            for name, (_, usual) in unusual.items()
        ),
    )


def _usual(value: Any) -> str:
    from ..training.runs.spell import written

    return "as suits the others" if value is None else written(value) or "empty"


def _epochs(run: RunRecord) -> None:
    from ..training.runs.about import shortened
    from ..training.runs.spell import share
    from ..training.usage import duration

    rows = run.rows
    if not rows:
        output.text("No epoch is over yet\n")
        return
    of = "" if run.epochs is None else f" of {run.epochs}"
    output.text(f"{run.epochs_done}{of} epochs")

    def line(row: dict[str, float] | None) -> list[str]:
        if row is None:
            return ["…", *[""] * 6]
        return [
            f"{row['epoch']:.0f}{' best' if row['epoch'] == run.best.get('epoch') else ''}",
            f"{row.get('lr', 0):.2g}",
            f"{row.get('train_loss', 0):.4f}",
            share(row.get("train_top1")),
            f"{row.get('val_loss', 0):.4f}",
            share(row.get("val_top1")),
            duration(row.get("train_s", 0.0) + row.get("val_s", 0.0)),
        ]

    heads = ["epoch", "lr", "loss", "top-1", "val loss", "val top-1", "time"]
    output.table(heads, [line(row) for row in shortened(rows, run.best, EPOCHS)], is_wide=True)


def _evaluations(run: RunRecord) -> None:
    from ..training.runs.spell import share

    if not run.evaluations:
        return
    rows = [
        [
            f"{each.split} of {Path(each.store).name}",
            "–" if each.n is None else f"{each.n:,}",
            share(each.top1),
            "–" if each.interval is None else f"±{50 * (each.interval[1] - each.interval[0]):.1f}",
            share(each.top3),
            share(each.top5),
            share(each.ece, 1),
            each.date[:10],
        ]
        for each in run.evaluations
    ]
    heads = ["evaluation", "n", "top-1", "±", "top-3", "top-5", "ECE", "date"]
    output.table(heads, rows, is_wide=True)


def _cost(run: RunRecord) -> None:
    from ..training.usage import duration, read_usage

    if run.usage:
        _section("Time and memory", read_usage(run.path / "usage.json").facts().items())
    elif run.seconds is not None:
        _section("Time", [("epochs", duration(run.seconds))])


def _section(title: str, lines: Iterable[tuple[str, str]]) -> None:
    listed = list(lines)
    wide = max((len(name) for name, _ in listed), default=0)
    output.text(title)
    for name, text in listed:
        output.text(f"  {name:{max(wide, NAME)}} {text}".rstrip())
    output.text("")
