"""Kaggle's Doodle Dataset from its CSV and pictures to a network, on a miniature."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from doodlewise.data.prepare import PictureWish, prepare
from doodlewise.data.split import Fractions
from doodlewise.training.setup import train

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "data"))
from miniature import make_doodle_dataset


@pytest.mark.slow
def test_pictures_of_grey_ink_are_learnt(tmp_path: Path) -> None:
    drawn = ("fish", "star", "cat", "house", "apple")
    make_doodle_dataset(tmp_path / "dataset", drawn, ("US", "NA", "DE"), 150)
    manifest = prepare(
        [tmp_path / "dataset"],
        tmp_path / "store",
        top_labels=4,
        top_countries=2,
        per_class=100,
        pictures=PictureWish(size=(32, 32)),
        fractions=Fractions(val=0.25, test=0.0),
        jobs=1,
    )
    assert len(manifest.classes) == 4
    run = train(
        store=tmp_path / "store", runs=tmp_path / "runs", model="convnet_tiny", epochs=8,
        batch_size=32, name="run", device="cpu", precision="32-true",
    )  # fmt: skip
    assert run.best_top1 > 0.7, "four classes, so 0.25 is chance"
