"""Charts of the page: drawn in HTML and SVG, so that they follow its colours and any width.

Shapes are stretched to the room there is; words and numbers are text beside them, never stretched.
All words are escaped here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from .findings import Distribution

__all__ = [
    "histogram",
    "intensity",
    "joint_histogram",
    "number",
    "place_of",
    "split_bar",
    "ticks",
    "ticks_of",
]

LEVELS = 8
"""Shades of a two-dimensional histogram."""
BINS = 32
"""Bars of a histogram of 256 values."""


def histogram(d: Distribution, classes: Sequence[str]) -> str:
    """All classes in one histogram with its median, and the median of each class below."""
    counts = d.counts.sum(axis=0)
    middle = _percent(place_of(d, d.median))
    label = f"{d.name}: histogram of {number(counts.sum())}, median {number(d.median)}"
    parts = [
        f'<div class="chart" role="img" aria-label="{escape(label)}">',
        f'<div class="plot">{_svg(_bars(counts / max(counts.max(), 1)), "bars")}',
        f'<i class="median" style="left:{middle}"></i></div>',
        _axis((place_of(d, tick), number(tick)) for tick in ticks_of(d)),
        "</div>",
    ]
    if len(classes) > 1:
        parts.append(_strip(d, classes))
    return "".join(parts)


def intensity(counts: NDArray[np.int64], overall: NDArray[np.int64], *, is_log: bool) -> str:
    """How often each value occurs in a class, with all classes as a line behind it.

    Args:
        counts: int64 (256,).
        overall: likewise, of all classes.
        is_log: whether heights are logarithms.
    """
    own, others = (
        each.reshape(BINS, -1).sum(axis=1) / max(each.sum(), 1) for each in (counts, overall)
    )
    if is_log:
        # The rarest shade is still to be seen.
        least = others[others > 0].min(initial=1.0) / 3
        own, others = (np.log10(np.maximum(each / least, 1.0)) for each in (own, others))
    highest = max(own.max(), others.max(), 1e-9)
    x = np.linspace(0, 100, BINS + 1)
    line = "".join(
        f"{'L' if index else 'M'}{left:.1f} {100 - height:.1f}H{right:.1f}"
        for index, (left, right, height) in enumerate(
            zip(x[:-1], x[1:], 100 * others / highest, strict=True)
        )
    )
    shapes = f'{_bars(own / highest)}<path class="line" d="{line}"/>'
    return f'<div class="plot small">{_svg(shapes, "bars")}</div>'


def joint_histogram(
    joint: NDArray[np.int64], width: Distribution, height: Distribution, label: str
) -> str:
    """Widths to the right, heights upward; the darker, the more pictures.

    Args:
        joint: int64 (height bins, width bins).
        width: with the bins and the median.
        height: likewise.
        label: what it shows, for those who cannot see it.
    """
    rows, columns = joint.shape
    shares = np.sqrt(joint / max(joint.max(), 1))
    levels = np.ceil(shares * LEVELS).astype(int)
    shapes = []
    for level in range(1, LEVELS + 1):
        cells = "".join(
            f"M{x} {rows - 1 - y}h1v1h-1z" for y, x in np.argwhere(levels == level).tolist()
        )
        if cells:
            shapes.append(f'<path fill-opacity="{level / LEVELS:.3f}" d="{cells}"/>')
    across = _axis((place_of(width, tick), number(tick)) for tick in ticks_of(width))
    upward = "".join(
        f'<span style="bottom:{_percent(place_of(height, tick))}">{number(tick)}</span>'
        for tick in ticks_of(height)
    )
    return (
        f'<div class="joint" role="img" aria-label="{escape(label)}">'
        f'<div class="upward">{upward}</div><div class="plot square">'
        f'<svg viewBox="0 0 {columns} {rows}" preserveAspectRatio="none" class="cells"'
        f' aria-hidden="true">{"".join(shapes)}</svg>'
        f'<i class="median" style="left:{_percent(place_of(width, width.median))}"></i>'
        f'<i class="median flat" style="bottom:{_percent(place_of(height, height.median))}"></i>'
        f"</div>{across}</div>"
    )


def split_bar(sizes: dict[str, int]) -> str:
    """Training, validation and test rows as parts of one bar."""
    total = max(sum(sizes.values()), 1)
    parts = "".join(
        f'<span class="{escape(name)}" style="flex-grow:{size}"></span>'
        for name, size in sizes.items()
        if size
    )
    words = {"train": "to learn from", "val": "to choose with", "test": "for the exam"}
    keys = "".join(
        f'<li><b class="{escape(name)}"></b>{escape(name)}, {words.get(name, "")}:'
        f" <strong>{size:,}</strong> ({100 * size / total:.0f}&nbsp;%)</li>"
        for name, size in sizes.items()
    )
    return f'<div class="splits" aria-hidden="true">{parts}</div><ul class="keys">{keys}</ul>'


def place_of(d: Distribution, value: float) -> float:
    """Where a value is on the axis of a histogram, 0 left to 1 right; bins are equally wide."""
    if math.isnan(value):
        return 0.0
    return float(np.interp(value, d.edges, np.linspace(0.0, 1.0, len(d.edges))))


def ticks_of(d: Distribution) -> list[float]:
    """Round numbers along the axis of a histogram; of bins that grow, halves and doubles."""
    low, high = float(d.edges[0]), float(d.edges[-1])
    if low > 0 and d.edges[-1] - d.edges[-2] > 3 * (d.edges[1] - d.edges[0]):
        first, last = math.ceil(math.log2(low) - 1e-9), math.floor(math.log2(high) + 1e-9)
        return [2.0**power for power in range(first, last + 1)]
    return ticks(low, high)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from low to high."""
    raw = max(high - low, 1e-12) / about
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def number(value: float) -> str:
    """A number with the digits that matter."""
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _strip(d: Distribution, classes: Sequence[str]) -> str:
    """A mark for the median of each class; the first and last are named."""
    ordered = np.argsort(d.medians, kind="stable").tolist()
    known = [index for index in ordered if not math.isnan(d.medians[index])]
    marks = "".join(
        f'<i title="{escape(classes[i])}: {number(d.medians[i])}"'
        f' style="left:{_percent(place_of(d, d.medians[i]))}"></i>'
        for i in known
    )
    if not known or d.medians[known[0]] == d.medians[known[-1]]:
        said = "The median is the same in every class."
    else:
        low, high = known[0], known[-1]
        said = (
            f"Lowest: <b>{escape(classes[low])}</b> ({number(d.medians[low])});"
            f" highest: <b>{escape(classes[high])}</b> ({number(d.medians[high])})."
        )
    return (
        f'<div class="strip" aria-hidden="true">{marks}</div><p>A mark for each class. {said}</p>'
    )


def _bars(heights: NDArray[np.floating]) -> str:
    """Heights of 0 to 1 as bars that fill a box of 100 x 100."""
    width = 100 / len(heights)
    gap = 0.12 * width if len(heights) <= 64 else 0.0
    path = "".join(
        f"M{index * width + gap / 2:.2f} 100v{-100 * height:.2f}h{width - gap:.2f}V100z"
        for index, height in enumerate(heights)
        if height > 0
    )
    return f'<path d="{path}"/>'


def _svg(shapes: str, kind: str) -> str:
    return (
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" class="{kind}"'
        f' aria-hidden="true">{shapes}</svg>'
    )


def _axis(labelled: Iterable[tuple[float, str]]) -> str:
    spans = "".join(
        f'<span style="left:{_percent(place)}">{escape(text)}</span>' for place, text in labelled
    )
    return f'<div class="axis">{spans}</div>'


def _percent(share: float) -> str:
    return f"{100 * share:.2f}%"
