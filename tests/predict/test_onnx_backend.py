from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from drawn import DRAWINGS
from made_onnx import (
    INFO,
    PEN,
    POINTS,
    metadata,
    write_model,
    write_pixels_model,
    write_strokes_model,
)
from numpy.typing import NDArray
from onnx import TensorProto, helper
from PIL import Image

from doodlewise.bundle_info import BundleInfo
from doodlewise.data.formats import write_ndjson
from doodlewise.drawing import Drawing
from doodlewise.errors import BundleError, ConfigError
from doodlewise.image import ImageSpec
from doodlewise.models.bundle import save_bundle
from doodlewise.models.registry import create_model
from doodlewise.predict.classifier import Classifier, Prediction, load
from doodlewise.predict.onnx_backend import OnnxStrokesBackend, open_onnx
from doodlewise.ragged import Ragged
from doodlewise.raster import RenderSpec, render

TOLERANCE = 1e-4


@pytest.fixture
def drawings() -> list[Drawing]:
    return [Drawing.from_strokes(strokes) for strokes in DRAWINGS.values()]


@pytest.fixture
def pixels_model(tmp_path: Path) -> Path:
    return write_pixels_model(tmp_path / "pixels.onnx")


@pytest.fixture
def strokes_model(tmp_path: Path) -> Path:
    return write_strokes_model(tmp_path / "strokes.onnx")


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    each = np.exp(scores - scores.max(axis=1, keepdims=True))
    return each / each.sum(axis=1, keepdims=True)


def counted(drawings: list[Drawing]) -> NDArray[np.float64]:
    """What the hand-made strokes model is to say."""
    scores = [[d.n_points, 10 * d.n_strokes, d.points.astype(float).sum()] for d in drawings]
    return softmax(np.array(scores) / 1000.0 / INFO.temperature)


def test_a_torch_bundle_and_its_onnx_file_say_the_same(
    drawings: list[Drawing], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    network = create_model("quickdraw_cnn_v1", n_classes=3).eval()
    info = replace(INFO, model="quickdraw_cnn_v1", render=RenderSpec(28, 14.0, 10.0))
    save_bundle(network, info, tmp_path / "bundle")
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    by_torch = load(tmp_path / "bundle")
    by_onnx = load(write_pixels_model(tmp_path / "model.onnx", info, weights))
    assert by_onnx.info == by_torch.info == info
    np.testing.assert_allclose(
        by_onnx.probabilities(drawings), by_torch.probabilities(drawings), atol=TOLERANCE
    )
    picture = Image.fromarray(255 - render(drawings[0], RenderSpec(side=200)))
    for sketch in (*drawings, picture):
        ours, theirs = by_onnx.predict(sketch, top=3), by_torch.predict(sketch, top=3)
        assert [g.word for g in ours.guesses] == [g.word for g in theirs.guesses]
        assert ours.probability == pytest.approx(theirs.probability, abs=TOLERANCE)
        assert (ours.sure, ours.notes) == (theirs.sure, theirs.notes)


def test_strokes_arrive_unpadded_and_in_order(
    strokes_model: Path, drawings: list[Drawing], hand_made: dict[str, Drawing]
) -> None:
    near = [each for name, each in hand_made.items() if name not in ("far away", "scribble")]
    classifier = load(strokes_model)
    every = [*drawings, *near, *drawings[::-1]]
    found = classifier.probabilities(every)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, counted(every), atol=TOLERANCE)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-6)
    for drawing, row in zip(every, found, strict=True):
        alone = classifier.predict(drawing, top=3)
        assert {g.word: g.probability for g in alone.guesses} == pytest.approx(
            dict(zip(classifier.classes, row.tolist(), strict=True)), abs=1e-6
        )


@pytest.mark.parametrize("kind", ["pixels", "strokes"])
def test_one_by_one_or_together_is_the_same(
    kind: str, request: pytest.FixtureRequest, drawings: list[Drawing]
) -> None:
    classifier = load(request.getfixturevalue(f"{kind}_model"))
    many = drawings * 110  # more than are taken at once
    together = classifier.predict(many, top=3)
    assert [p.source for p in together[:2]] == ["[0]", "[1]"]
    for drawing, prediction in zip(drawings, together, strict=False):
        alone = classifier.predict(drawing, top=3)
        assert [g.word for g in alone.guesses] == [g.word for g in prediction.guesses]
        assert alone.probability == pytest.approx(prediction.probability, abs=1e-5)
    np.testing.assert_allclose(
        classifier.probabilities(Ragged.from_drawings(many))[: len(drawings)],
        classifier.probabilities(many)[-len(drawings) :],
        atol=1e-5,
    )


