"""Words are learnt from a few drawings or pictures, and travel as a file."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from drawn import dark_on_light, encoded
from made_learner import KNOWN, LEARNER, WIDTH, hand, learner, write_learner
from made_onnx import write_pixels_model, write_strokes_model
from PIL import Image

from doodlewise.bundle_info import BundleInfo
from doodlewise.errors import BundleError, ConfigError, DrawingError, ModelError, PictureError
from doodlewise.image import ImageSpec
from doodlewise.predict.bundled import BUNDLED
from doodlewise.predict.classifier import Classifier, load
from doodlewise.predict.feature_means import FEATURE_MEANS_KEY, feature_means_of
from doodlewise.predict.means import MEANS_KEY, means_of_sheet
from doodlewise.predict.teach import Taught, teach

KINDS = ("ring", "cross", "plus", "gate")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_learner(tmp_path_factory.mktemp("learner") / "learner.onnx")


@pytest.fixture(scope="module")
def base(path: Path) -> Classifier:
    return load(path)


@pytest.fixture(scope="module")
def taught(base: Classifier) -> Taught:
    return teach(base, {kind: hand(kind, 6) for kind in KINDS})


def right(classifier: Classifier, kinds: tuple[str, ...] = KINDS) -> float:
    found = [
        prediction.word == kind
        for kind in kinds
        for prediction in classifier.predict(hand(kind, 10, seed=1))
    ]
    return float(np.mean(found))


def test_five_drawings_are_enough(taught: Taught) -> None:
    assert taught.words == KINDS
    assert taught.classifier.classes == list(KINDS)
    assert taught.n_examples == 24
    assert right(taught.classifier) >= 0.95
    assert taught.accuracy is not None
    assert taught.accuracy >= 0.9
    assert taught.notes == ()
    assert 0.0 < taught.seconds < 20.0


def test_it_guesses_before_the_drawing_is_finished(taught: Taught) -> None:
    drawings = [drawing.prefix(0.7) for drawing in hand("gate", 10, seed=2)]
    found = taught.classifier.predict(drawings)
    assert np.mean([prediction.word == "gate" for prediction in found]) >= 0.8


def test_the_same_seed_teaches_the_same(base: Classifier, taught: Taught) -> None:
    again = teach(base, {kind: hand(kind, 6) for kind in KINDS})
    drawings = hand("plus", 3, seed=3)
    np.testing.assert_array_equal(
        again.classifier.probabilities(drawings), taught.classifier.probabilities(drawings)
    )


def test_the_file_is_a_model_like_any_other(taught: Taught, tmp_path: Path) -> None:
    onnx.checker.check_model(onnx.load_from_string(taught.onnx), full_check=True)
    file = tmp_path / "mine.onnx"
    file.write_bytes(taught.onnx)
    mine = load(file)
    drawings = hand("ring", 3, seed=4)
    np.testing.assert_array_equal(
        mine.probabilities(drawings), taught.classifier.probabilities(drawings)
    )
    assert mine.info == taught.classifier.info
    assert mine.info.metrics["top1"] == pytest.approx(taught.accuracy, abs=1e-6)
    assert mine.info.trained_on["examples"] == dict.fromkeys(KINDS, 6)
    assert mine.render == LEARNER.render


def test_only_what_has_to_changes_in_the_file(taught: Taught) -> None:
    before, after = learner(), onnx.load_from_string(taught.onnx)
    changed = {"head.weight", "head.bias"}
    for model in (before, after):
        for tensor in model.graph.initializer:
            if tensor.name in changed:
                tensor.raw_data = b""
                del tensor.dims[:]
        for value in (*model.graph.output, *model.graph.value_info):
            if value.name in ("probabilities", "scores"):
                last = value.type.tensor_type.shape.dim[-1]
                assert last.dim_value == (3 if model is before else 4)
                last.dim_value = 0
    props = {each.key: each.value for each in after.metadata_props}
    assert props["somebody.else"] == "stays"
    for model in (before, after):
        del model.metadata_props[:]
    assert before == after


def test_confidence_travels_in_the_graph(taught: Taught) -> None:
    session = onnxruntime.InferenceSession(taught.onnx)
    images = taught.classifier.see(hand("ring", 2), pixels=True).pixels
    (probabilities,) = session.run(["probabilities"], {"images": images})
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-6)
    assert 0.25 <= taught.temperature <= 8.0
    assert 0.5 <= taught.classifier.info.sure_from <= 0.95


def test_known_words_stay_as_they_were(base: Classifier) -> None:
    both = teach(base, {kind: hand(kind, 6) for kind in KINDS}, keep_known=True)
    assert both.classifier.classes == [*KNOWN, *KINDS]
    assert right(both.classifier) >= 0.9
    drawings = hand("ring", 4, seed=5)
    # Beside each other they are weighed as before.
    old, now = base.probabilities(drawings), both.classifier.probabilities(drawings)[:, :3]
    np.testing.assert_allclose(now / now.sum(axis=1, keepdims=True), old, atol=1e-5)
    weights = [
        onnx.numpy_helper.to_array(tensor)[:3]
        for content in (base.content(), both.onnx)
        for tensor in onnx.load_from_string(content).graph.initializer
        if tensor.name == "head.weight"
    ]
    np.testing.assert_array_equal(*weights)
    assert both.classifier.info.sure_from == base.info.sure_from
    assert both.temperature == 1.0


def test_a_word_can_be_added_to_what_was_taught(taught: Taught) -> None:
    first = teach(taught.classifier, {"one": hand("ring", 5), "two": hand("cross", 5)})
    more = teach(first.classifier, {"three": hand("plus", 5)}, keep_known=True)
    assert more.words == ("three",)
    assert more.classifier.classes == ["one", "two", "three"]
    for word, kind in (("one", "ring"), ("two", "cross"), ("three", "plus")):
        found = more.classifier.predict(hand(kind, 10, seed=6))
        assert np.mean([prediction.word == word for prediction in found]) >= 0.9


def test_the_sheet_of_averages_is_of_the_examples(base: Classifier, taught: Taught) -> None:
    sheet = means_of_sheet(taught.classifier.metadata[MEANS_KEY], 4)
    pixels = base.see(hand("ring", 6), pixels=True).pixels
    assert pixels is not None
    mean = pixels.mean(axis=(0, 1))
    assert np.abs(sheet[0] - mean * 255.0 / mean.max()).max() <= 10.0
    both = teach(base, {"ring": hand("ring", 2)}, keep_known=True)
    old = means_of_sheet(base.metadata[MEANS_KEY], 3)
    np.testing.assert_array_equal(means_of_sheet(both.classifier.metadata[MEANS_KEY], 4)[:3], old)


def test_the_averages_of_the_features_travel_on(base: Classifier, taught: Taught) -> None:
    means = feature_means_of(taught.classifier.metadata[FEATURE_MEANS_KEY], 4)
    assert means.shape == (4, WIDTH)
    features = base.see(hand("cross", 6), features=True).features
    assert features is not None
    away = np.linalg.norm(means - features.mean(axis=0), axis=1)
    assert away.argmin() == 1


def test_pictures_teach_as_drawings_do(base: Classifier) -> None:
    pictures = [dark_on_light(drawing) for drawing in hand("ring", 5)]
    files = [encoded(dark_on_light(drawing), "PNG") for drawing in hand("gate", 3)]
    arrays = [np.asarray(dark_on_light(drawing)) for drawing in hand("gate", 2, seed=8)]
    mixed = teach(base, {"ring": pictures, "gate": [*files, *arrays], "plus": hand("plus", 5)})
    assert right(mixed.classifier, ("ring", "gate", "plus")) >= 0.9


def test_photos_can_be_taught(tmp_path: Path) -> None:
    info = replace(LEARNER, render=None, image=ImageSpec(28, 28, 1, look="photo"))
    base = load(write_learner(tmp_path / "photos.onnx", info))
    rng = np.random.default_rng(3)
    bright, dark = (
        [Image.fromarray(rng.integers(low, low + 100, (40, 40), np.uint8)) for _ in range(5)]
        for low in (150, 0)
    )
    taught = teach(base, {"bright": bright, "dark": dark})
    assert taught.accuracy == 1.0
    assert MEANS_KEY not in taught.classifier.metadata
    with pytest.raises(BundleError, match="takes pictures only"):
        teach(base, {"bright": bright, "drawn": hand("ring", 3)})


def test_files_of_8_bits(tmp_path: Path) -> None:
    base = load(write_learner(tmp_path / "small.onnx", int8=True))
    taught = teach(base, {"ring": hand("ring", 5), "cross": hand("cross", 5)})
    assert right(taught.classifier, ("ring", "cross")) >= 0.95


def test_one_example_each(base: Classifier) -> None:
    taught = teach(base, {"ring": hand("ring", 1), "cross": hand("cross", 1)})
    assert taught.accuracy is None
    assert "top1" not in taught.classifier.info.metrics
    assert "there are fewer of: ring, cross" in taught.notes[0]
    assert right(taught.classifier, ("ring", "cross")) >= 0.9


def test_what_is_mixed_up_is_said(base: Classifier) -> None:
    taught = teach(base, {"a": hand("ring", 8), "b": hand("ring", 8, seed=9)})
    assert taught.accuracy is not None
    assert taught.accuracy < 0.9
    assert "is often taken for" in taught.notes[-1]


def test_many_examples_are_seen_in_fewer_variations(base: Classifier) -> None:
    taught = teach(base, {"ring": hand("ring", 400), "cross": hand("cross", 400)})
    assert taught.n_examples == 800
    assert right(taught.classifier, ("ring", "cross")) == 1.0


def test_too_little_to_learn(base: Classifier) -> None:
    with pytest.raises(ConfigError, match="Give 2 or more"):
        teach(base, {"ring": hand("ring", 5)})
    with pytest.raises(ConfigError, match="Give 1 or more"):
        teach(base, {}, keep_known=True)
    with pytest.raises(DrawingError, match="no example of 'cross'"):
        teach(base, {"ring": hand("ring", 5), "cross": []})
    with pytest.raises(ConfigError, match="knows 'zigzag' already"):
        teach(base, {"zigzag": hand("ring", 5)}, keep_known=True)
    with pytest.raises(PictureError, match="not an image"):
        teach(base, {"ring": [b"nothing"], "cross": hand("cross", 5)})


def test_models_that_cannot_be_taught(tmp_path: Path) -> None:
    examples = {"ring": hand("ring", 5), "cross": hand("cross", 5)}
    for write in (write_pixels_model, write_strokes_model):
        with pytest.raises(ModelError, match=r"no features.*Export it again"):
            teach(load(write(tmp_path / "old.onnx")), examples)
    base = load(write_learner(tmp_path / "no-means.onnx", with_means=False))
    with pytest.raises(ModelError, match=r"cannot stand beside them\. Export it again"):
        teach(base, examples, keep_known=True)
    assert teach(base, examples).accuracy is not None


def test_a_run_has_to_be_exported_first(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from doodlewise.models.bundle import save_bundle
    from doodlewise.models.registry import create_model

    info = BundleInfo("quickdraw_cnn_v1", KNOWN, (1, 28, 28), LEARNER.render)
    save_bundle(create_model(info.model, n_classes=3).eval(), info, tmp_path / "run")
    with pytest.raises(BundleError, match="doodlewise export"):
        teach(load(tmp_path / "run"), {"ring": hand("ring", 5), "cross": hand("cross", 5)})


@pytest.mark.skipif(not BUNDLED.exists(), reason="the model of the package is not there")
def test_the_model_of_the_package_learns() -> None:
    taught = teach(load(), {kind: hand(kind, 5) for kind in KINDS})
    assert right(taught.classifier) >= 0.9
    onnx.checker.check_model(onnx.load_from_string(taught.onnx), full_check=True)
    assert json.loads(taught.classifier.metadata["doodlewise"])["input"] == "strokes"
    picture = io.BytesIO(encoded(dark_on_light(hand("ring", 1, seed=7)[0]), "PNG"))
    assert taught.classifier.predict(Image.open(picture)).word == "ring"


@pytest.mark.skipif(not BUNDLED.exists(), reason="the model of the package is not there")
def test_the_model_of_the_package_learns_beside_what_it_knows() -> None:
    base = load()
    if FEATURE_MEANS_KEY not in base.metadata:
        pytest.skip("the model of the package has no average features")
    taught = teach(base, {"my gate": hand("gate", 5)}, keep_known=True)
    assert len(taught.classifier.classes) == len(base.classes) + 1
    assert taught.classifier.predict(hand("gate", 1, seed=11)[0]).word == "my gate"
