"""doodlewise export"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from ._output import JsonFlag, QuietFlag, VerboseFlag, output

if TYPE_CHECKING:
    from ..exporting.onnx import ExportReport, Input
    from ..exporting.site import SiteReport

__all__ = ["export"]


def export(
    run: Annotated[
        Path | None,
        typer.Argument(
            help="A run folder, or a model folder. For --site alone, an exported file too; the"
            " model that comes with Doodlewise if none.",
        ),
    ] = None,
    to: Annotated[Path | None, typer.Option("--to", help="The file, such as model.onnx.")] = None,
    site: Annotated[
        Path | None,
        typer.Option(help="A folder for a static page that guesses in the browser, such as site/."),
    ] = None,
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
    """Write a model as one ONNX file, proven on real drawings; or as a page without a server."""
    if to is None and site is None:
        raise typer.BadParameter("Say where to: --to model.onnx, or --site site/, or both.")
    is_exported = run is None or run.suffix == ".onnx"
    if to is not None and is_exported:
        raise typer.BadParameter("Name the run folder to export, such as runs/first.")
    if is_exported and (int8 or force or verify is not None):
        raise typer.BadParameter("--int8, --verify and --force are for a run that is exported.")
    if site is not None and input != "strokes":
        raise typer.BadParameter("On a site people draw, so it takes --input strokes.")

    results: list[dict[str, Any]] = []
    with TemporaryDirectory(prefix="doodlewise-site-") as work:
        file, name = run, ""
        if site is not None:
            from ..exporting.site import check_site

            check_site(site)
        if run is not None and not is_exported:
            file, name = to or Path(work) / "model.onnx", run.resolve().name
            report = _export(run, file, input, int8, verify, force)
            results.append(report.to_dict())
            if not output.is_json:
                _show(report, file if to is not None else Path("The model"))
        if site is not None:
            from ..exporting.site import write_site

            about = write_site(file, site, name=name)
            results.append({"site": str(about.out)} | about.to_dict())
            if not output.is_json:
                _show_site(about)
    if output.is_json:
        output.json(results[0] if len(results) == 1 else {"file": results[0], "site": results[1]})


def _export(
    run: Path, to: Path, input: str, int8: bool, verify: Path | None, force: bool
) -> ExportReport:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

    from ..exporting.onnx import export_onnx

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with output.progress(*columns) as progress:
        task = progress.add_task("exporting", total=None)
        return export_onnx(
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


def _show(report: ExportReport, named: Path) -> None:
    bits = "int8" if report.int8 else "float32"
    output.text(
        f"{named}: {report.input} in, {bits}, opset {report.opset}, {report.n_bytes / 1e6:,.2f} MB"
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


def _show_site(report: SiteReport) -> None:
    output.text(
        f"{report.out}: a page that knows {report.words:,} words, {report.n_files} files,"
        f" {report.n_bytes / 1e6:,.1f} MB; a visitor loads {report.download / 1e6:,.1f} MB at most"
    )
    output.say(
        f"Copy the folder to any web host. Here: python -m http.server -d {report.out}, then open"
        " http://localhost:8000"
    )