@pytest.mark.parametrize("kind", ["pixels", "strokes"])
def test_nothing_gives_nothing(kind: str, request: pytest.FixtureRequest) -> None:
    classifier = load(request.getfixturevalue(f"{kind}_model"))
    assert classifier.predict([]) == []
    assert classifier.probabilities([]).shape == (0, 3)
    assert repr(classifier) == "Classifier(by_hand, 3 classes)"


@pytest.mark.parametrize("kind", ["pixels", "strokes"])
def test_files_and_raw_drawings(
    kind: str, request: pytest.FixtureRequest, drawings: list[Drawing], tmp_path: Path
) -> None:
    classifier = load(request.getfixturevalue(f"{kind}_model"))
    (tmp_path / "some").mkdir()
    write_ndjson(drawings, tmp_path / "some" / "all.ndjson")
    raw = {"word": "star", "drawing": [[[10.5, 70.25, 30.0], [5.0, 9.0, 60.0], [0, 20, 50]]]}
    (tmp_path / "some" / "raw.ndjson").write_text(json.dumps(raw) + "\n")
    found = classifier.predict(tmp_path / "some")
    assert [Path(p.source).name for p in found] == [
        *(f"all.ndjson:{n}" for n in range(1, len(drawings) + 1)),
        "raw.ndjson:1",
    ]
    untimed = Drawing.from_strokes([[[10.5, 70.25, 30.0], [5.0, 9.0, 60.0]]])
    expected = classifier.probabilities([*drawings, untimed]).max(axis=1)
    assert [p.probability for p in found] == pytest.approx(expected.tolist(), abs=1e-5)


@pytest.mark.parametrize(("sure_from", "sure"), [(0.3, True), (0.99, False)])
def test_sure_is_the_models(
    sure_from: float, sure: bool, drawings: list[Drawing], tmp_path: Path
) -> None:
    path = write_strokes_model(tmp_path / "m.onnx", replace(INFO, sure_from=sure_from))
    assert load(path).predict(drawings[0]).sure is sure


def test_an_older_strokes_model_takes_no_pictures(strokes_model: Path, tmp_path: Path) -> None:
    Image.new("L", (40, 40), 255).save(tmp_path / "a.png")
    with pytest.raises(BundleError, match=r"a\.png is a picture.*strokes only.*Export it again"):
        load(strokes_model).predict(tmp_path / "a.png")


def test_one_file_takes_drawings_and_pictures(drawings: list[Drawing], tmp_path: Path) -> None:
    classifier = load()
    pictures = [Image.fromarray(255 - render(each, RenderSpec(side=120))) for each in drawings]
    mixed = [drawings[0], pictures[1], drawings[2], pictures[0]]
    seen = classifier.see(mixed, features=True, pixels=True)
    assert classifier.takes_pictures
    assert seen.features is not None
    assert seen.pixels is not None
    assert seen.features.shape == (4, 160)
    for at, sketch in enumerate(mixed):
        alone = classifier.see([sketch], features=True, pixels=True)
        np.testing.assert_allclose(seen.probabilities[at], alone.probabilities[0], atol=1e-5)
        assert alone.pixels is not None
        assert (seen.pixels[at] == alone.pixels[0]).all()
    assert (seen.pixels[0, 0] == render(drawings[0])).all()
    prediction = classifier.predict(pictures[0], top=3)
    assert [guess.word for guess in classifier.predictions(seen, top=3)[3].guesses] == [
        guess.word for guess in prediction.guesses
    ]


