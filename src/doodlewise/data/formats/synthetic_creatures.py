"""How people draw animals and faces: shapes for the synthetic doodles.

One function a word. It draws clean shapes with a `Pen`, in a picture about 100 wide around
(0, 0); the pen makes a doodle of them. Chance decides the kind, the proportions, and which parts
are there at all. What matters most comes first: the last strokes may be left off.
"""

from __future__ import annotations

from collections.abc import Callable

from .synthetic_pen import Pen, cos, sin

__all__ = ["CREATURES", "eyes", "smile"]


def _butterfly(pen: Pen) -> None:
    u = pen.between
    pen.tilt = 35 if pen.chance(0.12) else 14
    tall = u(20, 38)
    body = pen.choose(4, 3, 1, 1)
    if body == 0:
        pen.oval(0, 0, u(3, 8), tall)
    elif body == 1:
        pen.line(0, -tall, u(-4, 4), tall)
    elif body == 2:
        pen.line(-3, -tall, -3, tall)
        pen.line(3, -tall, 3, tall)
    if pen.chance(0.25):
        pen.oval(0, -tall - 6, u(5, 9), u(5, 8))
    _wings(pen, tall)
    if pen.chance(0.8):
        wide, high, curl = u(5, 20), u(10, 24), u(-6, 10)
        for side in (-1, 1):
            tip = (side * wide, -tall - high)
            pen.curve(side, -tall, side * (0.5 * wide - 0.3 * curl), -tall - 0.6 * high, *tip)
            if curl > 6:
                pen.dot(*tip, 2)


def _wings(pen: Pen, tall: float) -> None:
    u = pen.between
    upper, lower, rise, fall = u(34, 56), u(24, 46), u(15, 60), u(15, 60)
    top, low = upper * sin(rise) + 10, lower * sin(fall) + 8
    fat, base, tip = u(0.5, 1.0), u(0.3, 1.3), u(0, 0.5)
    kind, spots, y = pen.choose(5, 4, 2, 1), pen.choose(6, 2, 1), -u(0.1, 0.5) * tall
    for side in (-1, 1):
        if kind == 0:
            up, down = u(-5, 5) - rise, u(-5, 5) + fall
            if side < 0:
                up, down = 180 - up, 180 - down
            pen.petal(0, y, up, upper, fat * upper, base=base, tip=tip)
            pen.petal(0, 0.2 * tall, down, lower, fat * lower, base=base, tip=tip)
        elif kind == 1:
            a, b = side * upper, side * lower
            first = [0.4 * a, -top, a, -0.8 * top, 0.9 * a, -0.2 * top, side * u(8, 20), u(-4, 6)]
            pen.curve(0, y, *first, b, 0.4 * low, 0.8 * b, low, 0.3 * b, low, 0, 0.5 * tall)
        elif kind == 2:
            pen.line(0, 0, side * upper, -tall * u(0.9, 1.3), side * upper, -u(0, 6), closed=True)
            pen.line(0, 0, side * lower, u(0, 8), side * lower, tall * u(0.8, 1.2), closed=True)
        else:
            pen.oval(side * 0.55 * upper, -0.5 * tall, 0.5 * upper, u(0.5, 0.8) * tall)
            pen.oval(side * 0.5 * lower, 0.6 * tall, 0.45 * lower, u(0.4, 0.7) * tall)
        for height in (-0.6 * upper * sin(rise), 0.5 * tall)[:spots]:
            pen.oval(side * 0.6 * upper, height, u(3, 7), u(3, 7), exact=True)


def _cat(pen: Pen) -> None:
    kind = pen.choose(10, 2.5, 2.5)
    if kind == 0:
        wide = pen.between(32, 50)
        _cat_head(pen, 0, 0, wide, wide * pen.between(0.65, 1.05))
    elif kind == 1:
        _cat_standing(pen)
    else:
        _cat_sitting(pen)


def _cat_head(pen: Pen, x: float, y: float, rx: float, ry: float) -> None:
    u = pen.between
    spread, high, slim = u(28, 55), u(0.5, 1.0), u(14, 24)
    left, right = 270 - spread, 270 + spread
    pen_up = pen.chance(0.25)
    if pen_up:
        pen.arc(x, y, rx, ry, right + slim, 360 + left - slim)
        pen.arc(x, y, rx, ry, left + slim, right - slim)
    else:
        pen.oval(x, y, rx, ry)
    for angle in (left + u(-6, 6), right + u(-6, 6)):
        closed = not pen_up and pen.chance(0.15)
        pen.line(*_ear(x, y, rx, ry, angle, slim, high), closed=closed)
        if rx > 25 and pen.chance(0.2):
            pen.line(*_ear(x, y, rx, ry, angle, 0.5 * slim, 0.6 * high))
    if pen.chance(0.9):
        eyes(pen, x, y - u(0.1, 0.35) * ry, u(0.3, 0.5) * rx, u(0.06, 0.16) * rx)
    nose = y + u(0.05, 0.25) * ry
    if pen.chance(0.8):
        size = u(0.05, 0.13) * rx
        if pen.chance(0.6):
            pen.line(x - size, nose - size, x + size, nose - size, x, nose + size, closed=True)
        else:
            pen.dot(x, nose, size)
    _cat_mouth(pen, x, nose, u(0.15, 0.4) * rx, u(0.12, 0.3) * ry)
    if pen.chance(0.35 if rx < 25 else 0.8):
        n, start, reach, fan = pen.count(2, 4), u(0.25, 0.8) * rx, u(0.6, 1.1) * rx, u(4, 16)
        for side in (-1, 1):
            for place in (i - (n - 1) / 2 for i in range(n)):
                end = start + reach * u(0.8, 1.1)
                drop = nose + reach * sin(place * fan + u(-5, 5))
                pen.line(x + side * start, nose + 0.12 * place * ry, x + side * end, drop)


