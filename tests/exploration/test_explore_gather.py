"""Looking at a whole store: every number against one that was found another way."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from doodlewise.data.prepare import prepare
from doodlewise.data.rows import Rows
from doodlewise.data.split import SPLITS, Fractions
from doodlewise.data.store import Store
from doodlewise.errors import StoreError, UnknownClassError
from doodlewise.evaluation.run import Subject
from doodlewise.exploration import gather as module
from doodlewise.exploration.gather import gather
from doodlewise.exploration.stats import to_stats
from doodlewise.raster import RenderSpec, render_many

AllRows = Callable[[Store], Rows]


class AlwaysFirst(nn.Module):
    """A network that is sure that everything is of its first class."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.tensor([8.0, 0.0]).repeat(len(images), 1)


def subject(*classes: str) -> Subject:
    return Subject(AlwaysFirst(), classes, RenderSpec(), torch.device("cpu"), name="first")


def test_drawings_are_counted_as_they_are(strokes_store: Path, all_rows: AllRows) -> None:
    store = Store(strokes_store)
    found, rows = gather(store, method=None), all_rows(store)
    assert rows.drawings is not None
    images = render_many(rows.drawings)[:, 0]
    assert (found.kind, found.look, found.split) == ("strokes", "drawing", "all")
    assert found.n == sum(found.sizes.values()) == len(rows)
    assert found.image_shape == (28, 28, 1)
    assert found.n_bytes == sum(file.stat().st_size for file in strokes_store.iterdir())
    assert found.countries == sorted(Counter(rows.countries).items(), key=lambda i: (-i[1], i[0]))
    strokes, points, aspect, length = found.distributions
    for label in range(len(store.classes)):
        own = np.flatnonzero(rows.labels == label)
        drawings = [rows.drawings[int(row)] for row in own]
        boxes = np.array([np.maximum(np.ptp(d.points, axis=0), 1) for d in drawings])
        assert found.counts[label] == len(own)
        counts = [int((rows.recognised[own] == known).sum()) for known in (-1, 0, 1)]
        assert found.recognised[label].tolist() == counts
        np.testing.assert_allclose(
            found.means[label, ..., 0], images[own].mean(axis=0), atol=0.2, rtol=0
        )
        assert found.intensities[label].sum() == images[own].size
        assert found.intensities[label, 0] == pytest.approx((images[own] == 0).sum(), rel=0.01)
        assert strokes.medians[label] == np.median([d.n_strokes for d in drawings])
        assert points.medians[label] == np.median([d.n_points for d in drawings])
        assert aspect.medians[label] == pytest.approx(
            np.median(boxes[:, 0] / boxes[:, 1]), abs=0.02
        )
        inks = [d.ink / box.max() for d, box in zip(drawings, boxes, strict=True)]
        assert length.medians[label] == pytest.approx(np.median(inks), abs=0.03)
        assert found.samples[label].shape == (24, 64, 64, 1)
    for each in found.distributions:
        assert each.counts.sum(axis=1).tolist() == found.counts.tolist()
        assert each.counts.shape[1] == len(each.edges) - 1


def test_bitmaps_are_counted_as_they_are(bitmap_store: Path, all_rows: AllRows) -> None:
    store = Store(bitmap_store)
    found, rows = gather(store), all_rows(store)
    assert rows.images is not None
    assert (found.kind, found.look) == ("pixels", "drawing")
    for label in range(3):
        own = rows.images[rows.labels == label]
        np.testing.assert_allclose(found.means[label], own.mean(axis=0), atol=1e-4)
        np.testing.assert_array_equal(
            found.intensities[label], np.bincount(own.ravel(), minlength=256)
        )
    (ink,) = found.distributions
    shares = rows.images.mean(axis=(1, 2, 3)) / 255
    assert ink.median == pytest.approx(np.median(shares), abs=0.001)
    assert found.image_sizes is None
    assert found.varied is not None
    assert found.varied.after.shape == (6, 8, 28, 28, 1)
    assert (found.varied.after != found.varied.before[:, None]).any(axis=(2, 3, 4)).all()


def test_pictures_have_their_sizes_and_names(photo_store: Store) -> None:
    found = gather(photo_store)
    assert (found.look, found.image_shape) == ("photo", (32, 32, 3))
    assert found.image_sizes is not None
    outliers = {each.name: each.why for each in found.image_sizes.outliers}
    assert set(outliers) == {"day/03.jpg", "night/05.jpg"}
    assert outliers["night/05.jpg"].startswith("900 x 40 pixels, ")
    assert all(each.name for each in found.suspects)
    (brightness,) = found.distributions
    day, night = brightness.medians
    assert day > 0.4 > night


