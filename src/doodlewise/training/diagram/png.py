"""A picture of a network as PNG, for where SVG is not shown.

By Pillow, in a tenth of a second, for it is drawn at the start of every run. Shapes are drawn
larger and made smaller, so that their edges are smooth; then come the words.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from PIL import Image, ImageDraw

from .layout import Picture
from .marks import Box, Disc, Line, Point, Words, font
from .svg import corners, point

__all__ = ["to_png"]

SCALE = 2
"""Pixels of the file to a pixel of the layout, for fine screens."""
FINER = 2
"""How much larger shapes are drawn at first."""
BENDS = 6
"""Pieces of a round corner."""


def to_png(picture: Picture) -> bytes:
    """The file."""
    size = (round(picture.width) * SCALE, round(picture.height) * SCALE)
    paper = Image.new("RGB", (size[0] * FINER, size[1] * FINER), "white")
    shapes = ImageDraw.Draw(paper)
    words = [mark for mark in picture.marks if isinstance(mark, Words)]
    for mark in picture.marks:
        if not isinstance(mark, Words):
            _draw(shapes, mark, SCALE * FINER)
    page = paper.reduce(FINER)
    pen = ImageDraw.Draw(page)
    for each in words:
        pen.text(
            (each.x * SCALE, each.y * SCALE),
            each.text,
            fill=each.colour,
            font=font(each.size * SCALE, bold=each.bold),
            anchor={"start": "ls", "middle": "ms", "end": "rs"}[each.anchor],
        )
    file = io.BytesIO()
    page.save(file, format="png", compress_level=3)
    return file.getvalue()


def _draw(pen: ImageDraw.ImageDraw, mark: Box | Disc | Line, scale: int) -> None:
    if isinstance(mark, Box):
        left, top = mark.x * scale, mark.y * scale
        right, bottom = left + mark.width * scale, top + mark.height * scale
        pen.rounded_rectangle(
            (left, top, right, bottom),
            mark.radius * scale,
            fill=mark.fill,
            outline=mark.edge or None,
            width=scale if mark.edge else 0,
        )
    elif isinstance(mark, Disc):
        reach = mark.radius * scale
        x, y = mark.x * scale, mark.y * scale
        around = (x - reach, y - reach, x + reach, y + reach)
        pen.ellipse(around, fill=mark.fill, outline=mark.edge, width=round(1.4 * scale))
    else:
        path = [(x * scale, y * scale) for x, y in _path(mark)]
        pen.line(path, fill=mark.colour, width=round(mark.width * scale), joint="curve")
        if mark.arrow:
            _, left_point, right_point = point(mark.points)
            tip = [mark.points[-1], left_point, right_point]
            pen.polygon([(x * scale, y * scale) for x, y in tip], fill=mark.colour)


def _path(line: Line) -> Iterator[Point]:
    """From point to point, with round corners."""
    yield line.points[0]
    for at, (in_x, in_y, out_x, out_y) in zip(line.points[1:-1], corners(line.points), strict=True):
        yield from _bend((in_x, in_y), at, (out_x, out_y))
    yield point(line.points)[0] if line.arrow else line.points[-1]


def _bend(start: Point, at: Point, end: Point) -> Sequence[Point]:
    """A quadratic Bézier curve, as SVG has it."""
    found = []
    for piece in range(BENDS + 1):
        t = piece / BENDS
        a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t * t
        found.append((a * start[0] + b * at[0] + c * end[0], a * start[1] + b * at[1] + c * end[1]))
    return found
