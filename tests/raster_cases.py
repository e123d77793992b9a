"""Drawings on which all rasterisers have to agree, and how far they are apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from numpy.typing import NDArray

from doodlewise.data.chunk import Skips, Source, Wanted
from doodlewise.data.formats import read_drawings
from doodlewise.data.formats.ndjson import NDJSON
from doodlewise.drawing import Drawing
from doodlewise.ragged import Ragged
from doodlewise.raster import FITTED_FROM, RenderSpec

QUICKDRAW = Path(__file__).resolve().parents[2] / "shared" / "data" / "quickdraw"
needs_quickdraw = pytest.mark.skipif(not QUICKDRAW.is_dir(), reason=f"no data at {QUICKDRAW}")

SPECS = [
    RenderSpec(),
    RenderSpec(side=8),
    RenderSpec(side=37, line_width=40, padding=0),
    RenderSpec(side=64, line_width=1.5, padding=3),
    RenderSpec(side=128, line_width=8, padding=256),
]


def far_apart(ours: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> int:
    """The largest difference of two pixels."""
    assert ours.dtype == theirs.dtype == np.uint8
    assert ours.shape == theirs.shape
    return int(np.abs(ours.astype(int) - theirs).max(initial=0))


@st.composite
def drawings(draw: st.DrawFn) -> Drawing:
    """Any drawing, mostly odd: dots, points in one place or on one line, tiny, huge, far away."""
    size = draw(st.sampled_from([1e-42, 1e-3, 1.0, 100.0, 253.0, 300.0, 1e6, 1e30]))
    share = st.floats(-1, 1, width=32)
    place = draw(st.sampled_from([0.0, 0.0, size, 100 * size]))
    point = st.tuples(share, share)
    some = st.lists(point, min_size=1, max_size=12)
    one = st.lists(point, min_size=1, max_size=1)
    still = st.builds(lambda where, n: [where] * n, point, st.integers(2, 4))
    collinear = st.builds(
        lambda end, n: [(i / n * end[0], i / n * end[1]) for i in range(n)],
        point,
        st.integers(1, 6),
    )
    strokes = draw(st.lists(some | one | still | collinear, min_size=1, max_size=4))
    points = np.array([each for stroke in strokes for each in stroke]) * size + place
    points = points.astype(np.float32)
    # Here drawings begin to be scaled, and rounding may decide.
    extent = float(np.ptp(points.astype(np.float64), axis=0).max())
    assume(abs(extent - FITTED_FROM) > 1e-3)
    return Drawing(points, np.array([len(stroke) for stroke in strokes], np.int32))


def real_drawings(raw: bool) -> Ragged:
    """Drawings of ten words: raw as float32, simplified as uint8."""
    files = sorted((QUICKDRAW / ("raw" if raw else "simplified")).glob("*.ndjson"))[::35]
    if raw:
        return Ragged.from_drawings(each for path in files for each in read_drawings(path))
    chunks = [
        chunk for path in files for chunk in NDJSON.read_chunks(Source(path, ""), Wanted(), Skips())
    ]
    every = Ragged.concat([chunk.drawings for chunk in chunks if chunk.drawings is not None])
    return every.take(np.arange(0, len(every), 30))
