from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from doodlewise.data.formats import write_binary, write_ndjson
from doodlewise.data.rows import Rows
from doodlewise.data.store import Store
from doodlewise.drawing import Drawing
from doodlewise.errors import (
    BundleError,
    ConfigError,
    DrawingError,
    FormatError,
    PictureError,
)
from doodlewise.evaluation.run import Subject, scores_of
from doodlewise.models.bundle import BundleInfo, load_bundle, save_bundle
from doodlewise.models.registry import create_model
from doodlewise.predict.backends import TorchBackend
from doodlewise.predict.classifier import Classifier, Prediction, load
from doodlewise.ragged import Ragged
from doodlewise.raster import RenderSpec, render
from doodlewise.training.setup import train

TOLERANCE = 1e-5


def trained(store: Path, runs: Path) -> Path:
    """The folder of a run that has learnt a little."""
    return train(
        store=store, runs=runs, model="quickdraw_cnn_v2", epochs=4, batch_size=16,
        name="run", device="cpu", precision="32-true", report=False,
    ).folder  # fmt: skip


@pytest.fixture(scope="module")
def run(strokes_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(strokes_store, tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def classifier(run: Path) -> Classifier:
    return load(run)


@pytest.fixture(scope="module")
def rows(strokes_store: Path) -> Rows:
    """The test drawings of the store."""
    store = Store(strokes_store)
    return store.read(store.shards("test")[0])


@pytest.fixture(scope="module")
def drawings(rows: Rows) -> list[Drawing]:
    assert rows.drawings is not None
    return [rows.drawings[row] for row in range(len(rows))]


def probabilities(prediction: Prediction, classes: list[str]) -> list[float]:
    found = {guess.word: guess.probability for guess in prediction.guesses}
    return [found[word] for word in classes]


def picture_of(drawing: Drawing, side: int = 256) -> NDArray[np.uint8]:
    """Dark ink on white paper."""
    return 255 - render(drawing, RenderSpec(side=side))


def test_a_drawing_gets_guesses_best_first(
    classifier: Classifier, drawings: list[Drawing], rows: Rows, strokes_store: Path
) -> None:
    found = [classifier.predict(drawing) for drawing in drawings]
    for prediction in found:
        assert isinstance(prediction, Prediction)
        each = [guess.probability for guess in prediction.guesses]
        assert each == sorted(each, reverse=True)
        assert len(each) == 5
        assert (prediction.word, prediction.probability) == (
            prediction.guesses[0].word,
            prediction.guesses[0].probability,
        )
        assert prediction.source == ""
        assert prediction.notes == ()
    words = [Store(strokes_store).classes[label] for label in rows.labels]
    assert np.mean([p.word == word for p, word in zip(found, words, strict=True)]) > 0.5


def test_as_many_guesses_as_asked_for(classifier: Classifier, drawings: list[Drawing]) -> None:
    assert len(classifier.predict(drawings[0], top=1).guesses) == 1
    every = classifier.predict(drawings[0], top=1000)
    assert sorted(guess.word for guess in every.guesses) == classifier.classes
    assert sum(guess.probability for guess in every.guesses) == pytest.approx(1.0)
    with pytest.raises(DrawingError, match="top is 0; ask for 1 guess or more"):
        classifier.predict(drawings[0], top=0)


def test_what_is_drawn_is_what_it_was_evaluated_on(
    classifier: Classifier, run: Path, rows: Rows, drawings: list[Drawing]
) -> None:
    network, info = load_bundle(run / "model")
    subject = Subject(network, info.classes, info.render, torch.device("cpu"))
    expected = torch.softmax(scores_of(subject, rows) / info.temperature, dim=1).numpy()
    np.testing.assert_allclose(classifier.probabilities(drawings), expected, atol=TOLERANCE)
    alone = [
        probabilities(classifier.predict(drawing, top=6), info.classes) for drawing in drawings
    ]
    np.testing.assert_allclose(alone, expected, atol=TOLERANCE)


def test_place_and_size_of_a_drawing_do_not_matter(
    classifier: Classifier, drawings: list[Drawing]
) -> None:
    # Only whole ones: a longer side of 250 to 254 stands for 255 in the frame, but not elsewhere.
    fitted = [drawing for drawing in drawings if np.ptp(drawing.points, axis=0).max() == 255]
    assert len(fitted) > 20
    larger = [replace(drawing, points=drawing.points * 3.5 + 40) for drawing in fitted]
    np.testing.assert_allclose(
        classifier.probabilities(larger), classifier.probabilities(fitted), atol=0.002
    )


def test_a_network_for_bitmaps_takes_drawings(
    bitmap_store: Path, doodles: Path, tmp_path: Path
) -> None:
    classifier = load(trained(bitmap_store, tmp_path))
    assert classifier.render == RenderSpec()
    right = [
        prediction.word == word
        for word in classifier.classes
        for prediction in classifier.predict(doodles / f"{word}.ndjson", top=1)
    ]
    assert np.mean(right) > 0.8


def test_the_look_is_that_of_the_model(tmp_path: Path, drawings: list[Drawing]) -> None:
    spec = RenderSpec(side=40, line_width=8.0, padding=2.0)
    torch.manual_seed(0)
    network = create_model("convnet_tiny", n_classes=3, image_shape=(1, 40, 40)).eval()
    save_bundle(network, BundleInfo("convnet_tiny", ["a", "b", "c"], (1, 40, 40), spec), tmp_path)
    found = load(tmp_path).probabilities(drawings[:4])
    images = np.stack([render(drawing, spec) for drawing in drawings[:4]])
    with torch.inference_mode():
        scores = network(torch.from_numpy(images)[:, None].float() / 255.0)
    np.testing.assert_allclose(found, torch.softmax(scores, dim=1).numpy(), atol=1e-3)


def test_one_by_one_or_together_is_the_same(
    classifier: Classifier, drawings: list[Drawing]
) -> None:
    many = drawings * 12  # more than the network takes at once
    assert len(many) > 512
    together = classifier.predict(many, top=6)
    assert [p.source for p in together[:3]] == ["[0]", "[1]", "[2]"]
    for drawing, prediction in zip(drawings, together, strict=False):
        alone = classifier.predict(drawing, top=6)
        assert probabilities(alone, classifier.classes) == pytest.approx(
            probabilities(prediction, classifier.classes), abs=TOLERANCE
        )
    np.testing.assert_allclose(
        classifier.probabilities(Ragged.from_drawings(many)),
        [probabilities(prediction, classifier.classes) for prediction in together],
        atol=TOLERANCE,
    )


def test_nothing_gives_nothing(classifier: Classifier) -> None:
    assert classifier.predict([]) == []
    assert classifier.probabilities([]).shape == (0, 6)


@pytest.mark.parametrize("suffix", [".ndjson", ".bin"])
def test_a_file_of_drawings(
    suffix: str, classifier: Classifier, drawings: list[Drawing], tmp_path: Path
) -> None:
    path = tmp_path / f"cat{suffix}"
    (write_ndjson if suffix == ".ndjson" else write_binary)(drawings[:7], path)
    found = classifier.predict(path, top=6)
    assert [p.source for p in found] == [f"{path}:{number}" for number in range(1, 8)]
    np.testing.assert_allclose(
        [probabilities(prediction, classifier.classes) for prediction in found],
        classifier.probabilities(drawings[:7]),
        atol=TOLERANCE,
    )
    assert classifier.predict(str(path), top=6) == found


def test_a_file_of_one_drawing_is_still_a_list(
    classifier: Classifier, drawings: list[Drawing], tmp_path: Path
) -> None:
    write_ndjson(drawings[:1], tmp_path / "cat.ndjson")
    assert [p.source for p in classifier.predict(tmp_path / "cat.ndjson")] == [
        f"{tmp_path / 'cat.ndjson'}:1"
    ]


def test_raw_drawings_are_taken_as_they_are(classifier: Classifier, tmp_path: Path) -> None:
    raw = {"word": "star", "drawing": [[[10.5, 700.25, 300.0], [5.0, 9.0, 600.0], [0, 20, 50]]]}
    (tmp_path / "raw.ndjson").write_text(json.dumps(raw) + "\n")
    (found,) = classifier.predict(tmp_path / "raw.ndjson", top=6)
    drawing = Drawing.from_strokes([[[10.5, 700.25, 300.0], [5.0, 9.0, 600.0]]])
    assert probabilities(found, classifier.classes) == pytest.approx(
        classifier.probabilities([drawing])[0].tolist(), abs=TOLERANCE
    )


@pytest.fixture
def pictures(drawings: list[Drawing], tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number:02d}.png" for number in range(20)]
    for path, drawing in zip(paths, drawings, strict=False):
        Image.fromarray(picture_of(drawing)).save(path)
    return paths


def test_pictures_of_drawings_are_recognised_like_the_drawings(
    classifier: Classifier, drawings: list[Drawing], pictures: list[Path]
) -> None:
    by_picture = [classifier.predict(path) for path in pictures]
    assert [p.source for p in by_picture] == [str(path) for path in pictures]
    by_strokes = classifier.predict(drawings[:20])
    same = [a.word == b.word for a, b in zip(by_picture, by_strokes, strict=True)]
    assert np.mean(same) >= 0.9


def test_a_picture_may_be_a_path_an_image_or_an_array(
    classifier: Classifier, drawings: list[Drawing], pictures: list[Path]
) -> None:
    array = picture_of(drawings[0])
    by_path = classifier.predict(pictures[0])
    assert isinstance(by_path, Prediction)
    for sketch in (str(pictures[0]), Image.open(pictures[0]), array, array / 255.0):
        found = classifier.predict(sketch)
        assert isinstance(found, Prediction)
        assert found.guesses == by_path.guesses


def test_a_picture_is_known_by_its_content(
    classifier: Classifier, pictures: list[Path], tmp_path: Path
) -> None:
    plain = tmp_path / "canvas"
    plain.write_bytes(pictures[0].read_bytes())
    by_suffix, by_content = classifier.predict(pictures[0]), classifier.predict(plain)
    assert isinstance(by_suffix, Prediction)
    assert isinstance(by_content, Prediction)
    assert by_content.guesses == by_suffix.guesses


def test_a_bitmap_of_the_models_size_is_what_it_learnt_from(
    classifier: Classifier, drawings: list[Drawing]
) -> None:
    found = [classifier.predict(picture_of(drawing, 28), top=6) for drawing in drawings[:10]]
    expected = classifier.probabilities(drawings[:10])
    for prediction, row in zip(found, expected, strict=True):
        assert isinstance(prediction, Prediction)
        assert probabilities(prediction, classifier.classes) == pytest.approx(
            row.tolist(), abs=0.05
        )


def test_notes_say_what_was_mended(classifier: Classifier, drawings: list[Drawing]) -> None:
    canvas = np.full((600, 600), 255, np.uint8)
    canvas[20:148, 440:568] = picture_of(drawings[0], 128)
    found = classifier.predict(canvas)
    assert isinstance(found, Prediction)
    assert "the ink was off-centre" in found.notes
    assert found.to_dict()["notes"] == list(found.notes)


def test_a_folder_of_everything(
    classifier: Classifier, drawings: list[Drawing], tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    (folder / "deeper").mkdir(parents=True)
    write_ndjson(drawings[:2], folder / "b.ndjson")
    write_binary(drawings[2:4], folder / "deeper" / "a.bin")
    Image.fromarray(picture_of(drawings[4])).save(folder / "a.jpg")
    (folder / ".DS_Store").write_bytes(b"\0\0")
    found = classifier.predict(folder, top=6)
    assert [Path(p.source).relative_to(folder).as_posix() for p in found] == [
        "a.jpg",
        "b.ndjson:1",
        "b.ndjson:2",
        "deeper/a.bin:1",
        "deeper/a.bin:2",
    ]
    np.testing.assert_allclose(
        [probabilities(prediction, classifier.classes) for prediction in found[1:]],
        classifier.probabilities(drawings[:4]),
        atol=TOLERANCE,
    )


def test_a_list_of_anything(
    classifier: Classifier, drawings: list[Drawing], pictures: list[Path], tmp_path: Path
) -> None:
    write_ndjson(drawings[:2], tmp_path / "two.ndjson")
    found = classifier.predict(
        (drawings[0], pictures[0], tmp_path / "two.ndjson", picture_of(drawings[1]))
    )
    assert [p.source for p in found] == [
        "[0]",
        str(pictures[0]),
        f"{tmp_path / 'two.ndjson'}:1",
        f"{tmp_path / 'two.ndjson'}:2",
        "[3]",
    ]


class Fixed:
    """A backend that always says the same."""

    def __init__(self, *each: float) -> None:
        self._each = each

    outputs = ("probabilities",)

    def run(self, images: NDArray[np.uint8], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        assert names == ["probabilities"]
        return {"probabilities": np.tile(np.array(self._each, np.float32), (len(images), 1))}


@pytest.mark.parametrize(("sure_from", "sure"), [(0.5, True), (0.6, True), (0.65, False)])
def test_sure_from_the_confidence_of_the_model_on(
    sure_from: float, sure: bool, drawings: list[Drawing]
) -> None:
    info = BundleInfo(
        "fixed", ["a", "b", "c"], (1, 28, 28), RenderSpec(), sure_from=np.float32(sure_from).item()
    )
    found = Classifier(Fixed(0.1, 0.6, 0.3), info).predict(drawings[0], top=2)
    assert found.sure is sure
    assert str(found) == ("" if sure else "not sure: ") + "b 60.0%, c 30.0%"
    assert found.to_dict() == {
        "source": "",
        "word": "b",
        "probability": 0.6,
        "sure": sure,
        "guesses": [{"word": "b", "probability": 0.6}, {"word": "c", "probability": 0.3}],
        "notes": [],
    }


def test_equal_guesses_keep_the_order_of_the_classes(drawings: list[Drawing]) -> None:
    info = BundleInfo("fixed", ["a", "b", "c"], (1, 28, 28), RenderSpec())
    found = Classifier(Fixed(0.25, 0.5, 0.25), info).predict(drawings[0])
    assert [guess.word for guess in found.guesses] == ["b", "a", "c"]


def test_temperature_is_applied(run: Path, drawings: list[Drawing]) -> None:
    network, info = load_bundle(run / "model")

    def at(temperature: float) -> NDArray[np.float32]:
        other = replace(info, temperature=temperature)
        return Classifier(TorchBackend(network, other), other).probabilities(drawings)

    hot = at(100.0)
    assert hot.max() < 0.3
    cold = at(0.01)
    assert np.array_equal(hot.argmax(axis=1), cold.argmax(axis=1))
    np.testing.assert_allclose(cold.sum(axis=1), 1.0, atol=TOLERANCE)


def test_a_run_folder_and_its_model_folder_are_the_same(
    run: Path, classifier: Classifier, drawings: list[Drawing]
) -> None:
    by_model = load(str(run / "model"))
    assert by_model.classes == classifier.classes == by_model.info.classes
    assert np.array_equal(by_model.probabilities(drawings), classifier.probabilities(drawings))
    assert repr(by_model) == "Classifier(quickdraw_cnn_v2, 6 classes)"


def test_a_model_may_be_moved(
    run: Path, classifier: Classifier, drawings: list[Drawing], tmp_path: Path
) -> None:
    for path in (run / "model").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert np.array_equal(
        load(tmp_path).probabilities(drawings), classifier.probabilities(drawings)
    )


def test_no_model_there(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"There is no model in .*nothing.*Name a run folder"):
        load(tmp_path / "nothing")


def test_a_run_that_has_not_finished(tmp_path: Path) -> None:
    (tmp_path / "first" / "weights").mkdir(parents=True)
    (tmp_path / "first" / "config.yaml").write_text("epochs: 3\n")
    with pytest.raises(BundleError, match=r"has not finished.*--resume last --name first"):
        load(tmp_path / "first")


def test_a_device_that_is_not_there(run: Path) -> None:
    with pytest.raises(ConfigError, match="device 'gpu' cannot be used"):
        load(run, device="gpu")


def test_a_network_for_photos_takes_no_drawings(tmp_path: Path, drawings: list[Drawing]) -> None:
    network = create_model("convnet_tiny", n_classes=2, image_shape=(3, 32, 32))
    save_bundle(network, BundleInfo("convnet_tiny", ["cat", "dog"], (3, 32, 32)), tmp_path)
    with pytest.raises(BundleError, match="takes pictures only"):
        load(tmp_path).predict(drawings[0])


def test_a_missing_file(classifier: Classifier, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"There is no file .*cat\.ndjson"):
        classifier.predict(tmp_path / "cat.ndjson")
    with pytest.raises(FormatError, match=r"There is no file .*cat\.png"):
        classifier.predict(str(tmp_path / "cat.png"))


@pytest.mark.parametrize("hidden", [None, ".gitkeep"])
def test_an_empty_folder(hidden: str | None, classifier: Classifier, tmp_path: Path) -> None:
    if hidden:
        (tmp_path / hidden).touch()
    with pytest.raises(FormatError, match=r"The folder .* is empty"):
        classifier.predict(tmp_path)


def test_a_file_that_is_neither(classifier: Classifier, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Dear diary, today I drew a cat.\n")
    for sketch in (path, tmp_path, [path]):
        with pytest.raises(FormatError, match=re.escape(str(path))):
            classifier.predict(sketch)


def test_a_broken_line_is_named(
    classifier: Classifier, drawings: list[Drawing], tmp_path: Path
) -> None:
    path = tmp_path / "cat.ndjson"
    write_ndjson(drawings[:3], path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1][:30], lines[2]]) + "\n")
    with pytest.raises(FormatError, match=r"cat\.ndjson.*2"):
        classifier.predict(path)


def test_a_broken_picture_is_named(classifier: Classifier, pictures: list[Path]) -> None:
    pictures[0].write_bytes(pictures[0].read_bytes()[:200])
    with pytest.raises(PictureError, match=re.escape(str(pictures[0]))):
        classifier.predict(pictures[0])


def test_a_picture_without_ink_is_named(classifier: Classifier, tmp_path: Path) -> None:
    Image.fromarray(np.full((64, 64), 255, np.uint8)).save(tmp_path / "empty.png")
    with pytest.raises(PictureError, match=r"empty\.png"):
        classifier.predict(tmp_path)
    line = picture_of(Drawing.from_strokes([[[0, 200, 90], [0, 60, 200]]]))
    with pytest.raises(PictureError, match=r"\[1\]: "):
        classifier.predict([line, np.full((64, 64), 255, np.uint8)])


@pytest.mark.parametrize("sketch", [7, None, {"drawing": []}, [[[1, 2], [3, 4]]]])
def test_something_else(sketch: Any, classifier: Classifier) -> None:
    with pytest.raises(DrawingError, match=r"is a (int|NoneType|dict)\. Give a Drawing"):
        classifier.predict(sketch)
