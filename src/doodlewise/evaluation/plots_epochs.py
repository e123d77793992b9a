"""How errors come and go over the epochs of a training, in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, MissingExtraError
from .look import BLUE, INK, LINE, MUTED, ORANGE, RIGHT, WRONG, short, styled

try:
    from matplotlib.axes import Axes
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter
except ImportError:
    raise MissingExtraError("matplotlib", "train") from None

__all__ = ["FEW_CLASSES", "plot_confusion_over_epochs"]

FEW_CLASSES = 20
"""Up to so many, whole matrices are shown; beyond, lines."""
MATRICES = 6
TITLE = 0.28
"""Height of the title above them, inches."""
PAIRS = 8
CLASSES = 5
"""Easiest and hardest words that are named."""
_PAIR_COLOURS = (
    ORANGE, BLUE, "#7a5195", "#2f8f6b", "#b3312c", "#8c7a1f", "#4a90a4", "#c06c9a",
)  # fmt: skip


@styled
def plot_confusion_over_epochs(
    classes: Sequence[str],
    epochs: Sequence[int],
    confusion: NDArray[np.integer[Any]],
    right_epochs: Sequence[int],
    right: NDArray[np.integer[Any]],
) -> Figure:
    """Which words are taken for which, epoch after epoch, on the validation drawings.

    Up to 20 words: the whole matrix at some epochs. Beyond: the errors that were most frequent at
    the end, and how often each word is right.

    Args:
        classes: the words.
        epochs: of the matrices, counted from 1, rising.
        confusion: (epochs, classes, classes), row is the true class, column the guess.
        right_epochs: of `right`, likewise; all epochs.
        right: (right_epochs, classes), right guesses of each class.

    Raises:
        DataError: there is no epoch.
    """
    if not len(epochs) or not len(right_epochs):
        raise DataError("No epoch has ended yet, so there is no confusion. Train for one at least.")
    support = confusion[-1].sum(axis=1)
    if len(classes) <= FEW_CLASSES:
        return _matrices(classes, epochs, confusion)
    figure = Figure(figsize=(10.4, 5.4), layout="constrained")
    pairs, words = figure.subplots(1, 2)
    _pairs(pairs, classes, epochs, confusion, support)
    _words(words, classes, right_epochs, right / np.maximum(support, 1))
    for axes in (pairs, words):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        has_small = axes.get_ylim()[1] < 0.08
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, 1 if has_small else 0, " %"))
        axes.grid(axis="y")
    return figure


def _matrices(
    classes: Sequence[str], epochs: Sequence[int], confusion: NDArray[np.integer[Any]]
) -> Figure:
    chosen = np.unique(np.linspace(0, len(epochs) - 1, min(MATRICES, len(epochs))).round())
    n = len(classes)
    names = [short(word, 14) for word in classes]
    cell = min(max(0.16, 2.0 / n), 0.5)
    side = cell * n
    columns = min(3, len(chosen))
    rows = -(-len(chosen) // columns)
    text = 0.25 + 0.075 * max(map(len, names))
    gap, head = 0.25, 0.42
    width = text + columns * (side + gap) + 0.1
    height = TITLE + rows * (head + side) + text
    figure = Figure(figsize=(width, height))
    figure.text(
        0.15 / width, 1 - 0.16 / height, "What is taken for what, epoch by epoch",
        va="top", fontsize=11.5, weight="bold",
    )  # fmt: skip
    is_right = np.eye(n, dtype=bool)
    for place, index in enumerate(chosen.astype(int)):
        row, column = divmod(place, columns)
        left = text + column * (side + gap)
        bottom = height - TITLE - (row + 1) * (head + side)
        axes = figure.add_axes((left / width, bottom / height, side / width, side / height))
        counts = confusion[index]
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        for shown, colours in ((is_right, RIGHT), (~is_right, WRONG)):
            axes.imshow(
                np.ma.masked_array(shares, ~shown),
                cmap=colours,
                norm=PowerNorm(0.5, 0.0, 1.0),
                interpolation="nearest",
                aspect="auto",
            )
        top1 = counts.diagonal().sum() / max(counts.sum(), 1)
        axes.set_title(
            f"epoch {epochs[index]}: {100 * top1:.1f} % right",
            fontsize=9.0, fontweight="normal", color=MUTED, pad=4,
        )  # fmt: skip
        is_lowest = place + columns >= len(chosen)
        font = 8.0 if cell >= 0.19 else 7.0
        axes.set_xticks(range(n), names if is_lowest else [""] * n, rotation=90, fontsize=font)
        axes.set_yticks(range(n), names if column == 0 else [""] * n, fontsize=font)
        axes.set_xticks(np.arange(n + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(n + 1) - 0.5, minor=True)
        axes.grid(which="minor", color=LINE, linewidth=0.5)
        axes.tick_params(which="both", length=0, pad=3)
        axes.spines[:].set_visible(False)
    return figure


def _pairs(
    axes: Axes,
    classes: Sequence[str],
    epochs: Sequence[int],
    confusion: NDArray[np.integer[Any]],
    support: NDArray[np.integer[Any]],
) -> None:
    """The errors that are most frequent at the end."""
    last = confusion[-1].copy()
    np.fill_diagonal(last, 0)
    order = np.argsort(-last, axis=None, kind="stable")[:PAIRS]
    found = [
        (true, guess) for true, guess in zip(*np.unravel_index(order, last.shape), strict=True)
    ]
    marker = "o" if len(epochs) < 25 else ""
    ends = []
    for (true, guess), colour in zip(found, _PAIR_COLOURS, strict=False):
        if not last[true, guess]:
            continue
        shares = confusion[:, true, guess] / max(support[true], 1)
        axes.plot(epochs, shares, color=colour, marker=marker, markersize=3.5, linewidth=1.5)
        label = f"{short(classes[true], 16)} → {short(classes[guess], 16)}"
        ends.append((float(shares[-1]), label, colour))
    axes.set_ylim(bottom=0.0)
    axes.set_title("Errors that are most frequent at the end" if ends else "Nothing is confused")
    axes.set_ylabel("of the drawings of the true word")
    _name_ends(axes, epochs, ends)


def _words(
    axes: Axes, classes: Sequence[str], epochs: Sequence[int], shares: NDArray[np.float64]
) -> None:
    """How often each word is right: all as a band, the easiest and hardest by name."""
    for low, high, strength in ((5, 95, 0.14), (25, 75, 0.22)):
        axes.fill_between(
            epochs,
            np.percentile(shares, low, axis=1),
            np.percentile(shares, high, axis=1),
            color=BLUE,
            alpha=strength,
            linewidth=0,
            label=f"{high - low} of 100 words",
        )
    middle = np.median(shares, axis=1)
    axes.plot(epochs, middle, color=INK, linewidth=2.2, label="word in the middle")
    marker = "o" if len(epochs) < 25 else ""
    order = np.argsort(shares[-1], kind="stable")
    ends = []
    for group, colour in ((order[:CLASSES], ORANGE), (order[::-1][:CLASSES], BLUE)):
        for index in group:
            axes.plot(
                epochs, shares[:, index], color=colour, marker=marker, markersize=2.5, linewidth=0.9
            )
            ends.append((float(shares[-1, index]), short(classes[index], 18), colour))
    axes.set_ylim(0.0, 1.02)
    axes.set_title("How often each word is right")
    axes.legend(loc="lower right", fontsize=8)
    _name_ends(axes, epochs, ends)


def _name_ends(axes: Axes, epochs: Sequence[int], ends: Sequence[tuple[float, str, str]]) -> None:
    """Names to the right of the last points, moved apart where they would touch."""
    low, high = axes.get_ylim()
    listed = sorted(ends)
    places = _apart([value for value, _, _ in listed], 0.046 * (high - low), low, high)
    for (value, label, colour), y in zip(listed, places, strict=True):
        axes.annotate(
            label,
            (epochs[-1], value),
            xytext=(1.03, (y - low) / (high - low)),
            textcoords="axes fraction",
            va="center",
            fontsize=7.8,
            color=colour,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.6,
                "alpha": 0.7,
                "relpos": (0.0, 0.5),
                "shrinkA": 1.0,
                "shrinkB": 3.0,
            },
        )
    span = max(epochs[-1] - epochs[0], 1)
    axes.set_xlim(epochs[0] - 0.03 * span, epochs[-1] + 0.03 * span)


def _apart(values: Sequence[float], room: float, low: float, high: float) -> list[float]:
    """Places as near as can be to rising values, each at least `room` above the one before."""
    groups: list[list[float]] = []
    for value in values:
        groups.append([value])
        # Neighbours that touch become a group around their middle, which may touch the next one.
        while len(groups) > 1 and _top(groups[-2], room) + room > _bottom(groups[-1], room):
            last = groups.pop()
            groups[-1] += last
    placed: list[float] = []
    for group in groups:
        first = min(max(_bottom(group, room), low + 0.5 * room), high - room * (len(group) - 0.5))
        placed += [first + room * index for index in range(len(group))]
    return placed


def _bottom(group: Sequence[float], room: float) -> float:
    return sum(group) / len(group) - room * (len(group) - 1) / 2


def _top(group: Sequence[float], room: float) -> float:
    return sum(group) / len(group) + room * (len(group) - 1) / 2
