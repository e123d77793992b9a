from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from doodlewise.data.prepare import prepare
from doodlewise.data.split import Fractions
from doodlewise.data.store import Store
from doodlewise.errors import DataError
from doodlewise.evaluation.result import EvalResult
from doodlewise.evaluation.run import Subject, evaluate
from doodlewise.evaluation.write import shown, write_evaluation
from doodlewise.models.registry import create_model
from doodlewise.raster import RenderSpec

PLOTS = {"confusion", "most_confused", "top_losses", "calibration", "by_class", "samples"}
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def subject(strokes_store: Path) -> Subject:
    """A network that has learnt nothing, and so makes every mistake."""
    torch.manual_seed(1)
    network = create_model("quickdraw_cnn_v1", n_classes=6).eval()
    return Subject(network, Store(strokes_store).classes, RenderSpec(), torch.device("cpu"))


def test_everything_is_written(subject: Subject, strokes_store: Path, tmp_path: Path) -> None:
    store = Store(strokes_store)
    result = evaluate(replace(subject, name="untaught"), store, "val")
    folder = tmp_path / "new" / "eval"
    curve = PNG + b"curve of the training"
    write_evaluation(folder, subject, store, "val", result, more={"Training": curve})
    values = json.loads((folder / "eval.json").read_text("utf-8"))
    again = EvalResult.from_dict(values)
    assert again.to_dict() == result.to_dict()
    plots = {path.stem: path.read_bytes() for path in (folder / "plots").iterdir()}
    assert plots.keys() == PLOTS | {"by_ink"}
    assert all(content.startswith(PNG) and len(content) > 5_000 for content in plots.values())
    report = (folder / "report.html").read_text("utf-8")
    for text in ("untaught", "Confusion matrix", "While drawing", "Training", *store.classes):
        assert text in report
    assert report.count("data:image/png;base64,") >= len(PLOTS) + 2
    assert not list(folder.rglob(".*"))


def test_bitmaps_have_no_beginnings(bitmap_store: Path, tmp_path: Path) -> None:
    store = Store(bitmap_store)
    network = create_model("quickdraw_cnn_v1", n_classes=3).eval()
    subject = Subject(network, store.classes, None, torch.device("cpu"))
    write_evaluation(tmp_path, subject, store, "test", evaluate(subject, store, "test"))
    assert {path.stem for path in (tmp_path / "plots").iterdir()} == PLOTS


def test_words_that_the_network_does_not_know_are_no_obstacle(
    subject: Subject, doodles: Path, tmp_path: Path
) -> None:
    sources = [doodles / f"{word}.ndjson" for word in ("bucket", "cat", "star")]
    prepare(sources, tmp_path / "store", fractions=Fractions(val=0.2, test=0.0), jobs=1)
    store = Store(tmp_path / "store")
    result = evaluate(subject, store, "val", by_ink=False)
    write_evaluation(tmp_path / "eval", subject, store, "val", result)
    assert {path.stem for path in (tmp_path / "eval" / "plots").iterdir()} == PLOTS


def test_a_file_in_the_way(subject: Subject, strokes_store: Path, tmp_path: Path) -> None:
    (tmp_path / "eval").write_text("a file")
    store = Store(strokes_store)
    result = evaluate(subject, store, "val", by_ink=False)
    with pytest.raises(DataError, match=r"a file is in the way of a folder.*evaluate again"):
        write_evaluation(tmp_path / "eval", subject, store, "val", result)


def test_people_see_finer_drawings_than_the_network(
    strokes_store: Path, bitmap_store: Path
) -> None:
    store = Store(strokes_store)
    pictures = shown(store.read(store.shards("val")[0], 0, 3))
    assert pictures.shape == (3, 96, 96, 1)
    assert pictures.dtype == np.uint8
    bitmaps = Store(bitmap_store)
    rows = bitmaps.read(bitmaps.shards("val")[0], 0, 3)
    assert np.array_equal(shown(rows), rows.images)
