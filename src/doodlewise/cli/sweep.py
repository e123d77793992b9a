"""doodlewise sweep

Every flag of train that is given several values, with commas, is one that the sweep varies.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConfigError, TrainingError
from ..training.config import TrainConfig, load_config
from ._output import JsonFlag, QuietFlag, VerboseFlag, output
from .train import given, with_flags

if TYPE_CHECKING:
    from ..training.sweep.plan import Plan
    from ..training.sweep.results import SweepResult

__all__ = ["sweep"]

ONE_VALUE = ("log",)
"""Settings whose value has commas of its own."""


def _sweep(
    store: Annotated[
        Path, typer.Argument(help="Folder of a store; or of a sweep, to go on with it.")
    ],
    *,
    grid: Annotated[
        list[str] | None,
        typer.Option(help="Any setting to vary: --grid optim.ema=0.99,0.998", metavar="KEY=A,B,C"),
    ] = None,
    search: Annotated[
        str,
        typer.Option(
            help='What to search: "lr=log:1e-4..3e-2 ema=0.9..0.999 batch_size=64|256", with int:'
            " for whole numbers.",
            metavar="RANGES",
        ),
    ] = "",
    trials: Annotated[int | None, typer.Option(help="Settings that a search tries.")] = None,
    seeds: Annotated[int | None, typer.Option(help="Runs of every setting.")] = None,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune", help="End trials early that are below the median of the others at an epoch."
        ),
    ] = False,
    jobs: Annotated[int, typer.Option(help="Trials at a time; they share the cores.")] = 1,
    name: Annotated[
        str, typer.Option(help="Name of the sweep; store and network when not given.")
    ] = "",
    sweeps: Annotated[Path, typer.Option(help="Folder of all sweeps.")] = Path("sweeps"),
    config: Annotated[
        Path | None, typer.Option(help="YAML file with settings, such as a run's config.yaml.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other setting: --set optim.ema=0.99", metavar="KEY=VALUE"),
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try failed trials again.")] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Of a sweep's folder: only the table, no training.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the trials.")] = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
    **flags: Any,
) -> None:
    """Try many settings: every combination of listed values, or a search.

    A flag that is given several values varies: --lr 1e-2,1e-3 --batch-size 64,256. Every trial is
    a run like any other; the table and the pictures are in the sweep's folder. Ctrl-C saves;
    interrupted or killed, the same command goes on.
    """
    values = given(flags, settings or [])
    if is_sweep(store):
        wanted = [*values, *(grid or []), *([search] if search else []), *([name] if name else [])]
        if wanted or config is not None:
            raise ConfigError(
                f"{store} is a sweep, which has its settings. Leave all others out, or name a"
                " store for another sweep."
            )
        folder, plan = store, _again(store, trials, seeds, prune=prune)
    elif show:
        raise ConfigError(f"{store} is no sweep. Name its folder: doodlewise sweep sweeps/NAME")
    else:
        plan = _plan(
            store, config, values, grid or [], search, trials or 0, seeds or 1, prune=prune
        )
        folder, plan = _open(sweeps, name, plan)
    if show:
        from ..training.sweep.run import read_sweep

        _show(read_sweep(folder))
        return
    if dry_run:
        _list_trials(folder, plan)
        return
    from ..training.sweep.run import run_plan
    from ._sweep_reporter import make_reporter

    reporter = make_reporter(
        is_json=output.is_json, is_quiet=output.is_quiet, is_live=output.is_live
    )
    result = run_plan(folder, plan, jobs=jobs, retry=retry, reporter=reporter)
    _show(result)
    if result.trials and result.best is None:
        raise TrainingError(
            f"All {len(result.trials)} trials failed. The reasons are above; when they are mended,"
            f" go on with: doodlewise sweep {folder} --retry"
        )


def is_sweep(folder: Path) -> bool:
    """Whether a folder is a sweep's, not a store's."""
    return (folder / "config.yaml").exists() and not (folder / "manifest.json").exists()


def _plan(
    store: Path,
    config: Path | None,
    values: dict[str, Any],
    grid: list[str],
    search: str,
    trials: int,
    seeds: int,
    *,
    prune: bool,
) -> Plan:
    """What was asked for."""
    from ..training.sweep.plan import make_plan

    fixed = load_config(config) if config is not None else {}
    fixed.pop("name", None)
    varied: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, str) and "," in value and key not in ONE_VALUE:
            varied[key] = value
        else:
            fixed[key] = value
    for each in grid:
        key, equals, listed = each.partition("=")
        if not equals:
            raise ConfigError(f"--grid {each} has no values. Write it as --grid KEY=A,B,C.")
        varied[key.strip()] = listed.strip()
    base = TrainConfig(store=str(store)).with_values({**fixed, "store": str(store)})
    return make_plan(
        base, grid=varied, search=search or None, trials=trials, seeds=seeds, prune=prune
    )


def _open(sweeps: Path, name: str, plan: Plan) -> tuple[Path, Plan]:
    """The folder of a plan, and the plan as it is there."""
    from ..training.sweep.run import default_name, open_plan

    folder = sweeps / (name or default_name(plan))
    return folder, open_plan(folder, plan)


def _again(folder: Path, trials: int | None, seeds: int | None, *, prune: bool) -> Plan:
    """The plan of a folder, with more trials or seeds if they are asked for."""
    from dataclasses import replace

    from ..training.sweep.plan import load_plan
    from ..training.sweep.run import open_plan

    plan = load_plan(folder)
    if trials is not None and not plan.is_search:
        raise ConfigError(f"{folder} is a grid, which tries all there is. Leave --trials out.")
    plan = replace(
        plan,
        trials=plan.trials if trials is None else trials,
        seeds=plan.seeds if seeds is None else seeds,
        prune=plan.prune or prune,
    )
    return open_plan(folder, plan)


def _list_trials(folder: Path, plan: Plan) -> None:
    """What would be tried."""
    from ..training.sweep.table import trials_ahead

    ahead = trials_ahead(folder, plan)
    if output.is_json:
        output.json({"sweep": str(folder), "trials": ahead})
        return
    if plan.is_search:
        for name, axis in plan.axes.items():
            output.text(f"{name} = {axis}")
        output.say(f"{plan.trials} settings x {plan.seeds} seeds, chosen as the results come in")
        return
    columns = ["", *ahead[0]["setting"], "seed", "state"]
    rows = [
        [str(place), *map(str, each["setting"].values()), str(each["seed"]), each["state"]]
        for place, each in enumerate(ahead, 1)
    ]
    output.table(columns, rows, is_wide=True)
    left = sum(each["state"] == "waiting" for each in ahead)
    output.say(f"{len(ahead)} trials in {folder}, {left} to do")


def _show(result: SweepResult) -> None:
    """The table, best first, and what to do next."""
    if output.is_json:
        output.json(result.to_dict(), indent=None)
        return
    from ..training.sweep.table import reasons, table_of

    columns, rows = table_of(result)
    output.table(columns, rows, is_wide=True)
    for line in reasons(result):
        output.say(line)
    best = result.best
    if best is None or best.top1 is None:
        return
    moves = f"{100 * result.chance:.1f}"
    output.text(
        f"best: {best.top1:.2%} top-1 on {result.n_val:,} validation {result.things} (± {moves} by"
        f" chance) with {best.spell(result.names)}"
    )
    output.text(f"model: {result.best_run}/model")
    output.say(f"table: {result.folder / 'results.csv'}")
    output.say("Next:")
    if result.n_waiting:
        output.say(f"  doodlewise sweep {result.folder}   # {result.n_waiting} trials are left")
    output.say(f"  doodlewise eval {result.best_run} --split test")
    output.say(f"  doodlewise train --config {result.best_run}/config.yaml --seed 1")
    output.say(f"  open {result.folder / 'report.html'}")


sweep = with_flags(
    _sweep,
    without=("name", "runs"),
    are_lists=True,
)
