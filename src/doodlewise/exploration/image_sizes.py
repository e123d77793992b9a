"""Sizes of picture files before they were brought to one size, and those that stand out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..data.rows import Rows
from .findings import Distribution, ImageSizes, Suspect
from .sample import row_shown, shrunk, with_images
from .tallies import median_of

__all__ = ["FENCE", "SizeTable"]

FENCE = 3.0
"""Quartile distances beyond a quartile from which a size stands out ("far out"; Tukey 1977)."""
SHOWN = 24
_BINS = 40
_LEAST_SPREAD = 0.05
"""Of logarithms: where nearly all pictures are of one size, one that differs by a little is none
that stands out."""


class SizeTable:
    """Counts of sizes by class, and the rows with the most extreme ones.

    Memory grows with the number of different sizes, not of pictures.

    Args:
        classes: the words.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self._classes = classes
        self._counts: Counter[tuple[int, int, int]] = Counter()
        self._extremes: Rows | None = None

    def add(self, rows: Rows) -> None:
        """Count rows that were files."""
        assert rows.origins is not None
        table = np.column_stack([rows.labels.astype(np.int64), rows.origins.sizes])
        sizes, counts = np.unique(table, axis=0, return_counts=True)
        for (label, width, height), n in zip(sizes.tolist(), counts.tolist(), strict=True):
            self._counts[label, width, height] += n
        candidates = rows.take(_most_extreme(rows))
        if candidates.images is not None:
            candidates = with_images(candidates, shrunk(candidates.images))
        if self._extremes is not None:
            candidates = Rows.concat([self._extremes, candidates])
        self._extremes = candidates.take(_most_extreme(candidates))

    def sizes(self) -> ImageSizes | None:
        """What was counted; None if nothing was."""
        if not self._counts:
            return None
        labels, widths, heights = np.array(list(self._counts), np.int64).T
        counts = np.array(list(self._counts.values()), np.int64)
        n_classes = len(self._classes)
        x_edges, y_edges = (_edges(lengths, counts) for lengths in (widths, heights))
        joint, _, _ = np.histogram2d(
            np.minimum(heights, y_edges[-1]),
            np.minimum(widths, x_edges[-1]),
            bins=(y_edges, x_edges),
            weights=counts,
        )
        areas = widths * heights
        least, most = areas.argmin(), areas.argmax()
        aspects = widths / heights
        aspect_edges = 2.0 ** np.linspace(-2.0, 2.0, _BINS + 1)
        return ImageSizes(
            width=_distribution("width, pixels", widths, x_edges, labels, counts, n_classes),
            height=_distribution("height, pixels", heights, y_edges, labels, counts, n_classes),
            aspect=_distribution(
                "width divided by height", aspects, aspect_edges, labels, counts, n_classes
            ),
            joint=joint.astype(np.int64),
            smallest=(int(widths[least]), int(heights[least])),
            largest=(int(widths[most]), int(heights[most])),
            outliers=self._outliers(areas, aspects, counts),
        )

    def _outliers(
        self, areas: NDArray[np.int64], aspects: NDArray[np.float64], counts: NDArray[np.int64]
    ) -> list[Suspect]:
        """Rows whose area or aspect is beyond the fences, farthest first."""
        rows = self._extremes
        assert rows is not None
        assert rows.origins is not None
        own = rows.origins.sizes.astype(np.float64)
        by_area = _beyond(np.log(own.prod(axis=1)), np.log(areas), counts)
        by_aspect = _beyond(np.log(own[:, 0] / own[:, 1]), np.log(aspects), counts)
        score = np.maximum(by_area, by_aspect)
        area, aspect = (_weighted(values, counts, 0.5) for values in (areas, aspects))
        found = []
        for row in np.lexsort((rows.key_ids, -score))[:SHOWN].tolist():
            if score[row] <= FENCE:
                break
            width, height = own[row].astype(int).tolist()
            why = f"{width:,} x {height:,} pixels, "
            if by_area[row] >= by_aspect[row]:
                times = width * height / area
                why += f"{times:.2g} times" if times >= 1 else f"{100 * times:.2g} % of"
                why += " the median area"
            else:
                why += f"{width / height:.2g} times as wide as high; the median is {aspect:.2g}"
            found.append(row_shown(rows, row, self._classes, score=float(score[row]), why=why))
        return found


def _distribution(
    name: str,
    values: NDArray[np.int64] | NDArray[np.float64],
    edges: NDArray[np.float64],
    labels: NDArray[np.int64],
    counts: NDArray[np.int64],
    n_classes: int,
) -> Distribution:
    """Exact medians; what lies beyond the edges is in the first and last bin."""
    order = np.argsort(values, kind="stable")
    values, labels, counts = values[order], labels[order], counts[order]
    bins = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    table = np.zeros((n_classes, len(edges) - 1), np.int64)
    np.add.at(table, (labels, bins), counts)
    own = [labels == label for label in range(n_classes)]
    return Distribution(
        name=name,
        edges=edges,
        counts=table,
        medians=np.array([median_of(values[each], counts[each]) for each in own]),
        median=median_of(values, counts),
    )


def _edges(lengths: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """From 0 to the longest, or to twice what 99 % stay below; whole pixels to a bin."""
    upper = min(float(lengths.max()), 2 * _weighted(lengths, counts, 0.99))
    return np.arange(_BINS + 1, dtype=np.float64) * float(np.ceil((upper + 1) / _BINS))


def _weighted(
    values: NDArray[np.int64] | NDArray[np.float64], counts: NDArray[np.int64], share: float
) -> float:
    """The value that this share of the pictures does not exceed."""
    order = np.argsort(values)
    reached = np.cumsum(counts[order])
    return float(values[order][np.searchsorted(reached, share * reached[-1])])


def _beyond(
    own: NDArray[np.float64], values: NDArray[np.float64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How far each is beyond the nearer quartile, in distances between the quartiles."""
    low, high = _weighted(values, counts, 0.25), _weighted(values, counts, 0.75)
    spread = max(high - low, _LEAST_SPREAD)
    return np.asarray(np.maximum(low - own, own - high) / spread, np.float64)


def _most_extreme(rows: Rows) -> NDArray[np.int64]:
    """The rows with the largest and the least areas and aspects, as many of each as are shown.

    Whatever the quartiles will be, those that are farthest out are among them.
    """
    assert rows.origins is not None
    width, height = rows.origins.sizes.T.astype(np.float64)
    ends = [
        np.lexsort((rows.key_ids, sign * values))[:SHOWN]
        for values in (width * height, width / height)
        for sign in (1, -1)
    ]
    return np.unique(np.concatenate(ends))
