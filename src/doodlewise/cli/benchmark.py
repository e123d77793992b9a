"""doodlewise benchmark"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._output import JsonFlag, QuietFlag, VerboseFlag, output

if TYPE_CHECKING:
    from ..predict.speed import Row, Speed

__all__ = ["benchmark"]


def benchmark(
    model: Annotated[
        Path | None,
        typer.Option(
            help="A model.onnx, a run folder or a model folder; the model that comes with"
            " Doodlewise if none."
        ),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.01, max=60.0, help="For each row of the table.")
    ] = 1.0,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Measure how fast a model guesses on this machine."""
    from ..environment import environment
    from ..predict.speed import measure_speed

    with output.progress("measuring: {task.description}") as progress:
        task = progress.add_task("")
        speed = measure_speed(
            model,
            seconds=seconds,
            tell=lambda what: progress.update(task, description=what),
        )
    facts = environment()
    if output.is_json:
        output.json(
            speed.to_dict()
            | {name: facts[name] for name in ("doodlewise", "python", "processor", "cores")}
        )
        return
    output.text(
        f"{speed.model}: {speed.words} words, {speed.bits} bits, {speed.size_bytes / 1e6:.1f} MB;"
        f" {speed.runtime}"
    )
    output.text(f"{facts['processor']}, {facts['cores']} cores; Python {facts['python']}")
    output.table(["", "p50, ms", "p99, ms", "per second"], _rows(speed))


def _rows(speed: Speed) -> list[list[str]]:
    rows = [
        ["load the model", _ms(speed.load_ms), "", ""],
        ["first guess", _ms(speed.first_ms), "", ""],
    ]
    rows += [_row(row) for row in speed.rows]
    if speed.memory_mib is not None:
        rows.append([f"most memory: {speed.memory_mib:.0f} MiB", "", "", ""])
    return rows


def _row(row: Row) -> list[str]:
    p99 = "" if row.p99_ms is None else _ms(row.p99_ms)
    return [row.what, _ms(row.p50_ms), p99, f"{row.per_second:,.0f}"]


def _ms(value: float) -> str:
    return f"{value:,.2f}" if value < 100.0 else f"{value:,.0f}"
