"""Images varied in training: turned, moved, mirrored, lit otherwise; in one pass over the pixels.

Each image's variation follows from a seed of its own, as in `augment`. One affine warp does all
that moves pixels, sampled between the four nearest. Outside of the image there is paper where it
is ink; a photo goes on with its edge.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..augment import PixelAugment
from ..raster_host import fast_kernel, kernel
from .augment import _either_side, _uniform

__all__ = ["augment_pixels"]

_RED, _GREEN, _BLUE = np.float32(0.299), np.float32(0.587), np.float32(0.114)
"""How bright each colour looks (ITU-R BT.601)."""


def augment_pixels(
    images: NDArray[np.uint8],
    augment: PixelAugment,
    *,
    seeds: NDArray[np.uint64],
    may_mirror: NDArray[np.bool_],
    is_ink: bool,
    out: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Vary images: uint8 (n, height, width, channels) to the same.

    Args:
        images: ink (0 paper, 255 pen), or photos in grey or RGB.
        augment: how much they vary.
        seeds: uint64 (n,); the same seed gives the same variation, whatever else is there.
        may_mirror: bool (n,), whether the word allows it.
        is_ink: whether they are ink.
        out: filled and returned when given; not `images`.
    """
    if out is None:
        out = np.empty_like(images, order="C")
    amounts = augment.as_array(is_ink=is_ink)
    if amounts.any():
        _augment_pixels(np.ascontiguousarray(images), seeds, may_mirror, is_ink, amounts, out)
    else:
        np.copyto(out, images)
    return out


@kernel
def _augment_pixels(
    images: Any, seeds: Any, may_mirror: Any, is_ink: Any, amounts: Any, out: Any
) -> None:
    rotate, zoom, shift, stretch, mirror, flip, quarter_turn = amounts[:7]
    brightness, contrast, colour, erase = amounts[7:]
    n, height, width, channels = images.shape
    one, half, zero = np.float32(1.0), np.float32(0.5), np.float32(0.0)
    # A margin of a pixel, and of one more where sampling looks ahead.
    framed = np.zeros((height + 3, width + 3, channels), np.uint8)
    fill = np.zeros(channels, np.uint8)
    warp = np.empty(6, np.float32)
    state = np.empty(1, np.uint64)
    for i in range(n):
        state[0] = seeds[i]
        angle = _either_side(state) * rotate * np.float32(np.pi / 180.0)
        size = np.float32(np.exp(_either_side(state) * zoom))
        wider = np.float32(np.exp(_either_side(state) * stretch * half))
        move_x = _either_side(state) * shift * np.float32(width)
        move_y = _either_side(state) * shift * np.float32(height)
        is_mirrored = _uniform(state) < mirror and may_mirror[i]
        is_flipped = _uniform(state) < flip and may_mirror[i]
        quarters = _quarters(_uniform(state), _uniform(state), quarter_turn, height == width)
        _inverse(angle, size * wider, size / wider, is_mirrored, is_flipped, quarters, warp)
        # Where the middle comes from: the warp is about it.
        centre_x, centre_y = np.float32(width - 1) * half, np.float32(height - 1) * half
        from_x, from_y = centre_x + move_x, centre_y + move_y
        warp[4] = centre_x - warp[0] * from_x - warp[1] * from_y
        warp[5] = centre_y - warp[2] * from_x - warp[3] * from_y
        if warp[0] == one and warp[3] == one and warp[4] == zero and warp[5] == zero:
            out[i] = images[i]
        else:
            _frame(images[i], is_ink, framed)
            _sample(framed, warp, out[i])
        if brightness > zero or contrast > zero or colour > zero:
            light = one + _either_side(state) * brightness
            depth = one + _either_side(state) * contrast
            tint = one + _either_side(state) * colour
            _relight(out[i], light, depth, tint)
        if erase > zero:
            _erase(out[i], erase, is_ink, fill, state)


@kernel
def _quarters(chance: Any, which: Any, quarter_turn: Any, is_square: Any) -> int:
    """How many quarters an image is turned by."""
    if chance >= quarter_turn:
        return 0
    if not is_square:
        return 2
    return 1 + int(which * np.float32(3.0))


@kernel
def _inverse(
    angle: Any,
    size_x: Any,
    size_y: Any,
    is_mirrored: Any,
    is_flipped: Any,
    quarters: Any,
    warp: Any,
) -> None:
    """From a place in the new image, as seen from the middle, to the place in the old one.

    The new image is the old one mirrored, turned by quarters, scaled and rotated. Quarters are
    whole numbers here, so that images that are only turned or mirrored stay as sharp as they were.
    """
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    a, b = cos / size_x, sin / size_x
    c, d = -sin / size_y, cos / size_y
    for _ in range(quarters):
        a, b, c, d = c, d, -a, -b
    if is_mirrored:
        a, b = -a, -b
    if is_flipped:
        c, d = -c, -d
    warp[0], warp[1], warp[2], warp[3] = a, b, c, d


