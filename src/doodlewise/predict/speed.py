"""How fast a model guesses on this machine."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..drawing import Drawing
from ..raster import RenderSpec, render
from .bundled import BUNDLED, BUNDLED_NAME
from .classifier import AS_PICTURE, Classifier, Sketch, load

__all__ = ["Row", "Speed", "measure_speed"]

BATCHES = (8, 32, 64)
POINTS = (20, 100, 500)
STROKE_POINTS = 20
"""A stroke of the drawings that are made for a number of points."""
LEAST = 5
"""Times that everything is measured at least, however long it takes."""
ENOUGH_FOR_P99 = 100
DRAWINGS = 64


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured.

    Attributes:
        what: in words.
        sketches: that were guessed together.
        times: how often.
        p50_ms: half of the times it took less.
        p99_ms: 99 of 100 times it took less; None where it was done less than 100 times.
        per_second: sketches guessed in a second, one batch after the other.
    """

    what: str
    sketches: int
    times: int
    p50_ms: float
    p99_ms: float | None
    per_second: float


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a model is.

    Attributes:
        model: its name.
        words: that it knows.
        bits: of its weights.
        size_bytes: of its file, or of the files of its folder.
        runtime: what runs it, with how many threads.
        load_ms: until it was open, with what had to be imported for it.
        first_ms: the first guess.
        rows: everything after it.
        memory_mib: the most that this process had in memory; None where the system does not say.
    """

    model: str
    words: int
    bits: int
    size_bytes: int
    runtime: str
    load_ms: float
    first_ms: float
    rows: tuple[Row, ...]
    memory_mib: float | None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def measure_speed(
    model: Path | None = None,
    *,
    seconds: float = 1.0,
    tell: Callable[[str], None] = lambda _: None,
) -> Speed:
    """Measure a model: in the calling process, with doodles and pictures that are made for it.

    Args:
        model: as `load` takes it.
        seconds: for each row; there are eight at most, and the first has twice as many.
        tell: told what is measured next.

    Raises:
        DoodlewiseError: the model cannot be opened.
    """
    tell("loading")
    started = time.perf_counter()
    classifier = load(model)
    load_ms = _since(started)
    drawings, pictures = _sketches(classifier)
    tell("first guess")
    started = time.perf_counter()
    classifier.predict((drawings or pictures)[0])
    first_ms = _since(started)
    rows: list[Row] = []
    for what, sketches, size in _plan(drawings, pictures):
        tell(what)
        share = 2.0 if not rows else 1.0
        rows.append(_measure(classifier, what, sketches, size, share * seconds))
    return Speed(
        model=BUNDLED_NAME if model is None else model.resolve().stem,
        words=len(classifier.classes),
        bits=classifier.bits,
        size_bytes=_size(BUNDLED if model is None else model),
        runtime=classifier.runtime,
        load_ms=load_ms,
        first_ms=first_ms,
        rows=tuple(rows),
        memory_mib=_peak_mib(),
    )


def _plan(
    drawings: Sequence[Sketch], pictures: Sequence[Sketch]
) -> list[tuple[str, Sequence[Sketch], int]]:
    """What is measured: in words, of what, how many at a time."""
    plan: list[tuple[str, Sequence[Sketch], int]] = []
    if drawings:
        plan.append(("one drawing", drawings, 1))
        plan += [(f"{size} drawings at once", drawings, size) for size in BATCHES]
    if pictures:
        plan.append(("one picture", pictures, 1))
    if drawings:
        plan += [(f"a drawing of {n} points", [_scribble(n)], 1) for n in POINTS]
    return plan


def _measure(
    classifier: Classifier, what: str, sketches: Sequence[Sketch], size: int, seconds: float
) -> Row:
    supply = cycle(sketches)
    # The first time, memory is fetched that is kept afterwards.
    classifier.predict(list(islice(supply, size)))
    taken: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(taken) < LEAST:
        batch: Any = next(supply) if size == 1 else list(islice(supply, size))
        started = time.perf_counter()
        classifier.predict(batch)
        taken.append(_since(started))
    has_p99 = len(taken) >= ENOUGH_FOR_P99
    return Row(
        what,
        size,
        len(taken),
        float(np.median(taken)),
        float(np.percentile(taken, 99)) if has_p99 else None,
        1000.0 * size * len(taken) / sum(taken),
    )


def _sketches(classifier: Classifier) -> tuple[list[Sketch], list[Sketch]]:
    """Drawings and pictures of what the model takes."""
    from ..data.formats.synthetic import SYNTHETIC_WORDS, draw

    rng = np.random.default_rng(0)
    every = [draw(word, rng) for word in islice(cycle(SYNTHETIC_WORDS), DRAWINGS)]
    pictures: list[Sketch] = []
    if classifier.takes_pictures:
        spec = RenderSpec(side=240, line_width=AS_PICTURE.line_width, padding=8.0)
        pictures = [Image.fromarray(255 - render(drawing, spec)) for drawing in every[:16]]
    return list(every) if classifier.takes_drawings else [], pictures


def _scribble(n: int) -> Drawing:
    """A drawing of so many points: rings, in strokes of a usual length."""
    angles = np.linspace(0.0, 0.31 * math.tau * math.sqrt(n), n)
    radii = np.linspace(20.0, 127.0, n)
    x, y = 127.0 + radii * np.cos(angles), 127.0 + radii * np.sin(angles)
    return Drawing.from_strokes(
        [
            [x[at : at + STROKE_POINTS], y[at : at + STROKE_POINTS]]
            for at in range(0, n, STROKE_POINTS)
        ]
    )


def _since(started: float) -> float:
    """Milliseconds."""
    return 1000.0 * (time.perf_counter() - started)


def _size(path: Path) -> int:
    from ..bundle_info import find_bundle

    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in find_bundle(path).iterdir() if file.is_file())


def _peak_mib() -> float | None:
    try:
        import resource
    except ImportError:
        return None
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
