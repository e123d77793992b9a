"""doodlewise data synthetic"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ._output import QuietFlag, VerboseFlag, output

__all__ = ["synthetic"]


def synthetic(
    to: Annotated[Path, typer.Option(help="Folder.")],
    per_class: Annotated[int, typer.Option(help="Doodles of each word.")] = 500,
    seed: Annotated[int, typer.Option(help="Other doodles for another number.")] = 0,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Draw synthetic doodles by code, where no data is at hand. No person drew them."""
    from ..data.formats.synthetic import write_synthetic

    files = write_synthetic(to, per_class, seed)
    output.text(f"{to}: {len(files)} words, {per_class:,} synthetic doodles each")
    output.say(f"Next: doodlewise data prepare {to} --out stores/NAME")