@kernel
def _frame(image: Any, is_ink: Any, framed: Any) -> None:
    """Put an image into its frame: of paper for ink, of its own edge for photos."""
    height, width, _ = image.shape
    framed[1 : height + 1, 1 : width + 1] = image
    if is_ink:
        return
    framed[1 : height + 1, 0] = image[:, 0]
    framed[1 : height + 1, width + 1] = image[:, width - 1]
    framed[0] = framed[1]
    framed[height + 1] = framed[height]


@fast_kernel
def _sample(framed: Any, warp: Any, out: Any) -> None:
    """Each pixel from the four around its place, by their nearness."""
    height, width, channels = out.shape
    half, one, zero = np.float32(0.5), np.float32(1.0), np.float32(0.0)
    most_x, most_y = np.float32(width + 1), np.float32(height + 1)
    # Flat and unsigned, because Numba asks of every other index whether it counts from the end.
    old, new = framed.reshape(-1), out.reshape(-1)
    right, below = np.uint64(channels), np.uint64((width + 3) * channels)
    to = np.uint64(0)
    for row in range(height):
        base_x = warp[1] * np.float32(row) + warp[4] + one
        base_y = warp[3] * np.float32(row) + warp[5] + one
        for column in range(width):
            x = min(max(warp[0] * np.float32(column) + base_x, zero), most_x)
            y = min(max(warp[2] * np.float32(column) + base_y, zero), most_y)
            left, top = np.int32(x), np.int32(y)
            share_x, share_y = x - np.float32(left), y - np.float32(top)
            at = np.uint64(top) * below + np.uint64(left) * right
            for _ in range(channels):
                upper, lower = np.float32(old[at]), np.float32(old[at + below])
                upper += share_x * (np.float32(old[at + right]) - upper)
                lower += share_x * (np.float32(old[at + below + right]) - lower)
                new[to] = np.uint8(np.int32(upper + share_y * (lower - upper) + half))
                at += np.uint64(1)
                to += np.uint64(1)


@fast_kernel
def _relight(image: Any, light: Any, depth: Any, tint: Any) -> None:
    """Change the light, the contrast about the mean, and the saturation about grey."""
    flat = image.reshape(-1)
    total = 0
    for value in flat:
        total += value
    mean = np.float32(total / len(flat)) * light
    added = mean * (np.float32(1.0) - depth) + np.float32(0.5)
    if image.shape[2] != 3:
        for at in range(len(flat)):
            flat[at] = _level(light * depth * np.float32(flat[at]) + added)
        return
    own = light * depth * tint
    of_grey = light * depth - own
    for at in range(0, np.uint64(len(flat)), 3):
        red, green, blue = np.float32(flat[at]), np.float32(flat[at + 1]), np.float32(flat[at + 2])
        ground = of_grey * (_RED * red + _GREEN * green + _BLUE * blue) + added
        flat[at] = _level(own * red + ground)
        flat[at + 1] = _level(own * green + ground)
        flat[at + 2] = _level(own * blue + ground)


@fast_kernel
def _level(value: Any) -> Any:
    """A pixel's value cut off at black and white."""
    return np.uint8(np.int32(min(max(value, np.float32(0.0)), np.float32(255.0))))


@kernel
def _erase(image: Any, erase: Any, is_ink: Any, fill: Any, state: Any) -> None:
    """Hide a rectangle of up to this share of the area behind paper, or the photo's mean colour."""
    height, width, channels = image.shape
    area = _uniform(state) * erase
    # From twice as wide as the image's own shape to twice as high.
    shape = np.float32(np.exp(_either_side(state) * np.float32(0.6931472)))
    tall = min(int(np.sqrt(area * shape) * np.float32(height) + np.float32(0.5)), height)
    wide = min(int(np.sqrt(area / shape) * np.float32(width) + np.float32(0.5)), width)
    top = int(_uniform(state) * np.float32(height - tall + 1))
    left = int(_uniform(state) * np.float32(width - wide + 1))
    if not is_ink:
        for channel in range(channels):
            fill[channel] = np.uint8(image[:, :, channel].mean() + 0.5)
    for row in range(top, top + tall):
        for column in range(left, left + wide):
            image[row, column] = fill
