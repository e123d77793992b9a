"""The sample: bounded, balanced, the same whatever the order, and with all copies or none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from doodlewise.data.rows import Rows
from doodlewise.data.store import Store
from doodlewise.exploration.sample import BalancedSample, grey_thumbnails, pictures
from doodlewise.exploration.tallies import FineHistogram, content_hashes, median_of


@pytest.fixture
def rows(strokes_store: Path, all_rows: Callable[[Store], Rows]) -> Rows:
    return all_rows(Store(strokes_store))


def sampled(rows: Rows, order: np.ndarray, at_once: int, per_class: int = 10) -> Rows:
    sample = BalancedSample(6, per_class, seed=0)
    for first in range(0, len(order), at_once):
        part = rows.take(order[first : first + at_once])
        sample.add(part, content_hashes(grey_thumbnails(part)))
    return sample.rows()[0]


def test_the_sample_is_balanced_and_does_not_depend_on_order(rows: Rows) -> None:
    one = sampled(rows, np.arange(360), 360)
    assert np.bincount(one.labels).tolist() == [10] * 6
    other = sampled(rows, np.random.default_rng(1).permutation(360), 13)
    np.testing.assert_array_equal(one.key_ids, other.key_ids)


def test_all_copies_are_in_the_sample_or_none(rows: Rows) -> None:
    twice = np.concatenate([np.arange(360), np.arange(360)])
    sample = sampled(rows, twice, 50)
    _, counts = np.unique(sample.key_ids, return_counts=True)
    assert counts.tolist() == [2] * 30


def test_a_class_with_few_rows_is_there_whole(rows: Rows) -> None:
    few = np.concatenate([np.flatnonzero(rows.labels == 0)[:3], np.flatnonzero(rows.labels == 4)])
    assert np.bincount(sampled(rows, few, 7).labels).tolist() == [3, 0, 0, 0, 10]


def test_memory_stays_that_of_the_sample(rows: Rows) -> None:
    sample = BalancedSample(6, 10, seed=0)
    held = []
    for number in range(40):
        sample.add(rows, np.arange(360, dtype=np.uint64) + np.uint64(1000 * number))
        held.append(sum(len(part) for part in sample._parts))
    assert max(held) <= 2 * 60


def test_drawings_look_as_at_training(rows: Rows, bitmap_store: Path) -> None:
    large = pictures(rows.take(np.arange(3)))
    assert large.shape == (3, 64, 64, 1)
    small = grey_thumbnails(rows.take(np.arange(3)))
    halved = large[..., 0].reshape(3, 32, 2, 32, 2).mean(axis=(2, 4))
    assert abs(halved.mean() - small.mean()) < 8


def test_equal_pixels_have_equal_hashes_and_others_not() -> None:
    images = np.random.default_rng(2).integers(0, 256, (500, 28, 28), np.uint8)
    images[10] = images[20]
    images[30] = images[40]
    images[30, 5, 5] ^= 1
    hashes = content_hashes(images)
    assert hashes[10] == hashes[20]
    assert len(np.unique(hashes)) == 499


def test_medians_of_counted_values() -> None:
    random = np.random.default_rng(0)
    for n in (1, 2, 7, 100):
        values = random.integers(0, 9, n)
        assert median_of(np.arange(9), np.bincount(values, minlength=9)) == np.median(values)
    assert np.isnan(median_of(np.arange(9), np.zeros(9, np.int64)))


def test_what_lies_beyond_counts_at_the_ends() -> None:
    histogram = FineHistogram("x", 2, np.linspace(0.0, 1.0, 101), 10)
    histogram.add(np.array([0, 0, 1], np.int32), np.array([-5.0, 0.55, 7.0]))
    found = histogram.distribution()
    assert found.counts[0].tolist() == [1, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert found.counts[1].tolist() == [0] * 9 + [1]
