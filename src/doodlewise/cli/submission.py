"""doodlewise submission"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ._output import JsonFlag, QuietFlag, VerboseFlag, output

__all__ = ["submission"]

SHOWN = 5
"""Places that are named for each reason; --json has more."""


def submission(
    run: Annotated[Path, typer.Argument(help="A run folder, or a model folder.")],
    test: Annotated[Path, typer.Argument(help="Kaggle's test_simplified.csv, or test_raw.csv.")],
    out: Annotated[Path, typer.Option("--out", help="File to write.")] = Path("submission.csv"),
    top: Annotated[int, typer.Option(help="How many guesses, 1 to 3.")] = 3,
    device: Annotated[str, typer.Option(help="cpu, cuda or mps.")] = "cpu",
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Guess what Kaggle's test drawings are, in the form that Kaggle takes."""
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from ..evaluation.submission import submit

    columns = (
        TextColumn("guessing"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with output.progress(*columns) as progress:
        task = progress.add_task("guessing", total=None)
        report = submit(
            run,
            test,
            out,
            top=top,
            device=device,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    if output.is_json:
        output.json(report.to_dict(), indent=None)
        return
    output.text(f"{report.out}: {report.rows:,} rows")
    for reason, count in report.skipped["counts"].items():
        places = ", ".join(report.skipped["examples"][reason][:SHOWN])
        output.text(f"without a usable drawing {count:,}: {reason} ({places})")
    if report.skipped["counts"]:
        output.text(f"these got the first words of the network: {' '.join(report.fallback)}")
    if report.labelled:
        output.text(
            f"on {report.labelled:,} rows that say their word: MAP@3 {report.map3:.4f},"
            f" top-1 {report.top1:.2%}"
        )
