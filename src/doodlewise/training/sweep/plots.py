"""Pictures of a sweep, in the look of all our pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

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
    "plot_lines",
    "plot_ranking",
    "plot_values",
]

SHOWN = 24
"""Settings in the ranking."""
LEAST_RANGE = 0.2
"""What is this far below the best is as pale as what is further below: it lost."""
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
    figure = Figure(figsize=(11.0, 8.6), layout="constrained")
    axes = figure.add_gridspec(3, 2, height_ratios=[5, 5, 1.5])
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
    drawn = [setting for setting in result.settings if _means(setting, curves, "val_top1").size]
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


@styled
def plot_heat_map(result: SweepResult, shares: Mapping[str, float]) -> Figure | None:
    """Validation top-1 by two settings; with more of them, the best over the others.

    Args:
        shares: of `importance`: the two that matter most are shown.

    Returns:
        None if fewer than two settings were varied.
    """
    varied = _varied(result)
    if len(varied) < 2 or result.plan.is_search:
        return None
    chosen = sorted(varied, key=lambda name: -shares.get(name, 0.0))[:2]
    # Fewer values upwards: a page is wider than high.
    down, across = sorted(chosen, key=lambda name: len(_values(result, name)))
    rows, columns = _values(result, down), _values(result, across)
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
    longest = max((len(setting.spell(result.names)) for setting in shown), default=10)
    figure = Figure(
        figsize=(min(4.6 + 0.075 * longest, 11.0), 1.35 + 0.27 * max(len(shown), 4)),
        layout="constrained",
    )
    axes = figure.subplots()
    ends: list[float] = []
    best = result.best
    for row, setting in enumerate(shown):
        if setting.top1 is None:
            axes.annotate(
                setting.state, (0.012, row), xycoords=("axes fraction", "data"), va="center",
                fontsize=8.5, color=ORANGE, style="italic",
            )  # fmt: skip
            continue
        moves = by_chance(setting.top1, result.n_val)
        colour = ORANGE if setting is best else BLUE if setting.state == "done" else MUTED
        axes.plot(
            [setting.top1 - moves, setting.top1 + moves], [row, row],
            color=colour, linewidth=5, alpha=0.25, solid_capstyle="butt",
        )  # fmt: skip
        seeds = [trial.result["val_top1"] for trial in setting.trials if trial.result]
        if len(seeds) > 1:
            axes.plot(seeds, [row] * len(seeds), "|", color=colour, markersize=7)
        is_whole = setting.state == "done"
        axes.plot(
            setting.top1, row, "o", color=colour, markersize=6,
            markerfacecolor=colour if is_whole else "none",
        )  # fmt: skip
        axes.annotate(
            f"{100 * setting.top1:.1f}", (1.01, row), xycoords=("axes fraction", "data"),
            va="center", fontsize=8.5, color=colour,
        )  # fmt: skip
        ends += [setting.top1 - moves, setting.top1 + moves]
    if best is not None and best.top1 is not None:
        axes.axvline(best.top1, color=ORANGE, linewidth=1, linestyle=(0, (1, 2)), zorder=1)
    axes.set_yticks(
        range(len(shown)), [short(each.spell(result.names), 60) for each in shown], fontsize=8.5
    )
    axes.set_ylim(max(len(shown), 4) - 0.4, -0.6)
    if ends:
        pad = 0.04 * (max(ends) - min(ends) + 0.01)
        axes.set_xlim(max(min(ends) - pad, -0.01), min(max(ends) + pad, 1.01))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(percent_axis())
    axes.grid(axis="x")
    more = len(result.settings) - len(shown)
    axes.set_title("Best first" + (f" (the best {len(shown)}; {more} more)" if more > 0 else ""))
    axes.set_xlabel(
        "validation top-1; the bar: 95 of 100 other sets of as many drawings would move it so far"
        if longest > 30
        else "validation top-1, and how far chance moves it"
    )
    return figure


@styled
def plot_values(result: SweepResult) -> Figure:
    """Validation top-1 by the values of each setting, a panel each; a dot a trial."""
    varied = _varied(result) or list(result.plan.axes)
    columns = min(len(varied), 3)
    rows = math.ceil(len(varied) / columns)
    figure = Figure(figsize=(1.0 + 3.5 * columns, 0.6 + 2.9 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    judged = [trial for trial in result.trials if trial.result]
    last = max((trial.number for trial in result.trials), default=1) or 1
    best = result.best.best if result.best is not None else None
    for name, axes in zip(varied, panels, strict=False):
        place = _placer(axes, result, name)
        for trial in judged:
            at = place(trial.setting.get(name, result.plan.setting_of({})[name]))
            is_best = best is not None and trial.number == best.number
            colour = ORANGE if is_best else RIGHT(0.35 + 0.5 * trial.number / last)
            axes.plot(
                at, trial.result["val_top1"], "o", color=colour, markersize=8 if is_best else 5.5,
                markerfacecolor=colour if trial.state == "done" else "none",
                zorder=4 if is_best else 3, markeredgewidth=1.2,
            )  # fmt: skip
        for trial in result.trials:
            if trial.state in FAILED:
                at = place(trial.setting.get(name, result.plan.setting_of({})[name]))
                axes.plot(
                    at, 0.0, "x", color=ORANGE, markersize=6, markeredgewidth=1.6,
                    transform=axes.get_xaxis_transform(), clip_on=False, zorder=5,
                )  # fmt: skip
        axes.set_xlabel(result.names[name])
        axes.yaxis.set_major_formatter(percent_axis())
        axes.grid(axis="y")
    for axes in panels[len(varied) :]:
        axes.axis("off")
    for axes in panels[:: max(columns, 1)]:
        axes.set_ylabel("validation top-1")
    said = ["a dot is a trial", "later ones are darker", "the best is orange"]
    if any(trial.state == "pruned" for trial in result.trials):
        said.append("rings were ended early")
    if any(trial.state in FAILED for trial in result.trials):
        said.append("crosses failed")
    figure.suptitle(
        "What each setting does   " + ", ".join(said),
        x=0.012, ha="left", fontsize=9, color=MUTED,
    )  # fmt: skip
    return figure


@styled
def plot_importance(result: SweepResult, shares: Mapping[str, float]) -> Figure | None:
    """How much each setting matters; None if that is not known."""
    if not shares:
        return None
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


def _means(setting: Setting, curves: Curves, name: str) -> NDArray[np.float64]:
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
    return np.mean([line[:shared] for line in lines], axis=0)


def _varied(result: SweepResult) -> list[str]:
    """Settings that really take more than one value."""
    return [name for name in result.plan.axes if len(_values(result, name)) > 1]


def _values(result: SweepResult, name: str) -> list[Any]:
    """All values of a setting that were tried or are to be, numbers in their order."""
    axis = result.plan.axes[name]
    listed = [] if isinstance(axis, Range) else list(axis.values)
    found = {repr(value): value for value in listed}
    for setting in result.settings:
        found.setdefault(repr(setting.values[name]), setting.values[name])
    values = list(found.values())
    numbers = all(isinstance(value, int | float) for value in values)
    return sorted(values) if numbers else values


def _looks(result: SweepResult, drawn: Sequence[Setting]) -> dict[int, dict[str, Any]]:
    """Colour and dashes of each setting's line."""
    varied = _varied(result)
    grid = _key_of(result)
    if len(varied) == 1 and grid:
        ramp = LinearSegmentedColormap.from_list("one", [BLUE, "#59a89c", "#e0b040", ORANGE])
        values = [repr(value) for value in _values(result, varied[0])]
        return {
            id(each): {
                "color": ramp(values.index(repr(each.values[varied[0]])) / (len(values) - 1))
            }
            for each in drawn
        }
    if grid:
        rows, columns = ([repr(value) for value in _values(result, name)] for name in grid)
        looks = {}
        for setting in drawn:
            family = rows.index(repr(setting.values[grid[0]]))
            place = columns.index(repr(setting.values[grid[1]])) / max(len(columns) - 1, 1)
            ramp = LinearSegmentedColormap.from_list("family", FAMILIES[family])
            looks[id(setting)] = {"color": ramp(place), "linestyle": DASHES[family]}
        return looks
    ramp = LinearSegmentedColormap.from_list("first", [ORANGE, "#e0b040", "#59a89c", BLUE])
    return {
        id(setting): {"color": ramp(place / 7)} if place < 8 else {"color": LINE, "zorder": 1}
        for place, setting in enumerate(drawn)
    }


