"""doodlewise sweep as a person types it, with trials that are made up."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from doodlewise.cli import _sweep_reporter
from doodlewise.cli.app import run
from doodlewise.training.config import TrainConfig
from doodlewise.training.sweep.ledger import Trial
from doodlewise.training.sweep.plan import make_plan
from doodlewise.training.sweep.worker import EpochDone, StepsDone

sys.path.insert(0, str(Path(__file__).parents[1] / "training" / "sweep"))
import made_trials

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ask(
    strokes_store: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Ask:
    """Status, stdout and stderr of a sweep of the tiny store, in `tmp_path`/s."""
    monkeypatch.setattr("doodlewise.training.sweep.pool.work", made_trials.work)
    monkeypatch.setattr("doodlewise.training.sweep.write.write_pictures", lambda *_: None)

    def ask(*arguments: object, of: Path | None = None) -> tuple[int, str, str]:
        capsys.readouterr()
        usual = [] if of else ["--model", "quickdraw_cnn_v1", "--name", "s", "--sweeps", tmp_path]
        usual += [] if of or "--epochs" in arguments else ["--epochs", 2]
        status = run(["sweep", *map(str, [of or strokes_store, *usual, *arguments])])
        said = capsys.readouterr()
        return status, said.out, said.err

    return ask


def test_flags_with_commas_vary(ask: Ask, tmp_path: Path) -> None:
    status, out, err = ask("--lr", "0.02,0.01", "--batch-size", "32,64", "--seeds", 2)
    assert status == 0
    # Of two epochs, and of the mean over two seeds.
    assert "best: 82.50% top-1 on" in out
    assert "with batch size 32, lr 0.01" in out
    assert f"model: {tmp_path}/s/trials/00" in out
    # Best first.
    rows = [line.split() for line in out.splitlines() if line.strip().startswith(("32", "64"))]
    assert [row[1] for row in rows] == ["0.01", "0.01", "0.02", "0.02"]
    assert "grid of batch size, lr: 4 settings x 2 seeds" in err
    assert "   8/8  " in err
    assert f"doodlewise eval {tmp_path}/s/trials/" in err
    assert "--split test" in err
    assert f"open {tmp_path}/s/report.html" in err


def test_any_setting_varies_by_grid(ask: Ask) -> None:
    status, out, _ = ask("--grid", "optim.ema=0.9,0.99", "--grid", "schedule=cosine|constant")
    assert status == 0
    assert "schedule" in out
    assert out.count("0.99 ") >= 2


def test_what_has_one_value_is_fixed(ask: Ask, tmp_path: Path) -> None:
    status, _, _ = ask(
        "--lr", "0.02,0.01", "--log", "csv,tensorboard", "--set", "optim.clip=0", "--patience", 3
    )
    assert status == 0
    settings = (tmp_path / "s" / "config.yaml").read_text()
    assert "log: csv,tensorboard" in settings
    assert "clip: 0.0" in settings
    assert "patience: 3" in settings


def test_a_config_file_is_the_base(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("name: other\noptim: {clip: 0.5}\nbatch_size: 16\n")
    status, _, _ = ask("--config", tmp_path / "base.yaml", "--lr", "0.02,0.01")
    assert status == 0
    settings = (tmp_path / "s" / "config.yaml").read_text()
    assert "clip: 0.5" in settings
    assert "batch_size: 16" in settings


def test_json_is_a_line_a_trial_and_one_of_all(ask: Ask, tmp_path: Path) -> None:
    status, out, err = ask("--lr", f"0.01,{made_trials.DIVERGES}", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert (status, err) == (0, "")
    assert [line.get("state") for line in lines] == ["done", "diverged", None]
    assert lines[0]["setting"] == {"optim.lr": 0.01}
    assert lines[0]["val_top1"] == pytest.approx(0.82)
    assert lines[2]["run"] == str(tmp_path / "s" / "trials" / "000")
    assert lines[2]["best"]["optim.lr"] == 0.01
    assert [each["state"] for each in lines[2]["settings"]] == ["done", "diverged"]


def test_quiet_is_the_table_alone(ask: Ask) -> None:
    status, out, err = ask("--lr", "0.02,0.01", "-q")
    assert (status, err) == (0, "")
    assert "best: " in out


def test_failures_are_told_and_fail_only_together(ask: Ask) -> None:
    status, out, err = ask("--lr", f"0.01,{made_trials.DIVERGES},{made_trials.NO_MEMORY}")
    assert status == 0
    assert "1 trial diverged: The loss is not a number any more." in err
    assert "1 trial did not fit into memory: A batch of 64 drawings" in err
    assert "diverged" in out
    status, _, err = ask("--lr", f"{made_trials.DIVERGES},{made_trials.NO_MEMORY}")
    assert status == 0, "the good trial of before is still there"


def test_a_sweep_of_failures_has_failed(ask: Ask) -> None:
    status, out, err = ask("--lr", f"{made_trials.DIVERGES},{made_trials.NO_MEMORY}")
    assert status == 1
    assert "diverged" in out
    assert "All 2 trials failed." in err
    assert "--retry" in err


def test_the_folder_alone_goes_on_and_shows(ask: Ask, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    ask("--lr", "0.02,0.01")
    status, out, _ = ask("--show", of=folder)
    assert status == 0
    assert "best: 82.00%" in out
    status, again, err = ask("--seeds", 2, of=folder)
    assert status == 0
    assert "trials over: 2\n" in err
    assert "±" in again
    assert json.loads(ask("--show", "--json", of=folder)[1])["trials"] == 4


def test_a_search(ask: Ask, tmp_path: Path) -> None:
    space = "lr=log:1e-4..3e-2 weight_decay=log:1e-4..1e-1"
    status, out, err = ask("--search", space, "--trials", 3, "--prune")
    assert status == 0
    assert "search of 3 settings of lr, weight decay" in err
    assert "best: " in out
    status, _, err = ask("--trials", 4, of=tmp_path / "s")
    assert status == 0
    assert "   4/4  " in err


def test_dry_run_lists_the_trials(ask: Ask, tmp_path: Path) -> None:
    status, out, err = ask("--devices", "1,2", "--batch-size", "3,4", "--dry-run")
    assert status == 0
    lines = [line.split() for line in out.splitlines()[3:-1]]
    assert [line[-1] for line in lines] == ["waiting", "impossible", "waiting", "waiting"]
    assert "4 trials in" in err
    assert not (tmp_path / "s").exists()
    listed = json.loads(ask("--lr", "0.02,0.01", "--dry-run", "--json")[1])["trials"]
    assert listed[0] == {"setting": {"lr": "0.02"}, "seed": 0, "state": "waiting"}
    status, out, err = ask("--search", "lr=1e-4..1e-2", "--trials", 3, "--dry-run")
    assert "optim.lr = 0.0001..0.01" in out
    assert "3 settings x 1 seeds" in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--lr", "0.01"], "There is nothing to try"),
        (["--lr", "1e-2,fast"], "optim.lr is 'fast'"),
        (["--seed", "1,2"], "Use --seeds N."),
        (["--grid", "optim.ema"], "Write it as --grid KEY=A,B,C."),
        (["--grid", "emma=1,2"], "Did you mean 'ema'"),
        (["--search", "lr=1e-3...", "--trials", "3"], "is no range. Write NAME=log:A..B"),
        (["--search", "lr=1e-3..1e-2"], "--trials 30"),
        (["--lr", "1e-2,1e-3", "--trials", "3"], "--trials has no meaning"),
        (["--lr", "1e-2,1e-3", "--show"], "is no sweep. Name its folder"),
        (["--lr", "1e-2,1e-3", "--jobs", "0"], "jobs is 0"),
        (["--lr", "1e-2,1e-3", "--set", "optim.clip"], "has no value"),
    ],
)
def test_wrong_usage_is_told(arguments: list[str], told: str, ask: Ask, tmp_path: Path) -> None:
    status, out, err = ask(*arguments)
    assert (status, out) == (2, "")
    assert told in err
    assert not (tmp_path / "s").exists()


def test_a_sweeps_folder_takes_no_settings(ask: Ask, tmp_path: Path) -> None:
    ask("--lr", "0.02,0.01")
    status, _, err = ask("--lr", "0.5,0.6", of=tmp_path / "s")
    assert status == 2
    assert "is a sweep, which has its settings" in err
    status, _, err = ask("--trials", 3, of=tmp_path / "s")
    assert status == 2
    assert "Leave --trials out" in err


def test_a_mistyped_network_is_told(ask: Ask) -> None:
    status, _, err = ask("--model", "doodlnet,quickdraw_cnn_v1")
    assert status == 1
    assert "Did you mean 'doodlenet'" in err


def test_a_terminal_shows_bars_and_what_is_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = TrainConfig(store="stores/a10", epochs=4)
    plan = make_plan(base, grid={"lr": "1e-2,1e-3"})
    reporter = _sweep_reporter.make_reporter(is_json=False, is_quiet=False, is_live=True)
    assert isinstance(reporter, _sweep_reporter.TerminalReporter)
    done = Trial(0, {"optim.lr": 0.01}, 0, "done", "", {"val_top1": 0.5})
    going = Trial(1, {"optim.lr": 0.001}, 0, "running")
    reporter.start(Path("sweeps/s"), plan, [done, going], jobs=2)
    reporter.trial_begins(going, again=True)

    def bars() -> dict[str, Any]:
        return {task.description: task for task in reporter._progress.tasks}

    assert bars()["all trials"].completed == 1
    reporter.trial_goes_on(going, StepsDone(1, 0.5, 1234.0))
    assert bars()["lr 0.001, seed 0"].completed == pytest.approx(1.5 / 4)
    assert "epoch 2/4  1,234 drawings/s" in bars()["lr 0.001, seed 0"].fields["detail"]
    reporter.trial_goes_on(going, EpochDone({"epoch": 2, "val_top1": 0.6}))
    assert "left" in bars()["all trials"].fields["detail"]
    assert "best 50.00%" in bars()["all trials"].fields["detail"]
    figures = {"val_top1": 0.61, "best_epoch": 2, "seconds": 61.0}
    reporter.trial_ends(Trial(1, {"optim.lr": 0.001}, 0, "done", "", figures))
    assert list(bars()) == ["all trials"]
    reporter.close()
    err = capsys.readouterr().err
    assert "trials over: 1; cut off, and going on: 1" in err
    assert "2/2  lr 0.001, seed 0   61.00%  epoch   2   1:01 min  best" in err
