"""From folders of pictures to a trained network, and back to the pictures."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from doodlewise.augment import PixelAugment
from doodlewise.data import batches as batches_module
from doodlewise.data.batches import TrainingBatches, render_window, windows
from doodlewise.data.prepare import PictureWish, prepare
from doodlewise.data.split import Fractions
from doodlewise.data.store import Store
from doodlewise.errors import ConfigError
from doodlewise.image import ImageSpec
from doodlewise.models.bundle import load_bundle, read_bundle_info
from doodlewise.training.config import TrainConfig, load_config
from doodlewise.training.setup import TrainedRun, describe, train

Same = Callable[[Path, Path], None]


def photo(word: str, random: np.random.Generator) -> Image.Image:
    """A warm disc for a sun, cold stripes for rain, somewhere in a noisy picture of any shape."""
    height, width = random.integers(40, 90, 2)
    down, across = np.mgrid[:height, :width]
    if word == "sun":
        y, x = random.uniform(0.3, 0.7, 2) * (height, width)
        inside, colour = np.hypot(down - y, across - x) < 14, (90, 60, 0)
    else:
        inside, colour = (across + down // 3 + random.integers(9)) % 9 < 3, (0, 40, 90)
    pixels = random.normal(90, 25, (height, width, 3)) + inside[..., None] * np.array(colour)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(1)
    for word in ("rain", "sun"):
        (folder / word).mkdir()
        for number in range(60):
            photo(word, random).save(folder / word / f"{number}.png")
    return folder


@pytest.fixture(scope="session")
def photo_store(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("stores") / "weather"
    wish = PictureWish(size=(32, 32), fit="crop")
    prepare([photos], out, pictures=wish, fractions=Fractions(0.15, 0.15), jobs=1)
    return out


@pytest.fixture
def train_photos(photo_store: Path, tmp_path: Path) -> Callable[..., TrainedRun]:
    return functools.partial(
        train,
        store=str(photo_store),
        model="photo_cnn",
        epochs=3,
        batch_size=16,
        name="run",
        runs=str(tmp_path),
        device="cpu",
        precision="32-true",
    )


def batches(store: Path, preset: Any = "auto", **options: Any) -> TrainingBatches:
    options = {"batch_size": 16, "pixels": PixelAugment(preset)} | options
    return TrainingBatches(Store(store), "train", None, **options)


def test_photos_and_ink_are_told_apart(photo_store: Path, bitmap_store: Path) -> None:
    assert not Store(photo_store).manifest.holds_ink
    assert Store(bitmap_store).manifest.holds_ink


def test_a_store_of_photos_trains_with_all_of_the_records(
    train_photos: Callable[..., TrainedRun], photo_store: Path
) -> None:
    run = train_photos(epochs=12, batch_size=8)
    assert run.best_top1 > 0.8
    plots = {path.name for path in (run.folder / "plots").iterdir()}
    assert plots >= {"samples.png", "top_losses.png", "most_confused.png", "curves.png"}
    assert (run.folder / "report.html").stat().st_size > 10_000
    with Image.open(run.folder / "plots" / "samples.png") as samples:
        levels = np.asarray(samples.convert("RGB")).astype(int)
    # In colour: red and blue are far apart in much of the picture.
    assert (np.abs(levels[..., 0] - levels[..., 2]) > 60).mean() > 0.02
    _, info = load_bundle(run.folder / "model")
    assert info.image == Store(photo_store).manifest.image == ImageSpec(32, 32, 3, "crop", "photo")
    assert info.render is None
    assert info.image_shape == (3, 32, 32)
    card = (run.folder / "model" / "README.md").read_text()
    for said in ("photos of any size", "the long side is cropped", "32 x 32 pixels", "photo.jpg"):
        assert said in card
    assert "drawing" not in card
    assert "rotate 12, zoom 0.15" in (run.folder / "train.log").read_text()
    assert "(the images are photos)" in (run.folder / "train.log").read_text()


def test_older_bundles_say_nothing_of_pictures(
    train_photos: Callable[..., TrainedRun], without_report: None
) -> None:
    folder = train_photos(epochs=1).folder / "model"
    values = json.loads((folder / "config.json").read_text())
    assert values["image"]["fit"] == "crop"
    del values["image"]
    (folder / "config.json").write_text(json.dumps(values))
    assert read_bundle_info(folder).image is None


@pytest.mark.parametrize("preset", ["auto", "copies"])
def test_batches_vary_as_they_are_told(photo_store: Path, preset: str) -> None:
    plain = next(batches(photo_store, "off").epoch(0))
    varied = next(batches(photo_store, preset).epoch(0))
    assert torch.equal(plain.labels, varied.labels)
    assert varied.images.shape == plain.images.shape == (16, 3, 32, 32)
    assert (varied.images != plain.images).any(dim=(1, 2, 3)).sum() >= 12
    untouched = next(batches(photo_store, pixels=None).epoch(0))
    assert torch.equal(untouched.images, plain.images)
    if preset == "copies":
        assert torch.equal(
            varied.images.flatten(2).sort().values, plain.images.flatten(2).sort().values
        )


def test_ink_gets_no_light(bitmap_store: Path) -> None:
    drawing = batches(bitmap_store, "auto")
    photo_ = batches(bitmap_store, "photo", batch_size=16)
    for batch in (*drawing.epoch(0), *photo_.epoch(0)):
        # With other contrast, paper would not be 0.
        assert (batch.images[:, :, 0, 0] == 0).all()


def test_variation_follows_from_image_seed_and_epoch(photo_store: Path) -> None:
    def pictures(**options: Any) -> set[bytes]:
        epoch = options.pop("epoch", 0)
        every = batches(photo_store, **options).epoch(epoch)
        return {image.numpy().tobytes() for batch in every for image in batch.images}

    n = Store(photo_store).size("train")
    whole = pictures(batch_size=n)
    assert len(whole) == n
    assert pictures(batch_size=7) <= whole
    assert pictures(batch_size=8, threads=3) <= whole
    two = [pictures(batch_size=n, rank=rank, world_size=2) for rank in (0, 1)]
    assert two[0] | two[1] == whole
    assert not pictures(batch_size=n, epoch=1) & whole
    assert not pictures(batch_size=n, seed=1) & whole


def test_windows_of_large_images_have_few_rows(
    photo_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(photo_store)
    (whole,) = windows(store, "train")
    monkeypatch.setattr(batches_module, "RUN_BYTES", 10 * 32 * 32 * 3)
    parts = list(windows(store, "train"))
    assert {len(part) for part in parts[:-1]} == {10}
    assert torch.equal(
        torch.cat([render_window(p, None) for p in parts]), render_window(whole, None)
    )
    assert sum(len(batch.labels) for batch in batches(photo_store, batch_size=13).epoch(0)) == (
        store.size("train") // 13 * 13
    )
    monkeypatch.setattr(batches_module, "RUN_BYTES", 1)
    assert {len(part) for part in windows(store, "train")} == {1}


def test_an_interrupted_run_ends_like_one_that_was_not(
    train_photos: Callable[..., TrainedRun],
    interrupt: Callable[..., str],
    without_report: None,
    assert_same_learning: Same,
    photo_store: Path,
) -> None:
    whole = train_photos(name="whole", epochs=2)
    interrupt(2, 2, store=str(photo_store), model="photo_cnn", name="cut", epochs=2)
    resumed = train_photos(name="cut", epochs=2, resume="last")
    assert_same_learning(whole.folder, resumed.folder)


def test_settings_reach_flags_files_and_help(
    train_photos: Callable[..., TrainedRun], without_report: None, photo_store: Path
) -> None:
    run = train_photos(epochs=1, pixels={"preset": "copies", "erase": "0.2"})
    values = load_config(run.folder / "config.yaml")
    assert values["pixels.preset"] == "copies"
    assert values["pixels.erase"] == 0.2
    assert values["pixels.rotate"] is None
    again = TrainConfig(store=values.pop("store")).with_values(values)
    assert again.pixels == PixelAugment("copies", erase=0.2)
    facts, summary = describe(again.with_values({"pixels.mirror": 0}))
    assert facts["variation"] == "flip 0.5, quarter_turn 0.75, erase 0.2 (as asked)"
    assert "photo_cnn, input 3x32x32" in summary
    off, _ = describe(again.with_values({"pixels": {"preset": "off", "erase": None}}))
    assert off["variation"] == "none (as asked)"
    with pytest.raises(ConfigError, match=r"pixels\.preset is 'none'.*Choose auto, photo"):
        again.with_values({"pixels.preset": "none"})
