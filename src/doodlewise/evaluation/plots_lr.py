"""The learning rate test as a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtraError
from .look import BLUE, INK, LINE, MUTED, ORANGE, styled

try:
    from matplotlib.figure import Figure
except ImportError:
    raise MissingExtraError("matplotlib", "train") from None

__all__ = ["plot_lr_test"]


@styled
def plot_lr_test(
    lr: NDArray[np.float64],
    loss: NDArray[np.float64],
    smooth: NDArray[np.float64],
    marks: dict[str, float],
    suggested: float,
    title: str,
) -> Figure:
    """The loss over the learning rate, which grows step by step.

    Args:
        lr: (steps,) rising.
        loss: (steps,) of single batches.
        smooth: (steps,) without most of their noise.
        marks: name and learning rate of points on the curve.
        suggested: the learning rate to train with.
        title: of the picture.
    """
    figure = Figure(figsize=(7.6, 4.4), layout="constrained")
    axes = figure.subplots()
    axes.plot(lr, loss, color=LINE, linewidth=1.0, label="a batch")
    axes.plot(lr, smooth, color=BLUE, linewidth=2.2, label="smoothed")
    axes.set_xscale("log")
    low, high = float(smooth.min()), float(smooth.max())
    room = 0.12 * (high - low)
    axes.set_ylim(low - 2.2 * room, high + 1.4 * room)
    for name, at in marks.items():
        height = float(np.interp(np.log(at), np.log(lr), smooth))
        axes.plot(at, height, "o", color=MUTED, markersize=6, zorder=4)
        axes.annotate(
            f"{name}\n{at:.1e}",
            (at, height),
            xytext=(0, -10),
            textcoords="offset points",
            ha="right" if at < suggested else "left",
            va="top",
            fontsize=8.0,
            color=MUTED,
        )
    axes.axvline(suggested, color=ORANGE, linewidth=1.4)
    axes.annotate(
        f"suggested: --lr {suggested:g}",
        (suggested, 1.0),
        xytext=(5, -4),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        va="top",
        color=ORANGE,
        fontsize=9.5,
        fontweight="bold",
    )
    axes.set_xlabel("learning rate")
    axes.set_ylabel("training loss")
    axes.set_title(title)
    axes.grid(axis="y")
    axes.legend(loc="lower left", fontsize=8, labelcolor=INK)
    return figure