def test_a_model_of_photos_takes_photos(tmp_path: Path) -> None:
    info = BundleInfo("by_hand", ["a", "b"], (3, 32, 48), None, ImageSpec(32, 48))
    path = write_model(
        tmp_path / "photos.onnx",
        metadata(info, "pixels"),
        nodes=[
            helper.make_node("Cast", ["images"], ["levels"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["levels"], ["means"], axes=[2, 3], keepdims=0),
            helper.make_node("Gather", ["means", "red_and_blue"], ["scores"], axis=1),
            helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
        ],
        inputs=[helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", 3, 32, 48])],
        n_classes=2,
        constants={"red_and_blue": np.array([0, 2], np.int64)},
    )
    classifier = load(path)
    found = [classifier.predict(Image.new("RGB", (96, 64), c)) for c in ("#a00000", "#0000a0")]
    assert [p.word for p in found if isinstance(p, Prediction)] == ["a", "b"]
    with pytest.raises(BundleError, match="takes pictures only"):
        classifier.predict(Drawing.from_strokes([[[0, 9], [0, 9]]]))


def test_long_drawings_do_not_fill_the_memory(strokes_model: Path) -> None:
    """The graph gets at most 4,096 points of a drawing, or it would need gigabytes to draw it."""
    turn = np.linspace(0.0, 60.0 * np.pi, 100_000)
    spiral = Drawing.from_strokes([np.stack([np.cos(turn), np.sin(turn)], axis=1) * turn[:, None]])
    backend, _ = open_onnx(strokes_model)
    (row,) = load(strokes_model).probabilities([spiral])
    scores = np.log(row) * INFO.temperature * 1000.0
    assert 2000 < scores[0] - scores[1] + 10 <= 4096 + 1
    assert isinstance(backend, OnnxStrokesBackend)


def test_a_larger_image_allows_fewer_points(tmp_path: Path) -> None:
    info = replace(INFO, image_shape=(1, 256, 256), render=RenderSpec(side=256))
    path = write_strokes_model(tmp_path / "large.onnx", info)
    line = Drawing.from_strokes([np.stack([np.arange(3000.0), np.zeros(3000)], axis=1) / 1e6])
    (row,) = load(path).probabilities([line])
    scores = np.log(row) * INFO.temperature * 1000.0
    assert scores[0] - scores[1] + 10 == pytest.approx(512, abs=257)


def test_a_folder_with_nothing_but_an_exported_file(pixels_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    pixels_model.rename(folder / "model.onnx")
    assert load(folder).classes == INFO.classes


def test_it_runs_on_the_processor(pixels_model: Path) -> None:
    with pytest.raises(ConfigError, match=r"runs on the processor, not on 'cuda'. Choose cpu"):
        load(pixels_model, device="cuda")


def test_no_file_there(tmp_path: Path) -> None:
    for find in (load, open_onnx):
        with pytest.raises(BundleError, match=r"There is no file .*nowhere\.onnx\. Check the path"):
            find(tmp_path / "nowhere.onnx")


def refusal(path: Path) -> str:
    with pytest.raises(BundleError) as caught:
        load(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 and so on", "not an ONNX file, but a zip archive"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
        (b"  <!DOCTYPE html>", "not an ONNX file, but a web page"),
        (b'{"version": 1}', "not an ONNX file, but JSON"),
        (b"Dear diary, today I drew a cat.", "not an ONNX file, or is cut off after 31 bytes"),
        (b"\x80\x05\x95\x10\x00\x00", "not an ONNX file, or is cut off"),
    ],
)
def test_not_an_onnx_file(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    assert says in refusal(tmp_path / "model.onnx")


def test_a_file_cut_off_anywhere_is_refused(strokes_model: Path) -> None:
    whole = strokes_model.read_bytes()
    for kept in range(1, len(whole), 11):
        strokes_model.write_bytes(whole[:kept])
        assert "again" in refusal(strokes_model)


def rewritten(path: Path, **changes: Any) -> Path:
    """Change attributes of the model; `metadata` replaces it, None removes it."""
    model = onnx.load(path)
    if "metadata" in changes:
        del model.metadata_props[:]
        text = changes.pop("metadata")
        if text is not None:
            helper.set_model_props(model, {"doodlewise": text})
    if "opset" in changes:
        model.opset_import[0].version = changes.pop("opset")
    for name, value in changes.items():
        setattr(model, name, value)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("newer", [{"ir_version": 999}, {"opset": 999}])
def test_a_newer_onnx(newer: dict[str, int], pixels_model: Path) -> None:
    message = refusal(rewritten(pixels_model, **newer))
    assert message.endswith("needs a newer onnxruntime. Run: pip install --upgrade onnxruntime")


def test_a_network_from_elsewhere(pixels_model: Path) -> None:
    message = refusal(rewritten(pixels_model, metadata=None))
    assert "did not export" in message
    assert "doodlewise export runs/first --to model.onnx" in message


def test_a_newer_format(pixels_model: Path) -> None:
    text = json.dumps(metadata(INFO, "pixels") | {"format": 2})
    assert "has format 2; this Doodlewise reads format 1" in refusal(
        rewritten(pixels_model, metadata=text)
    )


def test_a_newer_bundle(pixels_model: Path) -> None:
    values = metadata(INFO, "pixels")
    values["info"]["version"] = 99
    assert "version 99" in refusal(rewritten(pixels_model, metadata=json.dumps(values)))


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "7", "{}", '{"format": 1, "input": "pixels"}',
        '{"format": 1, "input": "pixels", "info": {"version": 1}}',
        '{"format": 1, "input": "pixels", "info": [1]}',
    ],
)  # fmt: skip
def test_damaged_metadata(text: str, pixels_model: Path) -> None:
    assert "is damaged" in refusal(rewritten(pixels_model, metadata=text))


@pytest.mark.parametrize("takes", ["strokes", "sound", "", None, ["pixels"]])
def test_metadata_of_another_input(takes: object, pixels_model: Path) -> None:
    values = {"format": 1, "input": takes, "info": asdict(INFO)}
    assert "but takes images ['batch', 1, 28, 28] and makes probabilities ['batch', 3]" in refusal(
        rewritten(pixels_model, metadata=json.dumps(values))
    )


def test_more_words_than_probabilities(pixels_model: Path) -> None:
    info = replace(INFO, classes=[*INFO.classes, "dog"])
    assert "it is to make 4 probabilities" in refusal(
        rewritten(pixels_model, metadata=json.dumps(metadata(info, "pixels")))
    )


def test_images_of_another_size(pixels_model: Path) -> None:
    info = replace(INFO, image_shape=(1, 64, 64))
    assert "takes images ['batch', 1, 28, 28]" in refusal(
        rewritten(pixels_model, metadata=json.dumps(metadata(info, "pixels")))
    )


def test_another_output(tmp_path: Path) -> None:
    path = write_model(
        tmp_path / "m.onnx",
        metadata(INFO, "strokes"),
        nodes=[helper.make_node("Cast", ["pen"], ["probabilities"], to=TensorProto.FLOAT),
               helper.make_node("Identity", ["points"], ["unused"])],
        inputs=[POINTS, PEN],
        n_classes=3,
        constants={},
    )  # fmt: skip
    model = onnx.load(path)
    model.graph.output[0].name = "unused"
    model.graph.output[0].type.CopyFrom(model.graph.input[0].type)
    path.write_bytes(model.SerializeToString())
    assert "makes unused" in refusal(path)


def test_an_operator_that_is_not_there(pixels_model: Path) -> None:
    model = onnx.load(pixels_model)
    model.graph.node[0].op_type = "Conjure"
    pixels_model.write_bytes(model.SerializeToString())
    message = refusal(pixels_model)
    assert "cannot be run" in message
    assert "Conjure" in message


def test_it_says_nothing_on_stderr(pixels_model: Path, tmp_path: Path) -> None:
    """Where a container gives it one core of many, onnxruntime would complain about the others."""
    write_ndjson([Drawing.from_strokes([[[0, 9], [0, 9]]])], tmp_path / "a.ndjson")
    done = subprocess.run(
        [sys.executable, "-m", "doodlewise", "predict", pixels_model, tmp_path / "a.ndjson"],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]),
    )
    assert done.stderr == ""
    assert f"{tmp_path / 'a.ndjson'}:1" in done.stdout


def test_several_threads_may_ask_at_once(pixels_model: Path, drawings: list[Drawing]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    classifier: Classifier = load(pixels_model)
    expected = classifier.probabilities(drawings)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: classifier.probabilities(drawings), range(40)):
            np.testing.assert_allclose(found, expected, atol=1e-6)