def _ear(
    x: float, y: float, rx: float, ry: float, angle: float, slim: float, high: float
) -> list[float]:
    """Three corners of an ear on an oval head."""
    foot, end = angle - slim, angle + slim
    tip = [x + (rx + high * ry) * cos(angle), y + (1.0 + high) * ry * sin(angle)]
    return [x + rx * cos(foot), y + ry * sin(foot), *tip, x + rx * cos(end), y + ry * sin(end)]


def _cat_mouth(pen: Pen, x: float, y: float, wide: float, deep: float) -> None:
    kind = pen.choose(4, 2, 2, 1)
    if kind == 0:
        for side in (-wide, wide):
            middle = [x + 0.2 * side, y + 0.8 * deep, x + 0.6 * side, y + deep]
            pen.curve(x, y + 2, *middle, x + side, y + 0.6 * deep)
    elif kind == 1:
        pen.arc(x, y + 0.5 * deep, wide, deep, 10, 170)
    elif kind == 2:
        pen.line(x, y, x, y + deep)
        pen.line(x - wide, y + 1.5 * deep, x, y + deep, x + wide, y + 1.5 * deep)


def _cat_standing(pen: Pen) -> None:
    u = pen.between
    long, fat, leg, head = u(26, 42), u(10, 18), u(14, 28), u(11, 18)
    pen.oval(0, 0, long, fat)
    _cat_head(pen, -long - u(0, 0.7) * head, -fat - u(-6, 8), head, head * u(0.8, 1.0))
    wide = 0 if pen.chance(0.6) else u(2, 4)
    for share in (-0.75, -0.45, 0.45, 0.75):
        x, y = share * long, 0.8 * fat
        if wide:
            pen.line(x - wide, y, x - wide, y + leg, x + wide, y + leg, x + wide, y)
        else:
            pen.line(x, y, x + u(-3, 3), y + leg)
    rise = u(10, 34)
    tail = [long + 12, u(-14, 0), long + u(6, 20), -rise]
    pen.curve(0.95 * long, -2, *tail, long + u(12, 30), -rise - 6)


def _cat_sitting(pen: Pen) -> None:
    u = pen.between
    head, wide, tall = u(15, 22), u(15, 24), u(22, 34)
    _cat_head(pen, 0, -tall - 0.6 * head, head * u(1.0, 1.25), head)
    if pen.chance(0.6):
        pen.oval(0, 0, wide, tall)
    else:
        pen.curve(-0.5 * head, 0.2 * head - tall, -0.8 * wide, 0, -wide, tall)
        pen.curve(0.5 * head, 0.2 * head - tall, 0.8 * wide, 0, wide, tall)
        pen.line(-wide, tall, wide, tall)
    if pen.chance(0.65):
        for x in (-0.5 * wide, 0.5 * wide):
            pen.oval(x, tall, u(5, 8), u(3, 5), exact=True)
    tail = [wide + 14, 0.7 * tall, wide + u(8, 22), u(-10, 10)]
    pen.curve(0.8 * wide, 0.7 * tall, *tail, wide + u(8, 28), -16)


