"""doodlewise find-lr

Its flags are those of train, but for what the test has no use for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import ConfigError
from ..training.config import TrainConfig
from ._output import JsonFlag, QuietFlag, VerboseFlag, output
from .train import given, with_flags

__all__ = ["find_lr"]

WITHOUT = (
    "accumulate", "cache", "devices", "epochs", "launcher", "log", "name", "num_workers",
    "optim.lr", "optim.schedule", "patience", "runs",
)  # fmt: skip


def _find_lr(
    store: Annotated[Path, typer.Argument(help="Folder of a store.")],
    *,
    steps: Annotated[int, typer.Option(help="In which the learning rate grows.")] = 150,
    from_: Annotated[float, typer.Option("--from", help="The lowest learning rate.")] = 1e-5,
    until: Annotated[float, typer.Option(help="The highest.")] = 3.0,
    to: Annotated[
        Path | None, typer.Option(help="Where to write the curve as a picture, such as lr.png.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other setting: --set optim.clip=0", metavar="KEY=VALUE"),
    ] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
    **flags: Any,
) -> None:
    """Find a learning rate for a network on a store, in a minute; nothing is kept.

    The learning rate grows from far too small to far too large, and the loss tells which suits.
    """
    if to is not None and to.suffix.lower() != ".png":
        raise ConfigError(f"The curve is written as a PNG file, not as {to.name}. Use --to lr.png.")
    config = TrainConfig(store=str(store)).with_values(given(flags, settings or []))

    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    from ..training.find_lr import find_lr as test

    columns = (
        TextColumn("testing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with output.progress(*columns) as progress:
        task = progress.add_task("testing", total=None)
        found = test(
            config,
            first=from_,
            last=until,
            steps=steps,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    if to is not None:
        _draw(found, config, to)
    if output.is_json:
        output.json(
            {
                "suggested": found.suggested,
                "steepest": found.steepest,
                "lowest": found.lowest,
                "diverged": found.has_diverged,
                "lr": found.lr.tolist(),
                "loss": found.loss.tolist(),
                "smooth": found.smooth.tolist(),
            },
            indent=None,
        )
        return
    output.text(f"suggested: --lr {found.suggested:g}")
    output.say(
        f"The loss fell fastest at {found.steepest:.1e}, and was lowest at {found.lowest:.1e},"
        f" where it is too high already"
        + (", and rose again after that." if found.has_diverged else ".")
    )
    if to is not None:
        output.say(f"Curve: {to}")
    output.say("Next:")
    given_flags = _again(flags, settings or [])
    output.say(f"  doodlewise train {store}{given_flags} --lr {found.suggested:g}")


def _draw(found: Any, config: TrainConfig, to: Path) -> None:
    from ..evaluation.plots import to_png
    from ..evaluation.plots_lr import plot_lr_test
    from ..files import explain_os_errors, replacing

    figure = plot_lr_test(
        found.lr,
        found.loss,
        found.smooth,
        {"falls fastest": found.steepest, "lowest": found.lowest},
        found.suggested,
        f"Which learning rate suits {config.model}",
    )
    with (
        explain_os_errors(f"writing {to}", "Then run the same command again"),
        replacing(to) as temporary,
    ):
        temporary.write_bytes(to_png(figure))


def _again(flags: dict[str, Any], settings: list[str]) -> str:
    """The same flags, for the command that trains."""
    parts = []
    for name, value in flags.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            parts.append(flag)
        elif value is not None and value is not False:
            parts.append(f"{flag} {value}")
    parts += [f"--set {each}" for each in settings]
    return "".join(f" {part}" for part in parts)


find_lr = with_flags(_find_lr, without=WITHOUT)
