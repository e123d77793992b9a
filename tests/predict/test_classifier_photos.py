"""Networks that learnt from pictures: of the world, and of drawings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from doodlewise.data.formats import read_drawings, write_ndjson
from doodlewise.drawing import Drawing
from doodlewise.errors import BundleError, PictureError
from doodlewise.image import ImageSpec, read_image
from doodlewise.models.bundle import BundleInfo, save_bundle
from doodlewise.models.registry import create_model
from doodlewise.predict import classifier as classifier_module
from doodlewise.predict.classifier import Classifier, Prediction, load
from doodlewise.raster import RenderSpec, render

PHOTO = ImageSpec(40, 32, 3, "crop", "photo")
INK = ImageSpec(64, 64, 1, "pad", "drawing")
WORDS = ["cat", "dog", "owl"]


class Recording:
    """A backend that keeps what it is given, and guesses by the mean of each third of it."""

    def __init__(self) -> None:
        self.batches: list[NDArray[np.uint8]] = []

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """All of it, channels last."""
        return np.concatenate(self.batches).transpose(0, 2, 3, 1)

    outputs = ("probabilities",)

    def run(self, images: NDArray[np.uint8], names: list[str]) -> dict[str, NDArray[Any]]:
        assert (images.dtype, names) == (np.uint8, ["probabilities"])
        self.batches.append(images.copy())
        thirds = np.array_split(images, 3, axis=2)
        levels = np.stack([1.0 + third.mean(axis=(1, 2, 3)) for third in thirds], axis=1)
        shares: NDArray[np.float32] = levels / levels.sum(axis=1, keepdims=True)
        return {"probabilities": shares.astype(np.float32)}


def recorder(spec: ImageSpec | None, render: RenderSpec | None = None) -> tuple[Any, Recording]:
    backend = Recording()
    shape = (spec.channels, spec.height, spec.width) if spec else (1, 28, 28)
    info = BundleInfo("recording", WORDS, shape, render, spec)
    return Classifier(backend, info), backend


@pytest.fixture
def photo_files(tmp_path: Path) -> list[Path]:
    random = np.random.default_rng(0)
    folder = tmp_path / "photos"
    folder.mkdir()
    paths = []
    for number, (height, width) in enumerate([(60, 90), (300, 120), (33, 500), (40, 32)]):
        small = random.integers(0, 256, (5, 7, 3), dtype=np.uint8)
        path = folder / f"{number}.{'jpg' if number % 2 else 'png'}"
        Image.fromarray(small).resize((width, height)).save(path)
        paths.append(path)
    return paths


@pytest.fixture
def drawings(doodles: Path) -> list[Drawing]:
    return list(read_drawings(doodles / "cat.ndjson"))[:20]


def test_a_photo_is_read_as_the_training_photos_were(photo_files: list[Path]) -> None:
    model, seen = recorder(PHOTO)
    found = [model.predict(path, top=3) for path in photo_files]
    expected = np.stack([read_image(path, PHOTO).pixels for path in photo_files])
    assert np.array_equal(seen.pixels, expected)
    assert [p.source for p in found] == [str(path) for path in photo_files]
    assert all(p.notes == () and len(p.guesses) == 3 for p in found)


def test_a_path_an_image_and_an_array_are_the_same(photo_files: list[Path]) -> None:
    model, seen = recorder(PHOTO)
    path = photo_files[0]
    image = Image.open(path)
    array = np.asarray(image)
    for sketch in (path, str(path), image, array, array / 255.0):
        assert isinstance(model.predict(sketch), Prediction)
    assert (seen.pixels == seen.pixels[:1]).all()


def test_a_turned_photo_is_turned_back(tmp_path: Path, photo_files: list[Path]) -> None:
    upright = Image.open(photo_files[0])
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = tmp_path / "turned.png"
    upright.transpose(Image.Transpose.ROTATE_90).save(turned, exif=exif)
    model, seen = recorder(PHOTO)
    model.predict([photo_files[0], turned, Image.open(turned)])
    assert (seen.pixels == seen.pixels[:1]).all()


def test_a_folder_of_photos_by_a_real_network(photo_files: list[Path], tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = create_model("photo_cnn", n_classes=3, image_shape=(3, 40, 32)).eval()
    info = BundleInfo("photo_cnn", WORDS, (3, 40, 32), image=PHOTO)
    save_bundle(network, info, tmp_path / "model")
    model = load(tmp_path / "model")
    assert model.info.image == PHOTO
    found = model.predict(photo_files[0].parent, top=3)
    assert [p.source for p in found] == sorted(map(str, photo_files))
    pixels = np.stack([read_image(path, PHOTO).pixels for path in sorted(photo_files)])
    with torch.inference_mode():
        scores = network(torch.from_numpy(pixels.transpose(0, 3, 1, 2)).float() / 255.0)
    expected = torch.softmax(scores, dim=1).numpy()
    for prediction, row in zip(found, expected, strict=True):
        by_word = {guess.word: guess.probability for guess in prediction.guesses}
        assert [by_word[word] for word in WORDS] == pytest.approx(row.tolist(), abs=1e-4)


def test_a_network_for_photos_takes_no_drawings(drawings: list[Drawing], tmp_path: Path) -> None:
    model, seen = recorder(PHOTO)
    write_ndjson(drawings, tmp_path / "cat.ndjson")
    for sketch in (drawings[0], drawings, tmp_path / "cat.ndjson"):
        with pytest.raises(BundleError, match=r"was trained on photos.*Give it a PNG or JPEG\."):
            model.predict(sketch)
    with pytest.raises(BundleError, match="was trained on photos"):
        model.probabilities(drawings)
    assert seen.batches == []


def test_a_broken_photo_is_named(photo_files: list[Path], tmp_path: Path) -> None:
    model, _ = recorder(PHOTO)
    photo_files[1].write_bytes(photo_files[1].read_bytes()[:300])
    with pytest.raises(PictureError, match=re.escape(str(photo_files[1]))):
        model.predict(photo_files[1].parent)


def test_pictures_of_drawings_are_read_as_the_training_pictures(
    drawings: list[Drawing], tmp_path: Path
) -> None:
    model, seen = recorder(INK)
    paths = []
    for number, drawing in enumerate(drawings[:4]):
        ink = render(drawing, RenderSpec(side=200, line_width=4.0))
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(255 - ink // 2).save(paths[-1])
    model.predict(paths)
    assert np.array_equal(seen.pixels, np.stack([read_image(p, INK).pixels for p in paths]))
    with pytest.raises(PictureError, match=r"\[1\]: .*no ink"):
        model.predict([paths[0], np.full((64, 64), 255, np.uint8)])


def test_a_drawing_becomes_a_picture_of_a_drawing_first(drawings: list[Drawing]) -> None:
    model, seen = recorder(INK)
    (found, *_) = model.predict(drawings)
    assert found.notes == (
        "it was drawn as a picture first, because the network learnt from pictures",
    )
    assert seen.pixels.shape == (20, 64, 64, 1)
    assert (seen.pixels.max(axis=(1, 2, 3)) == 255).all()
    # Paper stays paper, and the drawing is where it would be at this size.
    assert (seen.pixels == 0).mean() > 0.4
    for drawing, pixels in zip(drawings, seen.pixels[..., 0], strict=True):
        ink = render(drawing, RenderSpec(side=64, line_width=2.5, padding=4.0))
        overlap = np.corrcoef(pixels.ravel().astype(float), ink.ravel())[0, 1]
        assert overlap > 0.9
    one_by_one = np.concatenate([model.probabilities([drawing]) for drawing in drawings])
    np.testing.assert_allclose(model.probabilities(drawings), one_by_one, atol=1e-6)


def test_a_network_for_bitmaps_reads_pictures_for_their_ink(drawings: list[Drawing]) -> None:
    model, seen = recorder(None, RenderSpec())
    model.predict([drawings[0], 255 - render(drawings[0], RenderSpec(side=256))])
    strokes, picture = seen.pixels[..., 0].astype(float)
    assert np.abs(strokes - picture).mean() < 8


def test_a_network_for_images_that_were_no_files_takes_pictures(photo_files: list[Path]) -> None:
    backend = Recording()
    model = Classifier(backend, BundleInfo("recording", WORDS, (3, 24, 48)))
    model.predict(photo_files[0])
    expected = read_image(photo_files[0], ImageSpec(24, 48, 3)).pixels
    assert np.array_equal(backend.pixels[0], expected)


def test_a_long_file_is_read_and_drawn_in_batches(
    drawings: list[Drawing], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_ndjson(drawings, tmp_path / "cat.ndjson")
    whole, _ = recorder(None, RenderSpec())
    expected = whole.predict(tmp_path / "cat.ndjson", top=3)
    read: list[int] = []

    def counted(path: Path) -> Any:
        for drawing in drawings:
            read.append(len(small_seen.batches))
            yield drawing

    small, small_seen = recorder(None, RenderSpec())
    monkeypatch.setattr(classifier_module, "BATCH_ROWS", 8)
    monkeypatch.setattr("doodlewise.data.formats.read_drawings", counted)
    assert small.predict(tmp_path / "cat.ndjson", top=3) == expected
    assert [len(batch) for batch in small_seen.batches] == [8, 8, 4]
    # Drawings of a batch are read when the one before is done with.
    assert read == [0] * 8 + [1] * 8 + [2] * 4
    monkeypatch.setattr(classifier_module, "BATCH_BYTES", 3 * 28 * 28)
    small_seen.batches.clear()
    np.testing.assert_array_equal(small.probabilities(drawings), whole.probabilities(drawings))
    assert {len(batch) for batch in small_seen.batches} == {3, 2}
