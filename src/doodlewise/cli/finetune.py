"""doodlewise finetune

Its flags are those of train, but for what follows from the base.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ._output import JsonFlag, QuietFlag, VerboseFlag
from .train import given, reporter, show_plan, show_run, with_flags

__all__ = ["finetune"]

WITHOUT = ("model", "init_from", "pretrained", "render.side", "render.channels")
"""They follow from the base."""
USUAL = {
    "batch_size": "16 to 256, as the store is large",
    "epochs": "5",
    "optim.lr": "a quarter of what suits the network from nothing: 0.001 for ours",
}


def _finetune(
    base: Annotated[
        str,
        typer.Argument(
            help="Run folder, model folder or exported file; or 'bundled', the model that comes"
            " with Doodlewise.",
        ),
    ],
    store: Annotated[Path, typer.Argument(help="Folder of a store with the words to learn.")],
    *,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other setting: --set optim.ema=0.99", metavar="KEY=VALUE"),
    ] = None,
    exist_ok: Annotated[
        bool, typer.Option("--exist-ok", help="Start a run over that is there.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything and show the network; no training.")
    ] = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
    **flags: Any,
) -> None:
    """Teach a network that has learnt other words the words of a store.

    Ctrl-C saves, and says how to go on.
    """
    from ..training.finetune import finetune_config
    from ..training.setup import train

    config = finetune_config(base, store, given(flags, settings or []))
    if dry_run:
        show_plan(config)
        return
    show_run(train(config, exist_ok=exist_ok, reporter=reporter()))


finetune = with_flags(_finetune, without=WITHOUT, usual=USUAL)
