"""The four curves of a sweep: accuracy and loss, training and validation, a line a setting."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ...evaluation.look import INK, LINE, MUTED, percent_axis, short, styled
from .results import Setting, SweepResult
from .space import spelled

__all__ = ["plot_lines"]

IN_COLOUR = 8
"""Lines in colour where there are more than colours can tell apart."""
FAMILIES = (
    ("#10304a", "#8fc1e6"),
    ("#7a3a05", "#f5b26b"),
    ("#1f4a33", "#8ccf9f"),
    ("#4a2560", "#cfa3e4"),
    ("#3b3b3b", "#b9b9b9"),
)
"""Dark and light end of the colours of each value of the first setting."""
DASHES: tuple[Any, ...] = (
    "solid",
    (0, (5, 1.6)),
    (0, (1.6, 1.2)),
    (0, (6, 1.5, 1.5, 1.5)),
    "solid",
)
SCALE = ["#2a6591", "#59a89c", "#e0b040", "#cf6f1e"]
"""Colours of the values of a single setting."""

Line = NDArray[np.float64]
Curves = Mapping[int, Sequence[Mapping[str, float]]]
"""Rows of metrics.csv by the number of the trial."""


@styled
def plot_lines(result: SweepResult, curves: Curves) -> Figure:
    """Accuracy and loss over the epochs, in training and on validation, one line a setting.

    With two settings, the first one's values have colours of their own and the second one's go from
    dark to light. With more, the best eight are in colour and the others grey.

    Args:
        curves: of all trials that have any.
    """
    drawn = [setting for setting in result.settings if _means(setting, curves, "val_top1").size]
    key_height = 0.25 * (1 + _key_rows(result, drawn))
    figure = Figure(figsize=(11.0, 7.2 + key_height), layout="constrained")
    axes = figure.add_gridspec(3, 2, height_ratios=[3.6, 3.6, key_height])
    panels = {
        "train_top1": figure.add_subplot(axes[0, 0]),
        "val_top1": figure.add_subplot(axes[0, 1]),
        "train_loss": figure.add_subplot(axes[1, 0]),
        "val_loss": figure.add_subplot(axes[1, 1]),
    }
    key = figure.add_subplot(axes[2, :])
    titles = {
        "train_top1": "Training: right at first guess",
        "val_top1": "Validation: right at first guess",
        "train_loss": "Training: loss",
        "val_loss": "Validation: loss",
    }
    looks = _looks(result, drawn)
    for name, panel in panels.items():
        lines = [_means(setting, curves, name) for setting in drawn]
        for setting, line in reversed(list(zip(drawn, lines, strict=True))):
            is_best = setting is result.best
            panel.plot(
                np.arange(1, len(line) + 1),
                line,
                linewidth=2.6 if is_best else 1.4,
                marker="o" if len(line) == 1 else "",
                markersize=4,
                **{"zorder": 5 if is_best else 2, **looks[id(setting)]},
            )
        panel.set_title(titles[name])
        panel.grid(axis="y")
        panel.set_xlim(left=0.5)
        if name.endswith("top1"):
            panel.yaxis.set_major_formatter(percent_axis())
        elif lines:
            _without_peaks(panel, lines)
        if name.endswith("loss"):
            panel.set_xlabel("epoch")
    _key(key, result, drawn, looks)
    return figure


def _means(setting: Setting, curves: Curves, name: str) -> Line:
    """A figure by epoch, the mean over the seeds."""
    lines = [
        [row.get(name, math.nan) for row in curves.get(trial.number, ())]
        for trial in setting.trials
    ]
    lines = [line for line in lines if line]
    if not lines:
        return np.empty(0)
    # Only as far as all seeds went: a mean over the survivors would jump.
    shared = min(map(len, lines))
    mean: Line = np.mean([line[:shared] for line in lines], axis=0)
    return mean


def _looks(result: SweepResult, drawn: Sequence[Setting]) -> dict[int, dict[str, Any]]:
    """Colour and dashes of each setting's line."""
    varied = result.varied
    grid = _key_of(result)
    if len(varied) == 1 and grid:
        ramp = LinearSegmentedColormap.from_list("one", SCALE)
        values = [repr(value) for value in result.values_of(varied[0])]
        return {
            id(each): {
                "color": ramp(values.index(repr(each.values[varied[0]])) / (len(values) - 1))
            }
            for each in drawn
        }
    if grid:
        rows, columns = ([repr(value) for value in result.values_of(name)] for name in grid)
        looks = {}
        for setting in drawn:
            family = rows.index(repr(setting.values[grid[0]]))
            place = columns.index(repr(setting.values[grid[1]])) / max(len(columns) - 1, 1)
            ramp = LinearSegmentedColormap.from_list("family", FAMILIES[family])
            looks[id(setting)] = {"color": ramp(place), "linestyle": DASHES[family]}
        return looks
    ramp = LinearSegmentedColormap.from_list("first", SCALE[::-1])
    return {
        id(setting): {"color": ramp(place / (IN_COLOUR - 1))}
        if place < IN_COLOUR
        else {"color": LINE, "zorder": 1}
        for place, setting in enumerate(drawn)
    }


