"""A pen in an imaginary hand: clean shapes go in, and come out as a person would have drawn them.

A word is described by clean lines, curves and ovals in a picture about 100 wide (x to the right,
y down, angles in degrees: 0 right, 90 down, 180 left, 270 up). `Pen.finish` then does what hands
do: strokes are joined, cut, turned round and swapped, ends miss each other, points lie sparse
where the pen is fast and dense in bends, lines waver and tremble, parts sit a little off their
place, the whole is squeezed, slanted, rotated, mirrored, and now and then left unfinished.

Points are complex numbers, x + iy: to rotate and to scale is then one multiplication. How much of
each habit there is was chosen by eye, beside real doodles of the same words.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ...drawing import Drawing

__all__ = ["Pen", "cos", "sin"]

Line = NDArray[np.complex128]


class Pen:
    """Draws one doodle. Which hand holds it is drawn by lot when it is made.

    Attributes:
        tilt: standard deviation of the rotation of the whole, degrees; a word may widen it.
        mirrored: whether left and right change places; a word with writing in it says False.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._strokes: list[Line] = []
        self.tilt = 4.0
        self.mirrored = self.chance(0.5)
        self._care = float(rng.beta(2.2, 1.8))  # 0 hasty, 1 careful
        self._lifts = self.between(0.0, 0.6)
        self._looseness = 0.25 + (1.0 - self._care)

    # Chance ---------------------------------------------------------------------------------

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self._rng.random()

    def chance(self, share: float) -> bool:
        return self._rng.random() < share

    def count(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self._rng.random() * (high - low + 1))

    def choose(self, *weights: float) -> int:
        """Position of one of the weights, drawn in proportion to them."""
        left = self._rng.random() * sum(weights)
        for index, weight in enumerate(weights):
            left -= weight
            if left < 0.0:
                return index
        return len(weights) - 1

    def sign(self) -> int:
        return -1 if self.chance(0.5) else 1

    # Shapes ---------------------------------------------------------------------------------

    def line(self, *xy: float, closed: bool = False) -> None:
        """Straight from corner to corner: x, y, x, y, ...

        A closed one begins at any corner, either way round; some hands lift the pen on the way.
        """
        corners = _complex(xy)
        if not closed:
            self._strokes.append(corners)
            return
        n = len(corners)
        start, step = self.count(0, n - 1), self.sign()
        corners = corners[(start + step * np.arange(n + 1)) % n]
        if self.chance(self._lifts):
            lift = self.count(1, n - 1)
            self._strokes += [corners[: lift + 1], corners[lift:]]
        else:
            self._strokes.append(corners)

    def curve(self, *xy: float) -> None:
        """Smoothly through the points x, y, x, y, ..."""
        through = _complex(xy)
        ends = 2.0 * through[[0, -1]] - through[[1, -2]]
        self._strokes.append(_smooth(np.concatenate([ends[:1], through, ends[1:]])))

    def loop(self, *xy: float) -> None:
        """Smoothly through the points and back to the first."""
        through = _complex(xy)
        self._close(_smooth(through[np.arange(-1, len(through) + 2) % len(through)])[:-1])

    def oval(self, x: float, y: float, rx: float, ry: float, *, exact: bool = False) -> None:
        """A closed curve around (x, y), no truer than the hand is; `exact` for tiny ones."""
        radius = np.ones(len(_CIRCLE))
        if not exact:
            radius += 0.06 * self._looseness * (self._complex_noise((3,)) @ _UNEVEN).real
        ring = radius * (rx * _CIRCLE.real + 1j * ry * _CIRCLE.imag)
        self._close(ring + complex(x, y))

    def arc(self, x: float, y: float, rx: float, ry: float, start: float, end: float) -> None:
        """Part of an oval, from angle to angle."""
        steps = max(4, int(abs(end - start) / 15.0))
        angles = np.radians(np.linspace(start, end, steps + 1))
        self._strokes.append(x + rx * np.cos(angles) + 1j * (y + ry * np.sin(angles)))

    def petal(
        self,
        x: float,
        y: float,
        angle: float,
        length: float,
        width: float,
        *,
        base: float = 1.0,
        tip: float = 0.0,
    ) -> None:
        """A leaf that grows from (x, y); `base` and `tip`: 0 round, 1 pointed."""
        across = _CIRCLE.imag * _HALF_SINE**base * _HALF_COSINE**tip
        outline = 0.5 * length * (1.0 - _CIRCLE.real) + 0.5j * width / across.max() * across
        outline = np.append(outline, outline[0]) * complex(cos(angle), sin(angle)) + complex(x, y)
        self._strokes.append(outline[:: self.sign()])

    def cloud(self, x: float, y: float, rx: float, ry: float, lobes: int, depth: float) -> None:
        """A closed outline with bulges of uneven size; `depth` is their height, share of rx."""
        lobe, within = _lobes(lobes)
        widths = self._rng.uniform(0.6, 1.4, lobes)
        starts = np.cumsum(widths) - widths
        angles = (starts[lobe] + within * widths[lobe]) * (2.0 * math.pi / widths.sum())
        heights = depth * self._rng.uniform(0.6, 1.4, lobes)
        radius = 1.0 - 0.5 * depth + heights[lobe] * np.sqrt(np.sin(math.pi * within))
        turn = self.between(0.0, 2.0 * math.pi)
        ring = radius * np.exp(1j * (angles + turn))
        self._close(complex(x, y) + rx * ring.real + 1j * ry * ring.imag)

    def dot(self, x: float, y: float, size: float) -> None:
        """A point, as a tick, a tiny ring or a blot."""
        style = self.choose(3, 4, 2)
        if style == 0:
            self.line(x, y - 0.3 * size, x + 0.2 * size, y + 0.4 * size)
        elif style == 1:
            self.oval(x, y, size, size, exact=True)
        else:
            self.arc(x, y, 0.6 * size, 0.8 * size, 0.0, self.between(400.0, 900.0))

    def scribble(self, x: float, y: float, rx: float, ry: float, turns: int) -> None:
        """Hither and thither over an oval."""
        angles = self._rng.uniform(1.6, 3.2, turns).cumsum()
        reach = self._rng.uniform(0.5, 1.1, turns)
        through = np.stack([x + rx * reach * np.cos(angles), y + ry * reach * np.sin(angles)], 1)
        self.curve(*through.ravel().tolist())

    def _close(self, ring: Line) -> None:
        """Add a ring of points as a stroke whose end does not quite meet its beginning."""
        n = len(ring)
        extra = self._looseness * 0.06 * self._rng.standard_normal()
        if self.chance(0.04):
            extra = self.between(0.3, 1.1)
        steps = np.arange(max(4, round((1.0 + extra) * n) + 1))
        stroke = ring[(self.count(0, n - 1) + self.sign() * steps) % n]
        size = float(np.abs(ring - ring[0]).max())
        drift = 0.04 * self._looseness * size * complex(*self._rng.standard_normal(2))
        self._strokes.append(stroke + drift * (steps / steps[-1] - 0.5))

    # The hand -------------------------------------------------------------------------------

    def finish(self, word: str) -> Drawing:
        """The doodle in the frame, simplified as Google's are."""
        strokes = self._join(self._swap(self._leave_off(self._strokes)))
        points, lengths, travelled = self._sample(strokes)
        points = self._pose(self._waver(points, lengths, travelled))
        return Drawing(
            points=points.view(np.float64).reshape(-1, 2).astype(np.float32),
            lengths=lengths.astype(np.int32),
            word=word,
            recognised=True,
        ).simplified()

    def _leave_off(self, strokes: list[Line]) -> list[Line]:
        """Now and then the last strokes are missing: the game had guessed the word."""
        n = len(strokes)
        if n < 5 or not self.chance(0.15):
            return strokes
        return strokes[: n - self.count(1, n // 5)]

    def _swap(self, strokes: list[Line]) -> list[Line]:
        """Another order, most often nearly that of the description; some strokes turned round."""
        disorder = (0.0, 1.5, 6.0)[self.choose(5, 4, 1)]
        places = np.arange(len(strokes)) + disorder * self._rng.random(len(strokes))
        turned = self._rng.random(len(strokes)) < 0.25
        return [strokes[i][:: -1 if turned[i] else 1] for i in places.argsort(kind="stable")]

    def _join(self, strokes: list[Line]) -> list[Line]:
        """Go on without lifting the pen where the next stroke is near; cut some long strokes."""
        joined = strokes[:1]
        for stroke in strokes[1:]:
            before = joined[-1]
            gap = min(abs(before[-1] - stroke[0]), abs(before[-1] - stroke[-1]))
            if gap < 4.0 and self.chance(0.9 - 1.4 * self._lifts):
                if abs(before[-1] - stroke[0]) > gap:
                    stroke = stroke[::-1]
                joined[-1] = np.concatenate([before, stroke])
            elif len(stroke) > 8 and self.chance(0.12 * self._lifts):
                cut = self.count(3, len(stroke) - 4)
                joined += [stroke[: cut + 1], stroke[cut:]]
            else:
                joined.append(stroke)
        return joined

    def _sample(self, strokes: list[Line]) -> tuple[Line, NDArray[np.int64], NDArray[np.float64]]:
        """Points where a pen that is slow at ends and in bends would have been seen.

        Returns:
            The points, how many each stroke has, and the way along the stroke of each point.
        """
        line = np.concatenate(strokes)
        ends = np.cumsum([len(stroke) for stroke in strokes]) - 1
        starts = np.concatenate([[0], ends[:-1] + 1])
        steps = np.diff(line, append=line[-1])
        # Every corner is passed twice, and turning there takes time: so it is not cut off.
        before = np.roll(steps, 1)
        bends = np.abs(np.angle(steps * before.conj()))
        bends[starts] = bends[ends] = 0.0
        time = np.empty(2 * len(line))
        time[0::2] = (2.0 + 3.0 * self._care) * bends
        time[1::2] = np.abs(steps)
        time[1::2][ends] = 1.0  # in the air
        time = time.cumsum()
        first = time[2 * starts]
        durations = time[2 * ends] - first
        # Small things are drawn slowly.
        pace = (3.0 + 6.0 * (1.0 - self._care)) * np.sqrt(np.clip(durations, 2.0, 400.0) / 100.0)
        lengths = np.maximum(2, np.rint(durations / pace).astype(np.int64) + 1)
        index = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        share = index / np.repeat(lengths - 1, lengths)
        ease = self.between(0.0, 0.7) / (2.0 * math.pi)
        share -= ease * np.sin(2.0 * math.pi * share)
        travelled = share * np.repeat(durations, lengths)
        seen = np.interp(travelled + np.repeat(first, lengths), time, np.repeat(line, 2))
        return seen, lengths, travelled

    def _waver(
        self, points: Line, lengths: NDArray[np.int64], travelled: NDArray[np.float64]
    ) -> Line:
        """Ends that miss, parts out of place, slow wavering along each stroke, and tremor."""
        n, loose = len(lengths), self._looseness
        ends = lengths.cumsum() - 1
        starts = ends - lengths + 1
        noise = self._complex_noise((10, n))
        for at, neighbour, miss in ((starts, starts + 1, noise[0]), (ends, ends - 1, noise[1])):
            out = points[at] - points[neighbour]
            step = np.abs(out) + 1e-9
            reach = np.maximum(2.2 * loose * miss.real, -0.6 * step)
            points[at] += out / step * np.minimum(reach, 0.5 * travelled[ends])
        middles = (np.add.reduceat(points, starts) / lengths).repeat(lengths)
        size = np.sqrt(np.minimum(travelled[ends], 300.0) / 100.0)
        turns = 1.0 + 0.05 * loose * noise[2] / (0.4 + size)
        shifts = 1.3 * loose * (0.3 + size) * noise[3]
        points = middles + (points - middles) * turns.repeat(lengths) + shifts.repeat(lengths)
        waves = self._rng.uniform(_SLOWEST, _FASTEST)
        phase = np.exp(1j * np.multiply.outer(2.0 * math.pi / waves, travelled))
        heights = (0.011 * loose * waves)[:, None] * np.minimum(size, 1.0)
        points += ((heights * noise[4:7]).repeat(lengths, axis=1) * phase).sum(axis=0)
        points += ((heights * noise[7:10]).repeat(lengths, axis=1) * phase.conj()).sum(axis=0)
        return points + 0.22 * loose * self._complex_noise((len(points),))

    def _pose(self, points: Line) -> Line:
        """Bend, squeeze, slant, mirror and rotate the whole."""
        noise = self._rng.standard_normal(7)
        low = complex(points.real.min(), points.imag.min())
        high = complex(points.real.max(), points.imag.max())
        points = (points - (low + high) / 2.0) / max((high - low).real, (high - low).imag)
        bend = 0.16 * self._looseness
        points = points + bend * complex(noise[0], noise[1]) * points**2
        points = points + bend * complex(noise[2], noise[3]) * (points * points.conj())
        squeeze = math.exp(0.1 * noise[4])
        x = points.real * squeeze + 0.06 * noise[5] * points.imag
        y = points.imag / squeeze
        angle = self.tilt * noise[6]
        turn = complex(cos(angle), sin(angle))
        posed: Line = ((-x if self.mirrored else x) + 1j * y) * turn
        return posed

    def _complex_noise(self, shape: tuple[int, ...]) -> NDArray[np.complex128]:
        real = self._rng.standard_normal((2, *shape))
        return np.asarray(real[0] + 1j * real[1])


def cos(degrees: float) -> float:
    return math.cos(math.radians(degrees))


def sin(degrees: float) -> float:
    return math.sin(math.radians(degrees))


_CIRCLE = np.exp(2j * math.pi * np.arange(24) / 24)
_UNEVEN = np.stack([_CIRCLE, _CIRCLE**2, 0.5 * _CIRCLE**3])
_HALF_SINE = np.abs(np.sin(math.pi * np.arange(24) / 24))
_HALF_COSINE = np.abs(np.cos(math.pi * np.arange(24) / 24))

_SLOWEST, _FASTEST = np.array([120.0, 55.0, 22.0]), np.array([240.0, 110.0, 45.0])
"""Bounds of the wave lengths of the wavering, in units of the picture."""

_SHARE = np.arange(6)[:, None] / 6.0
_BLEND = 0.5 * np.concatenate(
    [
        -_SHARE + 2.0 * _SHARE**2 - _SHARE**3,
        2.0 - 5.0 * _SHARE**2 + 3.0 * _SHARE**3,
        _SHARE + 4.0 * _SHARE**2 - 3.0 * _SHARE**3,
        _SHARE**3 - _SHARE**2,
    ],
    axis=1,
)
"""Catmull-Rom: how much of its four neighbours each of six points between two knots takes."""


def _complex(xy: tuple[float, ...]) -> Line:
    return np.array(xy, dtype=np.float64).view(np.complex128)


def _smooth(knots: Line) -> Line:
    """A curve through all knots but the first and last, which only lend it their direction."""
    n = len(knots) - 3
    inner = _BLEND @ np.stack([knots[i : i + n] for i in range(4)])
    return np.append(inner.T.ravel(), knots[-2])


def _lobes(n: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For six points on each of n lobes: which lobe, and how far along it."""
    index = np.arange(6 * n)
    return index // 6, (index % 6) / 6.0
