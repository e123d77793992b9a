"""doodlewise config validate"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError
from ._errors import RUN_ERROR
from ._output import JsonFlag, QuietFlag, VerboseFlag, output

__all__ = ["validate"]


def validate(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="YAML files, or folders of runs.")
    ],
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Check files with settings: everything that is wrong, with its line.

    The status is 1 if anything is.
    """
    from ..training.config_file import Problem, check_file

    found = []
    for file in files:
        try:
            problems = check_file(file)
        except ConfigError as error:
            problems = [Problem(0, str(error))]
        found.append((file, problems))
    if output.is_json:
        output.json(
            [
                {
                    "file": str(file),
                    "problems": [{"line": p.line, "message": p.message} for p in problems],
                }
                for file, problems in found
            ]
        )
    else:
        for file, problems in found:
            for problem in problems:
                where = f":{problem.line}" if problem.line else ""
                output.text(f"{file}{where}: {problem.message}")
            if not problems:
                output.say(f"{file}: all is well")
    n = sum(len(problems) for _, problems in found)
    if n:
        output.say(
            f"{n} problem{'s' if n > 1 else ''}. Mend {'them' if n > 1 else 'it'}, and check again."
        )
        raise typer.Exit(RUN_ERROR)
