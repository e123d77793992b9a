from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from doodlewise.cli.app import run
from doodlewise.data.catalog import WORDS
from doodlewise.data.formats import read_drawings, write_ndjson
from doodlewise.predict.bundled import BUNDLED, is_model
from doodlewise.predict.classifier import load
from raster_cases import QUICKDRAW, needs_quickdraw

TWO_MEGABYTES = 2_000_000


def test_the_model_in_the_package_knows_all_words_and_is_small() -> None:
    model = load()
    assert BUNDLED.stat().st_size <= TWO_MEGABYTES
    assert sorted(model.classes) == sorted(WORDS)
    assert model.info.metrics["top1"] >= 0.66
    assert model.has_features
    assert model.takes_pictures
    assert model.takes_drawings
    assert repr(load(BUNDLED)) == repr(model)


@needs_quickdraw
def test_it_guesses_real_drawings() -> None:
    """Most are from its training; that it is good on others is for `benchmarks/bundled.py`."""
    model = load()
    right = [
        model.predict(drawing).word == file.stem
        for file in sorted((QUICKDRAW / "simplified").glob("*.ndjson"))[::35]
        for drawing in islice(read_drawings(file), 12)
    ]
    assert len(right) == 120
    assert sum(right) > 72


def test_predict_without_naming_a_model(
    doodles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_ndjson([next(read_drawings(doodles / "star.ndjson"))], tmp_path / "some.ndjson")
    assert run(["predict", str(tmp_path / "some.ndjson"), "--top", "1"]) == 0
    ours = capsys.readouterr().out
    assert run(["predict", str(BUNDLED), str(tmp_path / "some.ndjson"), "--top", "1"]) == 0
    assert capsys.readouterr().out == ours
    assert run(["predict", str(BUNDLED)]) == 2
    assert "Name drawings or pictures after it" in capsys.readouterr().err


def test_what_is_meant_as_a_model(tmp_path: Path) -> None:
    (tmp_path / "run" / "weights").mkdir(parents=True)
    (tmp_path / "drawings").mkdir()
    (tmp_path / "a.ndjson").touch()
    assert is_model(tmp_path / "run")
    assert is_model(tmp_path / "gone.onnx")
    assert is_model(tmp_path / "gone")
    assert not is_model(tmp_path / "gone.png")
    assert not is_model(tmp_path / "drawings")
    assert not is_model(tmp_path / "a.ndjson")
