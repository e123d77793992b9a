"""doodlewise doctor"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._blocks import in_blocks
from ._output import JsonFlag, QuietFlag, VerboseFlag, output

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from ..predict.doctor import Diagnosis, Trial, View
    from ..predict.findings import Finding

__all__ = ["doctor"]

WIDEST = 92
"""Lines longer than this many characters are hard to read."""
BAR = 11
HEADINGS = {
    "mended": "Doodlewise mends this, and your code should; what matters most comes first:",
    "lost": "This cannot be mended:",
    "maybe": "A suspicion; only you can tell:",
    "note": "Good to know:",
}
COLOURS = {"mended": "blue", "lost": "red", "maybe": "yellow", "note": "bright_black"}


def doctor(
    picture: Annotated[
        Path,
        typer.Argument(
            metavar="PICTURE",
            help="A picture, a canvas saved as .npy, or drawings (.ndjson, .bin).",
        ),
    ],
    model: Annotated[
        Path | None,
        typer.Option(
            help="A model.onnx, a run folder or a model folder; the model that comes with"
            " Doodlewise if not given."
        ),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="Write a report, too: a .png or an .html.")
    ] = None,
    number: Annotated[int, typer.Option(help="Which drawing of a file of many.", min=1)] = 1,
    top: Annotated[int, typer.Option(help="How many guesses.", min=1)] = 3,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Find out why a picture is misread, and what to do."""
    from ..predict.classifier import load
    from ..predict.doctor import examine
    from ..predict.doctor_report import check_report_path, write_report

    if to is not None:
        check_report_path(to)
    diagnosis = examine(picture, load(model), number=number, top=top)
    if output.is_json:
        output.json(diagnosis.to_dict())
    else:
        _show(diagnosis, output.page)
    if to is not None:
        write_report(diagnosis, to)
        output.say(f"The report is in {to}")


def _show(diagnosis: Diagnosis, page: Console) -> None:
    from rich.text import Text

    page.width = min(page.width, WIDEST)
    page.print(Text(diagnosis.source, "bold") + Text(f"  {diagnosis.facts}", "not bold dim"))
    page.print()
    page.print(diagnosis.verdict)
    page.print()
    views = [("the plain way", diagnosis.plain), ("mended", diagnosis.mended)]
    page.print(_beside([(title, view) for title, view in views if view], page))
    said: str = ""
    for finding in diagnosis.findings:
        if finding.severity != said:
            said = finding.severity
            page.print()
            page.print(Text(HEADINGS[said], f"bold {COLOURS[said]}"))
        _show_finding(finding, diagnosis, page)


def _beside(views: list[tuple[str, View]], page: Console) -> RenderableType:
    """What the network sees, with its guesses, side by side."""
    from rich.box import ROUNDED
    from rich.console import Group
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 4, 0, 0))
    cells = []
    for title, view in views:
        lines = in_blocks(view.pixels, has_colours=page.color_system in ("truecolor", "256"))
        width = len(lines[0].plain) + 2
        panel = Panel(Group(*lines), box=ROUNDED, padding=0, title=title, width=width)
        guesses = Text("\n").join(
            _guess(guess.word, guess.probability, width) for guess in view.prediction.guesses
        )
        cells.append(Group(panel, guesses))
        grid.add_column(width=width)
    grid.add_row(*cells)
    return grid


def _guess(word: str, probability: float, width: int) -> Text:
    """Such as "cat            87% ████"; of exactly this width."""
    from rich.text import Text

    room = width - BAR - 7
    if len(word) > room:
        word = f"{word[: room - 1]}…"
    line = Text(f" {word:{room}} {probability:4.0%} ")
    line.append(f"{'█' * round(BAR * probability):{BAR}}", "blue")
    return line


def _show_finding(finding: Finding, diagnosis: Diagnosis, page: Console) -> None:
    from rich.padding import Padding
    from rich.text import Text

    page.print()
    title = Text(finding.title, "bold") + Text(f": {finding.what}", "not bold")
    page.print(Padding(title, (0, 0, 0, 2), expand=False))
    page.print(Padding(Text(finding.why, "dim"), (0, 0, 0, 4), expand=False))
    page.print(Padding(Text(f"→ {finding.advice}"), (0, 0, 0, 4), expand=False))
    if finding.code_line:
        page.print(Padding(Text(finding.code_line, "cyan"), (0, 0, 0, 6), expand=False))
    trial = diagnosis.trial(finding.code)
    if trial is not None:
        page.print(Padding(_tried(trial, diagnosis), (0, 0, 0, 4), expand=False))


def _tried(trial: Trial, diagnosis: Diagnosis) -> str:
    """What mending only this changes, and what mending all but this does."""
    assert diagnosis.plain is not None
    alone, without = trial.alone.prediction, trial.without.prediction
    changes = "makes it" if alone.word != diagnosis.plain.prediction.word else "leaves it"
    said = f"Mending only this {changes} {alone.word} ({alone.probability:.0%})"
    if len(diagnosis.trials) == 1:
        return f"{said}."
    return f"{said}; all but this, {without.word} ({without.probability:.0%})."
