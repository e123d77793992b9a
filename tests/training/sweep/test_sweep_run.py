"""A sweep from beginning to end, of trials that are made up but run in processes of their own."""

from __future__ import annotations

import csv
import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import made_trials
import pytest
from made_trials import Sweep

from doodlewise.errors import ConfigError, DataError, Interrupted, StoreError, UnknownModelError
from doodlewise.files import locked
from doodlewise.training.sweep.ledger import Trial, read_trials
from doodlewise.training.sweep.pool import Event
from doodlewise.training.sweep.run import SilentSweepReporter, read_sweep

GRID = {"lr": [0.02, 0.01], "batch_size": [32, 64]}


class Listens(SilentSweepReporter):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.began: list[tuple[int, bool]] = []
        self.ended: list[Trial] = []
        self.most = 0
        self._busy = 0

    def trial_begins(self, trial: Trial, *, again: bool) -> None:
        self.began.append((trial.number, again))
        self._busy += 1
        self.most = max(self.most, self._busy)

    def trial_ends(self, trial: Trial) -> None:
        self.ended.append(trial)
        self._busy -= 1


class Stops(Listens):
    """Presses Ctrl-C when a trial gives its first sign, so many times."""

    def __init__(self, number: int, times: int = 1) -> None:
        super().__init__()
        self._number, self._times = number, times

    def trial_goes_on(self, trial: Trial, event: Event) -> None:
        while trial.number == self._number and self._times:
            self._times -= 1
            signal.raise_signal(signal.SIGINT)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_combination_is_tried_and_the_best_comes_first(sweep_tiny: Sweep) -> None:
    result = sweep_tiny(grid=GRID)
    assert [trial.state for trial in result.trials] == ["done"] * 4
    assert result.best is not None
    assert result.best.values["optim.lr"] == 0.01
    assert result.best_run == result.folder / "trials" / "002"
    assert [each.values["optim.lr"] for each in result.settings] == [0.01, 0.01, 0.02, 0.02]
    assert result.n_waiting == 0
    table = rows(result.folder)
    assert list(table[0])[:5] == ["trial", "lr", "batch_size", "seed", "state"]
    assert [(row["lr"], row["batch_size"]) for row in table] == [
        ("0.02", "32"), ("0.02", "64"), ("0.01", "32"), ("0.01", "64")
    ]  # fmt: skip
    assert float(table[2]["val_top1"]) == pytest.approx(0.83)
    assert table[2]["best_epoch"] == "3"
    assert table[2]["seconds"] == "4.5"
    assert table[2]["drawings_per_s"] == "1000.0"
    assert Path(table[2]["run"]).is_dir()


def test_seeds_repeat_every_setting(sweep_tiny: Sweep) -> None:
    result = sweep_tiny(grid={"lr": [0.02, 0.01]}, seeds=3, seed=5)
    assert [trial.seed for trial in result.trials] == [5, 5, 6, 6, 7, 7]
    best = result.settings[0]
    assert len(best.trials) == 3
    assert best.top1 == pytest.approx(0.89)
    assert best.spread == pytest.approx(0.01)
    assert best.best is not None
    assert best.best.seed == 7


def test_a_finished_sweep_does_nothing_again(sweep_tiny: Sweep) -> None:
    before = sweep_tiny(grid=GRID)
    listens = Listens()
    after = sweep_tiny(grid=GRID, reporter=listens)
    assert listens.began == []
    assert after.trials == before.trials == read_sweep(after.folder).trials


def test_a_grown_grid_does_what_is_new(sweep_tiny: Sweep) -> None:
    sweep_tiny(grid={"lr": [0.02, 0.01], "batch_size": [32]})
    result = sweep_tiny(grid={"lr": [0.01, 0.005], "batch_size": [32, 64]}, seeds=2)
    tried = Counter((*trial.setting.values(), trial.seed) for trial in result.trials)
    assert set(tried.values()) == {1}
    assert len(tried) == 2 + 8 - 1
    # What is no longer asked for stays in the table.
    assert len(result.settings) == 5


