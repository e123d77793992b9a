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
4. *Channels*: an image has a plane for each of them.

   - "ink" is step 3.
   - "order": the ink pales backwards, from what was drawn last to what was drawn first. Of a place
     on a line, s is the share of all ink (the length of all lines) that was drawn when the pen came
     by: 0 where the drawing begins, 1 where it ends. For each line, take
     `clamp(h + 0.5 - d, 0, 1) * (1 + 3 * s) / 4` with s of the place that is nearest to the pixel;
     the pixel is the largest of these, times 255, rounded half up. So paper is 0, the first ink is
     64, the last is 255, and where lines cross, or the pen goes back on its way, the later ink
     covers the earlier. The largest product is a continuous function of the points, which the
     product of the nearest line is not: implementations agree where two lines are equally near.
   - "time": the same with s the share of the time, from the first point to the last. Between two
     points of a line the pen is taken to have moved evenly; shares below 0 or above 1, of times
     that run backwards, count as 0 or 1. Where the times of a drawing are not known, or the last is
     not later than the first, it is the order.

   Dots have no length, and rounding may give them some or take it. So a hundredth of a pixel counts
   as drawn before the first point: of dots alone s is 1. And a line shorter than that has the s of
   its end.

   Shares are of what is there to be drawn: of a drawing that is not finished yet, the last ink so
   far is 255. So a network sees, while someone draws, what it saw when it learnt from beginnings.

`RenderSpec()` at 28 pixels is the look of Google's numpy_bitmap files (cairo, line width 16,
padding 16; the maintainer's snippet in issue 19 of googlecreativelab/quickdraw-dataset).

`raster_host` (compiled) and `raster_torch` (any device) do the same faster; tests hold them to
this one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .drawing import FRAME, Drawing
from .errors import ConfigError, did_you_mean
from .ragged import Ragged

__all__ = ["CHANNELS", "RenderSpec", "fit_scale", "render", "render_channels", "render_many"]

CANVAS = 256.0
FITTED_FROM = 250.0
"""A longer side from here to 255 is taken as 255 (step 1)."""
CHANNELS = ("ink", "order", "time")
FAINTEST = 0.25
"""Of the first ink in the order and time channels, 1 being the last (step 4)."""
SHORT = 0.01
"""Pixels: what rounding may do to the length of a line, and more (step 4)."""


