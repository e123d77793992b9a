"""A part of the rows that stands for all: as many of each class, always the same, bounded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..data.rows import Rows
from ..data.split import mix
from ..raster import RenderSpec
from ..raster_host import render_rows
from .findings import Suspect

__all__ = [
    "GREY_SIDE",
    "SHOWN_SIDE",
    "BalancedSample",
    "grey_thumbnails",
    "pictures",
    "row_shown",
    "shrunk",
    "with_images",
]

SHOWN_SIDE = 64
"""Pixels: of a picture that is looked at by a person."""
GREY_SIDE = 28
"""Pixels: of a picture that is compared with others."""


class BalancedSample:
    """The rows of each class with the lowest numbers, gathered in one pass.

    What numbers the rows decides: equal contents with equal numbers are in the sample together, or
    out of it together, so that doubles are found even in a small share of a large store.

    Args:
        n_classes: how many.
        per_class: rows of each at most.
        seed: which rows.
        longest: side to which larger images are shrunk, pixels; None for not at all.
    """

    def __init__(
        self, n_classes: int, per_class: int, seed: int, longest: int | None = SHOWN_SIDE
    ) -> None:
        self.per_class, self.seed, self.longest = per_class, seed, longest
        self._limits = np.full(n_classes, 2**64 - 1, np.uint64)
        self._parts: list[Rows] = []
        self._numbers: list[NDArray[np.uint64]] = []
        self._pending = 0

    def add(self, rows: Rows, numbers: NDArray[np.uint64]) -> None:
        """Take what belongs to the sample.

        Args:
            rows: of the store.
            numbers: uint64 (rows,), of their content or key.
        """
        order = mix(numbers, self.seed)
        chosen = np.flatnonzero(order <= self._limits[rows.labels])
        # The first part of a class would bring far more than its share.
        chosen = chosen[_lowest(rows.labels[chosen], order[chosen], self.per_class)]
        part = rows.take(chosen)
        if part.images is not None and self.longest is not None:
            part = with_images(part, shrunk(part.images, self.longest))
        self._parts.append(part)
        self._numbers.append(order[chosen])
        self._pending += len(chosen)
        if self._pending > len(self._limits) * self.per_class:
            self._prune()

    def rows(self) -> tuple[Rows, NDArray[np.uint64]]:
        """The sample, and the number of each row: by class, and by number within it."""
        self._prune()
        return self._parts[0], self._numbers[0]

    def _prune(self) -> None:
        rows, order = Rows.concat(self._parts), np.concatenate(self._numbers)
        kept = _lowest(rows.labels, order, self.per_class)
        rows, order = rows.take(kept), order[kept]
        self._parts, self._numbers, self._pending = [rows], [order], 0
        counts = np.bincount(rows.labels, minlength=len(self._limits))
        last = np.cumsum(counts) - 1
        full = counts == self.per_class
        self._limits[full] = order[last[full]]


def pictures(rows: Rows, side: int = SHOWN_SIDE) -> NDArray[np.uint8]:
    """What rows look like: uint8 (rows, height, width, channels); drawings at this side."""
    if rows.drawings is not None:
        return render_rows(rows.drawings, RenderSpec(side=side)).transpose(0, 2, 3, 1)
    assert rows.images is not None
    return rows.images


def row_shown(
    rows: Rows,
    row: int,
    classes: Sequence[str],
    *,
    looks_like: str = "",
    score: float = 0.0,
    why: str = "",
) -> Suspect:
    """One row as findings name it."""
    return Suspect(
        key_id=int(rows.key_ids[row]),
        name="" if rows.origins is None else rows.origins.names[row],
        word=classes[rows.labels[row]],
        looks_like=looks_like,
        score=score,
        why=why,
        image=shrunk(pictures(rows.take(np.array([row]))))[0],
    )


def grey_thumbnails(rows: Rows, side: int = GREY_SIDE) -> NDArray[np.uint8]:
    """Small grey pictures of rows: uint8 (rows, side, side)."""
    if rows.drawings is not None:
        return render_rows(rows.drawings, RenderSpec(side=side))[:, 0]
    assert rows.images is not None
    n, height, width, _ = rows.images.shape
    small = np.empty((n, side, side), np.uint8)
    down, across = _shrinking(height, side), _shrinking(width, side)
    for first in range(0, n, 1024):
        grey = rows.images[first : first + 1024].mean(axis=3, dtype=np.float32)
        small[first : first + 1024] = np.rint(down @ grey @ across.T)
    return small


def shrunk(images: NDArray[np.uint8], longest: int = SHOWN_SIDE) -> NDArray[np.uint8]:
    """Images with no side longer than this: uint8 (n, height, width, channels)."""
    n, height, width, channels = images.shape
    if max(height, width) <= longest:
        return images
    scale = longest / max(height, width)
    sides = max(1, round(height * scale)), max(1, round(width * scale))
    down, across = _shrinking(height, sides[0]), _shrinking(width, sides[1])
    small = np.empty((n, *sides, channels), np.uint8)
    for index, image in enumerate(images):
        planes = down @ image.transpose(2, 0, 1).astype(np.float32) @ across.T
        small[index] = np.rint(planes).transpose(1, 2, 0)
    return small


def _shrinking(before: int, after: int) -> NDArray[np.float32]:
    """What each pixel of a line is the mean of, by area: float32 (after, before)."""
    edges = np.linspace(0.0, before, after + 1)
    pixels = np.arange(before)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    shares = np.maximum(overlap, 0.0)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float32)


def _lowest(
    labels: NDArray[np.int32], order: NDArray[np.uint64], per_class: int
) -> NDArray[np.intp]:
    """The rows with the lowest numbers of each class, by class and number."""
    by_class = np.lexsort((order, labels))
    own = labels[by_class]
    rank = np.arange(len(own)) - np.searchsorted(own, own, side="left")
    return by_class[rank < per_class]


def with_images(rows: Rows, images: NDArray[np.uint8]) -> Rows:
    """The same rows with other images."""
    return Rows(
        labels=rows.labels,
        key_ids=rows.key_ids,
        recognised=rows.recognised,
        codes=rows.codes,
        images=images,
        origins=rows.origins,
    )
