"""doodlewise finetune, and dw.finetune: new words on a network that has learnt others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

import doodlewise as dw
from doodlewise.bundle_info import BundleInfo
from doodlewise.cli.app import run
from doodlewise.data.prepare import prepare
from doodlewise.data.split import Fractions
from doodlewise.models.bundle import read_bundle_info, save_bundle
from doodlewise.models.registry import create_model, usual_lr
from doodlewise.raster import RenderSpec
from doodlewise.training.finetune import batch_size, finetune_config

WORDS = ("fish", "mushroom", "star", "umbrella")


@pytest.fixture(scope="module")
def store(doodles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 drawings of each of four words."""
    out = tmp_path_factory.mktemp("stores") / "few"
    sources = [doodles / f"{word}.ndjson" for word in WORDS]
    prepare(sources, out, per_class=12, fractions=Fractions(val=0.25, test=0), jobs=1)
    return out


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a model that has not learnt, in a look of its own."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    network = create_model("quickdraw_cnn_v2", n_classes=2)
    info = BundleInfo("quickdraw_cnn_v2", ["cat", "star"], (1, 28, 28), RenderSpec(28, 12.0, 20.0))
    save_bundle(network.eval(), info, folder / "model")
    return folder


def ask(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Status, stdout and stderr of a command."""
    capsys.readouterr()
    status = run([str(each) for each in arguments])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_the_bundled_model_learns_other_words_in_a_moment(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = ask(
        capsys, "finetune", "bundled", store, "--epochs", 2, "--head-only", "--name", "mine",
        "--runs", tmp_path, "--device", "cpu",
    )  # fmt: skip
    assert status == 0
    assert "begins     with the weights of bundled" in err
    assert "644 of them learn" in err
    assert "caution    with " in err
    for name in ("config.yaml", "weights/last.ckpt", "model/model.safetensors", "report.html"):
        assert (tmp_path / "mine" / name).stat().st_size > 0, name
    info = read_bundle_info(tmp_path / "mine" / "model")
    assert info.classes == list(WORDS)
    assert info.metrics["top1"] > 0.8
    settings = yaml.safe_load((tmp_path / "mine" / "config.yaml").read_text(encoding="utf-8"))
    assert (settings["init_from"], settings["model"]) == ("bundled", "convnet_tiny")
    assert settings["head_only"] is True
    assert f"model: {tmp_path / 'mine' / 'model'}" in out


def test_in_python(store: Path, base: Path, tmp_path: Path) -> None:
    done = dw.finetune(
        base, store, epochs=1, name="mine", runs=str(tmp_path), optim={"lr": 1e-4}, device="cpu",
        report=False,
    )  # fmt: skip
    info = read_bundle_info(done.folder / "model")
    assert info.model == "quickdraw_cnn_v2"
    assert info.render == RenderSpec(28, 12.0, 20.0)
    assert dw.load(done.folder).classes == list(WORDS)


def test_what_is_not_said_follows_from_the_base_and_the_store(store: Path, base: Path) -> None:
    config = finetune_config(base, store, {"epochs": 7, "optim.ema": 0.5})
    assert config.model == "quickdraw_cnn_v2"
    assert config.render == RenderSpec(28, 12.0, 20.0)
    assert config.init_from == str(base)
    assert (config.epochs, config.optim.ema) == (7, 0.5)
    assert config.batch_size == 16
    assert config.optim.lr is not None
    assert config.optim.lr < usual_lr(config.model)


def test_small_stores_have_small_batches() -> None:
    sizes = [batch_size(n) for n in (1, 100, 1_000, 5_000, 1_000_000)]
    assert sizes == [16, 16, 32, 128, 256]


def test_dry_run_shows_what_would_learn(
    store: Path, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = ask(
        capsys, "finetune", base, store, "--freeze-until", 13, "--runs", tmp_path / "r", "--dry-run"
    )
    assert status == 0
    assert f"begins     with the weights of {base}" in out
    assert "148,740 of them learn" in out
    assert not (tmp_path / "r").exists()


def test_in_json(
    store: Path, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = ask(
        capsys, "finetune", base, store, "--epochs", 2, "--runs", tmp_path, "--name", "j",
        "--device", "cpu", "--no-report", "--json",
    )  # fmt: skip
    lines = [json.loads(line) for line in out.splitlines()]
    assert (status, err) == (0, "")
    assert [line.get("epoch") for line in lines] == [1, 2, None]
    assert lines[-1]["run"] == str(tmp_path / "j")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["nowhere", "STORE"], 1, "There is no model at nowhere"),
        (["bundled", "nowhere"], 1, "There is no store at nowhere"),
        (["bundled"], 2, "Missing argument"),
        (["bundled", "STORE", "--model", "convnet_base"], 2, "No such option"),
        (["bundled", "STORE", "--set", "model=convnet_base"], 2, "follows from the base"),
        (["bundled", "STORE", "--set", "render.side=64"], 2, "follows from the base"),
        (["bundled", "STORE", "--freeze-until", "stage9"], 2, "Choose one of stage1, stage2"),
        (["bundled", "STORE", "--head-only", "--freeze-until", "head"], 2, "both say what learns"),
        (["STORE", "STORE"], 1, "There is no model in"),
        (["PICTURE", "STORE"], 1, "is not an ONNX file"),
    ],
)
def test_what_goes_wrong_is_said_in_a_line(
    arguments: list[str],
    status: int,
    said: str,
    store: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cat.png").write_bytes(b"\x89PNG")
    names = {"STORE": str(store), "PICTURE": "cat.png"}
    got, out, err = ask(capsys, "finetune", *(names.get(each, each) for each in arguments))
    assert (got, out) == (status, "")
    assert said in err
    assert "Traceback" not in err
    assert not (tmp_path / "runs").exists()
