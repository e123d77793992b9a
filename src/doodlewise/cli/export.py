"""doodlewise export"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from ._output import JsonFlag, QuietFlag, VerboseFlag, output

if TYPE_CHECKING:
    from ..exporting.onnx import ExportReport, Input

__all__ = ["export"]


def export(
    run: Annotated[Path, typer.Argument(help="A run folder, or a model folder.")],
    to: Annotated[Path, typer.Option("--to", help="The file, such as model.onnx.")],
    input: Annotated[
        str, typer.Option(help="strokes, which the file draws itself; or pixels.")
    ] = "strokes",
    int8: Annotated[
        bool, typer.Option("--int8", help="8 bits: a quarter of the size, if it is as good.")
    ] = False,
    verify: Annotated[
        Path | None,
        typer.Option(help="Store to prove the file on; the one it was trained on if none."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write --int8 even if it guesses worse.")
    ] = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Write a model as one ONNX file, proven on real drawings."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

    from ..exporting.onnx import export_onnx

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with output.progress(*columns) as progress:
        task = progress.add_task("exporting", total=None)
        report = export_onnx(
            run,
            to,
            input=cast("Input", input),
            int8=int8,
            verify=verify,
            force=force,
            progress=lambda doing, done, total: progress.update(
                task, description=doing, completed=done, total=total
            ),
        )
    if output.is_json:
        output.json(report.to_dict())
    else:
        _show(report)


def _show(report: ExportReport) -> None:
    bits = "int8" if report.int8 else "float32"
    output.text(
        f"{report.out}: {report.input} in, {bits}, opset {report.opset},"
        f" {report.n_bytes / 1e6:,.2f} MB"
    )
    parity = report.parity
    output.text(
        f"Against torch: the same best guess for {parity.same_top1:.2%} of {parity.n:,} drawings of"
        f" {report.store}; probabilities differ by at most {parity.max_difference:.1g} on"
        f" {parity.n_exact:,}"
    )
    if report.loss is not None:
        loss = report.loss
        output.text(
            f"With 8 bits: top-1 {loss.top1_int8:.2%}, without {loss.top1:.2%}, on"
            f" {loss.n:,} drawings"
        )
        if loss.is_rough:
            output.say(
                f"These are few drawings: the val split of {report.store} has no more. Name a"
                " larger store with --verify for a figure to rely on."
            )
