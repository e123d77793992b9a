"""doodlewise train

The flags are made from the fields of `TrainConfig`, so that flag, YAML key, Python argument and
help cannot differ.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_origin

import typer

from ..bundle_info import read_bundle_info
from ..errors import ConfigError
from ..training.config import TrainConfig, all_settings, load_config, type_of
from ..training.world import speaks
from ._output import JsonFlag, QuietFlag, VerboseFlag, output

if TYPE_CHECKING:
    from ..training.setup import TrainedRun

__all__ = ["asked_for", "given", "reporter", "show_plan", "show_run", "train", "with_flags"]

FLAGS = {
    part.metadata["flag"]: name
    for name, part in all_settings().items()
    if part.metadata.get("flag")
}
"""Flag to the dotted name of its setting."""
UNSAID = ("", None, False, inspect.Parameter.empty)
"""Defaults that say nothing."""


def _train(
    store: Annotated[Path | None, typer.Argument(help="Folder of a store.")] = None,
    *,
    config: Annotated[
        Path | None, typer.Option(help="YAML file with settings, or a run's folder or config.yaml.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other setting: --set optim.ema=0.99", metavar="KEY=VALUE"),
    ] = None,
    resume: Annotated[
        str | None, typer.Option(help="last, or a checkpoint: go on with the run of this --name.")
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
    """Train a network on a store. Ctrl-C saves, and says how to go on."""
    values = asked_for(config, flags, settings or [], resume)
    if store is not None:
        values["store"] = str(store)
    if not values.get("store"):
        raise ConfigError("Name the store to learn from: doodlewise train stores/NAME")
    resolved = TrainConfig(store=str(values.pop("store"))).with_values(values)

    from ..training.setup import train

    if dry_run:
        show_plan(resolved)
        return
    show_run(train(resolved, resume=resume, exist_ok=exist_ok, reporter=reporter()))


def reporter() -> Any:
    """What `train` takes to show a run as this command was asked to."""
    from ._train_reporter import make_reporter

    return partial(
        make_reporter,
        is_json=output.is_json,
        is_quiet=output.is_quiet,
        is_live=output.is_live,
    )


def show_plan(config: TrainConfig) -> None:
    """What a run would do."""
    from ..training.setup import describe

    if not speaks():
        return
    facts, summary = describe(config)
    for name, value in facts.items():
        output.text(f"{name:10} {value}")
    output.text("\n" + summary)


def show_run(run: TrainedRun) -> None:
    """What came out of a run, and what to do next."""
    if not speaks():
        return
    if output.is_json:
        output.json(
            {
                "run": str(run.folder),
                "best_epoch": run.best_epoch,
                "val_top1": run.result.top1,
                "final_top1": run.final_top1,
                "stopped": run.stopped,
                "advice": run.advice,
                "seconds": round(run.usage.total_s, 2),
            },
            indent=None,
        )
        return
    output.text(
        f"best: {run.result.top1:.2%} top-1 on {run.result.n:,} validation {run.result.things}"
        f" (epoch {run.best_epoch})"
    )
    output.text(f"model: {run.folder / 'model'}")
    final = run.folder / "model-final"
    output.text(f"final: {run.final_top1:.2%} top-1 (epoch {len(run.rows)}), in {final}")
    for line in run.advice:
        output.say(line)
    output.say(f"Took {run.usage.line()}.")
    info = read_bundle_info(run.folder / "model")
    output.say("Next:")
    output.say(f"  doodlewise eval {run.folder}")
    output.say(f"  doodlewise predict {run.folder} {info.examples}")
    if (run.folder / "report.html").exists():
        output.say(f"  open {run.folder / 'report.html'}")


def asked_for(
    config: Path | None, flags: dict[str, Any], settings: list[str], resume: str | None
) -> dict[str, Any]:
    """What was asked for: the resumed run's settings, then --config, then flags, then --set."""
    values: dict[str, Any] = {}
    if resume is not None and flags.get("name"):
        before = Path(flags.get("runs") or "runs") / flags["name"] / "config.yaml"
        if before.exists():
            values |= load_config(before)
    if config is not None:
        values |= load_config(config)
        # A run's own file names that run; starting it again makes another one.
        values.pop("name", None)
    return values | given(flags, settings)


def given(flags: Mapping[str, Any], settings: list[str]) -> dict[str, Any]:
    """What was asked for by flags, then by --set."""
    values = {
        name: flags[_parameter_name(flag)]
        for flag, name in FLAGS.items()
        if flags.get(_parameter_name(flag)) is not None
    }
    for each in settings:
        key, equals, value = each.partition("=")
        if not equals:
            raise ConfigError(f"--set {each} has no value. Write it as --set KEY=VALUE.")
        values[key.strip()] = value.strip()
    return values


def _parameter_name(flag: str) -> str:
    return flag.removeprefix("--").replace("-", "_")


def with_flags(
    function: Any,
    *,
    without: Collection[str] = (),
    usual: Mapping[str, str] | None = None,
    are_lists: bool = False,
) -> Any:
    """Replace **flags of a command by an option for each setting that has a flag.

    Args:
        function: the command.
        without: settings that it has no flags for.
        usual: what it takes where a flag is not given, for the help; by setting.
        are_lists: whether a flag takes several values, with commas: all are text then.
    """
    parts = all_settings()
    parameters = [
        parameter
        for parameter in inspect.signature(function, eval_str=True).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    for flag, name in FLAGS.items():
        if name in without:
            continue
        kind = type_of(name)
        kind = str if get_origin(kind) is not None or (are_lists and kind is not bool) else kind
        default = (usual or {}).get(name, parts[name].default)
        text = parts[name].metadata["help"]
        names = f"{flag}/{flag.replace('--', '--no-')}" if default is True else flag
        if isinstance(default, tuple):
            default = ",".join(default)
        default = flag.removeprefix("--") if default is True else default
        # Not `in`: 0 is said, and equals False.
        is_unsaid = any(default is each for each in UNSAID)
        shown = "" if is_unsaid else f" [default: {default}]"
        parameters.append(
            inspect.Parameter(
                _parameter_name(flag),
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[
                    kind | None,
                    typer.Option(names, help=text[0].upper() + text[1:] + "." + shown),
                ],
            )
        )
    function.__signature__ = inspect.Signature(parameters)
    function.__annotations__ = {each.name: each.annotation for each in parameters}
    return function


train = with_flags(_train)
