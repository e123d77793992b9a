"""Tell paper from what is on it, by the colours of a picture.

On a screen the paper is of one tone, and whatever has another is ink. On a photo the paper is
bright here and in the shade there: then all that is narrow is filled up from its surroundings (a
greyscale closing), what results is the bare paper, and what is darker than that is ink.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

from .pixelgrid import closing, label_pieces, local_max

__all__ = ["SMALLEST_PHOTO", "OnPaper", "against_paper", "frequent_colour"]

SAME_TONE = 3
"""Grey levels between tones that count as the same."""
EVEN = 0.65
"""Share of the paper that has the same tone if it is on a screen; the rest is edges of ink."""
EXACTLY_EVEN = 0.2
"""Likewise, to the very level, which no photo has, though much of the paper be edges of ink: where
the picture is blurred, or ink is pale."""
SMALLEST_PHOTO = 64
"""A picture this small, pixels, has edges everywhere, so that grain and shade cannot be told."""
LARGEST_INK = 0.35
"""Ink that covers more of a picture than this has one tone, too."""
WIDEST_LINE = 0.12
"""A line on a photo is at most this share of the picture wide; what is wider is a shade."""
DARKEST_SHADE = 0.35
"""Paper in the shade keeps at least this share of the light; what is darker is filled with ink."""


@dataclass(frozen=True, eq=False, slots=True)
class OnPaper:
    """What stands out from the paper.

    Attributes:
        strength: float32 (h, w), how much each pixel differs from its paper, 0 to 1.
        light_on_dark: the paper is the darker of the two.
        is_even: the paper is of one tone, as on a screen.
    """

    strength: NDArray[np.float32]
    light_on_dark: bool
    is_even: bool


def against_paper(picture: Image.Image) -> OnPaper:
    """Find the paper of a picture of mode L or RGB, and what differs from it."""
    grey = picture.convert("L")
    if not _is_colourful(picture):
        picture = grey
    tones = np.asarray(grey)
    is_dark = tones <= _split(np.array(grey.histogram()))
    light_on_dark = _is_light_on_dark(is_dark)
    is_paper = is_dark if light_on_dark else ~is_dark
    if not _is_on_screen(tones, is_paper):
        light_on_dark = _has_light_lines(grey)
        strength = _below_paper(ImageChops.invert(picture) if light_on_dark else picture)
        return OnPaper(strength, light_on_dark, is_even=False)
    paper = Image.new(picture.mode, picture.size, frequent_colour(picture, is_paper))
    difference = np.asarray(_lightest(ImageChops.difference(picture, paper)))
    return OnPaper(difference * np.float32(1 / 255), light_on_dark, is_even=True)


def frequent_colour(picture: Image.Image, where: NDArray[np.bool_]) -> int | tuple[int, ...]:
    """The most frequent colour among the pixels of this mask, in the mode of the picture."""
    tones = np.asarray(picture.convert("L"))
    tone = _most_frequent(np.bincount(tones[where], minlength=256))
    if picture.mode == "L":
        return tone
    at = np.flatnonzero((tones == tone) & where)
    some = at[:: max(1, len(at) // 5000)]
    colours = np.asarray(picture.convert("RGB")).reshape(-1, 3)[some]
    return tuple(int(level) for level in np.median(colours, axis=0))


def _is_colourful(picture: Image.Image) -> bool:
    """Whether it has more colour than JPEG makes of grey."""
    if picture.mode != "RGB":
        return False
    red, green, blue = picture.split()
    return any(
        np.max(ImageChops.difference(green, other).getextrema()) > 24 for other in (red, blue)
    )


def _lightest(picture: Image.Image) -> Image.Image:
    """The largest of the colours of each pixel."""
    first, *others = picture.split()
    for other in others:
        first = ImageChops.lighter(first, other)
    return first


def _most_frequent(counts: NDArray[Any]) -> int:
    """The most frequent tone of those that most pixels have, or nearly have."""
    near = np.convolve(counts, np.ones(2 * SAME_TONE + 1), mode="same").argmax()
    first = max(int(near) - SAME_TONE, 0)
    return first + int(counts[first : near + SAME_TONE + 1].argmax())


def _is_on_screen(tones: NDArray[np.uint8], is_paper: NDArray[np.bool_]) -> bool:
    """Whether the paper is of one tone, and the ink no lit sheet on a dark table."""
    if max(tones.shape) <= SMALLEST_PHOTO:
        return True
    paper = tones[is_paper]
    if np.bincount(paper).max() > EXACTLY_EVEN * len(paper):
        return True
    if _share_of_one_tone(paper) < EVEN:
        return False
    ink = tones[~is_paper]
    return len(ink) < LARGEST_INK * tones.size or _share_of_one_tone(ink) > 0.5 * EVEN


def _share_of_one_tone(tones: NDArray[np.uint8]) -> float:
    """Share of pixels that have the most frequent tone, or nearly have it."""
    counts = np.bincount(tones, minlength=256)
    tone = _most_frequent(counts)
    return float(counts[max(tone - SAME_TONE, 0) : tone + SAME_TONE + 1].sum() / len(tones))


def _split(counts: NDArray[Any]) -> int:
    """The largest tone of the darker of two groups (N. Otsu, 1979)."""
    tones = np.arange(256)
    below = np.cumsum(counts)
    above = below[-1] - below
    weight = np.cumsum(counts * tones)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = weight / below - (weight[-1] - weight) / above
        return int(np.nan_to_num(below * above * gap * gap).argmax())


def _is_light_on_dark(is_dark: NDArray[np.bool_]) -> bool:
    """Which of two tones is the paper: the more frequent one, unless the border has the other.

    A border of the rarer tone is the margin around a large shape, or, if it is thin, a frame.
    """
    mostly_dark = bool(is_dark.mean() > 0.5)
    border_dark = float(_ring(is_dark, 0).mean())
    if 0.2 < border_dark < 0.8 or (border_dark > 0.5) == mostly_dark:
        return mostly_dark
    for inset in range(1, max(2, round(0.03 * min(is_dark.shape)))):
        ring = _ring(is_dark, inset)
        if len(ring) and float((ring == mostly_dark).mean()) > 0.8:
            return mostly_dark
    return not mostly_dark


def _ring(grid: NDArray[Any], inset: int) -> NDArray[Any]:
    """The pixels of a frame of one pixel, so far from the border."""
    height, width = grid.shape
    inner = grid[inset : height - inset, inset : width - inset]
    if inner.size == 0:
        return inner.ravel()
    return np.concatenate([inner[0], inner[-1], inner[:, 0], inner[:, -1]])


def _has_light_lines(grey: Image.Image) -> bool:
    """Whether what is narrow differs from its surroundings rather by being lighter.

    Not all that is narrow does: between two lines there is as much paper as around them.
    """
    small = grey.copy()
    small.thumbnail((48, 48), Image.Resampling.BOX)
    levels = np.asarray(small)
    reach = max(1, round(WIDEST_LINE * max(small.size) / 2))
    dark = closing(levels, reach) - levels
    light = closing(255 - levels, reach) - (255 - levels)
    around = np.asarray(small.filter(ImageFilter.MedianFilter(4 * reach - 1)))
    differs = np.clip(levels.astype(np.float64) - around, -dark.astype(np.float64), light)
    return bool((differs**3).sum() > 0.0)


def _below_paper(picture: Image.Image) -> NDArray[np.float32]:
    """How much darker each pixel is than bright paper under uneven light, as a share: (h, w)."""
    levels = [np.asarray(band) for band in picture.filter(ImageFilter.BoxBlur(1)).split()]
    reach = max(1, round(WIDEST_LINE * max(picture.size) / 2))
    # The darker side wins near the edges of a sheet or of a shadow, which are never quite straight.
    edge = max(1, round(0.006 * max(picture.size)))
    papers = [255 - local_max(255 - closing(level, reach), edge) for level in levels]
    levels = [np.minimum(level, paper) for level, paper in zip(levels, papers, strict=True)]
    brightest = np.maximum.reduce(papers)
    usual = float(np.percentile(brightest[::5, ::5], 90))
    filled = (brightest < DARKEST_SHADE * usual) & _inner(brightest < 1.5 * DARKEST_SHADE * usual)
    difference = np.maximum.reduce(
        [paper - level for paper, level in zip(papers, levels, strict=True)]
    )
    strength = difference / np.maximum(brightest, np.float32(max(0.5 * usual, 1.0)))
    strength[filled] = 1.0 - brightest[filled] / np.float32(DARKEST_SHADE * usual)
    return np.asarray(strength, np.float32)


def _inner(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pieces that do not touch the border."""
    if not mask.any():
        return mask
    pieces = label_pieces(mask)
    touches = np.zeros(pieces.max() + 1, dtype=bool)
    touches[_ring(pieces, 0)] = True
    touches[0] = True
    return ~touches[pieces]