def test_the_ends_of_trials_are_results(sweep_tiny: Sweep) -> None:
    ends = [made_trials.DIVERGES, made_trials.KILLED, made_trials.NO_MEMORY, made_trials.BREAKS]
    result = sweep_tiny(grid={"lr": [*ends, 0.01]})
    found = {each.values["optim.lr"]: (each.state, each.reason) for each in result.settings}
    assert [found[lr][0] for lr in ends] == ["diverged", "killed", "memory", "failed"]
    assert "signal 9" in found[made_trials.KILLED][1]
    assert "fewer --jobs" in found[made_trials.KILLED][1]
    assert result.best is not None
    assert result.best.values["optim.lr"] == 0.01
    assert [row["state"] for row in rows(result.folder)][-1] == "done"


def test_failed_trials_are_tried_again_when_asked(sweep_tiny: Sweep) -> None:
    grid = {"lr": [made_trials.DIVERGES, 0.01]}
    sweep_tiny(grid=grid)
    assert len(sweep_tiny(grid=grid).trials) == 2
    result = sweep_tiny(grid=grid, retry=True)
    assert [trial.state for trial in result.trials] == ["diverged", "done", "diverged"]
    assert len(result.settings) == 2


def test_a_sweep_of_failures_has_no_best(sweep_tiny: Sweep) -> None:
    result = sweep_tiny(grid={"lr": [made_trials.DIVERGES, made_trials.NO_MEMORY]})
    assert result.best is None
    assert result.best_run is None
    assert result.to_dict()["failed"] == 2


