"""Copies are found, exact or nearly; other drawings are not taken for copies."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from doodlewise.data.rows import Rows
from doodlewise.data.store import Store
from doodlewise.exploration.duplicates import find_duplicates, near_pairs
from doodlewise.exploration.sample import grey_thumbnails, shrunk
from doodlewise.exploration.tallies import content_hashes

BITMAPS = Path(__file__).resolve().parents[3] / "shared" / "data" / "quickdraw" / "numpy_bitmap"


def noisy(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    noise = np.random.default_rng(1).normal(0, 8, images.shape)
    return np.clip(images + noise, 0, 255).astype(np.uint8)


def moved(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.roll(images, (1, -1), (1, 2))


def saved_again(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    again = []
    for image in images:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=50)
        again.append(np.asarray(Image.open(file)))
    return np.stack(again)


@pytest.fixture
def originals(bitmap_store: Path, all_rows: Callable[[Store], Rows]) -> Rows:
    return all_rows(Store(bitmap_store))


@pytest.mark.parametrize("change", [noisy, moved, saved_again])
def test_near_copies_are_found(
    originals: Rows, change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
) -> None:
    assert originals.images is not None
    images = originals.images[..., 0]
    some = np.arange(0, len(images), 4)
    pairs, distances = near_pairs(np.concatenate([images, change(images[some])]))
    found = {(int(one), int(two)) for one, two in pairs}
    planted = {(int(row), len(images) + index) for index, row in enumerate(some)}
    assert planted <= found
    assert (distances <= 0.04).all()


def test_different_drawings_are_no_copies(originals: Rows) -> None:
    assert originals.images is not None
    pairs, _ = near_pairs(originals.images[..., 0])
    assert len(pairs) == 0


def test_two_words_for_one_picture_come_first(originals: Rows) -> None:
    assert originals.images is not None
    copies = originals.take(np.array([0, 70, 5]))
    rows = Rows.concat([originals, replace(copies, labels=np.array([0, 2, 0], np.int32))])
    assert rows.images is not None
    rows.images[-1] = noisy(rows.images[-1])
    thumbnails = grey_thumbnails(rows)
    pairs, n = find_duplicates(rows, content_hashes(rows.images), thumbnails, ["a", "b", "c"])
    assert n == 3
    assert [(pair.first.word, pair.second.word, pair.is_exact) for pair in pairs] == [
        ("b", "c", True),
        ("a", "a", True),
        ("a", "a", False),
    ]
    assert [pair.distance for pair in pairs[:2]] == [0.0, 0.0]
    assert 0 < pairs[2].distance < 0.04
    assert pairs[0].first.key_id == pairs[0].second.key_id == int(rows.key_ids[70])


def test_a_picture_that_is_there_often_counts_all_but_once(originals: Rows) -> None:
    rows = Rows.concat([originals] + [originals.take(np.array([7]))] * 20)
    assert rows.images is not None
    pairs, n = find_duplicates(
        rows, content_hashes(rows.images), grey_thumbnails(rows), ["a", "b", "c"]
    )
    assert n == len(pairs) == 20


def test_empty_pictures_and_single_ones_are_no_trouble() -> None:
    empty = np.zeros((5, 28, 28), np.uint8)
    assert len(near_pairs(empty)[0]) == 0
    assert len(near_pairs(empty[:1])[0]) == 0


def test_pictures_are_shrunk_by_area() -> None:
    random = np.random.default_rng(3)
    image = random.integers(0, 256, (1, 96, 128, 3)).astype(np.uint8)
    small = shrunk(image, 64)
    blocks = image.reshape(1, 48, 2, 64, 2, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(small, blocks, atol=0.51)
    assert shrunk(image, 200) is image


@pytest.mark.skipif(not BITMAPS.exists(), reason="needs the real data in ../shared/data")
def test_real_drawings_are_not_taken_for_copies() -> None:
    words = ("bee", "bicycle", "butterfly", "cat", "dog", "flower", "house", "octopus")
    images = np.concatenate([np.load(BITMAPS / f"{word}.npy")[:400] for word in words])
    pairs, _ = near_pairs(images.reshape(-1, 28, 28))
    assert len(pairs) <= 1
