"""A picture of a network as PNG, for where SVG is not shown."""

from __future__ import annotations

import io

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path

from .layout import Picture
from .marks import Box, Disc, Line, Words
from .svg import corners, point

__all__ = ["to_png"]

SCALE = 2.0
"""Pixels of the file to a pixel of the layout, for fine screens."""
POINTS = 72.0


def to_png(picture: Picture) -> bytes:
    """The file."""
    figure = Figure(figsize=(picture.width / POINTS, picture.height / POINTS), dpi=POINTS * SCALE)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, picture.width)
    axes.set_ylim(picture.height, 0)
    axes.axis("off")
    for number, mark in enumerate(picture.marks):
        if isinstance(mark, Words):
            axes.text(
                mark.x,
                mark.y,
                # A sign of mathematics would begin a formula.
                mark.text.replace("$", r"\$"),
                size=mark.size,
                color=mark.colour,
                family="DejaVu Sans",
                weight="bold" if mark.bold else "normal",
                ha={"start": "left", "middle": "center", "end": "right"}[mark.anchor],
                va="baseline",
                zorder=number,
            )
            continue
        for patch in _patches(mark):
            patch.set_zorder(number)
            axes.add_patch(patch)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def _patches(mark: Box | Disc | Line) -> list[FancyBboxPatch | Circle | PathPatch | Polygon]:
    if isinstance(mark, Box):
        style = f"round,pad=0,rounding_size={mark.radius:g}" if mark.radius else "square,pad=0"
        edge = {"edgecolor": mark.edge, "linewidth": 1.0} if mark.edge else {"linewidth": 0.0}
        corner = (mark.x, mark.y)
        return [
            FancyBboxPatch(
                corner, mark.width, mark.height, boxstyle=style, facecolor=mark.fill, **edge
            )
        ]
    if isinstance(mark, Disc):
        look = {"facecolor": mark.fill, "edgecolor": mark.edge, "linewidth": 1.4}
        return [Circle((mark.x, mark.y), mark.radius, **look)]
    points, codes = [mark.points[0]], [Path.MOVETO]
    for at, (in_x, in_y, out_x, out_y) in zip(mark.points[1:-1], corners(mark.points), strict=True):
        points += [(in_x, in_y), at, (out_x, out_y)]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    foot, left, right = point(mark.points)
    points.append(foot if mark.arrow else mark.points[-1])
    codes.append(Path.LINETO)
    line = PathPatch(
        Path(points, codes), facecolor="none", edgecolor=mark.colour, linewidth=mark.width,
        capstyle="butt",
    )  # fmt: skip
    if not mark.arrow:
        return [line]
    return [line, Polygon((mark.points[-1], left, right), facecolor=mark.colour, linewidth=0.0)]
