"""A sweep from beginning to end: what is left to do is done, and written down as it is done."""

from __future__ import annotations

import hashlib
import shutil
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from ...data.store import Store
from ...errors import ConfigError, DataError, Interrupted, UnknownModelError, did_you_mean
from ...files import explain_os_errors, locked
from ..config import TrainConfig
from .ledger import FAILED, Ledger, Trial, read_trials
from .plan import FILE as PLAN_FILE
from .plan import Plan, load_plan, make_plan, merged, save_plan
from .pool import Event, Pool
from .results import (
    SweepResult,
    figures_of,
    run_folder,
    settings_of,
    write_results,
)
from .space import Choices, value_of
from .worker import Ended, EpochDone

__all__ = ["SilentSweepReporter", "SweepReporter", "open_plan", "read_sweep", "run_plan", "sweep"]


class SweepReporter(Protocol):
    """Shows a sweep to a person, or to a program."""

    def start(self, folder: Path, plan: Plan, before: list[Trial], jobs: int) -> None:
        """It is about to begin; so many trials are there from before."""

    def trial_begins(self, trial: Trial, *, again: bool) -> None:
        """A trial is begun; again if it was cut off."""

    def trial_goes_on(self, trial: Trial, event: Event) -> None:
        """Steps or an epoch of it are done."""

    def trial_ends(self, trial: Trial) -> None:
        """It is over, and its result is written down."""

    def say(self, line: str) -> None:
        """Something worth a line."""

    def close(self) -> None:
        """The sweep is over, or was broken off."""


class SilentSweepReporter:
    """Says nothing; what Python callers get unless they ask for more."""

    def start(self, folder: Path, plan: Plan, before: list[Trial], jobs: int) -> None: ...
    def trial_begins(self, trial: Trial, *, again: bool) -> None: ...
    def trial_goes_on(self, trial: Trial, event: Event) -> None: ...
    def trial_ends(self, trial: Trial) -> None: ...
    def say(self, line: str) -> None: ...
    def close(self) -> None: ...


def sweep(
    store: str | Path = "",
    *,
    grid: Mapping[str, Any] | None = None,
    search: str | Mapping[str, Any] | None = None,
    trials: int = 0,
    seeds: int = 1,
    prune: bool = False,
    jobs: int = 1,
    name: str = "",
    sweeps: str | Path = "sweeps",
    retry: bool = False,
    reporter: SweepReporter | None = None,
    **settings: Any,
) -> SweepResult:
    """Try many settings on a store, and keep them all: a run each, and a table of them.

        dw.sweep("stores/a10", grid={"lr": [1e-2, 1e-3], "batch_size": [64, 256]}, epochs=20)
        dw.sweep("stores/a10", search="lr=log:1e-4..3e-2", trials=30, prune=True)

    Called again, it goes on where it stopped. Trials are trained in processes of their own, so call
    it under `if __name__ == "__main__":` in a script.

    Args:
        store: folder of a store.
        grid: settings to lists of values; every combination is tried.
        search: settings to ranges, such as {"lr": "log:1e-4..3e-2"}, or all of it as text.
        trials: settings that a search tries.
        seeds: runs of every setting, with seeds from `seed` on.
        prune: end trials early that are below the median of the others at the same epoch.
        jobs: trials at a time, which share the cores.
        name: of the sweep; store and network when empty.
        sweeps: folder of all sweeps.
        retry: try failed trials again.
        reporter: who shows it.
        **settings: of every trial, as in `TrainConfig`.

    Raises:
        ConfigError: an impossible setting, or one that does not fit the sweep of this name.
        StoreError: no store.
        DataError: another process is at this sweep, or the disk is full.
        Interrupted: Ctrl-C was pressed; called again, it goes on.
    """
    base = TrainConfig(store=str(store))
    base = base.with_values(settings)
    plan = make_plan(base, grid=grid, search=search, trials=trials, seeds=seeds, prune=prune)
    folder = Path(sweeps) / (name or default_name(plan))
    plan = open_plan(folder, plan)
    return run_plan(folder, plan, jobs=jobs, retry=retry, reporter=reporter)


