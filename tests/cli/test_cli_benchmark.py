"""doodlewise benchmark: one table, whatever the model takes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from doodlewise.bundle_info import BundleInfo
from doodlewise.cli.app import run
from doodlewise.image import ImageSpec
from doodlewise.models.bundle import save_bundle
from doodlewise.models.registry import create_model

ROWS = [
    "one drawing",
    "8 drawings at once",
    "32 drawings at once",
    "64 drawings at once",
    "one picture",
    "a drawing of 20 points",
    "a drawing of 100 points",
    "a drawing of 500 points",
]


def test_one_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["benchmark", "--seconds", "0.05"]) == 0
    out = capsys.readouterr().out
    assert "doodles-345: 345 words" in out
    assert re.search(r"onnxruntime \d.*, \d+ threads?$", out, re.M)
    for row in ("load the model", "first guess", *ROWS):
        assert re.search(rf"^ {row} +[\d,.]+", out, re.M), row
    assert int(re.findall(r"most memory: (\d+) MiB", out)[0]) > 30
    assert max(map(len, out.splitlines())) <= 80


def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["benchmark", "--seconds", "0.3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["words"] == 345
    assert found["bits"] in (8, 32)
    assert found["load_ms"] > 0 < found["first_ms"]
    rows = {row["what"]: row for row in found["rows"]}
    assert list(rows) == ROWS
    for row in rows.values():
        assert row["times"] >= 5
        assert row["p99_ms"] is None or row["p50_ms"] <= row["p99_ms"]
        assert row["per_second"] > 0
    assert rows["64 drawings at once"]["sketches"] == 64
    # The longer a drawing the more work, whatever else the machine does.
    assert rows["a drawing of 500 points"]["p50_ms"] > rows["a drawing of 20 points"]["p50_ms"]


def test_a_model_that_takes_photos(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = create_model("photo_cnn", n_classes=2, image_shape=(3, 32, 32))
    image = ImageSpec(height=32, width=32, channels=3, look="photo")
    info = BundleInfo("photo_cnn", ["cat", "dog"], (3, 32, 32), image=image)
    save_bundle(network, info, tmp_path / "photos")
    command = ["benchmark", "--model", str(tmp_path / "photos"), "--seconds", "0.02", "--json"]
    assert run(command) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["what"] for row in found["rows"]] == ["one picture"]
    assert found["model"] == "photos"
    assert found["runtime"].startswith("torch ")
    assert found["size_bytes"] > 100_000


def test_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["benchmark", "--model", str(tmp_path / "nothing.onnx")]) == 1
    assert "nothing.onnx" in capsys.readouterr().err


def test_it_needs_no_torch() -> None:
    code = (
        "import sys; sys.modules |= dict.fromkeys(['torch', 'numba', 'pyarrow', 'onnx'])\n"
        "from doodlewise.cli.app import main; main(['benchmark', '--seconds', '0.01', '--json'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["rows"]) == len(ROWS)
