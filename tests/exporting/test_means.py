from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from doodlewise.data.batches import render_window
from doodlewise.data.store import Store
from doodlewise.evaluation.run import Subject
from doodlewise.exporting.means import means_of
from doodlewise.predict.means import COLUMNS, means_of_sheet, sheet_of_means
from doodlewise.raster import RenderSpec


def test_a_sheet_and_back() -> None:
    means = np.random.default_rng(0).uniform(0, 255, (19, 12, 12))
    means[3] = 0.0
    sheet = sheet_of_means(means)
    picture = Image.open(io.BytesIO(base64.b64decode(sheet)))
    assert picture.size == (COLUMNS * 12, 2 * 12)
    back = means_of_sheet(sheet, 19)
    assert back.shape == (19, 12, 12)
    most = means.max(axis=(1, 2), keepdims=True)
    expected = 255 * means / np.maximum(most, 1.0)
    assert np.abs(back - expected).max() <= 255 / 15 / 2 + 1
    assert (back[3] == 0).all()


def test_each_word_has_the_average_of_its_training_drawings(strokes_store: Path) -> None:
    store = Store(strokes_store)
    spec = RenderSpec(side=16)
    words = [*reversed(store.classes), "of which there is no drawing"]
    subject = Subject(torch.nn.Identity(), words, spec, torch.device("cpu"))
    tiles = means_of_sheet(means_of(subject, store), len(words))
    images: dict[str, list[np.ndarray]] = {}
    for shard in store.shards("train"):
        rows = store.read(shard)
        for label, image in zip(rows.labels, render_window(rows, spec).numpy()[:, 0], strict=True):
            images.setdefault(store.classes[label], []).append(image)
    for word, tile in zip(words, tiles, strict=True):
        if word not in images:
            assert (tile == 0).all()
            continue
        mean = np.mean(images[word], axis=0)
        assert np.abs(tile - 255 * mean / mean.max()).max() <= 255 / 15 / 2 + 1


def test_without_a_drawing_the_sheet_is_blank(strokes_store: Path) -> None:
    subject = Subject(torch.nn.Identity(), ["nobody knows"], RenderSpec(), torch.device("cpu"))
    tiles = means_of_sheet(means_of(subject, Store(strokes_store)), 1)
    assert tiles.shape == (1, 28, 28)
    assert (tiles == 0).all()
