"""Sizes of picture files: exact numbers, and the outliers that a person would name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from doodlewise.data.chunk import Origins
from doodlewise.data.rows import Rows
from doodlewise.exploration.findings import ImageSizes
from doodlewise.exploration.image_sizes import FENCE, SHOWN, SizeTable


def pictures(sizes: NDArray[np.int64], labels: NDArray[np.int64] | None = None) -> Rows:
    n = len(sizes)
    return Rows(
        labels=np.zeros(n, np.int32) if labels is None else labels.astype(np.int32),
        key_ids=np.arange(n, dtype=np.uint64),
        recognised=np.full(n, -1, np.int8),
        codes=np.full(n, b"", "S2"),
        images=np.zeros((n, 8, 8, 1), np.uint8),
        origins=Origins([f"{number}.png" for number in range(n)], sizes.astype(np.uint32)),
    )


def sizes_of(rows: Rows, classes: tuple[str, ...] = ("a",), at_once: int = 1000) -> ImageSizes:
    table = SizeTable(classes)
    for first in range(0, len(rows), at_once):
        table.add(rows.slice(first, min(first + at_once, len(rows))))
    found = table.sizes()
    assert found is not None
    return found


def random_sizes(n: int) -> NDArray[np.int64]:
    random = np.random.default_rng(0)
    sizes = np.exp(random.normal((6.0, 5.8), 0.2, (n, 2)))
    strange = random.permutation(n)[:40]
    sizes[strange] *= np.exp(random.normal(0, 1.5, (40, 2)))
    return np.maximum(np.rint(sizes), 1).astype(np.int64)


def test_medians_are_exact_and_bins_hold_all() -> None:
    sizes, labels = random_sizes(3001), np.arange(3001) % 2
    found = sizes_of(pictures(sizes, labels), ("a", "b", "none"))
    assert found.width.median == np.median(sizes[:, 0])
    assert found.height.medians[1] == np.median(sizes[labels == 1, 1])
    assert found.aspect.medians[0] == np.median(sizes[labels == 0, 0] / sizes[labels == 0, 1])
    assert np.isnan(found.width.medians[2])
    for each in (found.width, found.height, found.aspect):
        assert each.counts.sum(axis=1).tolist() == [1501, 1500, 0]
    assert found.joint.sum() == 3001
    np.testing.assert_array_equal(found.joint.sum(axis=0), found.width.counts.sum(axis=0))
    np.testing.assert_array_equal(found.joint.sum(axis=1), found.height.counts.sum(axis=0))
    areas = sizes.prod(axis=1)
    assert found.smallest == tuple(sizes[areas.argmin()].tolist())
    assert found.largest == tuple(sizes[areas.argmax()].tolist())


def test_the_farthest_are_named_whatever_the_windows() -> None:
    """Against all rows at once, by the definition: beyond three quartile distances."""
    sizes = random_sizes(3000)
    beyond = np.zeros(3000)
    for values in (np.log(sizes.prod(axis=1)), np.log(sizes[:, 0] / sizes[:, 1])):
        low, high = np.quantile(values, [0.25, 0.75], method="inverted_cdf")
        beyond = np.maximum(beyond, np.maximum(low - values, values - high) / (high - low))
    order = np.lexsort((np.arange(3000), -beyond))[:SHOWN]
    order = order[beyond[order] > FENCE]
    assert len(order) == SHOWN
    for at_once in (70, 3000):
        found = sizes_of(pictures(sizes), at_once=at_once)
        assert [each.key_id for each in found.outliers] == order.tolist()


def test_why_is_said_in_plain_words() -> None:
    sizes = np.tile([[400, 300]], (100, 1))
    sizes[3], sizes[7], sizes[9], sizes[11] = (1200, 900), (40, 30), (1200, 100), (402, 300)
    found = sizes_of(pictures(sizes))
    why = {each.name: each.why for each in found.outliers}
    assert why == {
        "3.png": "1,200 x 900 pixels, 9 times the median area",
        "7.png": "40 x 30 pixels, 1 % of the median area",
        "9.png": "1,200 x 100 pixels, 12 times as wide as high; the median is 1.3",
    }
    assert found.outliers[0].name == "7.png"


def test_nothing_stands_out_where_all_are_equal() -> None:
    found = sizes_of(pictures(np.tile([[255, 255]], (50, 1))))
    assert found.outliers == []
    assert found.width.counts.max() == 50


def test_no_pictures_no_sizes() -> None:
    assert SizeTable(["a"]).sizes() is None
