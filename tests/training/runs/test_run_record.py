from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import doodlewise as dw
from doodlewise.files import locked
from doodlewise.training.runs.about import (
    about,
    files_of,
    next_commands,
    shortened,
    unusual_settings,
)
from doodlewise.training.runs.record import RunRecord
from doodlewise.training.runs.spell import when, written
from made_runs import N_VAL, add_evaluation, make_run


def test_everything_is_read(tmp_path: Path) -> None:
    make_run(tmp_path / "first", epochs=5, seed=3, **{"optim.lr": 1e-3})
    add_evaluation(tmp_path / "first" / "eval-test")
    run = dw.read_run(tmp_path / "first")
    assert isinstance(run, dw.RunRecord)
    assert (run.name, run.model, run.store, run.seed) == ("first", "convnet_tiny", "stores/a10", 3)
    assert (run.n_train, run.n_val, run.n_words, run.things) == (1200, N_VAL, 10, "drawings")
    assert (run.epochs, run.epochs_done, run.n_parameters) == (5, 5, 22_662)
    assert run.config["optim.lr"] == 1e-3
    assert (run.best["epoch"], run.best["val_top1"]) == (4, 0.8)
    assert (run.state.name, run.state.reason) == ("finished", "")
    assert (run.seconds, run.drawings_per_s, run.ece) == (50.0, 300.0, 0.03)
    assert run.when == datetime(2025, 3, 1, 12, 0, 11, tzinfo=UTC)
    assert [(each.split, each.n, each.top1) for each in run.evaluations] == [
        ("val", N_VAL, 0.8),
        ("test", 300, 0.75),
    ]
    assert run.evaluations[1].interval == (0.70, 0.80)
    assert run.problems == []


@pytest.mark.parametrize(
    ("ending", "done", "name", "reason"),
    [
        ("finished", 4, "finished", ""),
        ("early", 3, "finished", "no better validation top-1"),
        ("stopped", 2, "stopped", "stopped in epoch 3, and saved"),
        ("diverged", 1, "diverged", "not a number any more, in epoch 2"),
        ("pruned", 2, "pruned", "below the median"),
        ("failed", 0, "failed", "does not fit into memory"),
        ("silent", 2, "cut off", "ended without a word after epoch 2"),
        ("silent", 0, "cut off", "before its first epoch was over"),
        ("silent", 4, "cut off", "before its model was written"),
    ],
)
def test_how_it_stands(ending: str, done: int, name: str, reason: str, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", epochs=4, done=done, ending=ending)
    _age(folder)
    state = RunRecord(folder).state
    assert state.name == name
    assert reason in state.reason
    assert state.can_go_on == (name in ("stopped", "cut off"))


def test_a_run_that_is_held_is_running_whatever_it_says(tmp_path: Path) -> None:
    for ending in ("finished", "silent", "stopped"):
        folder = make_run(tmp_path / ending, ending=ending)
        with locked(folder, "trained"):
            assert RunRecord(folder).state.name == "running"
        assert RunRecord(folder).state.name != "running"


def test_one_that_was_killed_is_cut_off_at_once(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", done=2, ending="silent")
    assert RunRecord(folder).state.name == "running?"
    (folder / ".lock").touch()  # what a process leaves that is killed
    assert RunRecord(folder).state.name == "cut off"


def test_where_locks_are_unknown_silence_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("doodlewise.training.runs.state.is_locked", lambda _: None)
    folder = make_run(tmp_path / "run", done=2, ending="silent")
    state = RunRecord(folder).state
    assert state.name == "running?"
    assert "whether a process is at it is not known" in state.reason
    _age(folder)
    assert RunRecord(folder).state.name == "cut off"


def test_a_resumed_run_is_not_finished_by_what_was_before(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", epochs=4)
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("epochs: 4", "epochs: 9"))
    log = folder / "train.log"
    log.write_text(log.read_text() + "2025-03-02 09:00:00 device: 1 x cpu (as asked)\n")
    _age(folder)
    assert RunRecord(folder).state.name == "cut off"
    log.write_text(log.read_text() + "2025-03-02 09:00:00 interrupted in epoch 5, saved\n")
    assert RunRecord(folder).state.name == "stopped"
    log.write_text(log.read_text() + "2025-03-02 10:00:00 device: 1 x cuda (as asked)\n")
    log.write_text(log.read_text() + "2025-03-02 10:00:01 ended: after all 9 epochs\n")
    run = RunRecord(folder)
    assert (run.state.name, run.log.facts["device"]) == ("finished", "1 x cuda (as asked)")


def test_a_run_of_before_the_log_said_how_it_ended(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    log = folder / "train.log"
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:-2]))
    assert RunRecord(folder).state.name == "finished"