def _key_of(result: SweepResult) -> list[str]:
    """The settings that colours can tell: one, or two of which the first has few values."""
    varied = result.varied
    if result.plan.is_search or not varied or len(varied) > 2:
        return []
    if len(varied) == 1:
        return varied if 1 < len(result.values_of(varied[0])) <= 10 else []
    ordered = sorted(varied, key=lambda name: len(result.values_of(name)))
    fits = len(result.values_of(ordered[0])) <= len(FAMILIES)
    return ordered if fits and len(result.values_of(ordered[1])) <= 8 else []


def _key(
    axes: Axes,
    result: SweepResult,
    drawn: Sequence[Setting],
    looks: Mapping[int, dict[str, Any]],
) -> None:
    """What the lines are: a small table for two settings, a list for others."""
    axes.axis("off")
    grid = _key_of(result)
    if len(grid) != 2:
        listed = _listed(result, drawn)
        for setting in listed:
            mark = "  (best)" if setting is result.best else ""
            axes.plot([], [], label=_label(setting) + mark, **_plain(looks[id(setting)]))
        if len(listed) < len(drawn):
            axes.plot([], [], color=LINE, label=f"{len(drawn) - len(listed)} others")
        axes.legend(
            loc="upper center",
            ncols=_key_columns(listed),
            title=", ".join(result.names[name] for name in result.varied),
            fontsize=9,
            title_fontproperties={"size": 9},
            borderaxespad=0,
        )
        return
    rows, columns_ = (result.values_of(name) for name in grid)
    axes.set_xlim(-1.35, len(columns_))
    axes.set_ylim(len(rows) - 0.4, -1.1)
    by_cell = {tuple(repr(each.values[name]) for name in grid): each for each in drawn}
    axes.text(
        -0.12, -0.8, f"{result.names[grid[0]]}  \\  {result.names[grid[1]]}",
        ha="right", va="center", color=MUTED, fontsize=9,
    )  # fmt: skip
    for column, value in enumerate(columns_):
        axes.text(column + 0.5, -0.8, short(spelled(value)), ha="center", va="center", fontsize=9)
    for row, value in enumerate(rows):
        axes.text(-0.12, row, short(spelled(value)), ha="right", va="center", fontsize=9)
        for column, other in enumerate(columns_):
            cell = by_cell.get((repr(value), repr(other)))
            if cell is None:
                continue
            is_best = cell is result.best
            axes.plot(
                [column + 0.1, column + 0.52],
                [row, row],
                linewidth=3.2 if is_best else 2,
                **_plain(looks[id(cell)]),
            )
            if cell.top1 is not None:
                axes.text(
                    column + 0.58, row, f"{100 * cell.top1:.1f}", va="center", fontsize=8.5,
                    color=INK if is_best else MUTED, weight="bold" if is_best else "normal",
                )  # fmt: skip


def _listed(result: SweepResult, drawn: Sequence[Setting]) -> list[Setting]:
    """The settings that the key names: all in the order of their values, or the best."""
    grid = _key_of(result)
    if not grid:
        return list(drawn[:IN_COLOUR])
    order = [repr(value) for value in result.values_of(grid[0])]
    return sorted(drawn, key=lambda each: order.index(repr(each.values[grid[0]])))


def _key_columns(listed: Sequence[Setting]) -> int:
    longest = max((len(_label(each)) for each in listed), default=1)
    return min(2 if longest > 34 else 3 if longest > 20 else 4 if longest > 12 else 6, len(listed))


def _key_rows(result: SweepResult, drawn: Sequence[Setting]) -> int:
    """Lines of text that the key takes."""
    grid = _key_of(result)
    if len(grid) == 2:
        return 1 + len(result.values_of(grid[0]))
    listed = _listed(result, drawn)
    return 1 + math.ceil((len(listed) + (len(listed) < len(drawn))) / max(_key_columns(listed), 1))


def _label(setting: Setting) -> str:
    """The values of a setting; the key's title says of what."""
    return short(", ".join(map(spelled, setting.values.values())), 60)


def _plain(look: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in look.items() if name != "zorder"}


def _without_peaks(axes: Axes, lines: Sequence[Line]) -> None:
    """A limit for losses: a line that shoots up must not flatten all the others."""
    ends = np.concatenate(lines)
    ends = ends[np.isfinite(ends)]
    if ends.size:
        top = min(ends.max(), 1.6 * np.percentile(ends, 90))
        axes.set_ylim(max(0.0, ends.min() - 0.05 * top), top * 1.03)