def default_name(plan: Plan) -> str:
    """The name of a sweep that was given none: the same for the same command."""
    store = Path(plan.base.store).resolve().name
    model = "" if "model" in plan.axes else "-" + plan.base.model.replace(":", "-")
    return store + model.replace("/", "-")


def open_plan(folder: Path, plan: Plan) -> Plan:
    """The plan, checked; that of the folder with this one's additions if there is one.

    Raises:
        ConfigError: no such network, or what is in the folder cannot be compared with this.
        StoreError: no store.
    """
    store = Store(plan.base.store)
    _check_models(plan)
    plan = replace(plan, drawings=_fingerprint(store))
    if (folder / PLAN_FILE).exists():
        return merged(load_plan(folder), plan, folder)
    return plan


def run_plan(
    folder: Path,
    plan: Plan,
    *,
    jobs: int = 1,
    retry: bool = False,
    reporter: SweepReporter | None = None,
) -> SweepResult:
    """Do what is left of a plan, and write down what came out.

    Raises:
        as `sweep`.
    """
    if jobs < 1:
        raise ConfigError(f"jobs is {jobs}; choose 1 or more.")
    reporter = reporter or SilentSweepReporter()
    advice = "The same command goes on with the sweep"
    with explain_os_errors(f"writing {folder}", advice), locked(folder, "used"):
        save_plan(plan, folder)
        ledger = Ledger(folder, plan)
        try:
            before = ledger.trials()
            todo = _todo(ledger, plan, before, retry=retry)
            reporter.start(folder, plan, before, jobs)
            with _asked_to_stop(reporter) as stop:
                _train_all(folder, plan, ledger, todo, jobs, reporter, stop)
            trials = ledger.trials()
        finally:
            reporter.close()
            ledger.close()
        result = _result(folder, plan, trials)
        write_results(result)
        if not stop.asked:
            from .write import write_pictures

            write_pictures(result)
    if stop.asked:
        done = sum(trial.is_over for trial in trials)
        raise Interrupted(
            f"Saved; {done} of {done + result.n_waiting} trials are over. Go on with:"
            f" doodlewise sweep {folder}"
        )
    return result


def read_sweep(folder: Path) -> SweepResult:
    """What has come out of a sweep so far; another process may be at it.

    Raises:
        RunError: there is no sweep in the folder.
    """
    plan = load_plan(folder)
    return _result(folder, plan, read_trials(folder))


class _Stop:
    """Whether someone asked to stop, and how often."""

    def __init__(self) -> None:
        self.times = 0

    @property
    def asked(self) -> bool:
        return self.times > 0


_Todo = Iterator[tuple[Trial, bool]]


def _todo(ledger: Ledger, plan: Plan, before: list[Trial], *, retry: bool) -> _Todo:
    """The trials that are left, each written down when it is asked for; True if it was cut off."""
    cut_off = [trial for trial in before if not trial.is_over]
    known = {
        (plan.key(trial.setting), trial.seed)
        for trial in before
        if not (retry and trial.state in FAILED)
    }
    for trial in cut_off:
        yield trial, True
    if not plan.is_search:
        for setting, seed in plan.grid():
            if (plan.key(setting), seed) not in known:
                yield ledger.begin(setting, seed), False
        return
    settings: dict[Any, dict[str, Any]] = {}
    for trial in before:
        settings.setdefault(plan.key(trial.setting), plan.setting_of(trial.setting))
    seeds = range(plan.base.seed, plan.base.seed + plan.seeds)
    for key, setting in settings.items():
        for seed in seeds:
            if (key, seed) not in known:
                yield ledger.begin(setting, seed), False
    for number in range(len(settings), plan.trials):
        usual = _usual(plan) if number == 0 else None
        first = ledger.begin(usual, plan.base.seed)
        yield first, False
        for seed in seeds[1:]:
            yield ledger.begin(first.setting, seed), False


def _usual(plan: Plan) -> dict[str, Any] | None:
    """The usual values of what is searched, to begin with; None if the space excludes them."""
    values = plan.setting_of({})
    if values.get("optim.lr", 0.0) is None:
        from ...models.registry import usual_lr

        values["optim.lr"] = usual_lr(values.get("model", plan.base.model))
    for name, axis in plan.axes.items():
        value = values[name]
        if isinstance(axis, Choices):
            if value not in axis.values:
                return None
        elif not axis.low <= value <= axis.high:
            return None
    return values