def _fish(pen: Pen) -> None:
    u = pen.between
    pen.tilt = 9
    long, tall, tail = u(32, 44), u(14, 34), u(14, 28)
    end, spread, root = long + tail, tall * u(0.5, 1.1), 0.95 * long
    kind = pen.choose(5, 4, 3)
    if kind == 0:
        head = [-0.5 * long, -0.9 * tall, -long, 0, -0.5 * long, 0.9 * tall]
        back, belly = [0.3 * long, -0.7 * tall], [0.3 * long, 0.7 * tall]
        pen.curve(end, spread, 0.8 * long, 0, *back, *head, *belly, 0.8 * long, 0, end, -spread)
        if pen.chance(0.75):
            pen.curve(end, -spread, end + u(-10, 10), 0, end, spread)
    elif kind == 1:
        pen.oval(0, 0, long, tall)
        pen.line(root, 0, end, -spread, end - u(0, 10), 0, end, spread, closed=True)
    else:
        pen.petal(-long, 0, 0, 2 * long, 2 * tall, base=u(0, 1), tip=1)
        pen.line(root, 0, end, -spread, end, spread, closed=True)
    if pen.chance(0.8):
        x, y = -u(0.5, 0.75) * long, -u(0.1, 0.4) * tall
        pen.dot(x, y, u(1.2, 3.5))
        if pen.chance(0.15):
            pen.oval(x, y, 6, 6, exact=True)
    if pen.chance(0.4):
        corner = [-0.65 * long, u(0.2, 0.4) * tall]
        pen.curve(-root, 0.25 * tall, -0.8 * long, 0.4 * tall, *corner)
    if pen.chance(0.35):
        pen.arc(-0.55 * long, 0, u(4, 10), 0.7 * tall, -60, 60)
    _fins(pen, long, tall)
    if pen.chance(0.15):
        for i in range(pen.count(3, 7)):
            pen.arc((0.22 * (i % 4) - 0.3) * long, (0.5 * (i // 4) - 0.2) * tall, 5, 6, -80, 80)
    if pen.chance(0.1):
        for i in range(pen.count(2, 4)):
            x, y = -1.15 * long - u(0, 6), -0.3 * tall - 9 * i
            pen.oval(x, y, u(1.5, 4), u(1.5, 4), exact=True)


def _fins(pen: Pen, long: float, tall: float) -> None:
    u = pen.between
    if pen.chance(0.3):
        tip = [u(-0.1, 0.3) * long, -tall - u(6, 16)]
        pen.line(-0.3 * long, -0.9 * tall, *tip, 0.35 * long, -0.8 * tall)
    if pen.chance(0.25):
        tip = [u(0, 0.3) * long, tall + u(5, 13)]
        pen.line(-0.2 * long, 0.9 * tall, *tip, 0.3 * long, 0.8 * tall)
    if pen.chance(0.15):
        pen.petal(-0.1 * long, 0.2 * tall, u(-20, 40), 0.5 * long, 0.5 * tall)


def _smiley_face(pen: Pen) -> None:
    u = pen.between
    rx = u(38, 50)
    ry = rx * u(0.8, 1.15)
    if pen.chance(0.93):
        pen.oval(0, 0, rx, ry)
    level = u(0.15, 0.4)
    eyes(pen, 0, -level * ry, u(0.25, 0.45) * rx, u(0.05, 0.17) * rx)
    smile(pen, 0, u(0.05, 0.3) * ry, u(0.35, 0.75) * rx, u(0.25, 0.55) * ry)
    if pen.chance(0.12):
        pen.curve(0, -0.1 * ry, u(-6, 6), 0.12 * ry, 0, 0.15 * ry)
    if pen.chance(0.08):
        for x in (-0.35 * rx, 0.35 * rx):
            pen.arc(x, -(level + 0.2) * ry, 0.2 * rx, 6, 200, 340)
    if pen.chance(0.06):
        for x in (-0.3 * rx, -0.1 * rx, 0.1 * rx, 0.3 * rx):
            pen.line(x, -0.95 * ry, 1.3 * x, -ry - u(6, 14))


def eyes(pen: Pen, x: float, y: float, apart: float, size: float) -> None:
    kind = pen.choose(4, 3, 2, 1.5, 1, 0.5)
    for centre in (x - apart, x + apart):
        if kind == 0:
            pen.dot(centre, y, max(1.5, 0.6 * size))
        elif kind == 1:
            pen.oval(centre, y, size, 1.3 * size, exact=True)
        elif kind == 2:
            pen.line(centre, y - 1.8 * size, centre, y + 1.2 * size)
        elif kind == 3:
            pen.oval(centre, y, 1.5 * size, 1.5 * size, exact=True)
            pen.dot(centre + 0.3 * size, y, 0.5 * size)
        elif kind == 4:
            pen.arc(centre, y, 1.3 * size, 1.6 * size, 190, 350)
        else:
            pen.scribble(centre, y, size, size, 6)


def smile(pen: Pen, x: float, y: float, wide: float, deep: float) -> None:
    kind = pen.choose(7, 3, 1, 1)
    if kind == 0:
        pen.arc(x, y, wide, deep, 5, 175)
    elif kind == 1:
        pen.arc(x, y, wide, deep, 0, 180)
        pen.line(x - wide, y, x + wide, y)
    elif kind == 2:
        low = [x - 0.5 * wide, y + 0.9 * deep, x + 0.5 * wide, y + 0.9 * deep]
        pen.curve(x - wide, y, *low, x + wide, y)
        for side in (-wide, wide):
            pen.line(x + 0.9 * side, y - 3, x + 1.1 * side, y + 2)
    else:
        pen.line(x - wide, y, x, y + deep, x + wide, y)


CREATURES: dict[str, Callable[[Pen], None]] = {
    "butterfly": _butterfly,
    "cat": _cat,
    "fish": _fish,
    "smiley face": _smiley_face,
}
"""What draws each word."""
