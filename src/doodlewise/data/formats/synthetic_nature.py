"""How people draw fruit, plants and the sky: shapes for the synthetic doodles.

See `synthetic_creatures`: one function a word, clean shapes in a picture about 100 wide.
"""

from __future__ import annotations

from collections.abc import Callable

from .synthetic_creatures import eyes, smile
from .synthetic_pen import Pen, cos, sin

__all__ = ["NATURE"]


def _apple(pen: Pen) -> None:
    u = pen.between
    wide, tall, dip, tuck = u(32, 54), u(34, 48), u(0, 16), u(-4, 10)
    kind = pen.choose(6, 2, 2, 2)
    if kind == 0:
        a, b, c, d = u(0.35, 0.65), u(0.0, 0.5), u(0.65, 0.95), u(0.25, 0.6)
        right = [a * wide, -tall, wide, -b * tall, c * wide, d * tall, 0.4 * wide, tall]
        left = [-0.4 * wide, tall, -c * wide, d * tall, -wide, -b * tall, -a * wide, -tall]
        pen.loop(0, dip - tall, *right, 0, tall - tuck, *left)
    elif kind == 1:
        pen.oval(0, 0, wide, tall)
        dip = 0
    elif kind == 2:
        for side in (-wide, wide):
            low = u(0.3, 0.6) * tall
            bulge = [0.5 * side, -tall, side, -u(0, 0.4) * tall, 0.75 * side, low]
            pen.curve(0, dip - tall, *bulge, 0.35 * side, tall, 0, tall - tuck)
    else:
        _bitten_apple(pen, wide, tall, dip)
    _fruit_stalk(pen, 0, dip - tall, leaf=0.6)
    if pen.chance(0.12):
        pen.arc(0, 0, 0.75 * wide, 0.7 * tall, 190, u(215, 250))


def _bitten_apple(pen: Pen, wide: float, tall: float, dip: float) -> None:
    low = pen.between(0.5, 0.7) * tall
    left = [-0.5 * wide, -tall, -wide, -0.2 * tall, -0.7 * wide, low]
    top = [0.8 * wide, -0.6 * tall, 0.5 * wide, -tall, 0, dip - tall]
    pen.curve(*top, *left, 0, tall, 0.8 * wide, low)
    if pen.chance(0.5):
        pen.arc(0.95 * wide, 0, 0.45 * wide, 0.55 * tall, 110, 250)
    else:
        pen.arc(wide, -0.28 * tall, 0.4 * wide, 0.3 * tall, 100, 260)
        pen.arc(wide, 0.3 * tall, 0.4 * wide, 0.3 * tall, 100, 260)


def _pear(pen: Pen) -> None:
    u = pen.between
    tall, belly = u(42, 52), u(22, 39)
    neck, lean = belly * u(0.3, 0.7), u(-8, 8)
    waist, hips = u(-0.25, 0.1) * tall, u(0.35, 0.6) * tall
    pen.tilt = 8
    right = [lean + neck, -0.8 * tall, 0.9 * neck, waist, belly, hips, 0.5 * belly, 0.95 * tall]
    left = [-0.5 * belly, 0.95 * tall, -belly, hips, -0.9 * neck, waist, lean - neck, -0.8 * tall]
    kind = pen.choose(7, 2, 1)
    if kind == 0:
        pen.loop(lean, -tall, *right, *left)
    elif kind == 1:
        pen.curve(lean + 2, -tall, *right, *left, lean - 2, -tall)
    else:
        pen.curve(lean, -tall, *right, 0, tall)
        pen.curve(0, tall, *left, lean, -tall)
    _fruit_stalk(pen, lean, -tall, leaf=0.4)
    if pen.chance(0.1):
        for _ in range(pen.count(2, 6)):
            pen.dot(u(-0.5, 0.5) * belly, u(0, 0.7) * tall, 1.5)