def _train_all(
    folder: Path,
    plan: Plan,
    ledger: Ledger,
    todo: _Todo,
    jobs: int,
    reporter: SweepReporter,
    stop: _Stop,
) -> None:
    """Keep all places busy until nothing is left, or someone asks to stop."""
    is_more, stops = True, 0
    with Pool(jobs, plan.base.devices) as pool:
        while pool.busy or (is_more and not stop.asked):
            while is_more and not stop.asked and not pool.is_full:
                trial, again = next(todo, (None, False))
                if trial is None:
                    is_more = False
                    break
                values = _values(folder, plan, trial)
                if not again:
                    # What lies there is of a trial that the study does not know.
                    shutil.rmtree(run_folder(folder, trial.number), ignore_errors=True)
                reporter.trial_begins(trial, again=again)
                pool.start(trial, values)
            if stop.times > stops:
                stops = stop.times
                pool.stop() if stops == 1 else pool.kill()
            for trial, event in pool.events(timeout_s=0.5):
                if isinstance(event, EpochDone):
                    row = event.row
                    is_bad = ledger.report(trial.number, int(row["epoch"]), row["val_top1"])
                    pool.answer(trial, go_on=stop.asked or not is_bad)
                if not isinstance(event, Ended):
                    reporter.trial_goes_on(trial, event)
                # A trial that stops, or is killed while stopping, is one that is cut off.
                elif event.state != "interrupted" and not (stop.asked and event.state == "killed"):
                    reporter.trial_ends(_end(folder, ledger, trial, event))


def _values(folder: Path, plan: Plan, trial: Trial) -> dict[str, Any]:
    """The settings of a trial's run, all of them, by dotted name."""
    run = run_folder(folder, trial.number)
    return {
        **plan.base.to_dict(),
        **plan.setting_of(trial.setting),
        "seed": trial.seed,
        "name": run.name,
        "runs": str(run.parent),
    }


def _end(folder: Path, ledger: Ledger, trial: Trial, event: Ended) -> Trial:
    """Write down how a trial ended."""
    figures = figures_of(run_folder(folder, trial.number))
    state, reason = event.state, event.reason
    if state == "done" and not figures:
        state, reason = "failed", "It left no metrics.csv. Try it again with --retry."
    ledger.end(trial.number, state, reason, figures)
    return Trial(trial.number, trial.setting, trial.seed, state, reason, figures)


def _result(folder: Path, plan: Plan, trials: list[Trial]) -> SweepResult:
    settings = settings_of(trials, plan)
    try:
        store = Store(plan.base.store)
    except DataError:
        # A sweep can be read where its store is no more.
        return SweepResult(folder, plan, trials, settings)
    n_val = store.size("val")
    return SweepResult(folder, plan, trials, settings, n_val, store.manifest.things)


def _fingerprint(store: Store) -> str:
    """By which the same drawings are known again: the manifest lists all that is in the store."""
    return hashlib.sha256((store.folder / "manifest.json").read_bytes()).hexdigest()[:16]


def _check_models(plan: Plan) -> None:
    """A mistyped network is a mistake, not a result."""
    from ...models.registry import list_models

    axis = plan.axes.get("model")
    names = axis.values if isinstance(axis, Choices) else (value_of(plan.base, "model"),)
    known = list_models()
    for name in names:
        if name not in known and ":" not in name:
            raise UnknownModelError(
                f"There is no network '{name}'.{did_you_mean(name, known)}"
                " See: doodlewise models list"
            )


@contextmanager
def _asked_to_stop(reporter: SweepReporter) -> Iterator[_Stop]:
    """While open, the first Ctrl-C or SIGTERM asks all trials to save, the second ends them."""
    stop = _Stop()
    before: dict[int, Any] = {}

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.times += 1
        if stop.times == 1:
            reporter.say("Stopping: saving first. Press Ctrl-C again to stop at once.")

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, on_signal)
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
