"""Which trials there are and how they ended: an Optuna study in SQLite, in the sweep's folder.

A trial is written before it begins and after it ends, so that whatever kills a sweep, the next one
knows what is done, and what was cut off. One process at a time writes.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import MissingExtraError, RunError
from .plan import Plan
from .space import Axis, Choices, Range

try:
    import optuna
    from optuna.distributions import (
        BaseDistribution,
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )
    from optuna.trial import FrozenTrial, TrialState
except ImportError:
    raise MissingExtraError("optuna", "train") from None

__all__ = ["FAILED", "Ledger", "Trial", "read_trials", "study_of"]

FILE = "study.db"
STUDY = "sweep"

FAILED = ("diverged", "memory", "impossible", "killed", "failed")
"""Ends of a trial without a usable result."""
TEACHES = ("diverged", "memory", "impossible")
"""Those that follow from the setting: a search keeps away from it."""

STARTUP_TRIALS = 5
"""Trials that are never pruned, so that there is something to compare with."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of a sweep.

    Attributes:
        number: from 0, in the order in which they began.
        setting: what varies, by dotted name.
        seed: of the run.
        state: running, done, pruned, or one of `FAILED`.
        reason: why it ended so; empty for most that are done.
        result: figures of the best epoch, as in results.csv; empty if no epoch ended.
    """

    number: int
    setting: dict[str, Any]
    seed: int
    state: str
    reason: str = ""
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        return self.state != "running"


class Ledger:
    """The study of a sweep, open for writing.

    Args:
        folder: of the sweep.
        plan: what is to be tried.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._plan = plan
        with _calm():
            self._study = optuna.create_study(
                study_name=STUDY,
                storage=_storage(folder / FILE),
                direction="maximize",
                pruner=optuna.pruners.MedianPruner(
                    n_startup_trials=STARTUP_TRIALS,
                    n_warmup_steps=max(1, plan.base.epochs // 10),
                ),
                load_if_exists=True,
            )

    def trials(self) -> list[Trial]:
        """All trials that have begun, in their order."""
        return [_trial_of(each) for each in self._frozen() if each.state != TrialState.WAITING]

    def close(self) -> None:
        """Let go of the file."""
        storage: Any = self._study._storage
        getattr(storage, "_backend", storage).engine.dispose()

    def begin(self, setting: Mapping[str, Any] | None, seed: int) -> Trial:
        """Write down a new trial.

        Args:
            setting: what is tried; Optuna chooses when None.
            seed: of its run.
        """
        # A seed of its own for every trial: a sweep that was cut off chooses as another would.
        number = len(self._frozen())
        sampler_seed = self._plan.base.seed % 2**16 * 65_537 + number
        with _calm():
            if setting is None:
                self._study.sampler = optuna.samplers.TPESampler(seed=sampler_seed % 2**32)
                trial = self._study.ask(self._distributions({}))
                trial.set_user_attr("setting", {n: trial.params[n] for n in self._plan.axes})
                trial.set_user_attr("seed", seed)
            else:
                self._study.sampler = optuna.samplers.RandomSampler(seed=sampler_seed % 2**32)
                shown = self._distributions(setting)
                self._study.enqueue_trial(
                    {name: setting[name] for name in shown},
                    user_attrs={"setting": dict(setting), "seed": seed},
                )
                trial = self._study.ask(shown)
        return _trial_of(self._frozen()[trial.number])

    def report(self, number: int, epoch: int, value: float) -> bool:
        """Write down the validation top-1 of an epoch; whether the trial should end here.

        A trial that goes on after being cut off reports some epochs twice; the first counts.
        """
        frozen = self._frozen()[number]
        with _calm():
            trial = optuna.trial.Trial(self._study, frozen._trial_id)
            if epoch not in frozen.intermediate_values:
                trial.report(value, epoch)
            return self._plan.prune and trial.should_prune()

    def end(self, number: int, state: str, reason: str, result: Mapping[str, Any]) -> None:
        """Write down how a trial ended."""
        frozen = self._frozen()[number]
        with _calm():
            trial = optuna.trial.Trial(self._study, frozen._trial_id)
            trial.set_user_attr("reason", reason)
            trial.set_user_attr("result", dict(result))
            trial.set_user_attr("state", state)
            if state == "done":
                self._study.tell(number, result["val_top1"])
            elif state == "pruned" or state in TEACHES:
                # To Optuna's sampler a pruned trial is a bad one, a failed one none at all.
                self._study.tell(number, state=TrialState.PRUNED)
            else:
                self._study.tell(number, state=TrialState.FAIL)

    def _frozen(self) -> list[FrozenTrial]:
        with _calm():
            return self._study.get_trials(deepcopy=False)

    def _distributions(self, setting: Mapping[str, Any]) -> dict[str, BaseDistribution]:
        """What varies, as Optuna and its dashboard see it: of a grid, the numbers only.

        Optuna's lists of choices can never grow, and those of a grid may.
        """
        if self._plan.is_search:
            return {name: _distribution(axis) for name, axis in self._plan.axes.items()}
        found: dict[str, BaseDistribution] = {}
        for name, value in setting.items():
            if type(value) is int:
                found[name] = IntDistribution(value, value)
            elif type(value) is float:
                found[name] = FloatDistribution(value, value)
        return found


def read_trials(folder: Path) -> list[Trial]:
    """All trials of a sweep, without writing anything.

    Raises:
        RunError: the folder holds no study.
    """
    if not (folder / FILE).exists():
        raise RunError(
            f"{folder} holds no {FILE}, so nothing has been tried yet. Begin:"
            f" doodlewise sweep {folder}"
        )
    with _calm():
        study = optuna.load_study(study_name=STUDY, storage=_storage(folder / FILE))
        found = study.get_trials(deepcopy=False)
    return [_trial_of(each) for each in found if each.state != TrialState.WAITING]


def study_of(folder: Path) -> optuna.Study:
    """The study itself, for Optuna's own tools."""
    with _calm():
        return optuna.load_study(study_name=STUDY, storage=_storage(folder / FILE))


def _trial_of(frozen: FrozenTrial) -> Trial:
    known = frozen.user_attrs
    return Trial(
        number=frozen.number,
        setting=dict(known.get("setting", {})),
        seed=known.get("seed", 0),
        state=known.get("state", "running"),
        reason=known.get("reason", ""),
        result=dict(known.get("result", {})),
    )


def _distribution(axis: Axis) -> BaseDistribution:
    if isinstance(axis, Choices):
        return CategoricalDistribution(axis.values)
    if isinstance(axis, Range) and axis.is_int:
        return IntDistribution(int(axis.low), int(axis.high), log=axis.is_log)
    return FloatDistribution(axis.low, axis.high, log=axis.is_log)


def _storage(path: Path) -> optuna.storages.RDBStorage:
    return optuna.storages.RDBStorage(f"sqlite:///{path.resolve()}")


@contextmanager
def _calm() -> Iterator[None]:
    """Without Optuna's talk, which we do ourselves."""
    optuna.logging.set_verbosity(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