def test_what_is_found_does_not_depend_on_the_windows(
    strokes_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(strokes_store)
    at_once = to_stats(gather(store))
    monkeypatch.setattr(module, "WINDOW_ROWS", 17)
    monkeypatch.setattr(module, "MOST_COMPARED", 10_000)
    assert to_stats(gather(store)) == at_once


def test_a_large_store_is_compared_in_part(
    strokes_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_COMPARED", 120)
    monkeypatch.setattr(module, "WINDOW_ROWS", 25)
    found = gather(Store(strokes_store))
    assert found.n == 360
    assert found.n_compared == 120
    assert found.projection is not None
    assert np.bincount(found.projection.labels).tolist() == [20] * 6
    assert "120 pictures" in found.judged_by


def test_one_split_is_looked_at_alone(strokes_store: Path) -> None:
    store = Store(strokes_store)
    found = gather(store, split="test", method=None)
    assert found.n == found.counts.sum() == store.size("test") < store.size("all")
    assert found.sizes["train"] == store.size("train")
    assert found.projection is None


def test_an_empty_split_says_what_to_do(doodles: Path, tmp_path: Path) -> None:
    prepare([doodles / "cat.ndjson"], tmp_path / "s", fractions=Fractions(0, 0), jobs=1)
    with pytest.raises(StoreError, match=r"test split .* is empty.*--split all"):
        gather(Store(tmp_path / "s"), split="test")


def test_one_class_has_no_suspects(doodles: Path, tmp_path: Path) -> None:
    prepare([doodles / "cat.ndjson"], tmp_path / "s", per_class=3, jobs=1)
    found = gather(Store(tmp_path / "s"))
    assert (found.suspects, found.judged_by) == ([], "")
    assert found.projection is not None
    assert found.projection.points.shape == (3, 2)


def test_a_class_without_rows_in_a_split_is_nan_and_null(doodles: Path, tmp_path: Path) -> None:
    lines = (doodles / "cat.ndjson").read_text(encoding="utf-8").splitlines()
    (tmp_path / "cat.ndjson").write_text(lines[0], encoding="utf-8")
    sources = [tmp_path / "cat.ndjson", doodles / "car.ndjson"]
    prepare(sources, tmp_path / "s", fractions=Fractions(0.3, 0.3), jobs=1)
    store = Store(tmp_path / "s")
    split = next(name for name in SPLITS if store.manifest.counts[name]["cat"] == 0)
    found = gather(store, split=split)
    empty = int(found.counts.argmin())
    assert np.isnan(found.distributions[0].medians[empty])
    assert len(found.samples[empty]) == 0
    stats = json.loads(json.dumps(to_stats(found), allow_nan=False))
    medians = stats["distributions"]["strokes in a drawing"]["medians"]
    assert medians[store.classes[empty]] is None


def test_a_network_judges_when_there_is_one(strokes_store: Path) -> None:
    store = Store(strokes_store)
    found = gather(store, classifier=subject("cat", "car"), method=None)
    assert found.judged_by == "the network first on 120 pictures (right for 50 % of them)"
    assert {(each.word, each.looks_like) for each in found.suspects} == {("car", "cat")}
    assert found.suspects[0].why == "100 % cat, 0 % car by the network"
    with pytest.raises(UnknownClassError, match="knows none"):
        gather(store, classifier=subject("nonsense", "more"), method=None)


def test_a_network_for_other_pictures_is_refused(photo_store: Store) -> None:
    with pytest.raises(StoreError, match="the network takes 28 x 28"):
        gather(photo_store, classifier=subject("day", "night"), method=None)


def test_progress_is_told_to_the_end(strokes_store: Path) -> None:
    told: list[tuple[str, int, int]] = []
    gather(Store(strokes_store), progress=lambda *step: told.append(step))
    assert ("rows", 360, 360) in told
    assert [each[0] for each in told if each[1] == each[2]][-3:] == [
        "duplicates",
        "suspects",
        "map",
    ]


def test_another_seed_picks_other_samples(strokes_store: Path) -> None:
    store = Store(strokes_store)
    one, again, other = (gather(store, method=None, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.samples[0], again.samples[0])
    assert (one.samples[0] != other.samples[0]).any()


def test_stats_are_plain_and_without_pictures(photo_store: Store) -> None:
    found = gather(photo_store)
    text = json.dumps(to_stats(found), allow_nan=False)
    stats = json.loads(text)
    assert stats["rows"] == 60
    assert stats["counts"] == {"day": 30, "night": 30}
    assert {each["name"] for each in stats["image_sizes"]["outliers"]} == {
        "day/03.jpg",
        "night/05.jpg",
    }
    assert stats["map"]["explained"] == pytest.approx(found.projection.explained)  # type: ignore[union-attr]
    assert "image" not in stats["image_sizes"]["outliers"][0]
    large = replace(found.image_sizes.outliers[0], key_id=2**64 - 1)  # type: ignore[union-attr]
    with_large = to_stats(replace(found, suspects=[large]))
    assert with_large["suspects"][0]["key_id"] == "18446744073709551615"