def test_jobs_run_side_by_side_and_share_the_cores(
    sweep_tiny: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("doodlewise.training.sweep.pool.usable_cores", lambda: 6)
    listens = Listens()
    result = sweep_tiny(grid={"lr": [0.02, 0.01, 0.005, 0.004]}, jobs=3, reporter=listens)
    assert listens.most == 3
    assert [trial.state for trial in result.trials] == ["done"] * 4
    threads = {path.read_text() for path in result.folder.glob("trials/*/threads")}
    assert threads == {"2 2"}
    assert "OMP_NUM_THREADS" not in os.environ


def test_fewer_threads_are_used_where_the_user_says_so(
    sweep_tiny: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("doodlewise.training.sweep.pool.usable_cores", lambda: 6)
    result = sweep_tiny(grid={"lr": [0.02, 0.01]})
    assert (result.folder / "trials" / "000" / "threads").read_text() == "1 1"


def test_ctrl_c_saves_and_says_how_to_go_on(sweep_tiny: Sweep, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted, match=r"1 of 3 trials are over\. Go on with: doodlewise sweep"):
        sweep_tiny(grid={"lr": [0.01, made_trials.SLOW, 0.02]}, reporter=Stops(1))
    assert signal.getsignal(signal.SIGINT) is before
    folder = tmp_path / "s"
    assert [trial.state for trial in read_trials(folder)] == ["done", "running"]
    assert [row["state"] for row in rows(folder)] == ["done", "running"]
    assert read_sweep(folder).n_waiting == 2


def test_a_trial_that_was_cut_off_goes_on_first(
    sweep_tiny: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Interrupted):
        sweep_tiny(grid={"lr": [0.01, 0.02]}, epochs=50, reporter=Stops(0))
    listens = Listens()
    result = sweep_tiny(grid={"lr": [0.01, 0.02]}, epochs=50, reporter=listens)
    assert listens.began == [(0, True), (1, False)]
    assert [trial.state for trial in result.trials] == ["done", "done"]


def test_a_second_ctrl_c_ends_everything_at_once(sweep_tiny: Sweep) -> None:
    began = time.monotonic()
    with pytest.raises(Interrupted):
        sweep_tiny(grid={"lr": [made_trials.SLOW, 0.02]}, reporter=Stops(0, times=2))
    assert time.monotonic() - began < 30


def test_one_process_at_a_time_is_at_a_sweep(sweep_tiny: Sweep, tmp_path: Path) -> None:
    with (
        locked(tmp_path / "s", "used"),
        pytest.raises(DataError, match=r"is being used by another process"),
    ):
        sweep_tiny(grid=GRID)


def test_a_sweep_can_be_run_beside_the_main_thread(sweep_tiny: Sweep) -> None:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(sweep_tiny(grid={"lr": [0.01, 0.02]})))
    thread.start()
    thread.join(60)
    assert len(results[0].trials) == 2


def test_mistakes_are_told_before_anything_begins(sweep_tiny: Sweep, tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="Did you mean 'quickdraw_cnn_v2'"):
        sweep_tiny(grid={"model": ["quickdraw_cnn_v1", "quikdraw_cnn_v2"]})
    with pytest.raises(StoreError):
        sweep_tiny.func(  # type: ignore[attr-defined]
            tmp_path / "nowhere", grid=GRID, model="doodlenet", sweeps=tmp_path, name="s"
        )
    with pytest.raises(ConfigError, match="jobs is 0"):
        sweep_tiny(grid=GRID, jobs=0)
    with pytest.raises(ConfigError, match="There is no setting 'epochz'"):
        sweep_tiny(grid=GRID, epochz=3)
    assert list(tmp_path.iterdir()) == []


def test_another_network_needs_another_name(sweep_tiny: Sweep) -> None:
    sweep_tiny(grid={"lr": [0.01, 0.02]})
    with pytest.raises(ConfigError, match="model doodlenet instead of quickdraw_cnn_v1"):
        sweep_tiny(grid={"lr": [0.01, 0.02]}, model="doodlenet")


def test_a_search_begins_with_what_is_usual_and_can_be_repeated(
    sweep_tiny: Sweep, tmp_path: Path
) -> None:
    space = "lr=log:1e-4..3e-2 schedule=cosine|onecycle"
    whole = sweep_tiny(search=space, trials=6)
    assert whole.plan.is_search
    assert whole.trials[0].setting == {"optim.lr": 0.004, "optim.schedule": "cosine"}
    assert all(1e-4 <= trial.setting["optim.lr"] <= 3e-2 for trial in whole.trials)
    assert len({trial.setting["optim.lr"] for trial in whole.trials}) == 6
    # One that was stopped, and goes on with more, chooses the same.
    sweep_tiny(search=space, trials=2, name="t")
    parts = sweep_tiny(search=space, trials=6, name="t")
    assert [trial.setting for trial in parts.trials] == [trial.setting for trial in whole.trials]


def test_a_search_repeats_its_settings_with_every_seed(sweep_tiny: Sweep) -> None:
    result = sweep_tiny(search={"lr": "log:1e-4..3e-2"}, trials=2, seeds=2)
    assert [trial.seed for trial in result.trials] == [0, 1, 0, 1]
    assert result.trials[0].setting == result.trials[1].setting
    more = sweep_tiny(search={"lr": "log:1e-4..3e-2"}, trials=3, seeds=3)
    assert Counter(trial.seed for trial in more.trials) == {0: 3, 1: 3, 2: 3}
    assert len(more.settings) == 3


def test_trials_that_fall_behind_are_ended(sweep_tiny: Sweep) -> None:
    good = [0.015, 0.014, 0.013, 0.012, 0.011, 0.010]
    result = sweep_tiny(grid={"lr": [*good, 0.05]}, epochs=6, prune=True)
    assert [trial.state for trial in result.trials] == ["done"] * 6 + ["pruned"]
    assert result.trials[-1].result["epochs"] < 6
    assert result.settings[-1].state == "pruned"
    without = sweep_tiny(grid={"lr": [*good, 0.05]}, epochs=6, name="all")
    assert without.trials[-1].state == "done"
