"""A picture of a network as SVG: text that can be found and copied, sharp at any size."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import hypot

from .layout import Picture
from .marks import Box, Disc, Line, Mark, Point

__all__ = ["corners", "point", "to_svg"]

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
ROUND = 7.0
"""Radius of the corners of lines."""
POINT = 7.0
"""Length of the point of an arrow."""


def to_svg(picture: Picture) -> str:
    """A file of its own."""
    width, height = (f"{each:.0f}" for each in (picture.width, picture.height))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" role="img" font-family="{FONT}">\n'
        f"<title>{escape(picture.title)}</title>\n"
        + "\n".join(_element(mark) for mark in picture.marks)
        + "\n</svg>\n"
    )


def corners(points: Sequence[Point]) -> list[tuple[float, float, float, float]]:
    """Where each corner of a line begins to bend, and where it ends: x, y, x, y."""
    found = []
    for before, at, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(ROUND, _apart(before, at) / 2, _apart(at, after) / 2)
        found.append((*_towards(at, before, radius), *_towards(at, after, radius)))
    return found


def _element(mark: Mark) -> str:
    if isinstance(mark, Box):
        edge = f' stroke="{mark.edge}"' if mark.edge else ""
        place = f'x="{mark.x:.1f}" y="{mark.y:.1f}" width="{mark.width:.1f}"'
        round_ = f' rx="{mark.radius:g}"' if mark.radius else ""
        start = f'<rect {place} height="{mark.height:.1f}"{round_} fill="{mark.fill}"{edge}'
        return f"{start}><title>{escape(mark.hint)}</title></rect>" if mark.hint else f"{start}/>"
    if isinstance(mark, Disc):
        place = f'cx="{mark.x:.1f}" cy="{mark.y:.1f}" r="{mark.radius:g}"'
        return f'<circle {place} fill="{mark.fill}" stroke="{mark.edge}" stroke-width="1.4"/>'
    if isinstance(mark, Line):
        return _line(mark)
    weight = ' font-weight="600"' if mark.bold else ""
    anchor = f' text-anchor="{mark.anchor}"' if mark.anchor != "start" else ""
    return (
        f'<text x="{mark.x:.1f}" y="{mark.y:.1f}" font-size="{mark.size:g}" fill="{mark.colour}"'
        f"{weight}{anchor}>{escape(mark.text)}</text>"
    )


def _line(mark: Line) -> str:
    (x, y), *_, (end_x, end_y) = mark.points
    path = f"M{x:.1f} {y:.1f}"
    bends = corners(mark.points)
    for (at_x, at_y), (in_x, in_y, out_x, out_y) in zip(mark.points[1:-1], bends, strict=True):
        path += f" L{in_x:.1f} {in_y:.1f} Q{at_x:.1f} {at_y:.1f} {out_x:.1f} {out_y:.1f}"
    look = f'stroke="{mark.colour}" stroke-width="{mark.width:g}"'
    if not mark.arrow:
        return f'<path d="{path} L{end_x:.1f} {end_y:.1f}" fill="none" {look}/>'
    foot, left, right = point(mark.points)
    path += f" L{foot[0]:.1f} {foot[1]:.1f}"
    tip = " ".join(f"{a:.1f},{b:.1f}" for a, b in ((end_x, end_y), left, right))
    return f'<path d="{path}" fill="none" {look}/>\n<polygon points="{tip}" fill="{mark.colour}"/>'


def point(points: Sequence[Point]) -> tuple[Point, Point, Point]:
    """Of an arrow: its foot, and what is left and right of it."""
    (x, y), end = points[-2:]
    foot = _towards(end, (x, y), POINT)
    away = _apart((x, y), end) or 1.0
    across_x, across_y = (end[1] - y) / away * POINT / 2, -(end[0] - x) / away * POINT / 2
    left, right = (foot[0] + across_x, foot[1] + across_y), (foot[0] - across_x, foot[1] - across_y)
    return foot, left, right


def _apart(one: Point, two: Point) -> float:
    return hypot(one[0] - two[0], one[1] - two[1])


def _towards(start: Point, end: Point, length: float) -> Point:
    away = _apart(start, end) or 1.0
    share = length / away
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share
