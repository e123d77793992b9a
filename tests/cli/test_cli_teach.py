"""doodlewise teach, from files to a model that guesses."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "predict"))

from dataclasses import replace

from drawn import dark_on_light
from made_learner import KNOWN, hand, write_learner

from doodlewise.cli.app import run
from doodlewise.data.formats.ndjson import write_ndjson
from doodlewise.predict.classifier import load


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_learner(tmp_path / "base.onnx")


def drawings(folder: Path, *kinds: str, n: int = 6) -> Path:
    path = folder / "some.ndjson"
    write_ndjson((replace(each, word=kind) for kind in kinds for each in hand(kind, n)), path)
    return path


def test_drawings_by_their_words(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine.onnx"
    some = drawings(tmp_path, "ring", "cross")
    assert run(["teach", str(some), "--to", str(out), "--model", str(base)]) == 0
    told = capsys.readouterr()
    assert "knows 2 words; it learnt 2 from 12 examples" in told.out
    assert "of the examples right that it has not seen" in told.out
    assert f"doodlewise predict {out}" in told.err
    model = load(out)
    assert model.classes == ["ring", "cross"]
    assert model.predict(hand("cross", 1, seed=3)[0]).word == "cross"


def test_pictures_by_their_folders_beside_known_words(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in ("ring", "gate"):
        (tmp_path / "pictures" / kind).mkdir(parents=True)
        for number, drawing in enumerate(hand(kind, 5)):
            dark_on_light(drawing).save(tmp_path / "pictures" / kind / f"{number}.png")
    out = tmp_path / "mine.onnx"
    command = ["teach", str(tmp_path / "pictures"), "--to", str(out), "--model", str(base)]
    assert run([*command, "--keep-known", "--json", "--most", "4"]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert found["words"] == ["gate", "ring"]
    assert found["knows"] == 5
    assert found["examples"] == 8
    assert "2 examples are left out" in told.err
    assert load(out).classes == [*KNOWN, "gate", "ring"]


def test_a_word_that_is_nowhere_is_the_name_of_the_file(base: Path, tmp_path: Path) -> None:
    for kind in ("ring", "plus"):
        write_ndjson(hand(kind, 3), tmp_path / f"{kind}.ndjson")
    files = [str(tmp_path / f"{kind}.ndjson") for kind in ("ring", "plus")]
    assert run(["teach", *files, "--to", str(tmp_path / "m.onnx"), "--model", str(base)]) == 0
    assert load(tmp_path / "m.onnx").classes == ["ring", "plus"]


def test_what_cannot_be_taught_is_said(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine.onnx"
    (tmp_path / "empty").mkdir()
    for source, problem, status in (
        (tmp_path / "nowhere", "There is no file or folder", 1),
        (tmp_path / "empty", "is empty", 1),
        (drawings(tmp_path, "ring"), "Give 2 or more", 2),
    ):
        assert run(["teach", str(source), "--to", str(out), "--model", str(base)]) == status
        assert problem in capsys.readouterr().err
    assert not out.exists()


def test_a_picture_without_ink_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for word in ("cat", "owl"):
        (tmp_path / word).mkdir()
        Image.new("L", (60, 60), 255).save(tmp_path / word / "blank.png")
    words = [str(tmp_path / "cat"), str(tmp_path / "owl")]
    assert run(["teach", *words, "--to", str(tmp_path / "mine.onnx")]) == 1
    said = capsys.readouterr().err
    assert f"{tmp_path / 'cat' / 'blank.png'}: The picture has no ink" in said
    assert not (tmp_path / "mine.onnx").exists()