def _fruit_stalk(pen: Pen, x: float, y: float, leaf: float) -> None:
    u = pen.between
    lean, high = u(-12, 12), u(9, 26)
    kind = pen.choose(4, 3, 2, 0.5)
    if kind == 0:
        pen.line(x, y + 3, x + lean, y - high)
    elif kind == 1:
        pen.curve(x, y + u(0, 6), x + 0.2 * lean, y - 0.5 * high, x + lean, y - high)
    elif kind == 2:
        w = u(2, 5)
        pen.line(x - w, y + 1, x + lean - w, y - high, x + lean + w, y - high, x + w, y + 1)
    if pen.chance(leaf):
        at = u(0, 0.9)
        x, y = x + at * lean, y - at * high
        angle = u(-60, 10) + (180 if pen.chance(0.4) else 0)
        length = u(14, 34)
        pen.petal(x, y, angle, length, u(0.3, 0.6) * length, tip=u(0, 1))
        if pen.chance(0.2):
            pen.line(x, y, x + 0.8 * length * cos(angle), y + 0.8 * length * sin(angle))


def _flower(pen: Pen) -> None:
    u = pen.between
    pen.tilt = 7
    bloom = u(24, 38)
    core = bloom * u(0.2, 0.45)
    kind, n, foot = pen.choose(5, 3, 2, 2), pen.count(4, 9), bloom
    if kind == 3:
        foot = _tulip(pen, bloom * u(0.5, 0.8), bloom * u(0.7, 1.1))
    elif kind != 2 and pen.chance(0.93):
        pen.oval(0, 0, core, core * u(0.8, 1.1))
        if pen.chance(0.1):
            pen.scribble(0, 0, 0.6 * core, 0.6 * core, 6)
    if kind == 1:
        pen.cloud(0, 0, bloom, bloom * u(0.8, 1.1), n, u(0.25, 0.5))
    elif kind != 3:
        first, base, fat = u(0, 360), u(0.4, 1.0), u(3.5, 5.6) * bloom / n
        start = 0.0 if kind == 2 else u(0.7, 1.0) * core
        tip = u(0, 1) if pen.chance(0.4) else 0.0
        for i in range(n):
            way = first + 360 * i / n + u(-8, 8)
            length, width = (bloom - start) * u(0.8, 1.2), fat * u(0.8, 1.1)
            pen.petal(start * cos(way), start * sin(way), way, length, width, base=base, tip=tip)
    if pen.chance(0.78):
        _flower_stem(pen, foot, u(30, 75))


def _tulip(pen: Pen, wide: float, tall: float) -> float:
    """Returns where its stem begins."""
    points = pen.count(2, 4)
    zigzag: list[float] = []
    for i in range(1, 2 * points):
        y = -tall if i % 2 == 0 else -pen.between(0.2, 0.6) * tall
        zigzag += [wide * (i / points - 1), y]
    pen.line(-wide, -tall, *zigzag, wide, -tall)
    cup = [-0.9 * wide, 0.4 * tall, 0, 0.8 * tall, 0.9 * wide, 0.4 * tall]
    pen.curve(-wide, -tall, *cup, wide, -tall)
    return 0.8 * tall


def _flower_stem(pen: Pen, y: float, long: float) -> None:
    u = pen.between
    sway, end = u(-10, 10), u(-12, 12)
    pen.curve(0, y - 2, sway, y + 0.5 * long, end, y + long)
    if pen.chance(0.15):
        pen.curve(4, y - 2, sway + 5, y + 0.5 * long, end + 5, y + long)
    for side in (-1, 1)[: pen.choose(4, 3, 3)]:
        at, length = u(0.35, 0.85), u(12, 30)
        x = 4 * sway * at * (1 - at) + end * at * (2 * at - 1)
        width = u(0.3, 0.6) * length
        pen.petal(x, y + at * long, -90 + side * u(25, 80), length, width, tip=u(0.3, 1))
    if pen.chance(0.12):
        pen.line(-u(20, 45), y + long, u(20, 45), y + long)


