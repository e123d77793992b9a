"""Pictures of what came out of a sweep; its curves are in `lines`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ...evaluation.look import (
    BLUE,
    INK,
    LINE,
    MUTED,
    ORANGE,
    RIGHT,
    percent_axis,
    short,
    styled,
)
from .importance import TOGETHER
from .ledger import FAILED
from .results import Setting, SweepResult, by_chance
from .space import Range, spelled

__all__ = [
    "plot_heat_map",
    "plot_importance",
    "plot_ranking",
    "plot_values",
]

SHOWN = 24
"""Settings in the ranking."""
LEAST_RANGE = 0.2
"""What is this far below the best is as pale as what is further below: it lost."""


@styled
def plot_heat_map(result: SweepResult, shares: Mapping[str, float]) -> Figure:
    """Validation top-1 by two settings; with more of them, the best over the others.

    Args:
        result: of a grid with two settings or more.
        shares: of `importance`: the two that matter most are shown.
    """
    varied = result.varied
    chosen = sorted(varied, key=lambda name: -shares.get(name, 0.0))[:2]
    # Fewer values upwards: a page is wider than high.
    down, across = sorted(chosen, key=lambda name: len(result.values_of(name)))
    rows, columns = result.values_of(down), result.values_of(across)
    cells: dict[tuple[str, str], Setting] = {}
    for setting in reversed(result.settings):
        cells[repr(setting.values[down]), repr(setting.values[across])] = setting
    scores = [each.top1 for each in cells.values() if each.top1 is not None]
    best = max(scores, default=1.0)
    least = max(min(scores, default=0.0), best - LEAST_RANGE)
    colours = LinearSegmentedColormap.from_list("cells", RIGHT(np.linspace(0.06, 0.86, 64)))
    scale = Normalize(least - 1e-6, best)
    width, height = 1.35 + 1.12 * len(columns), 1.25 + 0.82 * len(rows)
    figure = Figure(figsize=(max(width, 5.2), height), layout="constrained")
    axes = figure.subplots()
    for row, down_value in enumerate(rows):
        for column, across_value in enumerate(columns):
            cell = cells.get((repr(down_value), repr(across_value)))
            _cell(axes, row, column, cell, colours, scale, is_best=cell is result.best)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xticks(range(len(columns)), [short(spelled(value)) for value in columns])
    axes.set_yticks(range(len(rows)), [short(spelled(value)) for value in rows])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel(result.names[across])
    axes.set_ylabel(result.names[down])
    others = [result.names[name] for name in varied if name not in chosen]
    over = f", best over {' and '.join(others)}" if others else ""
    axes.set_title(f"Validation top-1 in %{over}")
    return figure


@styled
def plot_ranking(result: SweepResult) -> Figure:
    """All settings, best first, each with the range in which chance alone moves it."""
    shown = result.settings[:SHOWN]
    names = result.varied or list(result.plan.axes)
    table = [
        [result.names[name] for name in names],
        *([short(spelled(setting.values[name]), 28) for name in names] for setting in shown),
    ]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    figure = Figure(
        figsize=(5.2 + 0.085 * sum(widths), 1.5 + 0.27 * max(len(shown), 4)), layout="constrained"
    )
    axes = figure.subplots()
    for row, cells in enumerate(table, -1):
        _cells_before(axes, row, cells, widths)
    ends: list[float] = []
    for row, setting in enumerate(shown):
        ends += _rank(axes, row, setting, result)
    if result.best is not None and result.best.top1 is not None:
        axes.axvline(result.best.top1, color=ORANGE, linewidth=1, linestyle=(0, (1, 2)), zorder=1)
    axes.set_yticks([])
    axes.set_ylim(max(len(shown), 4) - 0.4, -0.6)
    if ends:
        pad = 0.04 * (max(ends) - min(ends) + 0.01)
        axes.set_xlim(max(min(ends) - pad, -0.01), min(max(ends) + pad, 1.01))
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(percent_axis())
    axes.grid(axis="x")
    more = len(result.settings) - len(shown)
    figure.suptitle(
        "Best first" + (f" (the best {len(shown)}; {more} more)" if more > 0 else ""),
        x=0.012, ha="left", fontsize=11.5, weight="bold",
    )  # fmt: skip
    axes.set_xlabel(f"validation top-1, and how far chance moves it ({result.n_val:,} drawings)")
    return figure


def _rank(axes: Axes, row: int, setting: Setting, result: SweepResult) -> list[float]:
    """A line of the ranking; the ends of its bar."""
    is_whole = setting.state == "done" or (setting.state in FAILED and setting.top1 is not None)
    if not is_whole or setting.top1 is None:
        said = setting.state
        if setting.top1 is not None:
            said += f" at {100 * setting.top1:.1f} %"
        axes.annotate(
            said, (0.012, row), xycoords=("axes fraction", "data"), va="center", fontsize=8.5,
            color=ORANGE if setting.state in FAILED else MUTED, style="italic",
        )  # fmt: skip
        return []
    moves = by_chance(setting.top1, result.n_val)
    colour = ORANGE if setting is result.best else BLUE
    low, high = setting.top1 - moves, setting.top1 + moves
    axes.plot([low, high], [row, row], color=colour, linewidth=5, alpha=0.25,
              solid_capstyle="butt")  # fmt: skip
    seeds = [trial.result["val_top1"] for trial in setting.trials if trial.state == "done"]
    if len(seeds) > 1:
        axes.plot(seeds, [row] * len(seeds), "|", color=colour, markersize=7)
    axes.plot(setting.top1, row, "o", color=colour, markersize=6)
    said = f"{100 * setting.top1:.1f}"
    if setting.n_failed:
        said += f"  {setting.n_failed} of {len(setting.trials)} failed"
    axes.annotate(
        said, (1.01, row), xycoords=("axes fraction", "data"), va="center", fontsize=8.5,
        color=colour,
    )  # fmt: skip
    return [low, high]


def _cells_before(axes: Axes, row: int, cells: Sequence[str], widths: Sequence[int]) -> None:
    """A row of text to the left of the axis, in columns; the heading is row -1."""
    right = 8.0
    for text, width in zip(reversed(cells), reversed(widths), strict=True):
        axes.annotate(
            text, (0.0, row), xytext=(-right, 0), xycoords=("axes fraction", "data"),
            textcoords="offset points", ha="right", va="center", fontsize=8.5,
            color=MUTED if row < 0 else INK, annotation_clip=False,
        )  # fmt: skip
        right += 5.4 * width + 13.0


@styled
def plot_values(result: SweepResult) -> Figure:
    """Validation top-1 by the values of each setting, a panel each; a dot a trial."""
    varied = result.varied or list(result.plan.axes)
    columns = 2 if len(varied) == 4 else min(len(varied), 3)
    rows = math.ceil(len(varied) / columns)
    figure = Figure(figsize=(max(1.0 + 3.6 * columns, 5.6), 0.9 + 2.8 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    last = max((trial.number for trial in result.trials), default=1) or 1
    best = result.best.best if result.best is not None else None
    for name, axes in zip(varied, panels, strict=False):
        place = _placer(axes, result, name)
        for trial in result.trials:
            at = place(result.plan.setting_of(trial.setting)[name])
            colour = RIGHT(0.35 + 0.5 * trial.number / last)
            if trial.state == "done":
                is_best = best is not None and trial.number == best.number
                axes.plot(
                    at, trial.result["val_top1"], "o", color=ORANGE if is_best else colour,
                    markersize=8 if is_best else 5.5, zorder=4 if is_best else 3,
                )  # fmt: skip
            elif trial.is_over:
                is_failed = trial.state in FAILED
                axes.plot(
                    at, 0.0, "x" if is_failed else "o", color=ORANGE if is_failed else colour,
                    markerfacecolor="none", markersize=6, markeredgewidth=1.5, clip_on=False,
                    transform=axes.get_xaxis_transform(), zorder=5 if is_failed else 4,
                )  # fmt: skip
        axes.set_xlabel(result.names[name])
        axes.yaxis.set_major_formatter(percent_axis())
        axes.grid(axis="y")
    for axes in panels[len(varied) :]:
        axes.axis("off")
    for axes in panels[::columns]:
        axes.set_ylabel("validation top-1")
    said = ["a dot is a trial", "later ones are darker", "the best is orange"]
    if any(trial.state == "pruned" for trial in result.trials):
        said.append("rings were ended early")
    if any(trial.state in FAILED for trial in result.trials):
        said.append("crosses failed")
    figure.suptitle(
        "What each setting does\n", x=0.012, ha="left", fontsize=11.5, weight="bold"
    )  # fmt: skip
    height = figure.get_size_inches()[1]
    figure.text(
        0.012, 1 - 0.36 / height, ", ".join(said), ha="left", va="top", fontsize=9, color=MUTED
    )
    return figure


@styled
def plot_importance(result: SweepResult, shares: Mapping[str, float]) -> Figure:
    """How much each setting matters: the shares that `importance` found."""
    figure = Figure(figsize=(6.8, 1.0 + 0.36 * max(len(shares), 2)), layout="constrained")
    axes = figure.subplots()
    y = np.arange(len(shares))
    colours = [MUTED if name == TOGETHER else BLUE for name in shares]
    axes.barh(y, list(shares.values()), color=colours, height=0.62)
    for row, share in enumerate(shares.values()):
        axes.annotate(
            f"{100 * share:.0f} %", (share, row), xytext=(4, 0), textcoords="offset points",
            va="center", fontsize=8.5, color=MUTED,
        )  # fmt: skip
    axes.set_yticks(y, [short(result.names.get(name, name)) for name in shares])
    axes.set_ylim(max(len(shares), 2) - 0.4, -0.6)
    axes.set_xlim(0, 1.14 * max(shares.values(), default=1.0) or 1.0)
    axes.xaxis.set_major_formatter(percent_axis())
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_title("How much each setting matters")
    axes.set_xlabel("share of the differences in validation top-1")
    return figure


def _cell(
    axes: Axes,
    row: int,
    column: int,
    setting: Setting | None,
    colours: LinearSegmentedColormap,
    scale: Normalize,
    *,
    is_best: bool,
) -> None:
    """A field of the heat map."""
    score = setting.top1 if setting is not None else None
    face: Any = colours(float(np.clip(scale(score), 0, 1))) if score is not None else "none"
    axes.add_patch(
        Rectangle(
            (column - 0.47, row - 0.46), 0.94, 0.92, facecolor=face,
            edgecolor=ORANGE if is_best else LINE, linewidth=2.6 if is_best else 0.8,
            hatch="////" if setting is not None and score is None else None,
            zorder=3 if is_best else 2,
        )
    )  # fmt: skip
    if setting is None:
        axes.text(column, row, "–", ha="center", va="center", color=MUTED)
        return
    if score is None:
        axes.text(
            column, row, setting.state, ha="center", va="center", fontsize=8.5, color=ORANGE,
            style="italic", zorder=4,
            bbox={"facecolor": "#fbfaf7", "edgecolor": "none", "pad": 1.5},
        )  # fmt: skip
        return
    luminance = np.dot(to_rgb(face), (0.299, 0.587, 0.114))
    ink = "white" if luminance < 0.55 else INK
    below = ""
    if setting.spread is not None:
        below = f"± {100 * setting.spread:.1f}"
    if setting.n_failed:
        below = f"{setting.n_failed} of {len(setting.trials)} failed"
    elif setting.state != "done":
        below = setting.state
    axes.text(
        column, row - (0.1 if below else 0), f"{100 * score:.1f}", ha="center", va="center",
        fontsize=11.5, color=ink, weight="bold" if is_best else "normal", zorder=4,
    )  # fmt: skip
    axes.text(column, row + 0.22, below, ha="center", va="center", fontsize=8, color=ink, zorder=4)


def _placer(axes: Axes, result: SweepResult, name: str) -> Any:
    """Puts values of a setting on the axis: numbers where they are, words side by side."""
    axis = result.plan.axes[name]
    values = result.values_of(name)
    is_number = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    if is_number and (isinstance(axis, Range) or len(values) > 6):
        is_wide = not isinstance(axis, Range) and min(values) > 0 and values[-1] / values[0] >= 30
        if is_wide or (isinstance(axis, Range) and axis.is_log):
            axes.set_xscale("log")
        return lambda value: value
    places = {repr(value): place for place, value in enumerate(values)}
    axes.set_xticks(range(len(values)), [short(spelled(value), 14) for value in values])
    axes.set_xlim(-0.5, len(values) - 0.5)
    if max(len(spelled(value)) for value in values) > 9 and len(values) > 2:
        axes.tick_params(axis="x", rotation=30)
    return lambda value: places[repr(value)]
