"""How strokes become pixels: the one definition, and its reference implementation.

A `RenderSpec` says everything there is to say. The steps, in the order in which all
implementations take them:

1. *Fit*: the box of the points is moved to the origin and scaled so that its longer side is 255.
   A longer side of 250 to 255 counts as 255: that is what rounding and thinning leave in Google's
   files, and Google drew those as they are. A dot is not scaled.
2. *Place*: the box is centred on a square canvas of `256 + line_width + 2 * padding` units, and
   the canvas is scaled to `side` pixels.
3. *Ink*: with d the distance in pixels from a pixel's centre to the nearest line, and h half the
   line width in pixels, the pixel is `clamp(h + 0.5 - d, 0, 1)`, times 255, rounded half up.
   Ends and joins are round because a distance knows no corners.

`RenderSpec()` at 28 pixels is the look of Google's numpy_bitmap files (cairo, line width 16,
padding 16; the maintainer's snippet in issue 19 of googlecreativelab/quickdraw-dataset).

`raster_host` (compiled) and `raster_torch` (any device) do the same faster; tests hold them to
this one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .drawing import FRAME, Drawing
from .errors import ConfigError
from .ragged import Ragged

__all__ = ["RenderSpec", "fit_scale", "render", "render_many"]

CANVAS = 256.0
FITTED_FROM = 250.0
"""A longer side from here to 255 is taken as 255 (step 1)."""


@dataclass(frozen=True, slots=True)
class RenderSpec:
    """How strokes become pixels. Lengths are in units of a canvas of 256.

    Attributes:
        side: height and width of the image, pixels.
        line_width: width of the pen.
        padding: empty space between the ink and the edge.

    Raises:
        ConfigError: a side outside 8..1024, or a width or padding that is out of range.
    """

    side: int = field(
        default=28,
        metadata={"help": "height and width of the network's input, pixels", "flag": "--side"},
    )
    line_width: float = field(
        default=16.0, metadata={"help": "width of the pen, on a canvas of 256"}
    )
    padding: float = field(
        default=16.0, metadata={"help": "empty space around the ink, on a canvas of 256"}
    )

    def __post_init__(self) -> None:
        if not 8 <= self.side <= 1024:
            raise ConfigError(f"RenderSpec.side is {self.side}; choose 8 to 1024 pixels.")
        if not 0 < self.line_width <= 128:
            raise ConfigError(f"RenderSpec.line_width is {self.line_width}; choose 0 < w <= 128.")
        if not 0 <= self.padding <= 256:
            raise ConfigError(f"RenderSpec.padding is {self.padding}; choose 0 to 256.")

    @property
    def units(self) -> float:
        """Side of the square canvas, in units."""
        return CANVAS + self.line_width + 2.0 * self.padding

    @property
    def pixels_per_unit(self) -> float:
        return self.side / self.units

    @property
    def half_width(self) -> float:
        """Half the line width, pixels."""
        return 0.5 * self.line_width * self.pixels_per_unit

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RenderSpec:
        """The inverse of `to_dict`.

        Raises:
            ConfigError: an unknown key: the file was written by a newer version.
        """
        try:
            return cls(**values)
        except TypeError:
            unknown = sorted(set(values) - {"side", "line_width", "padding"})
            raise ConfigError(
                f"RenderSpec does not know {', '.join(unknown)}. The file was written by another"
                " version of Doodlewise; upgrade, or make it again."
            ) from None


def fit_scale(extent: float) -> float:
    """Factor that brings a drawing with this longer side into the frame (step 1)."""
    if extent <= 0.0 or FITTED_FROM <= extent <= FRAME:
        return 1.0
    return FRAME / extent


def place(points: NDArray[Any], spec: RenderSpec) -> NDArray[np.float64]:
    """Points in pixels (steps 1 and 2): (n, 2) to (n, 2)."""
    placed: NDArray[np.float64] = points.astype(np.float64)
    low, high = placed.min(axis=0), placed.max(axis=0)
    placed -= (low + high) / 2.0
    placed *= fit_scale(float((high - low).max())) * spec.pixels_per_unit
    placed += spec.side / 2.0
    return placed


def render(drawing: Drawing, spec: RenderSpec | None = None) -> NDArray[np.uint8]:
    """Draw one drawing: uint8 (side, side), 0 is paper, 255 is ink."""
    spec = spec or RenderSpec()
    placed = place(drawing.points, spec)
    starts, ends = _segments(placed, drawing.lengths)
    centres = np.arange(spec.side) + 0.5
    x, y = np.meshgrid(centres, centres)
    nearest = np.full((spec.side, spec.side), np.inf)
    for start, end in zip(starts, ends, strict=True):
        np.minimum(nearest, _squared_distance(x, y, start, end), out=nearest)
    ink = np.clip(spec.half_width + 0.5 - np.sqrt(nearest), 0.0, 1.0)
    image: NDArray[np.uint8] = np.floor(ink * 255.0 + 0.5).astype(np.uint8)
    return image


def render_many(drawings: Ragged, spec: RenderSpec | None = None) -> NDArray[np.uint8]:
    """Draw each of many: uint8 (drawings, side, side). Slow and plain; see `raster_host`."""
    spec = spec or RenderSpec()
    images = np.zeros((len(drawings), spec.side, spec.side), np.uint8)
    for index in range(len(drawings)):
        images[index] = render(drawings[index], spec)
    return images


def _segments(
    points: NDArray[np.float64], lengths: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both ends of every line; a stroke of one point is a line to itself."""
    firsts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    is_start = np.ones(len(points), dtype=bool)
    is_start[firsts + lengths - 1] = False
    starts = np.flatnonzero(is_start)
    dots = firsts[lengths == 1]
    return (
        np.concatenate([points[starts], points[dots]]),
        np.concatenate([points[starts + 1], points[dots]]),
    )


def _squared_distance(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    start: NDArray[np.float64],
    end: NDArray[np.float64],
) -> NDArray[np.float64]:
    """From each pixel centre to the line from start to end."""
    along = end - start
    squared_length = float(along @ along)
    across_x, across_y = x - start[0], y - start[1]
    if squared_length > 0.0:
        share = np.clip((across_x * along[0] + across_y * along[1]) / squared_length, 0.0, 1.0)
        across_x = across_x - share * along[0]
        across_y = across_y - share * along[1]
    squared: NDArray[np.float64] = across_x * across_x + across_y * across_y
    return squared
