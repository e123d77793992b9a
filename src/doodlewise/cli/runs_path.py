"""doodlewise runs path"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError, RunError
from ._output import JsonFlag, VerboseFlag, output
from .runs_list import RunsFolder

__all__ = ["path"]

PARTS = {
    "model": "model",
    "final": "model-final",
    "report": "report.html",
    "config": "config.yaml",
    "metrics": "metrics.csv",
    "log": "train.log",
}
"""Flag to what it names in the folder of a run."""


def path(
    run: Annotated[
        str | None, typer.Argument(help="Name or folder of a run; the newest if none.")
    ] = None,
    runs: RunsFolder = Path("runs"),
    model: Annotated[bool, typer.Option("--model", help="Of its model, the best weights.")] = False,
    final: Annotated[bool, typer.Option("--final", help="Of its last weights.")] = False,
    report: Annotated[bool, typer.Option("--report", help="Of report.html.")] = False,
    config: Annotated[bool, typer.Option("--config", help="Of config.yaml.")] = False,
    metrics: Annotated[bool, typer.Option("--metrics", help="Of metrics.csv.")] = False,
    log: Annotated[bool, typer.Option("--log", help="Of train.log.")] = False,
    json: JsonFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Print the path of a run, or of a part of it, and nothing else: cd $(doodlewise runs path)."""
    from ..training.runs.find import newest_run, read_run

    flags = zip(PARTS, (model, final, report, config, metrics, log), strict=True)
    wanted = [name for name, is_wanted in flags if is_wanted]
    if len(wanted) > 1:
        raise ConfigError(f"A path is of one thing: choose --{wanted[0]} or --{wanted[1]}.")
    found = (newest_run(runs) if run is None else read_run(run, runs)).path
    if wanted:
        found /= PARTS[wanted[0]]
        if not found.exists():
            raise RunError(
                f"There is no {found}. The run has not come so far, or it is not whole. See:"
                f" doodlewise runs show {found.parent}"
            )
    if output.is_json:
        output.json({"path": str(found)})
    else:
        output.text(str(found))