@dataclass(frozen=True, slots=True)
class RenderSpec:
    """How strokes become pixels. Lengths are in units of a canvas of 256.

    Attributes:
        side: height and width of the image, pixels.
        line_width: width of the pen.
        padding: empty space between the ink and the edge.
        channels: planes of the image, some of CHANNELS.

    Raises:
        ConfigError: a side outside 8..1024, a width or padding that is out of range, or channels
            that do not exist or come twice.
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
    channels: tuple[str, ...] = field(
        default=("ink",),
        metadata={
            "help": "what the network sees of strokes: ink, and perhaps order and time; with"
            " commas: ink,order",
            "flag": "--channels",
        },
    )

    def __post_init__(self) -> None:
        if not 8 <= self.side <= 1024:
            raise ConfigError(f"RenderSpec.side is {self.side}; choose 8 to 1024 pixels.")
        if not 0 < self.line_width <= 128:
            raise ConfigError(f"RenderSpec.line_width is {self.line_width}; choose 0 < w <= 128.")
        if not 0 <= self.padding <= 256:
            raise ConfigError(f"RenderSpec.padding is {self.padding}; choose 0 to 256.")
        every = ", ".join(CHANNELS)
        for channel in self.channels:
            if channel not in CHANNELS:
                near = did_you_mean(channel, CHANNELS)
                raise ConfigError(f"There is no channel '{channel}'.{near} Choose of {every}.")
        if not self.channels or len(set(self.channels)) < len(self.channels):
            raise ConfigError(
                f"RenderSpec.channels is {','.join(self.channels) or 'empty'}; choose each once,"
                f" and one at least, of {every}."
            )

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

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        return len(self.channels), self.side, self.side

    @property
    def knows_order(self) -> bool:
        """Whether images show when what was drawn, which a picture cannot tell."""
        return self.channels != ("ink",)

    @property
    def shown(self) -> int:
        """The plane of an image that people are shown: the ink, or the first if there is none."""
        return self.channels.index("ink") if "ink" in self.channels else 0

    def to_dict(self) -> dict[str, Any]:
        """As JSON gives it back."""
        return asdict(self) | {"channels": list(self.channels)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RenderSpec:
        """The inverse of `to_dict`.

        Raises:
            ConfigError: an unknown key: the file was written by a newer version.
        """
        try:
            # JSON knows no tuples; files of older versions know no channels.
            channels = tuple(values.get("channels", ("ink",)))
            return cls(**(values | {"channels": channels}))
        except (AttributeError, TypeError):
            unknown = sorted(set(values) - {each.name for each in fields(cls)})
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
    """Draw the ink of one drawing: uint8 (side, side), 0 is paper, 255 is ink."""
    ink: NDArray[np.uint8]
    (ink,) = render_channels(drawing, replace(spec or RenderSpec(), channels=("ink",)))
    return ink


def render_channels(drawing: Drawing, spec: RenderSpec) -> NDArray[np.uint8]:
    """Draw one drawing as a network sees it: uint8 (channels, side, side)."""
    placed = place(drawing.points, spec)
    firsts, lasts = _lines(drawing.lengths)
    order = _shares_of_ink(placed, firsts, lasts)
    shares = {"order": order, "time": _shares_of_time(drawing.times, order)}
    centres = np.arange(spec.side) + 0.5
    x, y = np.meshgrid(centres, centres)
    image = np.zeros(spec.image_shape)
    for first, last in zip(firsts, lasts, strict=True):
        squared, along = _nearest(x, y, placed[first], placed[last])
        if np.sum(np.square(placed[last] - placed[first])) < SHORT * SHORT:
            along = np.ones_like(along)
        ink = np.clip(spec.half_width + 0.5 - np.sqrt(squared), 0.0, 1.0)
        for plane, channel in zip(image, spec.channels, strict=True):
            strength = 1.0
            if channel != "ink":
                share = shares[channel]
                strength = share[first] + along * (share[last] - share[first])
                strength = FAINTEST + (1.0 - FAINTEST) * strength
            np.maximum(plane, ink * strength, out=plane)
    levels: NDArray[np.uint8] = np.floor(image * 255.0 + 0.5).astype(np.uint8)
    return levels


def render_many(drawings: Ragged, spec: RenderSpec | None = None) -> NDArray[np.uint8]:
    """Draw each of many: uint8 (drawings, channels, side, side). Slow and plain; see
    `raster_host`."""
    spec = spec or RenderSpec()
    images = np.zeros((len(drawings), *spec.image_shape), np.uint8)
    for index in range(len(drawings)):
        images[index] = render_channels(drawings[index], spec)
    return images


def _lines(lengths: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The points at both ends of every line; a stroke of one point is a line to itself."""
    firsts = np.cumsum(lengths) - lengths
    is_start = np.ones(int(lengths.sum()), dtype=bool)
    is_start[firsts + lengths - 1] = lengths == 1
    starts = np.flatnonzero(is_start)
    is_dot = np.zeros(len(is_start), dtype=bool)
    is_dot[firsts] = lengths == 1
    return starts, np.where(is_dot[starts], starts, starts + 1)


def _shares_of_ink(
    placed: NDArray[np.float64], firsts: NDArray[np.int64], lasts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The share of the ink that was drawn when the pen came to each point."""
    moves = placed[lasts] - placed[firsts]
    steps = np.zeros(len(placed))
    steps[lasts] = np.sqrt(moves[:, 0] * moves[:, 0] + moves[:, 1] * moves[:, 1])
    reached = np.cumsum(steps) + SHORT
    share: NDArray[np.float64] = reached / reached[-1]
    return share


def _shares_of_time(
    times: NDArray[np.float32] | None, order: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The share of the time that had gone by then; the order where the times are not known."""
    if times is None or not times[-1] > times[0]:
        return order
    since = times.astype(np.float64) - float(times[0])
    share: NDArray[np.float64] = np.clip(since / since[-1], 0.0, 1.0)
    return share


def _nearest(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    start: NDArray[np.float64],
    end: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of the place on the line from start to end that is nearest to each pixel centre: its squared
    distance, and its share of the line."""
    along = end - start
    squared_length = float(along @ along)
    across_x, across_y = x - start[0], y - start[1]
    share = np.zeros_like(x)
    if squared_length > 0.0:
        share = np.clip((across_x * along[0] + across_y * along[1]) / squared_length, 0.0, 1.0)
        across_x = across_x - share * along[0]
        across_y = across_y - share * along[1]
    squared: NDArray[np.float64] = across_x * across_x + across_y * across_y
    return squared, share
