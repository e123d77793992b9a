"""Guessing where only the core is installed: no torch, numba, pyarrow, matplotlib and their kin."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from drawn import DRAWINGS
from made_onnx import INFO, write_pixels_model, write_strokes_model
from PIL import Image

from doodlewise.data.formats import read_drawings, write_binary, write_ndjson
from doodlewise.drawing import Drawing
from doodlewise.models.bundle import save_bundle
from doodlewise.models.registry import create_model
from doodlewise.predict.classifier import load
from doodlewise.raster import RenderSpec, render

ROOT = Path(__file__).parents[2]

REFUSE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Refuse())
"""
NOT_CORE = {
    "cv2", "lightning_fabric", "matplotlib", "numba", "onnx", "onnxscript", "pandas", "pyarrow",
    "ray", "safetensors", "scipy", "sklearn", "torch", "torchvision",
}  # fmt: skip

Ask = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Runs Python where nothing but the core can be imported."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(REFUSE.format(names=NOT_CORE))
    surroundings = os.environ | {"PYTHONPATH": str(tmp_path / "site")}

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env=surroundings)

    return run


@pytest.fixture
def sketches(tmp_path: Path) -> Path:
    """A folder with drawings as ndjson, .bin and raw ndjson with times, and a picture."""
    folder = tmp_path / "sketches"
    folder.mkdir()
    drawings = [Drawing.from_strokes(strokes) for strokes in DRAWINGS.values()]
    write_ndjson(drawings, folder / "a.ndjson")
    write_binary([drawing.simplified() for drawing in drawings], folder / "b.bin")
    raw = {"word": "star", "drawing": [[[10.5, 70.25, 30.0], [5.0, 9.0, 60.0], [0, 20, 50]]]}
    (folder / "c.ndjson").write_text(json.dumps(raw) + "\n")
    Image.fromarray(255 - render(drawings[0], RenderSpec(side=200))).save(folder / "d.png")
    return folder


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    info = replace(INFO, model="quickdraw_cnn_v1")
    save_bundle(create_model(info.model, n_classes=3), info, tmp_path / "run" / "model")
    return tmp_path / "run"


@pytest.mark.parametrize("package", ["torch", "numba"])
def test_it_is_really_not_there(package: str, ask: Ask) -> None:
    assert f"No module named '{package}'" in ask("-c", f"import {package}").stderr


def test_a_pixels_model_guesses_everything(ask: Ask, sketches: Path, tmp_path: Path) -> None:
    model = write_pixels_model(tmp_path / "model.onnx")
    done = ask("-m", "doodlewise", "predict", model, sketches, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    expected = [prediction.to_dict() for prediction in load(model).predict(sketches, top=3)]
    assert [each["source"] for each in found] == [each["source"] for each in expected]
    assert len(found) == 2 * len(DRAWINGS) + 2
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours["word"], ours["sure"], ours["notes"]) == (
            theirs["word"],
            theirs["sure"],
            theirs["notes"],
        )
        assert ours["probability"] == pytest.approx(theirs["probability"], abs=1e-4)


def test_a_strokes_model_guesses_drawings(ask: Ask, sketches: Path, tmp_path: Path) -> None:
    model = write_strokes_model(tmp_path / "model.onnx")
    done = ask("-m", "doodlewise", "predict", model, sketches / "a.ndjson", "--top", 1)
    assert (done.returncode, done.stderr) == (0, "")
    expected = load(model).predict(sketches / "a.ndjson", top=1)
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[::2]] == [p.source for p in expected]
    assert [line.split()[:2] for line in lines[1::2]] == [
        [p.word, f"{p.probability:.1%}"] for p in expected
    ]


def test_the_doctor(ask: Ask, sketches: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.png"
    done = ask("-m", "doodlewise", "doctor", sketches / "d.png", "--json", "--to", report)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["findings"][0]["code"] == "inverted"
    assert report.exists()


def test_from_python(ask: Ask, sketches: Path, tmp_path: Path) -> None:
    model = write_pixels_model(tmp_path / "model.onnx")
    code = (
        "import sys, doodlewise as dw\n"
        "from pathlib import Path\n"
        "model = dw.load(sys.argv[1])\n"
        "drawings = list(dw.read_drawings(Path(sys.argv[2])))\n"
        "print(model.predict(drawings[0]).word, model.probabilities(drawings).shape)"
    )
    done = ask("-c", code, model, sketches / "a.ndjson")
    assert done.stderr == ""
    first = next(iter(read_drawings(sketches / "a.ndjson")))
    assert done.stdout == f"{load(model).predict(first).word} ({len(DRAWINGS)}, 3)\n"


def test_a_run_folder_says_what_to_do(ask: Ask, bundle: Path, sketches: Path) -> None:
    done = ask("-m", "doodlewise", "predict", bundle, sketches)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Error: {bundle / 'model'} needs torch, which is not installed. Run: pip install"
        " 'doodlewise[train]'; or where it is installed, make a file that needs none:"
        f" doodlewise export {bundle} --to model.onnx\n"
    )


def test_a_run_folder_with_an_exported_file(ask: Ask, bundle: Path, sketches: Path) -> None:
    write_pixels_model(bundle / "model" / "model.onnx")
    done = ask("-m", "doodlewise", "predict", bundle, sketches, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    expected = load(bundle / "model" / "model.onnx").predict(sketches)
    assert [json.loads(line)["word"] for line in done.stdout.splitlines()] == [
        prediction.word for prediction in expected
    ]


def test_a_folder_without_a_model_is_named_first(ask: Ask, sketches: Path) -> None:
    done = ask("-m", "doodlewise", "predict", sketches / "first", sketches)
    assert done.returncode == 1
    assert "There is no model in" in done.stderr
    assert "torch" not in done.stderr


@pytest.mark.slow
def test_the_core_alone_is_enough(sketches: Path, tmp_path: Path) -> None:
    """A new environment with the package and what it depends on, nothing else."""
    venv.create(tmp_path / "core", with_pip=True)
    python = tmp_path / "core" / ("Scripts" if os.name == "nt" else "bin") / "python"
    shutil.copytree(ROOT / "src", tmp_path / "package" / "src")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / "package")
    pip = [python, "-m", "pip", "install", "--quiet", tmp_path / "package"]
    installed = subprocess.run(pip, capture_output=True, text=True)
    if "Could not find a version" in installed.stderr or "NewConnectionError" in installed.stderr:
        pytest.skip("pip cannot reach a package index")
    assert installed.returncode == 0, installed.stderr
    for package in NOT_CORE:
        code = f"import importlib.util as i; print(i.find_spec({package!r}))"
        assert subprocess.check_output([python, "-c", code], text=True) == "None\n"
    model = write_pixels_model(tmp_path / "model.onnx")
    done = subprocess.run(
        [python, "-m", "doodlewise", "predict", model, sketches, "--json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2 * len(DRAWINGS) + 2
