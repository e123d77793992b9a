"""What is counted in one pass over a store: sums and histograms, the same memory for any number."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.rows import Rows
from ..ragged import Ragged
from ..raster_host import kernel
from .findings import Distribution

__all__ = ["FineHistogram", "Tallies", "content_hashes", "median_of"]

_BINS = 40
"""Of a histogram as it is shown."""
_FINER = 25
"""Bins in which is counted, for each that is shown: so close the medians come."""


class FineHistogram:
    """A quantity counted by class, in bins so narrow that they give the median.

    Args:
        name: of the quantity, in plain words.
        n_classes: how many.
        edges: of the fine bins; what lies beyond counts in the first or last.
        finer: fine bins in one that is shown.
    """

    def __init__(
        self, name: str, n_classes: int, edges: NDArray[np.float64], finer: int = _FINER
    ) -> None:
        self.name, self.edges, self.finer = name, edges, finer
        self.counts = np.zeros((n_classes, len(edges) - 1), np.int64)

    def add(self, labels: NDArray[np.int32], values: NDArray[Any]) -> None:
        n_bins = self.counts.shape[1]
        bins = np.clip(np.searchsorted(self.edges, values, side="right") - 1, 0, n_bins - 1)
        flat = np.bincount(labels.astype(np.int64) * n_bins + bins, minlength=self.counts.size)
        self.counts += flat.reshape(self.counts.shape)

    def distribution(self) -> Distribution:
        """As it is shown. Medians are exact for whole numbers, else within half a fine bin."""
        middles = (self.edges[:-1] + self.edges[1:]) / 2
        return Distribution(
            name=self.name,
            edges=self.edges[:: self.finer],
            counts=self.counts.reshape(len(self.counts), -1, self.finer).sum(axis=2),
            medians=np.array([median_of(middles, row) for row in self.counts]),
            median=median_of(middles, self.counts.sum(axis=0)),
        )


class Tallies:
    """Counters over all rows of a split.

    Args:
        n_classes: how many words.
        shape: height, width and channels of the images that are added.
        is_strokes: whether rows are drawings.
        is_ink: whether images are ink on paper.
    """

    def __init__(
        self, n_classes: int, shape: tuple[int, int, int], *, is_strokes: bool, is_ink: bool
    ) -> None:
        self.shape = shape
        self.counts = np.zeros(n_classes, np.int64)
        self.recognised = np.zeros((n_classes, 3), np.int64)
        self.intensities = np.zeros((n_classes, 256), np.int64)
        self._countries: Counter[str] = Counter()
        self._sums = np.zeros((n_classes, int(np.prod(shape))), np.int64)
        self._strokes: list[FineHistogram] = []
        self._shades: FineHistogram | None = None
        share = np.linspace(0.0, 1.0, _BINS * _FINER + 1)
        if is_strokes:
            self._strokes = [
                FineHistogram("strokes in a drawing", n_classes, np.arange(0.5, _BINS + 1.0), 1),
                FineHistogram("points in a drawing", n_classes, np.arange(0.5, 8 * _BINS + 1.0), 8),
                FineHistogram("width divided by height", n_classes, 2.0 ** (6 * share - 3)),
                FineHistogram("length of the line, in sides of its box", n_classes, 20 * share),
            ]
        else:
            name = "share of the picture that is ink" if is_ink else "brightness, from 0 to 1"
            self._shades = FineHistogram(name, n_classes, share)

    def add(self, rows: Rows, images: NDArray[np.uint8]) -> None:
        """Count some rows.

        Args:
            rows: of the store.
            images: uint8 (rows, height, width, channels), what they look like.
        """
        self.counts += np.bincount(rows.labels, minlength=len(self.counts))
        known = rows.labels.astype(np.int64) * 3 + (rows.recognised + 1)
        self.recognised += np.bincount(known, minlength=self.recognised.size).reshape(-1, 3)
        for code, n in zip(*np.unique(rows.codes, return_counts=True), strict=True):
            self._countries[code.decode("ascii")] += int(n)
        flat = images.reshape(len(images), -1)
        own_sums = _count_pixels(flat, rows.labels, self._sums, self.intensities)
        if self._shades is not None:
            self._shades.add(rows.labels, own_sums / (255.0 * flat.shape[1]))
        if rows.drawings is not None:
            for histogram, values in zip(self._strokes, _quantities(rows.drawings), strict=True):
                histogram.add(rows.labels, values)

    @property
    def countries(self) -> list[tuple[str, int]]:
        """Rows by country, most first."""
        return sorted(self._countries.items(), key=lambda item: (-item[1], item[0]))

    @property
    def means(self) -> NDArray[np.float32]:
        """Mean image of each class, float32 (classes, height, width, channels); 0 without rows."""
        means = self._sums / np.maximum(self.counts, 1)[:, None]
        return means.astype(np.float32).reshape(-1, *self.shape)

    @property
    def distributions(self) -> list[Distribution]:
        histograms = [*self._strokes, *([self._shades] if self._shades is not None else [])]
        return [histogram.distribution() for histogram in histograms]


def median_of(values: NDArray[Any], counts: NDArray[np.int64]) -> float:
    """Median of sorted values, each there so many times; NaN for none at all."""
    total = int(counts.sum())
    if total == 0:
        return float("nan")
    reached = np.cumsum(counts)
    low, high = np.searchsorted(reached, [(total - 1) // 2, total // 2], side="right")
    return float(values[low] + values[high]) / 2


def content_hashes(images: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """A 64-bit number for each image, equal for equal pixels: uint64 (images,)."""
    hashes: NDArray[np.uint64] = _hash_rows(images.reshape(len(images), -1))
    return hashes


def _quantities(drawings: Ragged) -> list[NDArray[Any]]:
    """Strokes, points, aspect and length of line of each drawing."""
    boxes = np.empty((len(drawings), 2), np.float32)
    inks = np.empty(len(drawings), np.float32)
    _measure(
        drawings.points,
        drawings.stroke_lengths,
        drawings.stroke_offsets,
        drawings.point_offsets,
        boxes,
        inks,
    )
    # A line has no height, and a dot neither; at the least one unit, as a pen would have.
    wide, high = np.maximum(boxes, 1.0).T
    return [
        np.diff(drawings.stroke_offsets),
        np.diff(drawings.point_offsets),
        wide / high,
        inks / np.maximum(wide, high),
    ]


@kernel
def _count_pixels(flat: Any, labels: Any, sums: Any, intensities: Any) -> Any:
    """Add each image to the sum and the histogram of its class; the sums of its own pixels."""
    own = np.zeros(len(flat), np.int64)
    for i in range(len(flat)):
        sum_of, histogram = sums[labels[i]], intensities[labels[i]]
        total = 0
        for p in range(flat.shape[1]):
            value = flat[i, p]
            sum_of[p] += value
            histogram[value] += 1
            total += value
        own[i] = total
    return own


@kernel
def _hash_rows(flat: Any) -> Any:
    """FNV-1a, 64 bits (Fowler, Noll and Vo; RFC 9923)."""
    hashes = np.empty(len(flat), np.uint64)
    for i in range(len(flat)):
        value = np.uint64(0xCBF29CE484222325)
        for p in range(flat.shape[1]):
            value = (value ^ np.uint64(flat[i, p])) * np.uint64(0x100000001B3)
        hashes[i] = value
    return hashes


@kernel
def _measure(
    points: Any, lengths: Any, stroke_offsets: Any, point_offsets: Any, boxes: Any, inks: Any
) -> None:
    """Width and height of the box, and length of all strokes, of each drawing."""
    for row in range(len(inks)):
        first, last = point_offsets[row], point_offsets[row + 1]
        low_x, low_y = np.float32(points[first, 0]), np.float32(points[first, 1])
        high_x, high_y = low_x, low_y
        for p in range(first, last):
            x, y = np.float32(points[p, 0]), np.float32(points[p, 1])
            low_x, high_x = min(low_x, x), max(high_x, x)
            low_y, high_y = min(low_y, y), max(high_y, y)
        boxes[row, 0], boxes[row, 1] = high_x - low_x, high_y - low_y
        ink, begin = np.float32(0.0), first
        for stroke in range(stroke_offsets[row], stroke_offsets[row + 1]):
            for p in range(begin + 1, begin + lengths[stroke]):
                dx = np.float32(points[p, 0]) - np.float32(points[p - 1, 0])
                dy = np.float32(points[p, 1]) - np.float32(points[p - 1, 1])
                ink += np.sqrt(dx * dx + dy * dy)
            begin += lengths[stroke]
        inks[row] = ink
