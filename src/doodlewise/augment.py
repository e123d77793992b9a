"""How much drawings and pictures vary in training.

*Strokes* vary as by other hands (`Augment`): everything happens to the points, so lines stay as
sharp and as wide as the network will see them later. `data.augment` does it, in the pass that
renders. *Images* vary as if they were taken, scanned or held otherwise (`PixelAugment`):
`data.augment_pixels` does it, to the pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from .errors import ConfigError

__all__ = ["Augment", "PixelAugment", "Preset"]

Preset = Literal["auto", "photo", "drawing", "copies", "off"]


def _help(text: str, default: float | None) -> Any:
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


@dataclass(frozen=True, slots=True)
class PixelAugment:
    """How much the images of a pixels store vary; 0 switches a part off.

    A part that is not given (None) is as the preset has it. "photo" and "drawing" are mild; "auto"
    is the one that suits the images. "copies" is the recipe of this field's tutorials: every image
    also turned by quarters and flipped, all eight ways equally often.

    Raises:
        ConfigError: no such preset, a negative value, or a chance or share above 1.
    """

    preset: Preset = field(
        default="auto",
        metadata={
            "help": "how images vary, pixels stores only: photo, drawing, copies (turned and"
            " flipped), off, or auto: photo or drawing, as the images are",
            "flag": "--pixel-augment",
        },
    )
    rotate: float | None = _help("largest rotation, degrees", None)
    zoom: float | None = _help("largest change of the size, as a share", None)
    shift: float | None = _help("largest move, as a share of the side", None)
    stretch: float | None = _help("largest change of the aspect ratio, as a share", None)
    mirror: float | None = _help(
        "chance of mirroring left to right, for words that stay the same in a mirror", None
    )
    flip: float | None = _help("chance of mirroring top to bottom, for the same words", None)
    quarter_turn: float | None = _help(
        "chance of a turn by one, two or three quarters; by two where images are not square", None
    )
    brightness: float | None = _help("largest change of the brightness, as a share; photos", None)
    contrast: float | None = _help("largest change of the contrast, as a share; photos", None)
    colour: float | None = _help("largest change of the saturation, as a share; photos", None)
    erase: float | None = _help("largest share of the area that a rectangle hides", None)

    def __post_init__(self) -> None:
        if self.preset not in get_args(Preset):
            raise ConfigError(
                f"pixels.preset is '{self.preset}'. Choose {', '.join(get_args(Preset))}."
            )
        for name in _PIXEL_PARTS:
            value = getattr(self, name)
            if value is None:
                continue
            if not 0 <= value < np.inf:
                raise ConfigError(f"pixels.{name} is {value}; choose 0 (off) or more.")
            if name != "rotate" and value > 1:
                raise ConfigError(f"pixels.{name} is {value}; it is at most 1.")

    def values(self, *, is_ink: bool) -> dict[str, float]:
        """What each part is for images of ink (0 paper, 255 pen), or for photos.

        Ink has no light and no colours that could vary.
        """
        preset = ("drawing" if is_ink else "photo") if self.preset == "auto" else self.preset
        own = ((name, getattr(self, name)) for name in _PIXEL_PARTS)
        values = _PRESETS[preset] | {name: value for name, value in own if value is not None}
        lightless = dict.fromkeys(("brightness", "contrast", "colour"), 0.0) if is_ink else {}
        return dict.fromkeys(_PIXEL_PARTS, 0.0) | values | lightless

    def as_array(self, *, is_ink: bool) -> NDArray[np.float32]:
        """`values` in the order of the fields, for the kernel."""
        return np.array(list(self.values(is_ink=is_ink).values()), np.float32)


_PIXEL_PARTS = tuple(part.name for part in fields(PixelAugment) if part.name != "preset")

_PRESETS: dict[str, dict[str, float]] = {
    "photo": {
        "rotate": 12.0,
        "zoom": 0.15,
        "shift": 0.08,
        "stretch": 0.15,
        "mirror": 0.5,
        "brightness": 0.2,
        "contrast": 0.2,
        "colour": 0.2,
    },
    "drawing": {"rotate": 10.0, "zoom": 0.1, "shift": 0.05, "stretch": 0.1, "mirror": 0.5},
    "copies": {"mirror": 0.5, "flip": 0.5, "quarter_turn": 0.75},
    "off": {},
}
"""What is not named is 0."""
