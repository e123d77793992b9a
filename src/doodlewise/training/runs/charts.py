"""Curves of several runs over each other, drawn in HTML and SVG, so that they follow the colours of
the page and any width.

Lines are stretched to the room there is; words and numbers are text beside them, never stretched.
All words are escaped here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["STYLE", "Curve", "chart", "legend", "ticks"]

Curve = Sequence[tuple[float, float]]
"""Epoch and value."""

COLOURS = 8
DASHES = ("", "6 4", "2 4", "9 4 2 4")
"""After as many runs as there are colours, lines are dashed."""
HIGHEST = 3.0
"""A curve that leaves the others by more than this many times their range is cut off."""

STYLE = """
:root { --c0: #2a6591; --c1: #c2600f; --c2: #5a8f29; --c3: #8a4f9e; --c4: #a8813a; --c5: #16857f;
  --c6: #b8436a; --c7: #6b7280; }
@media (prefers-color-scheme: dark) { :root:not([data-theme=light]) { DARK } }
:root[data-theme=dark] { DARK }
.charts { display: grid; gap: 1rem; }
.charts { grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); }
.charts .card { margin: 0; padding: .8rem 1rem 1rem; }
.charts figcaption { margin-bottom: .6rem; font-size: .92rem; }
.plot-area { position: relative; margin-left: 3.2rem; margin-bottom: 1.6rem; height: 13rem; }
.plot-area svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; }
.plot-area path { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; }
.plot-area path { stroke-linejoin: round; stroke-linecap: round; }
.plot-area path.grid { stroke: var(--line); stroke-width: 1; }
.plot-area path.dot { stroke-width: 9; }
.plot-area .y, .plot-area .x { position: absolute; font-size: .78rem; color: var(--muted); }
.plot-area .y { right: calc(100% + .5rem); transform: translateY(50%); white-space: nowrap; }
.plot-area .x { top: calc(100% + .3rem); transform: translateX(-50%); }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; margin: .2rem 0 1rem; padding: 0; }
.legend { list-style: none; font-size: .92rem; }
.legend li { display: flex; align-items: center; gap: .45rem; cursor: default; }
.legend li span { overflow-wrap: anywhere; }
.legend svg { flex: none; width: 1.7rem; height: .7rem; overflow: visible; }
.legend path { stroke-width: 3; stroke-linecap: round; }
""".replace(
    "DARK",
    "--c0: #86bbe0; --c1: #eda15c; --c2: #a3cf6d; --c3: #cf9ade; --c4: #dcc077; --c5: #62c9c1;"
    " --c6: #f094b3; --c7: #a9b0bc;",
)


def chart(
    title: str,
    curves: Sequence[Curve],
    labels: Sequence[str],
    *,
    marks: Sequence[int | None] = (),
    is_share: bool,
) -> str:
    """A figure with a line for each run, and a dot where a line has only one value.

    Args:
        title: what is drawn over the epochs.
        curves: of each run; an empty one is left out.
        labels: of the runs, for those who cannot see it.
        marks: an epoch of each run that gets a dot.
        is_share: whether the values are shares, written as percent.
    """
    drawn = [curve for curve in curves if curve]
    if not drawn:
        return ""
    last = max(curve[-1][0] for curve in drawn)
    low, high = _range(drawn)
    steps = ticks(low, high)
    low, high = min(low, steps[0]), max(high, steps[-1])

    def x(epoch: float) -> float:
        return 100 * (epoch - 1) / (last - 1) if last > 1 else 50.0

    def y(value: float) -> float:
        return 100 * (high - min(value, high)) / (high - low)

    parts = [f'<path class="grid" d="M0 {y(at):.2f}H100"/>' for at in steps]
    for index, curve in enumerate(curves):
        marked = [
            point for point in curve if len(curve) == 1 or point[0] in marks[index : index + 1]
        ]
        parts += [
            f'<path class="dot r{index}" {_stroke(index)} d="M{x(epoch):.2f} {y(value):.2f}h.01"/>'
            for epoch, value in marked
        ]
        points = "L".join(f"{x(epoch):.2f} {y(value):.2f}" for epoch, value in curve)
        if len(curve) > 1:
            parts.append(f'<path class="line r{index}" {_stroke(index)} d="M{points}"/>')
    said = "; ".join(
        f"{label}: {_spelled(curve[0][1], is_share)} to {_spelled(curve[-1][1], is_share)}"
        for label, curve in zip(labels, curves, strict=True)
        if curve
    )
    upward = "".join(
        f'<span class="y" style="bottom:{100 - y(at):.2f}%">{_spelled(at, is_share)}</span>'
        for at in steps
    )
    across = "".join(
        f'<span class="x" style="left:{x(epoch):.2f}%">{epoch}</span>' for epoch in _epochs(last)
    )
    return (
        f'<figure class="card"><figcaption>{escape(title)}</figcaption>'
        f'<div class="plot-area" role="img" aria-label="{escape(f"{title} by epoch. {said}")}">'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">'
        f"{''.join(parts)}</svg>{upward}{across}</div></figure>"
    )


def legend(labels: Sequence[str]) -> str:
    """Which line is which; the one that is pointed at stands out in all charts."""
    items = "".join(
        f'<li class="k{index}"><svg viewBox="0 0 27 11" aria-hidden="true">'
        f'<path {_stroke(index)} d="M0 5.5H27"/></svg><span>{escape(label)}</span></li>'
        for index, label in enumerate(labels)
    )
    rules = "".join(
        f".curves:has(.k{index}:hover) .plot-area path[class]:not(.r{index}, .grid){{opacity:.15}}"
        for index in range(len(labels))
    )
    return f'<style>{rules}</style><ul class="legend">{items}</ul>'


def ticks(low: float, high: float, at_most: int = 6) -> list[float]:
    """Round numbers from just below `low` to just above `high`."""
    rough = max(high - low, 1e-9) / (at_most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * each for each in (1, 2, 2.5, 5, 10, 20) if power * each >= rough * 0.999)
    first, last = math.floor(low / step + 1e-6), math.ceil(high / step - 1e-6)
    return [round(index * step, 10) for index in range(first, last + 1)]


def _range(curves: Iterable[Curve]) -> tuple[float, float]:
    """Of the values that are drawn: one that goes through the roof does not flatten the others."""
    ends = [(min(v for _, v in curve), max(v for _, v in curve)) for curve in curves]
    low = min(end[0] for end in ends)
    tops = sorted(end[1] for end in ends)
    usual = tops[(len(tops) - 1) // 2]
    high = min(tops[-1], usual + HIGHEST * max(usual - low, 1e-9))
    return (
        (low, high) if high > low else (low - 0.5 * abs(low) - 0.05, high + 0.5 * abs(high) + 0.05)
    )


def _epochs(last: float) -> list[int]:
    """Whole epochs for the axis, the first and the last among them."""
    n = int(last)
    if n <= 7:
        return list(range(1, n + 1))
    step = next(each for each in _steps() if (n - 1) / each <= 5)
    inner = [epoch for epoch in range(step, n, step) if epoch > 1 and n - epoch >= step / 2]
    return [1, *inner, n]


def _steps() -> Iterable[int]:
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def _stroke(index: int) -> str:
    dashes = DASHES[index // COLOURS % len(DASHES)]
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'stroke="var(--c{index % COLOURS})"{dashed}'


def _spelled(value: float, is_share: bool) -> str:
    return f"{100 * value:.4g} %" if is_share else f"{value:.4g}"