@pytest.mark.parametrize("name", ["a b", "1e5", "true", "x: y", "läufe", "it's", "a" * 200, "# no"])
def test_settings_that_yaml_writes_in_its_own_way(name: str, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", store=f"stores/{name} and a long way to go {'on ' * 30}")
    assert RunRecord(folder).store == RunRecord(folder).config["store"]
    (folder / "config.yaml").write_text(f"# mine\nstore: x # here\nmodel: '{'m' * 9}'\nepochs: 3")
    run = RunRecord(folder)
    assert (run.store, run.model, run.epochs) == ("x", "m" * 9, 3)


@pytest.mark.parametrize(
    "name", ["config.yaml", "metrics.csv", "train.log", "env.json", "usage.json"]
)
@pytest.mark.parametrize("damage", ["missing", "empty", "binary", "half", "a folder", "a list"])
def test_what_is_damaged_is_not_in_the_way(name: str, damage: str, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    path = folder / name
    content = path.read_bytes()
    path.unlink()
    if damage == "a folder":
        path.mkdir()
    elif damage != "missing":
        damaged = {"empty": b"", "binary": bytes(range(256)), "half": content[: len(content) // 2]}
        path.write_bytes(damaged.get(damage, b"[1, 2]"))
    run = RunRecord(folder)
    json.dumps(about(run), allow_nan=False)
    if name == "config.yaml" and damage not in ("half",):
        assert run.problems[0].startswith("config.yaml")
    if name != "metrics.csv":
        assert run.best["val_top1"] == 0.8
    if name != "train.log":
        assert run.n_val == N_VAL


def test_a_table_that_is_torn_or_holds_nonsense(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    (folder / "metrics.csv").write_text(
        "epoch,val_top1,val_loss\n1,0.5,x\n2,nan,1\n,0.9,1\n3,0.4\n4"
    )
    run = RunRecord(folder)
    assert [row["epoch"] for row in run.rows] == [1, 2, 3, 4]
    assert run.best["epoch"] == 1
    assert about(run)["best"] == {"epoch": 1.0, "val_top1": 0.5}


FILES = [
    "config.yaml",
    "metrics.csv",
    "train.log",
    "usage.json",
    "env.json",
    "eval.json",
    "model/config.json",
]
KEYS = st.sampled_from(["top1", "top1_interval", "trained_on", "epochs", "total_s", "metrics"])
NONSENSE = st.recursive(
    st.none() | st.floats() | st.text(max_size=5),
    lambda inner: st.dictionaries(KEYS, inner) | st.lists(inner, max_size=3),
    max_leaves=6,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    contents=st.dictionaries(
        st.sampled_from(FILES),
        st.binary(max_size=200) | NONSENSE.map(lambda value: json.dumps(value).encode()),
    )
)
def test_nothing_in_a_folder_is_in_the_way(contents: dict[str, bytes], tmp_path: Path) -> None:
    for name, content in contents.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    about(RunRecord(tmp_path))


def test_what_is_not_as_usual(tmp_path: Path) -> None:
    folder = make_run(
        tmp_path / "run", values={"optim.ema": 0.5, "render.side": 64, "pixels.flip": 0}
    )
    assert unusual_settings(RunRecord(folder)) == {
        "epochs": (4, 10),
        "optim.ema": (0.5, 0.998),
        "render.side": (64, 28),
        "pixels.flip": (0.0, None),
    }


def test_long_tables_are_shortened_around_the_best(tmp_path: Path) -> None:
    rows = [{"epoch": float(n)} for n in range(1, 401)]
    shown = shortened(rows, rows[59], 9)
    assert [row and int(row["epoch"]) for row in shown] == [
        1, 2, None, 60, None, 397, 398, 399, 400,
    ]  # fmt: skip
    assert shortened(rows[:9], rows[0], 9) == rows[:9]
    assert [row and int(row["epoch"]) for row in shortened(rows, {}, 9)][:3] == [1, 2, None]


def test_files_are_named_by_what_they_are(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    add_evaluation(folder / "eval-test")
    (folder / "notes.txt").write_text("mine")
    (folder / "plots").mkdir()
    files = {name: (size, text) for name, size, text in files_of(folder)}
    assert list(files)[:2] == ["report.html", "model/"]
    assert files["plots/"][0] == "empty"
    assert files["eval-test/"][1] == "an evaluation"
    assert files["notes.txt"] == ("0.0 kB", "")
    assert files_of(tmp_path / "nowhere") == []


def test_what_to_do_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runs = Path("runs")
    for ending in ("finished", "stopped", "diverged", "failed"):
        make_run(runs / ending, ending=ending, done=4 if ending == "finished" else 1)

    def commands(name: str) -> list[str]:
        return next_commands(RunRecord(runs / name))

    assert commands("finished")[0] == "doodlewise eval runs/finished"
    add_evaluation(runs / "finished" / "eval-test")
    assert commands("finished")[0].startswith("doodlewise predict runs/finished ")
    assert commands("stopped") == ["doodlewise train --config runs/stopped/config.yaml"]
    for ending in ("stopped", "failed"):
        (runs / ending / "weights").mkdir()
        (runs / ending / "weights" / "last.ckpt").touch()
        assert commands(ending) == [f"doodlewise train --resume last --name {ending}"]
    assert "--config runs/diverged/config.yaml --set optim.lr=0.0004" in commands("diverged")[0]
    with locked(runs / "stopped", "trained"):
        assert commands("stopped") == ["tail -f runs/stopped/train.log"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"), (True, "true"), (0.004, "0.004"), (1.0, "1"), (1e-05, "1e-05"),
        (0.12345678, "0.12345678"), (("ink", "order"), "ink,order"), (7, "7"), ("", ""),
    ],
)  # fmt: skip
def test_values_are_written_as_the_command_line_takes_them(value: object, text: str) -> None:
    assert written(value) == text


def test_times_are_those_of_the_reader() -> None:
    assert when(None) == "–"
    assert when(datetime(2020, 5, 6, 12, tzinfo=UTC)) == "06 May 2020"
    now = datetime.now(UTC)
    assert when(now) == f"{now.astimezone():%d %b %H:%M}"


def _age(folder: Path) -> None:
    """As if nothing had been written for long."""
    then = time.time() - 3600
    for path in folder.rglob("*"):
        os.utime(path, (then, then))