def _mushroom(pen: Pen) -> None:
    u = pen.between
    pen.tilt = 7
    wide, high, stem = u(32, 52), u(24, 48), u(26, 56)
    dome = [-0.6 * wide, -0.8 * high, 0, -high, 0.6 * wide, -0.8 * high]
    kind = pen.choose(5, 3, 2)
    if kind == 0:
        pen.arc(0, 0, wide, high, 180, 360)
        pen.curve(-wide, 0, 0, u(-8, 12), wide, 0)
    elif kind == 1:
        edge, under = u(0, 8), [0.5 * wide, u(-2, 8), -0.5 * wide, u(-2, 8)]
        pen.loop(-wide, -edge, *dome, wide, -edge, *under)
    else:
        pen.line(-wide, 0, *dome, wide, 0, closed=True)
    top, foot = wide * u(0.15, 0.5), u(0.7, 1.6)
    pen.curve(-top, 2, -0.9 * top, 0.5 * stem, -foot * top, stem)
    pen.curve(top, 2, 0.9 * top, 0.5 * stem, foot * top, stem)
    if pen.chance(0.85):
        pen.curve(-foot * top, stem, 0, stem + u(0, 6), foot * top, stem)
    if pen.chance(0.4):
        for _ in range(pen.count(2, 5)):
            x, y, size = u(-0.6, 0.6) * wide, -u(0.2, 0.7) * high, u(2, 7)
            pen.oval(x, y, size, size * u(0.7, 1.0), exact=True)
    if pen.chance(0.12):
        for x in (-0.8 * top, -0.4 * top, 0, 0.4 * top, 0.8 * top):
            pen.line(x, 2, 1.5 * x, -7)
    if pen.chance(0.12):
        pen.curve(-1.1 * top, 0.3 * stem, 0, 0.4 * stem, 1.1 * top, 0.3 * stem)
    if pen.chance(0.12):
        for x in (-0.7 * wide, -0.5 * wide, 0.6 * wide, 0.75 * wide):
            pen.line(x, stem, x + u(-5, 5), stem - u(6, 12))


def _star(pen: Pen) -> None:
    u = pen.between
    pen.tilt = 10
    kind = pen.choose(5, 4, 0.8, 0.8)
    corners: list[float] = []
    if kind == 1:
        points, waist = (5, 4, 6)[pen.choose(8, 0.6, 0.8)], u(0.35, 0.6)
        for i in range(2 * points):
            reach = 50 * (waist if i % 2 else 1) * u(0.88, 1.12)
            angle = 180 * i / points - 90 + u(-6, 6)
            corners += [reach * cos(angle), reach * sin(angle)]
        pen.line(*corners, closed=True)
    elif kind == 2:
        for turn in (-90, 30, 150):
            corners += [50 * cos(turn), 50 * sin(turn)]
        pen.line(*corners, closed=True)
        pen.line(*(-value for value in corners), closed=True)
    else:
        for i in range(5):
            reach, angle = 50 * u(0.85, 1.15), 144 * i - 90 + u(-7, 7)
            corners += [reach * cos(angle), reach * sin(angle)]
        if kind == 0:
            pen.line(*corners, closed=True)
        else:
            corners += corners[:2]
            for i in range(0, 10, 2):
                pen.line(*corners[i : i + 4])
    if pen.chance(0.1):
        for i in range(pen.count(3, 5)):
            start, x, y = u(38, 46), cos(72 * i - 54), sin(72 * i - 54)
            pen.line(start * x, start * y, (start + 14) * x, (start + 14) * y)
    if pen.chance(0.06):
        eyes(pen, 0, -4, 7, 2)
        pen.arc(0, 4, 8, 6, 0, 180)


def _sun(pen: Pen) -> None:
    u = pen.between
    kind = pen.choose(10, 1.2, 1.2, 1, 1.5)
    r = u(16, 32)
    if kind == 1:
        r *= 1.4
        pen.arc(0, 0, r, r, -8, 98)
        _rays(pen, r, 0, 90)
    elif kind == 2:
        pen.arc(0, 0, r, r, 180, 360)
        pen.line(-u(1, 2) * r, 0, u(1, 2) * r, 0)
        _rays(pen, r, 185, 355)
    elif kind == 3:
        turns = u(600, 1000)
        spiral: list[float] = []
        for share in (i / 20 for i in range(21)):
            spiral += [r * share * cos(turns * share), r * share * sin(turns * share)]
        pen.curve(*spiral)
        _rays(pen, r, 0, 360)
    elif kind == 4:
        pen.oval(0, 0, r, r)
        n, reach = pen.count(7, 13), u(1.3, 1.8) * r
        corners: list[float] = []
        for i in range(2 * n):
            away = 1.02 * r if i % 2 else reach * u(0.9, 1.1)
            corners += [away * cos(180 * i / n), away * sin(180 * i / n)]
        pen.line(*corners, closed=True)
    else:
        pen.oval(0, 0, r, r * u(0.85, 1.1))
        _rays(pen, r, 0, 360)
    if pen.chance(0.14) and kind in (0, 4):
        eyes(pen, 0, -0.25 * r, 0.35 * r, 0.1 * r)
        smile(pen, 0, 0.15 * r, 0.5 * r, 0.4 * r)


