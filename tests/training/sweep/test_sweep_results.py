"""How trials become settings, a ranking, a table and shares of importance."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from made_results import made, top1_of, two_axes, write_metrics

from doodlewise.training.config import TrainConfig
from doodlewise.training.sweep.importance import TOGETHER, importance
from doodlewise.training.sweep.ledger import Ledger, Trial
from doodlewise.training.sweep.plan import make_plan
from doodlewise.training.sweep.results import (
    SweepResult,
    by_chance,
    figures_of,
    settings_of,
    write_results,
)
from doodlewise.training.sweep.table import duration, reasons, table_of, trials_ahead


def trial(number: int, lr: float, top1: float | None, seed: int = 0, state: str = "done") -> Trial:
    result = {} if top1 is None else {"val_top1": top1, "best_epoch": 1, "seconds": 65.0}
    return Trial(number, {"optim.lr": lr}, seed, state, "No. Do it." * (state != "done"), result)


def test_figures_are_those_of_the_best_epoch(tmp_path: Path) -> None:
    assert figures_of(tmp_path / "nowhere") == {}
    write_metrics(tmp_path / "run", 0.8, 4)
    found = figures_of(tmp_path / "run")
    assert found["best_epoch"] == found["epochs"] == 4
    assert found["val_top1"] == pytest.approx(0.8 * (1 - 2.718281828**-2))
    assert found["seconds"] == 10.0
    assert found["drawings_per_s"] == 1502.5


def test_the_mean_over_the_seeds_chooses(base: TrainConfig) -> None:
    plan = make_plan(base, grid={"lr": "1e-2,1e-3"}, seeds=2)
    one, two = settings_of(
        [trial(0, 0.01, 0.80), trial(1, 0.001, 0.78), trial(2, 0.01, 0.70, 1),
         trial(3, 0.001, 0.76, 1)], plan,
    )  # fmt: skip
    assert one.values == {"optim.lr": 0.001}
    assert one.top1 == pytest.approx(0.77)
    assert one.spread == pytest.approx(2**-0.5 * 0.02)
    assert one.best is not None
    assert one.best.number == 1
    assert two.top1 == pytest.approx(0.75)


def test_a_setting_of_which_a_seed_failed_comes_after_all_that_did_well(base: TrainConfig) -> None:
    plan = make_plan(base, grid={"lr": "1e-1,1e-2,1e-3"}, seeds=2)
    found = settings_of(
        [trial(0, 0.1, 0.99), trial(1, 0.01, 0.5), trial(2, 0.001, 0.4, state="pruned"),
         trial(3, 0.1, None, 1, "diverged"), trial(4, 0.01, 0.5, 1),
         trial(5, 0.001, 0.4, 1, "pruned")], plan,
    )  # fmt: skip
    assert [each.values["optim.lr"] for each in found] == [0.01, 0.001, 0.1]
    assert [each.state for each in found] == ["done", "pruned", "diverged"]
    assert found[2].n_failed == 1
    assert found[2].top1 == 0.99


def test_a_failed_trial_moves_no_mean(base: TrainConfig) -> None:
    plan = make_plan(base, grid={"lr": "1e-2,1e-3"}, seeds=2)
    trials = [trial(0, 0.01, 0.8), trial(1, 0.01, 0.2, 1, "memory"),
              trial(2, 0.001, 0.3, state="killed")]  # fmt: skip
    one, two = settings_of(trials, plan)
    assert one.mean("val_top1") == one.top1 == 0.8
    assert (two.mean("val_top1"), two.top1) == (None, None)


def test_the_last_trial_of_a_setting_counts(base: TrainConfig) -> None:
    plan = make_plan(base, grid={"lr": "1e-2,1e-3"})
    found = settings_of([trial(0, 0.01, None, state="killed"), trial(1, 0.01, 0.6)], plan)
    assert [each.state for each in found] == ["done"]


def test_how_far_chance_moves_a_share() -> None:
    assert by_chance(0.5, 100) == pytest.approx(0.098)
    assert by_chance(0.5, 0) == 0.0


def test_results_are_a_row_a_trial(base: TrainConfig, tmp_path: Path) -> None:
    result = made(
        tmp_path, two_axes(base),
        ends=lambda setting, _: (("diverged" if setting["optim.lr"] == 0.01 else "done"), "No."),
    )  # fmt: skip
    write_results(result)
    with (tmp_path / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9
    assert rows[0]["state"] == "diverged"
    assert rows[0]["val_top1"] == ""
    assert rows[4]["batch_size"] == "64"
    assert float(rows[4]["val_top1"]) > 0.8
    assert rows[4]["run"] == str(tmp_path / "trials" / "004")


def test_the_table_has_the_best_first_and_the_reasons_after(
    base: TrainConfig, tmp_path: Path
) -> None:
    plan = make_plan(base, grid={"lr": "1e-2,1e-3", "batch_size": "256"}, seeds=2)
    trials = [
        trial(0, 0.01, None, state="diverged"), trial(1, 0.01, 0.7, 1), trial(2, 0.001, 0.8),
        trial(3, 0.001, 0.82, 1), trial(4, 0.001, None, 9, "memory"),
    ]  # fmt: skip
    result = SweepResult(tmp_path, plan, trials[:4], settings_of(trials[:4], plan), 500)
    head, rows = table_of(result)
    # A setting with one value is no column.
    assert head[:3] == ["lr", "top-1", "±"]
    assert rows[0][:3] == ["0.001", "81.00%", "1.41"]
    assert rows[1][0] == "0.01"
    assert rows[1][-1] == "1 of 2 diverged"
    assert rows[0][-2] == "1:05 min"
    assert reasons(result) == ["1 trial diverged: No."]
    assert [duration(s) for s in (8.2, 75, 4000)] == ["8 s", "1:15 min", "1:06 h"]


def test_what_is_ahead_is_listed(base: TrainConfig, tmp_path: Path) -> None:
    plan = make_plan(
        base.with_values({"batch_size": 4}), grid={"devices": "1,2", "batch_size": "4,6"}
    )
    ahead = trials_ahead(tmp_path, plan)
    assert [each["setting"] for each in ahead][1] == {"devices": "1", "batch_size": "6"}
    assert {each["state"] for each in ahead} == {"waiting"}
    ledger = Ledger(tmp_path, plan)
    number = ledger.begin({"devices": 1, "batch_size": 4}, 0).number
    assert trials_ahead(tmp_path, plan)[0]["state"] == "running"
    ledger.end(number, "done", "", {"val_top1": 0.5})
    ledger.close()
    assert trials_ahead(tmp_path, plan)[0]["state"] == "done"


def test_importance_of_a_grid_is_its_share_of_the_differences(
    base: TrainConfig, tmp_path: Path
) -> None:
    result = made(tmp_path, two_axes(base))
    shares = importance(tmp_path, result.plan, result.trials)
    assert list(shares) == ["optim.lr", "batch_size", TOGETHER]
    assert sum(shares.values()) == pytest.approx(1.0)
    # The made-up accuracy is a sum of what both do.
    assert shares[TOGETHER] == pytest.approx(0.0, abs=1e-6)
    assert shares["optim.lr"] > 0.9


def test_importance_is_unknown_where_nothing_differs(base: TrainConfig, tmp_path: Path) -> None:
    plan = make_plan(base, grid={"lr": "1e-2,1e-3"})
    result = made(tmp_path, plan)
    assert importance(tmp_path, plan, result.trials) == {}
    assert importance(tmp_path, two_axes(base), []) == {}


def test_importance_of_a_search_is_what_a_forest_says(base: TrainConfig, tmp_path: Path) -> None:
    plan = make_plan(base, search="lr=log:1e-4..1e-1 weight_decay=0..0.1", trials=12)
    ledger = Ledger(tmp_path, plan)
    assert importance(tmp_path, plan, ledger.trials()) == {}
    for _ in range(12):
        one = ledger.begin(None, 0)
        ledger.end(one.number, "done", "", {"val_top1": top1_of(one.setting)})
    shares = importance(tmp_path, plan, ledger.trials())
    ledger.close()
    assert next(iter(shares)) == "optim.lr"
    assert sum(shares.values()) == pytest.approx(1.0)
