"""How a picture becomes pixels of a pixels store: the one definition, in training and predicting.

An `ImageSpec` says everything there is to say. Two looks: a *photo* keeps its colours or greys; a
*drawing* becomes ink, 0 paper and 255 the darkest line, whatever the colours of pen and paper.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .errors import ConfigError, PictureError
from .image_file import Size, decode, open_image, over, plain_image
from .image_ink import FAINTEST, ink_of, is_drawn

__all__ = [
    "Fit",
    "ImageSpec",
    "Look",
    "Picture",
    "guess_spec",
    "image_pixels",
    "open_image",
    "read_image",
]

Fit = Literal["pad", "crop", "stretch"]
Look = Literal["photo", "drawing"]

_DRAFT = 2
"""A JPEG is decoded with at least so many times the pixels, a side, that it is to have: photos of
0.15 megapixels are read 1.2 times as fast at 64 pixels, larger ones much more, and differ by 0.8 of
255 from those decoded in full (by 2 with the factor 1)."""
_WORKING_SIDE = 1024
"""A drawing with a side at least twice this one is shrunk by a whole factor to find its ink."""
_COLOURFUL = 24
"""Levels between red, green and blue from which a pixel has a colour; JPEG makes fewer of grey."""


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """How a picture becomes pixels.

    Attributes:
        height: pixels.
        width: pixels.
        channels: 1 grey or ink, 3 RGB.
        fit: what is done about another aspect ratio: "pad" the short side, "crop" the long one, or
            "stretch" the picture.
        look: "photo" or "drawing".

    Raises:
        ConfigError: a size outside 8..1024, or another channel count, fit or look.
    """

    height: int
    width: int
    channels: int = 3
    fit: Fit = "pad"
    look: Look = "photo"

    def __post_init__(self) -> None:
        if not (8 <= self.height <= 1024 and 8 <= self.width <= 1024):
            raise ConfigError(
                f"Pictures of {self.width} x {self.height} pixels cannot be trained on. Choose a"
                " width and height from 8 to 1024, for example --size 64."
            )
        for name, value, known in (
            ("channels", self.channels, (1, 3)),
            ("fit", self.fit, get_args(Fit)),
            ("look", self.look, get_args(Look)),
        ):
            if value not in known:
                choices = ", ".join(map(str, known))
                raise ConfigError(f"{name} cannot be {value!r}. Choose one of: {choices}.")
        if self.look == "drawing" and self.channels != 1:
            raise ConfigError(
                "A drawing becomes ink, which has one channel. Choose 1 channel, or the look photo."
            )

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ImageSpec:
        """The inverse of `to_dict`.

        Raises:
            ConfigError: an unknown key: the file was written by a newer version.
        """
        try:
            return cls(**values)
        except TypeError:
            raise ConfigError(
                "This ImageSpec was written by another version of Doodlewise; upgrade, or make it"
                " again."
            ) from None


@dataclass(frozen=True, eq=False, slots=True)
class Picture:
    """A picture that was read.

    Attributes:
        pixels: uint8 (height, width, channels) of the `ImageSpec`.
        width: of the upright original, pixels.
        height: of the upright original, pixels.
    """

    pixels: NDArray[np.uint8]
    width: int
    height: int


def read_image(source: Path | bytes, spec: ImageSpec) -> Picture:
    """Read a picture: PNG, JPEG, WebP, GIF, BMP or TIFF; of an animation the first frame.

    A large JPEG is decoded at a fraction of its size; see `_DRAFT`.

    Args:
        source: a file, or its content.
        spec: what its pixels become.

    Raises:
        PictureError: no such file, not a picture, broken, truncated, larger than `MAX_PIXELS`, or
            a drawing without ink.
    """
    image, size = decode(source, lambda size: _enough(size, spec))
    return Picture(_pixels(image, spec, size), *size)


def image_pixels(image: Image.Image, spec: ImageSpec) -> NDArray[np.uint8]:
    """The pixels of a picture that is open and upright, uint8 (height, width, channels).

    Raises:
        PictureError: it cannot be decoded, or is a drawing without ink.
    """
    plain = plain_image(image)
    return _pixels(plain, spec, plain.size)


def guess_spec(
    samples: Iterable[Image.Image],
    *,
    size: Size | None,
    fit: Fit = "pad",
    channels: int | None = None,
    look: Look | None = None,
) -> ImageSpec:
    """Find out from a few pictures what they should become, as far as it is not said.

    They are drawings if most of them are flat or transparent paper with something on it, and none
    has a colour; photos with a colour in any of them have 3 channels, others 1.

    Args:
        samples: such as `open_image` gives; one is looked at after the other.
        size: width and height, pixels; None if all have one size, which is kept.
        fit: see `ImageSpec`.
        channels: 1 or 3.
        look: see `ImageSpec`.

    Raises:
        ConfigError: no pictures, pictures of several sizes where none is asked for, or a wish that
            `ImageSpec` refuses.
        PictureError: a picture that cannot be decoded.
    """
    sizes: dict[Size, None] = {}
    n_samples = n_drawn = n_coloured = 0
    for sample in samples:
        image = plain_image(sample)
        sizes[image.size] = None
        image = _of_working_size(image)
        n_samples += 1
        n_drawn += is_drawn(image)
        n_coloured += _has_colour(image)
    if n_samples == 0:
        raise ConfigError("There is not one picture to look at. Check the folder, or its files.")
    if size is None:
        if len(sizes) > 1:
            some = ", ".join(f"{width} x {height}" for width, height in list(sizes)[:3])
            raise ConfigError(
                f"The pictures are of several sizes ({some}). Say to which one they are to be"
                " brought, for example: --size 64"
            )
        (size,) = sizes
    may_be_ink = channels == 1 or (channels is None and n_coloured == 0)
    if look is None:
        look = "drawing" if may_be_ink and 4 * n_drawn >= 3 * n_samples else "photo"
    if channels is None:
        channels = 3 if look == "photo" and n_coloured else 1
    return ImageSpec(size[1], size[0], channels, fit, look)


@dataclass(frozen=True, slots=True)
class _Fitted:
    """Which part of a picture is taken, as shares of its sides, and the pixels that it becomes."""

    box: tuple[float, float, float, float]
    width: int
    height: int


def _fit(size: Size, spec: ImageSpec) -> _Fitted:
    width, height = size
    across, down = spec.width / width, spec.height / height
    whole = (0.0, 0.0, 1.0, 1.0)
    if spec.fit == "stretch":
        return _Fitted(whole, spec.width, spec.height)
    if spec.fit == "crop":
        left = (1.0 - max(across / max(across, down), 1.0 / width)) / 2.0
        top = (1.0 - max(down / max(across, down), 1.0 / height)) / 2.0
        return _Fitted((left, top, 1.0 - left, 1.0 - top), spec.width, spec.height)
    scale = min(across, down)
    # Of a picture like a thread there remains at least a line.
    return _Fitted(whole, max(1, round(width * scale)), max(1, round(height * scale)))


def _enough(size: Size, spec: ImageSpec) -> Size:
    """What a picture of this size may be shrunk to before it is resized."""
    fitted = _fit(size, spec)
    left, top, right, bottom = fitted.box
    return (
        math.ceil(_DRAFT * fitted.width / (right - left)),
        math.ceil(_DRAFT * fitted.height / (bottom - top)),
    )


def _pixels(image: Image.Image, spec: ImageSpec, size: Size) -> NDArray[np.uint8]:
    """The pixels of a plain image that was of this size before it was shrunk.

    Padding is 0: paper where there is ink; and black beside a photo, as letter boxes are, as the
    convolutions of the network pad, and the same beside every picture, so that it tells nothing.
    """
    fitted = _fit(size, spec)
    find = _ink if spec.look == "drawing" else _photo
    found = find(image, fitted, spec.channels)
    if found.shape[:2] == (spec.height, spec.width):
        return found
    pixels = np.zeros((spec.height, spec.width, spec.channels), np.uint8)
    top, left = (spec.height - fitted.height) // 2, (spec.width - fitted.width) // 2
    pixels[top : top + fitted.height, left : left + fitted.width] = found
    return pixels


def _resized(image: Image.Image, fitted: _Fitted, resample: Image.Resampling) -> NDArray[Any]:
    """The part of a picture that is taken, at its size; antialiased, coarsely at first."""
    left, top, right, bottom = fitted.box
    box = (left * image.width, top * image.height, right * image.width, bottom * image.height)
    size = (fitted.width, fitted.height)
    return np.asarray(image.resize(size, resample, box=box, reducing_gap=2.0))


def _photo(image: Image.Image, fitted: _Fitted, channels: int) -> NDArray[np.uint8]:
    image = over(image, (255, 255, 255)).convert("L" if channels == 1 else "RGB")
    pixels: NDArray[np.uint8] = _resized(image, fitted, Image.Resampling.BICUBIC)
    return pixels.reshape(fitted.height, fitted.width, channels)


def _ink(image: Image.Image, fitted: _Fitted, channels: int) -> NDArray[np.uint8]:
    """Ink by how much it differs from the paper, the strongest 255, uint8 (height, width, 1).

    It is stretched after it was resized: a line of grey, two pixels wide, that is brought from 255
    pixels to 28 keeps a tenth of its strength; a threshold, or 8 bits, would lose it on the way.

    Raises:
        PictureError: there is no ink in the part that is taken.
    """
    difference = ink_of(_of_working_size(image))
    height, width = difference.shape
    left, top, right, bottom = np.multiply(fitted.box, (width, height, width, height))
    taken = difference[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))]
    # This filter has no negative lobes, which would leave halos around lines.
    strength: NDArray[np.float32] = _resized(
        Image.fromarray(difference), fitted, Image.Resampling.HAMMING
    )
    if taken.max() < FAINTEST or strength.max() <= 0.0:
        raise PictureError(
            "The picture has no ink: nothing stands out from the paper. Draw something, or choose"
            " another picture.",
            "no ink",
        )
    pixels: NDArray[np.uint8] = np.rint(strength * (255.0 / strength.max())).astype(np.uint8)
    return pixels.reshape(fitted.height, fitted.width, channels)


def _of_working_size(image: Image.Image) -> Image.Image:
    factor = max(image.size) // _WORKING_SIDE
    return image.reduce(factor) if factor > 1 else image


def _has_colour(image: Image.Image) -> bool:
    """Whether at least one pixel of a thousand has a colour."""
    if image.mode == "L":
        return False
    levels = np.asarray(over(image, (255, 255, 255)))
    spread = levels.max(axis=2) - levels.min(axis=2)
    return bool(np.mean(spread > _COLOURFUL) > 0.001)