def _key_of(result: SweepResult) -> list[str]:
    """The settings that colours can tell: one, or two of which the first has few values."""
    varied = _varied(result)
    if result.plan.is_search or not varied or len(varied) > 2:
        return []
    if len(varied) == 1:
        return varied if 1 < len(_values(result, varied[0])) <= 10 else []
    ordered = sorted(varied, key=lambda name: len(_values(result, name)))
    fits = len(_values(result, ordered[0])) <= len(FAMILIES)
    return ordered if fits and len(_values(result, ordered[1])) <= 8 else []


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
        listed = drawn if grid else drawn[:8]
        if grid:
            listed = sorted(drawn, key=lambda each: each.values[grid[0]])
        for setting in listed:
            look = {name: value for name, value in looks[id(setting)].items() if name != "zorder"}
            text = short(setting.spell(result.names), 46)
            axes.plot([], [], label=text + ("  (best)" if setting is result.best else ""), **look)
        if len(listed) < len(drawn):
            axes.plot([], [], color=LINE, label=f"{len(drawn) - len(listed)} others")
        longest = max((len(each.spell(result.names)) for each in listed), default=1)
        columns = 2 if longest > 34 else 3 if longest > 20 else 5
        axes.legend(loc="upper center", ncols=columns, fontsize=9, borderaxespad=0)
        return
    rows, columns_ = (_values(result, name) for name in grid)
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
            setting = by_cell.get((repr(value), repr(other)))
            if setting is None:
                continue
            is_best = setting is result.best
            look = {name: each for name, each in looks[id(setting)].items() if name != "zorder"}
            axes.plot(
                [column + 0.1, column + 0.52], [row, row], linewidth=3.2 if is_best else 2, **look
            )
            if setting.top1 is not None:
                axes.text(
                    column + 0.58, row, f"{100 * setting.top1:.1f}", va="center", fontsize=8.5,
                    color=INK if is_best else MUTED, weight="bold" if is_best else "normal",
                )  # fmt: skip


def _without_peaks(axes: Axes, lines: Sequence[NDArray[np.float64]]) -> None:
    """A limit for losses: a line that shoots up must not flatten all the others."""
    ends = np.concatenate(lines)
    ends = ends[np.isfinite(ends)]
    if ends.size:
        top = min(ends.max(), 1.6 * np.percentile(ends, 90))
        axes.set_ylim(max(0.0, ends.min() - 0.05 * top), top * 1.03)


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
    values = _values(result, name)
    is_number = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    if is_number and (isinstance(axis, Range) or len(values) > 6):
        if (isinstance(axis, Range) and axis.is_log) or (
            min(values) > 0 and max(values) / min(values) >= 30
        ):
            axes.set_xscale("log")
        return lambda value: value
    places = {repr(value): place for place, value in enumerate(values)}
    axes.set_xticks(range(len(values)), [short(spelled(value), 14) for value in values])
    axes.set_xlim(-0.5, len(values) - 0.5)
    if max(len(spelled(value)) for value in values) > 9 and len(values) > 2:
        axes.tick_params(axis="x", rotation=30)
    return lambda value: places[repr(value)]
