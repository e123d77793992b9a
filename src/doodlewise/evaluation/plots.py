"""Pictures of an evaluation and of a training, all in one look.

Every function returns a Matplotlib `Figure` that no window and no global state knows of;
`to_png` turns it into the bytes of a file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, MissingExtraError
from .look import (
    BLUE,
    INK,
    LINE,
    MUTED,
    ORANGE,
    RIGHT,
    WRONG,
    percent_axis,
    short,
    show_image,
    styled,
    to_png,
)
from .result import EvalResult, TopLoss

try:
    from matplotlib.axes import Axes
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle
    from matplotlib.ticker import MaxNLocator
except ImportError:
    raise MissingExtraError("matplotlib", "train") from None

__all__ = [
    "CONFUSED_SHOWN",
    "plot_by_class",
    "plot_by_ink",
    "plot_confusion_matrix",
    "plot_curves",
    "plot_most_confused",
    "plot_reliability",
    "plot_samples",
    "plot_top_losses",
    "to_png",
]

CONFUSED_SHOWN = 15
"""Errors in `plot_most_confused`: the first of `EvalResult.most_confused`."""


@styled
def plot_curves(epochs: Sequence[Mapping[str, Any]]) -> Figure:
    """Loss, top-1 and learning rate over the epochs, the best epoch marked.

    Args:
        epochs: rows with `epoch`, `train_loss`, `val_loss`, `train_top1`, `val_top1`, `lr`; what
            was not measured is absent, None or NaN.

    Raises:
        DataError: there is no epoch.
    """
    if not epochs:
        raise DataError("No epoch has ended yet, so there are no curves. Train for one at least.")
    figure = Figure(figsize=(9.6, 5.0), layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=[4, 1])
    loss = figure.add_subplot(grid[0, 0])
    top1 = figure.add_subplot(grid[0, 1], sharex=loss)
    rate = figure.add_subplot(grid[1, :])
    x = _column(epochs, "epoch")
    marker = "o" if len(x) < 25 else ""
    for axes, quantity, title in ((loss, "loss", "Loss"), (top1, "top1", "Right at first guess")):
        for part, colour, dashes in (("train", MUTED, (0, (4, 2))), ("val", BLUE, "solid")):
            axes.plot(
                x,
                _column(epochs, f"{part}_{quantity}"),
                color=colour,
                linestyle=dashes,
                marker=marker,
                markersize=4,
                label={"train": "training", "val": "validation"}[part],
            )
        axes.set_title(title)
        axes.grid(axis="y")
        axes.legend(loc="best")
    top1.yaxis.set_major_formatter(percent_axis())
    values = _column(epochs, "val_top1")
    if np.isfinite(values).any():
        best = int(np.nanargmax(values))
        for axes in (loss, top1):
            axes.axvline(x[best], color=ORANGE, linewidth=1.2, linestyle=(0, (1, 2)))
        top1.plot(x[best], values[best], "o", color=ORANGE, markersize=7, zorder=5)
        top1.set_title(
            f"best {100 * values[best]:.2f} % in epoch {x[best]:.0f}",
            loc="right",
            color=ORANGE,
            fontsize=9.5,
            fontweight="normal",
        )
    rate.plot(x, _column(epochs, "lr"), color=MUTED, marker=marker, markersize=3)
    rate.set_title("Learning rate", fontsize=9.5, fontweight="normal", color=MUTED, pad=4)
    rate.set_xlabel("epoch")
    highest = np.nanmax(np.append(_column(epochs, "lr"), 0.0))
    rate.set_yticks([0.0, highest], ["0", f"{highest:.3g}"])
    for axes in (loss, top1, rate):
        axes.set_xlim(x.min() - 0.5, x.max() + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return figure


@styled
def plot_confusion_matrix(result: EvalResult) -> Figure:
    """What is taken for what: each row a true class, its drawings shared out over the guesses.

    Right guesses are blue, wrong ones orange; the colour grows with the square root of the share,
    so that rare errors are seen. Up to 20 classes, the percentages are written in; with many, only
    some classes are named.
    """
    n = len(result.classes)
    support = result.confusion.sum(axis=1, keepdims=True)
    shares = result.confusion / np.maximum(support, 1)
    step = math.ceil(n / 75)
    ticks = np.arange(0, n, step)
    names = [short(result.classes[i]) for i in ticks]
    longest = max(len(name) for name in names)
    is_upright = n > 6 or longest > 9
    font = 9.0 if n <= 20 else 7.0 if n <= 60 else 6.0

    cells = max(0.48 * n, 2.4) if n <= 20 else min(4.0 + 0.13 * n, 11.0)
    text = 0.6 + longest * font * 0.0085
    below = text if is_upright else 0.8
    width, height = text + cells + 1.4, below + cells + 0.5
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((text / width, below / height, cells / width, cells / height))
    is_right = np.eye(n, dtype=bool)
    for place, colours, shown, name in (
        (0, RIGHT, is_right, "right"),
        (1, WRONG, ~is_right, "wrong"),
    ):
        image = axes.imshow(
            np.ma.masked_array(shares, ~shown),
            cmap=colours,
            norm=PowerNorm(0.5, 0.0, 1.0),
            interpolation="nearest",
        )
        left, tall = text + cells + 0.25 + 0.22 * place, min(0.7 * cells, 4.5)
        bar_axes = figure.add_axes(
            (left / width, (below + 0.1) / height, 0.14 / width, tall / height)
        )
        bar = figure.colorbar(image, cax=bar_axes)
        labels = ["0", "1", "5", "20", "50", "100 %"] if name == "wrong" else [""] * 6
        bar.set_ticks([0.0, 0.01, 0.05, 0.2, 0.5, 1.0], labels=labels)
        bar.outline.set_edgecolor(LINE)
        bar_axes.tick_params(length=0, labelsize=8)
        bar_axes.text(0.5, 1.03, name, rotation=90, ha="center", va="bottom", fontsize=8)
    axes.set_xticks(ticks, names, rotation=90 if is_upright else 0, fontsize=font)
    axes.set_yticks(ticks, names, fontsize=font)
    axes.tick_params(length=0 if step == 1 else 2.5, pad=3)
    axes.set_xlabel("guessed")
    axes.set_ylabel("drawn")
    axes.set_title("What is taken for what" + (f" (every {step}th name)" if step > 1 else ""))
    axes.spines[:].set_visible(n > 60)
    if n <= 60:
        axes.set_xticks(np.arange(n + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(n + 1) - 0.5, minor=True)
        axes.grid(which="minor", color=LINE, linewidth=0.6)
        axes.tick_params(which="minor", length=0)
    if n <= 20:
        for row, column in np.argwhere(result.confusion > 0):
            share = shares[row, column]
            axes.text(
                column,
                row,
                f"{100 * share:.0f}" if share >= 0.005 else "<1",
                ha="center",
                va="center",
                fontsize=8,
                color="white" if share > (0.3 if row == column else 0.45) else INK,
            )
    return figure


@styled
def plot_most_confused(
    result: EvalResult,
    examples: Mapping[tuple[str, str], NDArray[np.uint8]] | None = None,
) -> Figure:
    """Bars of the most frequent errors, with some of the drawings beside them.

    Args:
        examples: (true, guessed) to uint8 (k, h, w) or (k, h, w, c); up to 6 are shown.
            Only the first `CONFUSED_SHOWN` errors are.
    """
    listed = result.most_confused[:CONFUSED_SHOWN]
    row_height, width = (0.5, 9.8) if examples else (0.3, 8.0)
    figure = Figure(figsize=(width, 1.1 + row_height * max(len(listed), 3)), layout="constrained")
    if examples:
        axes, strip = figure.subplots(1, 2, width_ratios=[1.12, 1.0])
    else:
        axes, strip = figure.subplots(), None
    y = np.arange(len(listed))
    counts = [pair["count"] for pair in listed]
    axes.barh(y, counts, color=ORANGE, height=0.62)
    axes.set_yticks(y, [f"{short(pair['true'])} → {short(pair['guessed'])}" for pair in listed])
    for position, pair in zip(y, listed, strict=True):
        axes.annotate(
            f"{pair['count']:,}  ({100 * pair['share']:.1f} %)",
            (pair["count"], position),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=MUTED,
        )
    axes.set_xlim(0, 1.28 * max(counts, default=1))
    axes.set_ylim(max(len(listed), 3) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_xlabel(f"{result.things} (share of the true class)")
    axes.set_title("Most often confused" if listed else "Nothing was confused")
    if strip is not None and examples is not None:
        _strip(strip, [examples.get((pair["true"], pair["guessed"])) for pair in listed])
    return figure


@styled
def plot_top_losses(images: NDArray[np.uint8], entries: Sequence[TopLoss]) -> Figure:
    """The drawings that the network got most wrong: the true word, and its guess below.

    Args:
        images: uint8 (k, h, w) or (k, h, w, c), of `entries` in their order.
    """
    captions = [
        [
            (short(each["true"], 21), INK),
            (f"{short(each['guessed'], 16)} {100 * each['p_guessed']:.0f} %", ORANGE),
        ]
        for each in entries
    ]
    return _contact_sheet(images, captions, "Largest errors: what it was, and the guess")


@styled
def plot_samples(
    images: NDArray[np.uint8],
    words: Sequence[str],
    guesses: Sequence[tuple[str, float]] | None = None,
) -> Figure:
    """A contact sheet of drawings, their words, and what the network made of them.

    Args:
        images: uint8 (k, h, w) or (k, h, w, c).
        words: what they are.
        guesses: word and probability of each best guess, where there are any.
    """
    captions: list[list[_Line]] = [[(short(word, 21), INK)] for word in words]
    for caption, word, (guess, probability) in zip(captions, words, guesses or (), strict=False):
        is_right = guess == word
        said = "right" if is_right else short(guess, 15)
        caption.append((f"{said} {100 * probability:.0f} %", BLUE if is_right else ORANGE))
    return _contact_sheet(
        images, captions, "What it was, and the guess" if guesses else "Some of them"
    )


@styled
def plot_reliability(result: EvalResult) -> Figure:
    """Whether confidence can be believed: how often guesses of each confidence are right."""
    figure = Figure(figsize=(5.6, 6.2), layout="constrained")
    axes, counts = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 1])
    width = 1.0 / len(result.calibration)
    for each in result.calibration:
        confidence, accuracy, middle = each["confidence"], each["accuracy"], each["low"] + width / 2
        counts.bar(middle, each["count"] / result.n, width * 0.9, color=MUTED)
        if confidence is not None and accuracy is not None:
            axes.bar(middle, accuracy, width * 0.9, color=BLUE, alpha=0.85)
            axes.plot([middle, middle], [accuracy, confidence], color=ORANGE, solid_capstyle="butt")
            axes.plot(middle, confidence, "_", color=ORANGE, markersize=11, markeredgewidth=2)
    axes.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.bar([0], [0], color=BLUE, alpha=0.85, label="right")
    axes.plot([], [], "_", color=ORANGE, markersize=11, markeredgewidth=2, label="claimed")
    axes.legend(loc="upper left")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_ylabel("right at first guess")
    axes.yaxis.set_major_formatter(percent_axis())
    axes.grid(axis="y")
    axes.set_title(f"Can its confidence be believed?  Off by {100 * result.ece:.1f} %")
    counts.set_ylabel("share")
    counts.set_xlabel("confidence")
    counts.xaxis.set_major_formatter(percent_axis())
    counts.yaxis.set_major_formatter(percent_axis())
    counts.yaxis.set_major_locator(MaxNLocator(3))
    return figure


@styled
def plot_by_ink(result: EvalResult) -> Figure:
    """How early the drawing is recognised: accuracy by the share of its ink on the canvas.

    Raises:
        DataError: the evaluation was made on whole drawings only.
    """
    if not result.by_ink:
        raise DataError("Only whole drawings were evaluated. Evaluate by ink, too.")
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    inks = sorted(result.by_ink)
    x = [ink / 100 for ink in inks]
    for label, colour, values, below in (
        ("among the first three", MUTED, [result.by_ink[ink]["top3"] for ink in inks], False),
        ("first guess", BLUE, [result.by_ink[ink]["top1"] for ink in inks], True),
    ):
        axes.plot(x, values, color=colour, marker="o", markersize=6, label=label)
        for share, value in zip(x, values, strict=True):
            axes.annotate(
                f"{100 * value:.1f}",
                (share, value),
                xytext=(0, -15 if below else 8),
                textcoords="offset points",
                ha="center",
                fontsize=8.5,
                color=colour,
            )
    axes.set_xticks(x)
    axes.xaxis.set_major_formatter(percent_axis())
    axes.yaxis.set_major_formatter(percent_axis())
    axes.set_ylim(0, 1.1)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.set_xlim(min(x) - 0.06, max(x) + 0.06)
    axes.set_xlabel("of the ink on the canvas")
    axes.grid(axis="y")
    axes.legend(loc="lower right")
    axes.set_title("How early it is recognised")
    return figure


@styled
def plot_by_class(result: EvalResult) -> Figure:
    """F1 of each class, best first; of more than 60 classes, the 25 best and the 25 worst."""
    ordered = sorted(result.classes, key=lambda word: -result.by_class[word]["f1"])
    if len(ordered) > 60:
        columns = {
            "F1: the 25 best classes": ordered[:25],
            "F1: the 25 worst classes": ordered[-25:],
        }
    elif len(ordered) > 25:
        half = math.ceil(len(ordered) / 2)
        columns = {"F1: the better half": ordered[:half], "F1: the other half": ordered[half:]}
    else:
        columns = {"F1 by class": ordered}
    longest = max(len(words) for words in columns.values())
    figure = Figure(
        figsize=(7.0 if len(columns) == 1 else 10.5, 1.3 + 0.24 * max(longest, 4)),
        layout="constrained",
    )
    panels = figure.subplots(1, len(columns), squeeze=False)[0]
    for axes, (title, words) in zip(panels, columns.items(), strict=True):
        y = np.arange(len(words))
        scores = [result.by_class[word] for word in words]
        axes.barh(y, [score["f1"] for score in scores], color=BLUE, height=0.66, alpha=0.85)
        for quantity, marker in (("precision", "o"), ("recall", "D")):
            axes.plot(
                [score[quantity] for score in scores],  # type: ignore[literal-required]
                y,
                marker,
                color=ORANGE if quantity == "precision" else INK,
                markersize=3.6,
                label=quantity,
            )
        axes.axvline(
            result.macro_f1, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), label="mean F1"
        )
        axes.set_yticks(y, [short(word) for word in words], fontsize=8.5)
        axes.set_ylim(max(longest, 4) - 0.4, -0.6)
        axes.set_xlim(0, 1.02)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        axes.set_title(title)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


_Line = tuple[str, str]
"""Text and colour."""


def _contact_sheet(
    images: NDArray[np.uint8], captions: Sequence[Sequence[_Line]], title: str
) -> Figure:
    """Drawings in rows of eight, each with a caption of a line or more below."""
    if len(images) != len(captions) or len(images) == 0:
        raise DataError(
            f"There are {len(images)} images for {len(captions)} captions. Give one image for each."
        )
    columns = min(8, max(len(images), 3))
    rows = math.ceil(len(images) / columns)
    lines = max(len(caption) for caption in captions)
    tile, caption = 1.3, 0.12 + 0.15 * lines
    width, height = columns * tile + 0.3, rows * (tile - 0.14 + caption) + 0.55
    figure = Figure(figsize=(width, height))
    figure.text(0.22 / width, 1 - 0.16 / height, title, va="top", fontsize=11.5, weight="bold")
    for index, (image, texts) in enumerate(zip(images, captions, strict=True)):
        row, column = divmod(index, columns)
        side = tile - 0.14
        left = 0.15 + column * tile + 0.07
        bottom = height - 0.5 - row * (side + caption) - side
        axes = figure.add_axes((left / width, bottom / height, side / width, side / height))
        show_image(axes, image)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(visible=True, color=LINE)
        for line, (text, colour) in enumerate(texts):
            axes.annotate(
                text,
                (0.5, 0.0),
                xytext=(0, -4 - 10 * line),
                xycoords="axes fraction",
                textcoords="offset points",
                ha="center",
                va="top",
                fontsize=7.3,
                color=colour,
            )
    return figure


def _strip(axes: Axes, examples: Sequence[NDArray[np.uint8] | None]) -> None:
    """Up to six drawings beside each bar of the plot to the left."""
    for row, images in enumerate(examples):
        for column, image in enumerate(images[:6] if images is not None else ()):
            left, right, top, bottom = column + 0.03, column + 0.97, row - 0.47, row + 0.47
            show_image(axes, image, (left, right, bottom, top))
            axes.add_patch(
                Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=LINE)
            )
    axes.set_xlim(0, 6)
    axes.set_ylim(max(len(examples), 3) - 0.4, -0.6)
    axes.set_aspect("equal", anchor="W")
    axes.axis("off")


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> NDArray[np.float64]:
    values = (row.get(name) for row in rows)
    return np.array([math.nan if value is None else float(value) for value in values])
