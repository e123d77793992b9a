"""The commands as a person types them: what comes out, where, and with which status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from doodlewise.cli.app import run
from doodlewise.data.formats import read_drawings
from doodlewise.raster import RenderSpec, render

QUICK = ["--model", "quickdraw_cnn_v1", "--batch-size", "32", "--device", "cpu"]


@pytest.fixture(scope="module")
def runs(strokes_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one small run in it, "first"."""
    runs = tmp_path_factory.mktemp("runs")
    where = ["--name", "first", "--runs", str(runs)]
    assert run(["train", str(strokes_store), *QUICK, "--epochs", "2", *where]) == 0
    return runs


def ask(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Status, stdout and stderr of a command."""
    capsys.readouterr()
    status = run([str(each) for each in arguments])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_results_go_to_stdout_and_talk_to_stderr(
    doodles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = ask(
        capsys, "data", "prepare", doodles, "--classes", "cat,star", "--per-class", 20,
        "--out", tmp_path / "store",
    )  # fmt: skip
    assert status == 0
    assert "2 classes of strokes" in out
    assert "80 more than --per-class" in err
    assert f"doodlewise train {tmp_path / 'store'}" in err


def test_quiet_says_nothing_but_results(
    doodles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = ask(
        capsys, "data", "prepare", doodles / "cat.ndjson", doodles / "car.ndjson", "-q",
        "--out", tmp_path / "store",
    )  # fmt: skip
    assert (status, err) == (0, "")
    assert out.count("\n") == 1


def test_stats_as_json_and_as_table(
    strokes_store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = ask(capsys, "data", "stats", strokes_store, "--json")
    facts = json.loads(out)
    assert status == 0
    assert facts["n"] == 360
    assert sum(facts["sizes"].values()) == 360
    assert (
        facts["counts"]["train"]["cat"]
        + facts["counts"]["val"]["cat"]
        + facts["counts"]["test"]["cat"]
        == 60
    )
    status, out, _ = ask(capsys, "data", "stats", strokes_store)
    assert status == 0
    assert "360 drawings of 6 classes" in out
    assert "kept as strokes" in out
    assert "apple" in out


def test_download_from_a_server_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = ask(
        capsys, "data", "download", "--classes", "cat", "--to", tmp_path,
        "--base-url", "http://127.0.0.1:9",
    )  # fmt: skip
    assert status == 1
    assert out == ""
    assert err.startswith("Error: ")
    assert "--base-url" in err


def test_a_run_leaves_everything_behind(runs: Path) -> None:
    expected = (
        "config.yaml env.json summary.txt metrics.csv train.log weights/last.ckpt weights/best.ckpt"
        " model/model.safetensors model/config.json model/README.md eval.json report.html"
        " plots/curves.png plots/confusion.png plots/most_confused.png plots/top_losses.png"
        " plots/calibration.png plots/samples.png plots/by_class.png plots/by_ink.png"
    )
    for name in expected.split():
        assert (runs / "first" / name).stat().st_size > 0, name


def test_train_in_json_is_a_line_an_epoch(
    strokes_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = ask(
        capsys, "train", strokes_store, *QUICK, "--epochs", 2, "--runs", tmp_path, "--name", "j",
        "--json",
    )  # fmt: skip
    lines = [json.loads(line) for line in out.splitlines()]
    assert (status, err) == (0, "")
    assert [line.get("epoch") for line in lines] == [1, 2, None]
    assert lines[-1]["run"] == str(tmp_path / "j")


def test_train_without_a_terminal_is_plain_lines(
    strokes_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = ask(
        capsys, "train", strokes_store, *QUICK, "--epochs", 1, "--runs", tmp_path, "--name", "p"
    )
    assert status == 0
    assert "device     1 x cpu (as asked)" in err
    assert "network    quickdraw_cnn_v1, " in err
    assert "1/1" in err
    assert "\x1b" not in out + err
    assert "top-1 on" in out
    assert f"doodlewise eval {tmp_path / 'p'}" in err


def test_dry_run_trains_nothing(
    strokes_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = ask(
        capsys, "train", strokes_store, "--runs", tmp_path / "runs", "--name", "x", "--dry-run"
    )
    assert status == 0
    assert "convnet_tiny" in out
    assert "stages.0.conv1" in out
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["trian"], 2, "Did you mean 'train'"),
        (["train"], 2, "Name the store"),
        (["train", "STORE", "--epochs", "0"], 2, "choose 1 or more"),
        (["train", "STORE", "--epochs", "many"], 2, "--epochs"),
        (["train", "STORE", "--set", "optim.lrr=1"], 2, "Did you mean 'optim.lr'"),
        (["train", "STORE", "--set", "optim.lr"], 2, "KEY=VALUE"),
        (["train", "STORE", "--device", "tpu"], 2, "auto, cpu, cuda or mps"),
        (["train", "STORE", "--model", "convnet_tinny"], 1, "Did you mean 'convnet_tiny'"),
        (["train", "nowhere"], 1, "There is no store at nowhere"),
        (["train", "STORE", "--resume", "last", "--name", "none"], 1, "There is no run"),
        (["eval", "nowhere"], 1, "There is no model in nowhere"),
        (["eval", "RUN", "--split", "exam"], 1, "Choose train, val, test or all"),
        (["predict", "RUN", "missing.png"], 1, "There is no file missing.png"),
        (["predict", "nowhere", "missing.png"], 1, "There is no model in nowhere"),
        (["data", "prepare", "nowhere", "--out", "OUT"], 1, "There is no file or folder nowhere"),
        (["data", "prepare", "DOODLES", "--out", "OUT", "--classes", "catt"], 1, "'cat'"),
        (["data", "prepare", "DOODLES", "--out", "OUT", "--val", "1"], 2, "less"),
        (["data", "stats", "DOODLES"], 1, "is not a store"),
        (["data", "download", "--classes", "cat", "--format", "simplifid"], 2, "'simplified'"),
    ],
)
def test_what_goes_wrong_is_said_in_a_line(
    arguments: list[str],
    status: int,
    said: str,
    runs: Path,
    strokes_store: Path,
    doodles: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    names = {
        "STORE": str(strokes_store),
        "RUN": str(runs / "first"),
        "DOODLES": str(doodles),
        "OUT": str(tmp_path / "out"),
    }
    got, out, err = ask(capsys, *(names.get(each, each) for each in arguments))
    assert got == status
    assert said in err
    assert "Traceback" not in err
    assert out == ""


def test_verbose_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = ask(capsys, "data", "stats", "nowhere", "-v")
    assert status == 1
    assert "Traceback" in err
    assert "Error: There is no store" in err


def test_a_run_of_the_same_name_is_not_overwritten(
    runs: Path, strokes_store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (runs / "first" / "metrics.csv").read_bytes()
    status, _, err = ask(capsys, "train", strokes_store, *QUICK, "--runs", runs, "--name", "first")
    assert status == 1
    assert "--exist-ok" in err
    assert (runs / "first" / "metrics.csv").read_bytes() == before


def test_eval_writes_a_report_and_a_table(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = ask(capsys, "eval", runs / "first", "--split", "test")
    assert status == 0
    assert "top-1" in out
    assert "after 50 % of the ink" in out
    assert str(runs / "first" / "eval-test" / "report.html") in err
    assert (runs / "first" / "eval-test" / "report.html").exists()
    assert (runs / "first" / "eval-test" / "plots" / "confusion.png").exists()


def test_eval_in_json_has_all_the_figures(
    runs: Path, strokes_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = ask(
        capsys, "eval", runs / "first", strokes_store, "--split", "all", "--json",
        "--out", tmp_path / "e",
    )  # fmt: skip
    result = json.loads(out)
    assert status == 0
    assert result["n"] == 360
    for name in ("top1", "top3", "top5", "map3", "loss", "ece", "by_class", "by_recognised"):
        assert name in result
    assert set(result["by_ink"]) == {"25", "50", "75", "100"}
    assert (tmp_path / "e" / "eval.json").exists()


def test_predict_names_every_drawing_and_picture(
    runs: Path, doodles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawing = next(read_drawings(doodles / "cat.ndjson"))
    picture = tmp_path / "cat.png"
    Image.fromarray(255 - render(drawing, RenderSpec(side=200))).save(picture)
    status, out, _ = ask(
        capsys, "predict", runs / "first", doodles / "cat.ndjson", picture, "--top", 2, "--json"
    )
    answers = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert len(answers) == 61
    assert answers[0]["source"] == f"{doodles / 'cat.ndjson'}:1"
    assert answers[-1]["source"] == str(picture)
    assert all(len(answer["guesses"]) == 2 for answer in answers)
    assert answers[-1]["guesses"][0]["word"] == answers[0]["guesses"][0]["word"]

    status, out, _ = ask(capsys, "predict", runs / "first", picture, "--top", 2)
    assert status == 0
    assert out.splitlines()[0].startswith(str(picture))
    assert "%" in out


def test_models_list_and_env(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = ask(capsys, "models", "list", "--json")
    assert status == 0
    listed = {row["model"]: row["parameters"] for row in json.loads(out)}
    assert listed["doodlenet"] == 544_201
    status, out, _ = ask(capsys, "models", "list")
    assert "544,201" in out
    status, out, _ = ask(capsys, "env", "--json")
    assert json.loads(out)["packages"]["torch"].startswith("2.")
    status, out, _ = ask(capsys, "env")
    assert "doodlewise" in out


def test_a_run_file_starts_the_run_again(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, _ = ask(
        capsys, "train", "--config", runs / "first" / "config.yaml", "--name", "again",
        "--runs", tmp_path,
    )  # fmt: skip
    assert status == 0

    def learning(folder: Path) -> list[list[str]]:
        rows = (folder / "metrics.csv").read_text().splitlines()
        return [row.split(",")[:8] for row in rows]

    assert learning(tmp_path / "again") == learning(runs / "first")


@pytest.mark.slow
def test_ctrl_c_saves_and_says_how_to_go_on(strokes_store: Path, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "doodlewise", "train", str(strokes_store), *QUICK,
        "--epochs", "500", "--name", "long", "--runs", str(tmp_path),
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    log = tmp_path / "long" / "metrics.csv"
    deadline = time.monotonic() + 120
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    resume = f"doodlewise train --resume last --name long --runs {tmp_path}"
    assert resume in err
    done = len(log.read_text().splitlines()) - 1

    status = run([*resume.split()[1:], "--epochs", str(done + 1)])
    assert status == 0
    assert len(log.read_text().splitlines()) == done + 2
