"""How a sweep is shown: lines above bars on a terminal, lines elsewhere, JSON for programs."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from ..training.sweep.ledger import FAILED, Trial
from ..training.sweep.plan import Plan
from ..training.sweep.results import run_folder
from ..training.sweep.run import SilentSweepReporter, SweepReporter
from ..training.sweep.space import short_names, spelled
from ..training.sweep.table import duration, first_sentence
from ..training.sweep.worker import EpochDone, StepsDone

__all__ = ["make_reporter"]


def make_reporter(*, is_json: bool, is_quiet: bool, is_live: bool) -> SweepReporter:
    """The reporter for this terminal."""
    if is_json:
        return JsonReporter()
    if is_quiet:
        return SilentSweepReporter()
    return TerminalReporter() if is_live else LineReporter()


class JsonReporter(SilentSweepReporter):
    """A JSON object for each trial that is over, on stdout."""

    def __init__(self) -> None:
        self._folder = Path()

    def start(self, folder: Path, plan: Plan, before: list[Trial], jobs: int) -> None:
        self._folder = folder

    def trial_ends(self, trial: Trial) -> None:
        row = {
            "trial": trial.number,
            "setting": trial.setting,
            "seed": trial.seed,
            "state": trial.state,
            "reason": trial.reason,
            **trial.result,
            "run": str(run_folder(self._folder, trial.number)),
        }
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
        sys.stdout.flush()


class LineReporter:
    """A line on stderr for each trial that is over."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._total = self._over = 0
        self._best = -1.0

    def start(self, folder: Path, plan: Plan, before: list[Trial], jobs: int) -> None:
        short = short_names(list(plan.axes))
        self._names = {name: each.replace("_", " ") for name, each in short.items()}
        over = [trial for trial in before if trial.is_over]
        self._over = len(over)
        self._best = max((trial.result.get("val_top1", -1.0) for trial in over), default=-1.0)
        what = f"search of {plan.trials} settings" if plan.is_search else "grid"
        size = f"{plan.n_settings} settings x {plan.seeds} {'seeds' if plan.seeds > 1 else 'seed'}"
        self._total = max(plan.n_trials, len(before))
        self.say(f"{'sweep':10} {what} of {', '.join(self._names.values())}: {size}")
        self.say(f"{'folder':10} {folder}")
        self.say(f"{'jobs':10} {jobs} at a time, in processes of their own")
        if before:
            cut = len(before) - len(over)
            self.say(
                f"{'going on':10} trials over: {len(over)}"
                + (f"; cut off, and going on: {cut}" if cut else "")
            )

    def trial_begins(self, trial: Trial, *, again: bool) -> None:
        """Nothing: it is told when it ends."""

    def trial_goes_on(self, trial: Trial, event: object) -> None:
        """Nothing: a line for some steps would flood a log file."""

    def trial_ends(self, trial: Trial) -> None:
        self._over += 1
        top1 = trial.result.get("val_top1")
        if trial.state in FAILED or top1 is None:
            said = f"{trial.state}: {first_sentence(trial.reason)}"
        else:
            is_best = trial.state == "done" and top1 > self._best
            self._best = max(self._best, top1) if trial.state == "done" else self._best
            said = (
                f"{top1:>7.2%}  epoch {trial.result['best_epoch']:>3}"
                f"  {duration(trial.result['seconds']):>9}"
                + ("  best" if is_best else "  ended early" if trial.state == "pruned" else "")
            )
        self.say(f"{self._over:>4}/{self._total}  {self._spell(trial)}  {said}")

    def say(self, line: str) -> None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    def close(self) -> None:
        """Nothing to close."""

    def _spell(self, trial: Trial) -> str:
        parts = [f"{self._names.get(n, n)} {spelled(v)}" for n, v in trial.setting.items()]
        return ", ".join([*parts, f"seed {trial.seed}"])


class TerminalReporter(LineReporter):
    """The same lines above a bar for all, with the time that is left, and one for each trial."""

    def __init__(self) -> None:
        super().__init__()
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %  {task.fields[detail]}"),
            console=self._console,
            transient=True,
        )
        self._all: TaskID | None = None
        self._bars: dict[int, TaskID] = {}
        self._shares: dict[int, float] = {}
        self._epochs = 1
        self._begun = 0.0
        self._begun_at = time.monotonic()

    def start(self, folder: Path, plan: Plan, before: list[Trial], jobs: int) -> None:
        super().start(folder, plan, before, jobs)
        self._epochs = plan.base.epochs
        self._begun, self._begun_at = float(self._over), time.monotonic()
        self._all = self._progress.add_task(
            "all trials", total=self._total, completed=self._over, detail=""
        )
        self._progress.start()

    def trial_begins(self, trial: Trial, *, again: bool) -> None:
        self._bars[trial.number] = self._progress.add_task(
            self._spell(trial), total=1.0, detail="goes on" if again else "begins"
        )

    def trial_goes_on(self, trial: Trial, event: object) -> None:
        epochs = trial.setting.get("epochs", self._epochs)
        if isinstance(event, StepsDone):
            done = event.epochs + event.fraction
            detail = f"epoch {event.epochs + 1}/{epochs}  {event.drawings_per_s:,.0f} drawings/s"
        elif isinstance(event, EpochDone):
            done = float(event.row["epoch"])
            detail = f"epoch {done:.0f}/{epochs}  top-1 {event.row['val_top1']:.2%}"
        else:
            return
        if trial.number not in self._shares:
            # What was done before this process began took none of its time.
            self._begun += done / epochs
        self._shares[trial.number] = min(done / epochs, 1.0)
        self._progress.update(
            self._bars[trial.number], completed=self._shares[trial.number], detail=detail
        )
        self._show_all()

    def trial_ends(self, trial: Trial) -> None:
        super().trial_ends(trial)
        self._shares.pop(trial.number, None)
        self._progress.remove_task(self._bars.pop(trial.number))
        self._show_all()

    def say(self, line: str) -> None:
        self._console.print(line, markup=False)

    def close(self) -> None:
        self._progress.stop()

    def _show_all(self) -> None:
        if self._all is None:
            return
        done = self._over + sum(self._shares.values())
        detail = f"{self._over}/{self._total}"
        if done > self._begun:
            left = (time.monotonic() - self._begun_at) / (done - self._begun)
            detail += f"  {duration(left * max(self._total - done, 0.0))} left"
        if self._best >= 0:
            detail += f"  best {self._best:.2%}"
        self._progress.update(self._all, completed=done, detail=detail)