def _rays(pen: Pen, r: float, first: float, last: float) -> None:
    u = pen.between
    n = pen.count(5, 15) if last - first == 360 else pen.count(4, 8)
    gap, long, kind = u(-1, 12), u(10, 36), pen.choose(7, 1.5, 1, 1)
    step = (last - first) / n
    for i in range(n):
        way = first + step * (i + 0.5 + u(-0.2, 0.2))
        start = r + gap + u(-2, 3)
        end = start + long * u(0.65, 1.25) * (0.5 if kind == 3 and i % 2 else 1)
        tip = [end * cos(way), end * sin(way)]
        if kind == 1:
            one, other = way - 0.35 * step, way + 0.35 * step
            foot = [(r + 2) * cos(other), (r + 2) * sin(other)]
            pen.line((r + 2) * cos(one), (r + 2) * sin(one), *tip, *foot)
        elif kind == 2:
            middle, sway = (start + end) / 2, way + u(8, 14)
            bend = [middle * cos(sway), middle * sin(sway)]
            pen.curve(start * cos(way), start * sin(way), *bend, *tip)
        else:
            lean = way + u(-7, 7)
            pen.line(start * cos(lean), start * sin(lean), *tip)


def _tree(pen: Pen) -> None:
    u = pen.between
    kind = pen.choose(6, 2, 2.5, 1.5, 1.5)
    if kind == 4:
        _bare_tree(pen)
        return
    half, stem, wide, tall = u(4, 11), u(26, 52), u(26, 46), u(24, 40)
    if pen.chance(0.7):
        foot = half * u(1.0, 2.0)
        pen.curve(-half, -3, -half, 0.6 * stem, -foot, stem)
        pen.curve(half, -3, half, 0.6 * stem, foot, stem)
        if pen.chance(0.5):
            pen.line(-foot, stem, foot, stem)
    else:
        pen.line(-half, 0, -half, stem, half, stem, half, 0)
    if kind == 0:
        pen.cloud(0, -0.85 * tall, wide, tall, pen.count(6, 12), u(0.15, 0.4))
    elif kind == 1:
        pen.oval(0, -0.85 * tall, 0.9 * wide, tall)
    elif kind == 2:
        layers, y, size = 1 + pen.choose(3, 2, 4), 0.0, 0.9
        for _ in range(layers):
            high = 1.9 * tall / layers * u(1.0, 1.3)
            pen.line(-size * wide, y, 0, y - high, size * wide, y, closed=True)
            y, size = y - 0.65 * high, 0.8 * size
    else:
        pen.scribble(0, -0.7 * tall, wide, tall, pen.count(12, 22))
    if kind in (0, 1) and pen.chance(0.2):
        for _ in range(pen.count(3, 6)):
            x, y = u(-0.6, 0.6) * wide, -u(0.3, 1.4) * tall
            pen.oval(x, y, u(2, 5), u(2, 5), exact=True)
    if pen.chance(0.08):
        pen.oval(0, 0.5 * stem, 3, 5, exact=True)
    if pen.chance(0.15):
        pen.line(-u(25, 60), stem, u(25, 60), stem)


def _bare_tree(pen: Pen) -> None:
    u = pen.between
    stem, half = u(30, 50), u(0, 6)
    pen.line(-half, stem, -half, -10)
    if half > 2:
        pen.line(half, stem, half, -10)
    leafy, n = pen.chance(0.4), pen.count(3, 5)
    for i in range(n):
        way, long, start = -165 + 150 * (i + 0.5) / n + u(-10, 10), u(25, 48), u(-10, 0)
        x, y = long * cos(way), start + long * sin(way)
        pen.line(0, start, x, y)
        for side in (-30, 30):
            fork_x, fork_y = 0.6 * x, start + 0.6 * (y - start)
            twig = [fork_x + 15 * cos(way + side), fork_y + 15 * sin(way + side)]
            pen.line(fork_x, fork_y, *twig)
        if leafy:
            pen.oval(x, y - 4, u(6, 12), u(6, 10))


NATURE: dict[str, Callable[[Pen], None]] = {
    "apple": _apple,
    "flower": _flower,
    "mushroom": _mushroom,
    "pear": _pear,
    "star": _star,
    "sun": _sun,
    "tree": _tree,
}
"""What draws each word."""
