"""The commands for files with settings, and train with such files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from doodlewise.cli.app import run
from doodlewise.training.config import all_settings, load_config
from made_runs import make_run


def ask(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Status, stdout and stderr of a command."""
    capsys.readouterr()
    status = run([str(each) for each in arguments])
    said = capsys.readouterr()
    return status, said.out, said.err


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_all_settings_with_their_help(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = ask(capsys, "config", "show")
    assert status == 0
    rows = {line.split()[0]: line for line in out.splitlines() if line.split()}
    for name, part in all_settings().items():
        assert part.metadata["help"] in rows[name]
    assert "usual" in rows["epochs"]
    assert "doodlewise config init" in err


def test_where_each_setting_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    Path("my.yaml").write_text("epochs: 3\nname: mine\noptim:\n  ema: 0.5\n  clip: 1.0\n")
    arguments = ("config", "show", "--config", "my.yaml", "--set", "render.channels=ink,order",
                 "--set", "optim.ema=0", "--json")  # fmt: skip
    status, out, err = ask(capsys, *arguments)
    shown = {row["setting"]: (row["value"], row["from"]) for row in json.loads(out)}
    assert (status, err) == (0, "")
    assert shown["epochs"] == (3, "my.yaml:1")
    assert shown["optim.ema"] == (0.0, "--set")
    assert shown["optim.clip"] == (1.0, "my.yaml:5")
    assert shown["render.channels"] == (["ink", "order"], "--set")
    assert shown["name"] == ("", "usual")  # as for train: a run's own name is not taken again
    assert shown["store"] == ("", "usual")
    _, out, _ = ask(capsys, *arguments, "--changed")
    assert [row["setting"] for row in json.loads(out)] == [
        "epochs", "optim.ema", "render.channels",
    ]  # fmt: skip


def test_the_folder_of_a_run_stands_for_its_settings(capsys: pytest.CaptureFixture[str]) -> None:
    make_run(Path("runs/first"))
    _, out, _ = ask(capsys, "config", "show", "--config", "runs/first", "--json")
    assert next(row for row in json.loads(out) if row["setting"] == "epochs")["value"] == 4
    assert ask(capsys, "config", "validate", "runs/first")[0] == 0


def test_settings_that_cannot_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = ask(capsys, "config", "show", "--set", "optim.lrr=1")
    assert status == 2
    assert "Did you mean 'optim.lr'" in err
    assert ask(capsys, "config", "show", "--config", "nowhere.yaml")[0] == 2


def test_a_file_is_written_and_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = ask(capsys, "config", "init")
    assert (status, out) == (0, f"train.yaml: {len(all_settings())} settings\n")
    assert "doodlewise train STORE --config train.yaml" in err
    assert ask(capsys, "config", "validate", "train.yaml")[0] == 0
    status, _, err = ask(capsys, "config", "init")
    assert status == 2
    assert "already is a file train.yaml. Choose another --to, or add --exist-ok." in err
    status, _, err = ask(
        capsys, "config", "init", "stores/a", "--set", "optim.lr=0.1", "--exist-ok"
    )
    assert status == 0
    assert "doodlewise train --config train.yaml" in err
    values = load_config(Path("train.yaml"))
    assert (values["store"], values["optim.lr"]) == ("stores/a", 0.1)


def test_files_are_checked_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    Path("good.yaml").write_text("epochs: 3\n")
    Path("bad.yaml").write_text("epochs: 0\n\nlr: 3\n")
    status, out, err = ask(capsys, "config", "validate", "good.yaml", "bad.yaml", "no.yaml")
    assert status == 1
    assert out.splitlines() == [
        "bad.yaml:1: epochs is 0; choose 1 or more.",
        "bad.yaml:3: There is no setting 'lr'. Did you mean 'optim.lr'? See all: doodlewise config"
        " show",
        "no.yaml: There is no readable file no.yaml. Check the path.",
    ]
    assert "good.yaml: all is well" in err
    assert "3 problems" in err
    status, out, _ = ask(capsys, "config", "validate", "good.yaml", "bad.yaml", "--json")
    assert status == 1
    good, bad = json.loads(out)
    assert good == {"file": "good.yaml", "problems": []}
    assert bad["problems"][0] == {"line": 1, "message": "epochs is 0; choose 1 or more."}
    assert ask(capsys, "config", "validate", "good.yaml", "-q") == (0, "", "")


def test_nothing_heavy_is_loaded_to_look_at_settings() -> None:
    Path("my.yaml").write_text("epochs: 3\n")
    code = (
        "import sys\nfrom doodlewise.cli.app import run\n"
        "for words in (['show', '--config', 'my.yaml'], ['init'], ['validate', 'my.yaml']):\n"
        "    assert run(['config', *words]) == 0\n"
        "assert not set(sys.modules) & {'torch', 'matplotlib', 'numba', 'pyarrow'}"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


def test_a_run_is_started_again_with_other_settings(
    strokes_store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ("--model", "quickdraw_cnn_v1", "--epochs", 1, "--batch-size", 64, "--device", "cpu")
    # Most of the time that a tiny run takes is its report's.
    quick = (*small, "--no-report")
    status, *_ = ask(
        capsys, "train", strokes_store, *quick, "--name", "x", "--set", "pixels.flip=0.5"
    )
    assert status == 0
    status, *_ = ask(
        capsys, "train", "--config", "runs/x/config.yaml", "--set", "optim.lr=3e-4", "--name", "y",
        "--set", "pixels.flip=none", "--set", "head_only=no", "--set", "render.channels=[ink]",
    )  # fmt: skip
    assert status == 0
    status, out, _ = ask(capsys, "runs", "compare", "x", "y", "--json")
    compared = json.loads(out)
    assert status == 0
    assert compared["is_same_work"]
    differences = compared["differences"]
    assert differences["optim.lr"]["y"] == 3e-4
    assert differences["pixels.flip"] == {"x": 0.5, "y": None}
    assert len(differences) == 2
    assert [each["state"] for each in compared["runs"]] == ["finished", "finished"]
    assert all(each["ece"] is not None and each["n_val"] for each in compared["runs"])
    status, out, _ = ask(capsys, "runs", "show", "y")
    assert status == 0
    assert "optim.lr" in out
    assert "quickdraw_cnn_v1, 22,662 parameters" in out
