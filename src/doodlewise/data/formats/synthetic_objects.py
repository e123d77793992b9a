"""How people draw things that people make: shapes for the synthetic doodles.

See `synthetic_creatures`: one function a word, clean shapes in a picture about 100 wide.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

from .synthetic_pen import Pen, cos, sin

__all__ = ["OBJECTS"]


def _bucket(pen: Pen) -> None:
    u = pen.between
    pen.tilt = 6
    top, tall = u(30, 50), u(28, 46)
    foot = top * u(0.55, 0.98)
    _vessel(pen, top, foot, tall)
    kind = pen.choose(6, 3, 1)
    reach = top * u(0.45, 1.05) if pen.chance(0.35) else top
    if kind == 0:
        pen.arc(0, -tall, reach, u(0.5, 1.7) * top, 180, 360)
    elif kind == 1:
        pen.arc(0, -tall, 1.05 * top, u(0.5, 1.1) * tall, 5, 175)
    else:
        rise = -tall - u(0.5, 1.3) * top
        pen.curve(-reach, -tall, -0.8 * reach, rise, 0.8 * reach, rise, reach, -tall)
    for _ in range(pen.choose(7, 2, 1)):
        y = u(-0.7, 0.6) * tall
        half = top + (foot - top) * (y + tall) / (2 * tall)
        pen.curve(-half, y, 0, y + u(0, 8), half, y)
    if pen.chance(0.1):
        for _ in range(pen.count(2, 4)):
            pen.petal(u(-1, 1) * top, -tall - u(5, 20), 90, u(6, 12), 6)


def _vessel(pen: Pen, top: float, foot: float, tall: float) -> None:
    """The body of a bucket or cup, from -tall to tall, with some kind of rim."""
    u = pen.between
    rim = u(0.1, 0.3) * top
    low = tall + (u(0.05, 0.22) * foot if pen.chance(0.6) else 0)
    around = (-foot, tall, -0.5 * foot, low, 0.5 * foot, low, foot, tall)
    kind = pen.choose(4, 4, 3)
    if kind == 0:
        pen.oval(0, -tall, top, rim)
        pen.line(-top, -tall, *around, top, -tall)
    elif kind == 1:
        pen.line(-top, -tall, *around, top, -tall, closed=True)
        if pen.chance(0.25):
            pen.curve(-top, -tall, -0.6 * top, rim - tall, 0.6 * top, rim - tall, top, -tall)
    else:
        pen.line(-top, -tall, -foot, tall)
        pen.curve(*around)
        pen.line(top, -tall, foot, tall)
        if pen.chance(0.8):
            pen.curve(-top, -tall, 0, -tall - u(-0.8, 0.8) * rim, top, -tall)


def _cup(pen: Pen) -> None:
    u = pen.between
    pen.tilt = 6
    top, tall = u(24, 44), u(24, 46)
    foot = top * (u(0.85, 1.0) if pen.chance(0.45) else u(0.5, 0.9))
    if pen.chance(0.25):
        side, foot = [0.95 * top, 0.2 * tall], 0.5 * top
        bowl = [-0.95 * top, 0.2 * tall, -foot, tall, foot, tall]
        pen.curve(-top, -tall, *bowl, *side, top, -tall)
        if pen.chance(0.5):
            pen.oval(0, -tall, top, u(0.1, 0.3) * top)
        else:
            pen.line(-top, -tall, top, -tall)
    else:
        _vessel(pen, top, foot, tall)
    edge = 0.5 * top + 0.5 * max(foot, 0.75 * top)
    if pen.chance(0.88):
        out, upper, lower = u(12, 30), -tall * u(0.3, 0.85), tall * u(0.1, 0.75)
        kind = pen.choose(6, 2, 2)
        for inset in (0, u(4, 7))[: 1 + pen.choose(6, 4)]:
            _handle(pen, kind, edge, out - inset, upper + inset, lower - inset)
    else:
        x = u(-0.3, 0.5) * top
        pen.line(x - 8, -tall + u(0, 20), x + u(0, 10), -tall - u(20, 45))
    if pen.chance(0.22):
        y = -tall - u(6, 14)
        for x in (-0.5 * top, 0, 0.5 * top)[: pen.count(2, 3)]:
            pen.curve(x, y, x + 5, y - 7, x - 4, y - 14, x + 3, y - 22)
    if pen.chance(0.14):
        if pen.chance(0.5):
            pen.oval(0, tall + 4, 1.5 * foot, u(5, 9))
        else:
            pen.line(-1.5 * foot, tall + 4, 1.5 * foot, tall + 4)
    if pen.chance(0.15):
        y = u(-0.7, 0.4) * tall
        pen.curve(-0.9 * edge, y, -0.3 * edge, y + 4, 0.3 * edge, y - 3, 0.9 * edge, y)


def _handle(pen: Pen, kind: int, x: float, out: float, upper: float, lower: float) -> None:
    middle = (upper + lower) / 2
    if kind == 0:
        pen.arc(x, middle, out, (lower - upper) / 2, -90, 90)
    elif kind == 1:
        pen.curve(x, upper, x + out, upper - 3, x + 0.9 * out, middle, x, lower)
    else:
        pen.line(x, upper, x + out, upper, x + out, lower, x, lower)


def _car(pen: Pen) -> None:
    u = pen.between
    long, low, high = u(44, 58), u(10, 20), u(12, 26)
    front, rear, slope = u(0.05, 0.55) * long, u(0.25, 0.95) * long, u(0, 14)
    roof, bonnet = -low - high, -u(0.5, 0.9) * low
    cabin = [-rear - slope, -low, -rear, roof, front, roof, front + slope + 4, -low]
    kind = pen.choose(5, 3, 2, 2)
    if kind == 0:
        pen.line(-long, 0, -long, -low, *cabin, long, bonnet, long, 0, closed=True)
    elif kind == 1:
        pen.line(-long, -low, long, -low, long, 0, -long, 0, closed=True)
        pen.line(*cabin)
    elif kind == 2:
        back = [-long, -low, -rear - 6, -low - 3, -0.8 * rear, roof]
        nose = [0.7 * front, roof, front + 12, -low - 2, long, bonnet]
        pen.curve(-long, 0, *back, *nose, long, 0)
        pen.line(-long, 0, long, 0)
    else:
        pen.arc(0, 0, long, low + high, 180, 360)
        pen.line(-long, 0, long, 0)
    radius = u(7, 14)
    _wheels(pen, (-u(0.45, 0.7) * long, u(0.45, 0.75) * long), radius)
    top, sill, middle = -low - 0.8 * high, -low - 0.1 * high, (front - rear) / 2 + u(-7, 7)
    panes = pen.choose(4, 2.5, 4, 1.5)
    if panes == 1:
        pen.line(-0.8 * rear, top, 0.8 * front, top, front, sill, -rear, sill, closed=True)
    elif panes == 2:
        for edge, end in ((-rear, middle - 2), (front, middle + 2)):
            pen.line(edge, sill, 0.85 * edge, top, end, top, end, sill, closed=True)
    elif panes == 3:
        pen.line(middle, roof, middle, -u(3, low))
    if pen.chance(0.2):
        pen.line(u(-12, 0), -0.7 * low, u(2, 8), -0.7 * low)
    if pen.chance(0.2):
        pen.oval(long - 4, -0.6 * low, 3, 3, exact=True)
    if pen.chance(0.1):
        pen.cloud(-long - 14, -2, 9, 6, pen.count(3, 5), 0.3)
    if pen.chance(0.1):
        pen.line(-1.3 * long, radius + 3, 1.3 * long, radius + 3)


def _wheels(pen: Pen, hubs: tuple[float, float], radius: float) -> None:
    u = pen.between
    kind = pen.choose(5, 3, 1.5, 1.2)
    for x in hubs:
        y = u(-0.2, 0.8) * radius
        if kind == 3:
            pen.arc(x, 0, radius, radius, 0, 180)
        else:
            pen.oval(x, y, radius, radius * u(0.85, 1.1))
        if kind == 1:
            pen.oval(x, y, 0.5 * radius, 0.5 * radius, exact=True)
        elif kind == 2:
            pen.dot(x, y, 2)


def _clock(pen: Pen) -> None:
    u = pen.between
    pen.mirrored = False
    rx = u(38, 50)
    ry = rx * u(0.8, 1.15)
    if pen.chance(0.1):
        pen.line(-rx, -ry, rx, -ry, rx, ry, -rx, ry, closed=True)
    else:
        pen.oval(0, 0, rx, ry)
        if pen.chance(0.15):
            pen.oval(0, 0, 1.15 * rx, 1.15 * ry)
    marks, size = pen.choose(4, 2, 1.5, 2, 1), u(5, 8)
    hours = (range(0), range(3, 13, 3), range(1, 13), range(3, 13, 3), range(1, 13))[marks]
    for hour in hours:
        x, y, start = rx * cos(30 * hour - 90), ry * sin(30 * hour - 90), u(0.72, 0.88)
        if marks < 3:
            pen.line(start * x, start * y, x, y)
        else:
            _number(pen, hour, 0.77 * x, 0.77 * y, size)
    _clock_hands(pen, rx, ry)
    if pen.chance(0.08):
        for side in (-rx, rx):
            pen.arc(0.6 * side, -1.05 * ry, 0.3 * rx, 0.25 * ry, 140, 400)
            pen.line(0.5 * side, 0.9 * ry, 0.7 * side, 1.2 * ry)


def _clock_hands(pen: Pen, rx: float, ry: float) -> None:
    u = pen.between
    minute = 270 if pen.chance(0.35) else u(0, 360)
    hour = minute + pen.sign() * u(40, 170)
    long, short = u(0.5, 0.8), u(0.3, 0.55)
    tips = [
        (long * rx * cos(minute), long * ry * sin(minute)),
        (short * rx * cos(hour), short * ry * sin(hour)),
    ]
    if pen.chance(0.45):
        pen.line(*tips[0], 0, 0, *tips[1])
    else:
        pen.line(0, 0, *tips[0])
        pen.line(0, 0, *tips[1])
    if pen.chance(0.12):
        for x, y in tips:
            back = math.degrees(math.atan2(y, x)) + 180
            barb = [x + 8 * cos(back - 35), y + 8 * sin(back - 35)]
            pen.line(*barb, x, y, x + 8 * cos(back + 35), y + 8 * sin(back + 35))
    if pen.chance(0.3):
        pen.dot(0, 0, 2)


# Corners of each digit in a box of 1 x 1.
_DIGITS: dict[str, tuple[float, ...]] = {
    "0": (0.5, 0, 0.1, 0.3, 0.1, 0.7, 0.5, 1, 0.9, 0.7, 0.9, 0.3, 0.5, 0),
    "1": (0.3, 0.2, 0.55, 0, 0.55, 1),
    "2": (0.1, 0.2, 0.5, 0, 0.85, 0.3, 0.1, 1, 0.9, 1),
    "3": (0.1, 0.1, 0.6, 0, 0.8, 0.25, 0.4, 0.45, 0.9, 0.7, 0.5, 1, 0.1, 0.85),
    "4": (0.6, 0, 0.1, 0.6, 0.9, 0.6, 0.6, 0.6, 0.6, 1),
    "5": (0.9, 0, 0.2, 0, 0.15, 0.45, 0.7, 0.4, 0.85, 0.7, 0.5, 1, 0.1, 0.9),
    "6": (0.7, 0, 0.2, 0.4, 0.15, 0.8, 0.5, 1, 0.85, 0.75, 0.5, 0.55, 0.2, 0.75),
    "7": (0.1, 0, 0.9, 0, 0.4, 1),
    "8": (0.5, 0.5, 0.2, 0.25, 0.5, 0, 0.8, 0.25, 0.2, 0.75, 0.5, 1, 0.8, 0.75, 0.5, 0.5),
    "9": (0.8, 0.3, 0.5, 0.5, 0.2, 0.25, 0.5, 0, 0.8, 0.25, 0.7, 1),
}


def _number(pen: Pen, number: int, x: float, y: float, size: float) -> None:
    digits = str(number)
    left = x - 0.5 * size * len(digits)
    for place, digit in enumerate(digits):
        corners = list(_DIGITS[digit])
        corners[0::2] = [left + size * (place + 0.85 * across) for across in corners[0::2]]
        corners[1::2] = [y + 1.5 * size * (down - 0.5) for down in corners[1::2]]
        pen.line(*corners)


def _house(pen: Pen) -> None:
    u = pen.between
    pen.tilt = 3
    wide, wall, roof = u(24, 46), u(30, 60), u(16, 42)
    peak = u(-0.3, 0.3) * wide if pen.chance(0.3) else 0.0
    eaves = wide + u(0, 12)
    kind = pen.choose(6, 3, 2, 2)
    if kind == 1:
        pen.line(-wide, wall, -wide, 0, peak, -roof, wide, 0, wide, wall, closed=True)
        if pen.chance(0.4):
            pen.line(-wide, 0, wide, 0)
    else:
        pen.line(-wide, 0, wide, 0, wide, wall, -wide, wall, closed=True)
    if kind == 0:
        pen.line(-eaves, 0, peak, -roof, eaves, 0, closed=pen.chance(0.4))
    elif kind == 2:
        ridge = [-0.6 * wide, -roof, 0.6 * wide, -roof]
        pen.line(-eaves, 0, *ridge, eaves, 0, closed=True)
    elif kind == 3:
        back, rise = wide + u(30, 60), u(0, 10)
        pen.line(-wide, 0, 0, -roof, wide, 0)
        pen.line(0, -roof, back - wide, -roof - rise, back, -rise, wide, 0)
        pen.line(back, -rise, back, wall - rise, wide, wall)
    if pen.chance(0.75):
        _door(pen, u(-0.5, 0.5) * wide, wall, u(0.35, 0.65) * wall)
    size, cross, y = u(5, 9), pen.chance(0.5), u(0.2, 0.4) * wall
    for share in ((-0.6, 0.6), (0.55,), ())[pen.choose(3, 2, 4)]:
        x = share * wide
        left, right, top, sill = x - size, x + size, y - size, y + size
        pen.line(left, top, right, top, right, sill, left, sill, closed=True)
        if cross:
            pen.line(x, top, x, sill)
            pen.line(left, y, right, y)
    if pen.chance(0.12):
        pen.oval(peak, -0.4 * roof, 5, 5, exact=True)
    if pen.chance(0.3):
        _chimney(pen, u(0.35, 0.6) * wide, roof)
    if pen.chance(0.1):
        pen.line(-1.6 * wide, wall, 1.6 * wide, wall)


def _door(pen: Pen, x: float, floor: float, high: float) -> None:
    half = pen.between(5, 9)
    left, right, top = x - half, x + half, floor - high
    if pen.chance(0.2):
        pen.line(left, floor, left, top)
        pen.arc(x, top, half, half, 180, 360)
        pen.line(right, top, right, floor)
    else:
        pen.line(left, floor, left, top, right, top, right, floor)
    if pen.chance(0.35):
        pen.dot(x + 0.5 * half, floor - 0.45 * high, 1)


def _chimney(pen: Pen, x: float, roof: float) -> None:
    half, top = pen.between(3, 6), -roof * pen.between(0.9, 1.3)
    left, right = x - half, x + half
    pen.line(left, -0.6 * roof, left, top, right, top, right, -0.35 * roof)
    if pen.chance(0.4):
        pen.curve(x, top - 3, x + 6, top - 10, x + 2, top - 17, x + 12, top - 24)


def _ice_cream(pen: Pen) -> None:
    u = pen.between
    pen.tilt = 8
    kind = pen.choose(7, 1, 1)
    if kind == 2:
        _popsicle(pen)
        return
    wide, tall = u(17, 30), u(40, 66)
    if kind == 1:
        flat = u(0.4, 0.7) * wide
        pen.line(-wide, 0, -flat, 0.7 * tall, flat, 0.7 * tall, wide, 0, closed=pen.chance(0.6))
    else:
        pen.line(-wide, 0, u(-4, 4), tall, wide, 0, closed=pen.chance(0.6))
    _scoops(pen, wide * u(0.9, 1.25))
    if pen.chance(0.2):
        drips = [-0.6 * wide, 8, -0.3 * wide, 2, 0, 10, 0.4 * wide, 2, 0.7 * wide, 8]
        pen.curve(-wide, 2, *drips, wide, 2)
    if kind == 0 and pen.chance(0.5):
        _waffle(pen, wide, tall)


def _waffle(pen: Pen, wide: float, tall: float) -> None:
    u = pen.between
    n = pen.count(2, 4)
    for side in (-wide, wide)[: pen.count(1, 2)]:
        for i in range(n):
            share = (i + u(0.2, 0.7)) / n
            end = min(1.0, share + u(0.1, 0.35))
            pen.line(side * (1 - share), share * tall, side * (end - 1), end * tall)


def _scoops(pen: Pen, r: float) -> None:
    u = pen.between
    kind = pen.choose(5, 4, 3, 2)
    if kind == 0:
        pen.arc(0, 0, r, r * u(0.9, 1.6), 180, 360)
        if pen.chance(0.25):
            pen.arc(0, -0.9 * r, 0.8 * r, 0.9 * r, 170, 370)
    elif kind == 1:
        y = -0.7 * r
        for i in range(1 + pen.choose(5, 3, 2)):
            pen.oval(u(-0.15, 0.15) * r, y, r * (1 - 0.12 * i), r * (0.95 - 0.1 * i))
            y -= 1.4 * r * (1 - 0.1 * i)
    elif kind == 2:
        pen.cloud(0, -0.7 * r, 1.05 * r, 0.9 * r, pen.count(5, 9), u(0.15, 0.35))
    else:
        layers = pen.count(2, 4)
        for i in range(layers):
            pen.oval(u(-2, 2), -6 - 12 * i, (1 - 0.22 * i) * r, u(6, 9))
        top = 6 - 12 * layers
        pen.curve(-4, top, 2, top - 12, 6, top - 2)
    if pen.chance(0.15):
        pen.oval(u(-5, 5), -1.7 * r, 4, 4, exact=True)
    if pen.chance(0.15):
        for _ in range(pen.count(3, 7)):
            pen.dot(u(-0.6, 0.6) * r, u(-1.1, -0.2) * r, 1)


def _popsicle(pen: Pen) -> None:
    u = pen.between
    wide, tall, stick = u(15, 24), u(38, 52), u(3, 5)
    shoulder = 0.8 * wide - tall
    pen.arc(0, shoulder, wide, wide, 180, 360)
    pen.line(-wide, shoulder, -wide, 20, wide, 20, wide, shoulder)
    pen.line(-stick, 20, -stick, 44, stick, 44, stick, 20)
    if pen.chance(0.5):
        for x in (-0.4 * wide, 0.4 * wide):
            pen.line(x, -0.5 * tall, x, 0)


def _umbrella(pen: Pen) -> None:
    u = pen.between
    pen.tilt = 12
    wide, high = u(36, 54), u(20, 48)
    if pen.chance(0.8):
        pen.arc(0, 0, wide, high, 180, 360)
    else:
        shoulder = 0.55 * wide
        pen.line(-wide, 0, -shoulder, -0.75 * high, 0, -high, shoulder, -0.75 * high, wide, 0)
    n, hem = pen.count(2, 6), pen.choose(4, 2, 2, 0.6)
    ribs = [wide * (2 * i / n - 1) for i in range(n + 1)]
    if hem == 0:
        pen.curve(-wide, 0, 0, u(-5, 6), wide, 0)
    elif hem == 1:
        scallops: list[float] = []
        for left, right in pairwise(ribs):
            scallops += [(left + right) / 2, -u(4, 9), right, 0]
        pen.line(-wide, 0, *scallops)
    elif hem == 2:
        for left, right in pairwise(ribs):
            pen.arc((left + right) / 2, 0, wide / n, u(4, 10), 180, 360)
    if pen.chance(0.3):
        for x in ribs[1:-1]:
            pen.curve(0, -high, 0.65 * x, -0.7 * high, x, 0)
    _umbrella_stick(pen, 0 if pen.chance(0.6) else -high, u(34, 60))
    if pen.chance(0.25):
        pen.line(0, -high, 0, -high - u(5, 12))
    if pen.chance(0.08):
        for _ in range(pen.count(3, 8)):
            x, y = u(-1.1, 1.1) * wide, -high - u(5, 25)
            pen.line(x, y, x - 2, y + 6)


def _umbrella_stick(pen: Pen, top: float, foot: float) -> None:
    u = pen.between
    hook, kind = u(6, 14), pen.choose(7, 2, 2)
    if kind == 0:
        low = foot + 0.7 * hook
        bend = [0.4 * hook, low, 1.4 * hook, low, 2 * hook, foot - 2]
        pen.curve(0, top, 0, 0.5 * foot, 0, foot, *bend)
    elif kind == 1:
        pen.line(0, top, 0, foot)
    else:
        w = u(2, 5)
        pen.curve(-w, 0, -w, foot, hook, foot + hook, 2 * hook, foot)
        pen.curve(w, 0, w, foot - 3, hook, foot + hook - 2 * w, 2 * hook - w, foot)


OBJECTS: dict[str, Callable[[Pen], None]] = {
    "bucket": _bucket,
    "car": _car,
    "clock": _clock,
    "cup": _cup,
    "house": _house,
    "ice cream": _ice_cream,
    "umbrella": _umbrella,
}
"""What draws each word."""
