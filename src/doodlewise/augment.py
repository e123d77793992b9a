"""How much drawings vary in training: other hands, not other pictures.

Everything happens to the points, so lines stay as sharp and as wide as the network will see them
later. `data.augment` does it, in the pass that renders.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import ConfigError

__all__ = ["Augment"]


def _help(text: str, default: float) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, slots=True)
class Augment:
    """How much drawings vary. Lengths are in units of the 256 canvas; 0 switches a part off.

    Raises:
        ConfigError: a negative value, or a chance above 1.
    """

    rotate: float = _help("largest rotation, degrees", 12.0)
    shear: float = _help("largest shear, as a share of the height", 0.12)
    stretch: float = _help("largest change of the aspect ratio, as a share", 0.15)
    zoom: float = _help("largest change of the size on the canvas, as a share", 0.10)
    shift: float = _help("largest move on the canvas", 8.0)
    stroke_shift: float = _help("standard deviation of the move of each stroke", 3.0)
    stroke_zoom: float = _help("standard deviation of the size of each stroke, as a share", 0.05)
    point_jitter: float = _help("standard deviation of the move of each point", 1.5)
    drop: float = _help("chance that a stroke is left out (never all of them)", 0.03)
    prefix: float = _help("chance that only the beginning of the drawing is shown", 0.10)
    prefix_min: float = _help("the least share of the ink that is shown then", 0.5)
    line_width: float = _help("largest change of the line width, as a share", 0.15)
    mirror: float = _help("chance of mirroring, for words that stay the same in a mirror", 0.5)

    def __post_init__(self) -> None:
        for part in fields(self):
            value = getattr(self, part.name)
            if not 0 <= value < np.inf:
                raise ConfigError(f"augment.{part.name} is {value}; choose 0 (off) or more.")
        for name in ("stretch", "zoom", "drop", "prefix", "prefix_min", "line_width", "mirror"):
            if getattr(self, name) > 1:
                raise ConfigError(f"augment.{name} is {getattr(self, name)}; it is at most 1.")

    @classmethod
    def off(cls) -> Augment:
        """No variation at all."""
        return cls(**{part.name: 0.0 for part in fields(cls)})

    def as_array(self) -> NDArray[np.float32]:
        """The values in the order of the fields, for the kernel."""
        return np.array([getattr(self, part.name) for part in fields(self)], np.float32)
