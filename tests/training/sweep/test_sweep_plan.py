"""What a sweep is to do, and whether it may go on with what is in its folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from doodlewise.errors import ConfigError, RunError
from doodlewise.training.config import TrainConfig
from doodlewise.training.sweep.plan import Plan, load_plan, make_plan, merged, save_plan
from doodlewise.training.sweep.space import Choices, Range

FOLDER = Path("sweeps/s")


def test_all_settings_are_tried_once_before_any_is_repeated(base: TrainConfig) -> None:
    plan = make_plan(base, grid={"lr": "1e-2,1e-3", "batch-size": "32,64"}, seeds=2)
    trials = plan.grid()
    assert plan.n_settings == 4
    assert plan.n_trials == len(trials) == 8
    assert [seed for _, seed in trials] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert trials[1][0] == {"optim.lr": 0.01, "batch_size": 64}


def test_a_plan_is_kept(base: TrainConfig, tmp_path: Path) -> None:
    for plan in (
        make_plan(base, grid={"lr": [1e-2, 1e-3], "model": "a,b"}, seeds=3),
        make_plan(base, search="lr=log:1e-4..3e-2 schedule=cosine|constant", trials=9, prune=True),
    ):
        save_plan(plan, tmp_path)
        assert load_plan(tmp_path) == plan
    assert "doodlewise sweep" in (tmp_path / "config.yaml").read_text()


def test_a_folder_without_a_plan_is_no_sweep(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("store: x\n")
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(RunError, match=r"no folder of a sweep\. Begin one: doodlewise"):
            load_plan(folder)


@pytest.mark.parametrize(
    ("wishes", "problem"),
    [
        ({}, "There is nothing to try"),
        ({"search": "lr=log:1e-4..1e-2"}, "--trials 30, say"),
        ({"grid": {"lr": "1e-2,1e-3"}, "trials": 3}, "--trials has no meaning"),
        ({"grid": {"lr": "1e-2,1e-3"}, "seeds": 0}, "seeds is 0"),
        ({"grid": {"lr": "log:1e-3..1e-2"}}, "Put it into --search|put it into --search"),
        ({"grid": {"lr": "1,2", "optim.lr": "1,2"}}, "optim.lr is to vary twice"),
        ({"grid": {"lr": "fast,slow"}}, "optim.lr is 'fast'"),
    ],
)
def test_a_plan_without_sense_is_refused(
    wishes: dict[str, object], problem: str, base: TrainConfig
) -> None:
    with pytest.raises(ConfigError, match=problem):
        make_plan(base, **wishes)  # type: ignore[arg-type]


def test_listed_values_take_part_in_a_search(base: TrainConfig) -> None:
    plan = make_plan(base, grid={"model": "a,b"}, search={"lr": "log:1e-4..1e-2"}, trials=4)
    assert plan.is_search
    assert plan.axes == {"model": Choices(("a", "b")), "optim.lr": Range(1e-4, 1e-2, is_log=True)}
    assert plan.n_trials == 4


def grid(base: TrainConfig, **values: str) -> Plan:
    return make_plan(base, grid=values)


def test_a_grid_may_grow_in_values_and_in_settings(base: TrainConfig) -> None:
    old = grid(base, lr="1e-2,1e-3")
    more = merged(old, grid(base, lr="1e-3,1e-4"), FOLDER)
    assert more.axes["optim.lr"] == Choices((0.001, 0.0001))
    wider = merged(old, grid(base, lr="1e-2,1e-3", batch_size="256,512"), FOLDER)
    # A trial of before is one with the batch that all had then.
    assert wider.key({"optim.lr": 0.01}) == wider.key({"optim.lr": 0.01, "batch_size": 256})
    fixed = merged(wider, grid(base.with_values({"batch_size": 512}), lr="1e-2,1e-5"), FOLDER)
    assert fixed.axes["batch_size"] == Choices((512,))
    assert fixed.key({"optim.lr": 0.01}) != fixed.key({"optim.lr": 0.01, "batch_size": 512})


def test_where_trials_run_is_no_difference(base: TrainConfig) -> None:
    old = grid(base, lr="1e-2,1e-3")
    new = grid(base.with_values({"device": "cpu", "cache": "host"}), lr="1e-2,1e-3")
    assert merged(old, new, FOLDER).base.device == "cpu"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"store": "stores/other"}, "store stores/other instead of stores/a10"),
        ({"model": "doodlenet"}, "model doodlenet instead of quickdraw_cnn_v1"),
        ({"epochs": 4}, "epochs 4 instead of 3"),
        ({"optim.clip": 0.0}, "optim.clip 0 instead of 1"),
        ({"seed": 7}, "seed 7 instead of 0"),
    ],
)
def test_what_cannot_be_compared_is_not_mixed(
    change: dict[str, object], told: str, base: TrainConfig
) -> None:
    old, new = grid(base, lr="1e-2,1e-3"), grid(base.with_values(change), lr="1e-2,1e-3")
    with pytest.raises(ConfigError) as raised:
        merged(old, new, FOLDER)
    assert told in str(raised.value)
    assert "another --name" in str(raised.value)
    assert "doodlewise sweep sweeps/s" in str(raised.value)


def test_a_search_is_no_grid_and_keeps_its_space(base: TrainConfig) -> None:
    search = make_plan(base, search="lr=log:1e-4..1e-2", trials=4)
    longer = make_plan(base, search="lr=log:1e-4..1e-2", trials=9)
    assert merged(search, longer, FOLDER).trials == 9
    with pytest.raises(ConfigError, match="is a search, not a grid"):
        merged(search, grid(base, lr="1,2"), FOLDER)
    with pytest.raises(ConfigError, match="is a grid, not a search"):
        merged(grid(base, lr="1,2"), search, FOLDER)
    with pytest.raises(ConfigError, match=r"searches optim.lr=log:0.0001..0.01, not optim.lr=log"):
        merged(search, make_plan(base, search="lr=log:1e-4..1e-1", trials=4), FOLDER)


def test_a_store_that_was_made_again_is_another(base: TrainConfig) -> None:
    old, new = (replace(grid(base, lr="1,2"), drawings=each) for each in ("abc", "def"))
    with pytest.raises(ConfigError, match="stores/a10 has other drawings by now"):
        merged(old, new, FOLDER)


def test_the_same_store_by_another_path_is_the_same(base: TrainConfig, tmp_path: Path) -> None:
    there = base.with_values({"store": str(tmp_path / "x" / ".." / "a")})
    here = base.with_values({"store": str(tmp_path / "a")})
    assert merged(grid(here, lr="1,2"), grid(there, lr="1,2"), FOLDER).base.store
