"""doodlewise eval"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ._output import JsonFlag, QuietFlag, VerboseFlag, output

__all__ = ["evaluate"]


def evaluate(
    run: Annotated[Path, typer.Argument(help="A run folder, or a model folder.")],
    store: Annotated[
        Path | None, typer.Argument(help="Store to evaluate on; the one it was trained on if none.")
    ] = None,
    split: Annotated[str, typer.Option(help="train, val, test or all.")] = "test",
    out: Annotated[
        Path | None, typer.Option(help="Folder for report.html, eval.json and pictures.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or mps.")] = "cpu",
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Say honestly how good a model is, on drawings that it has not seen."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    from ..evaluation.judge import evaluate as judge

    columns = (
        TextColumn("evaluating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with output.progress(*columns) as progress:
        task = progress.add_task("evaluating", total=None)
        folder, result = judge(
            run,
            store,
            split,
            out=out,
            device=device,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    if output.is_json:
        output.json(result.to_dict(), indent=None)
    else:
        output.table(["", f"{result.model} on {result.store}, {split}"], result.summary_rows())
    output.say(f"Report: {folder / 'report.html'}")
