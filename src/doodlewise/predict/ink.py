"""Find the ink in a picture: which pixels are pen, and how strong it is.

1. *Where is the drawing?* In the transparency, if strokes lie on nothing; else in the colours,
   where it is what differs from the paper (`paper`).
2. *What of it is ink?* What is stronger than the grain of the paper and the speckle of JPEG, and
   larger than a speck of dust.
3. *How strong is it?* The usual strength is made 1, so that grey ink and faint pencil count in
   full.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import PictureError
from .findings import Finding, found
from .paper import SMALLEST_PHOTO, OnPaper, against_paper, frequent_colour
from .pixelgrid import label_pieces, local_max, pooled

__all__ = ["Ink", "Polarity", "find_ink"]

Polarity = Literal["dark on light", "light on dark", "drawn on transparency"]

FAINTEST = 0.2
"""Share of the usual strength from which ink counts; JPEG leaves up to a tenth around lines."""
FAINTEST_PEAK, FAINTEST_PEAK_ON_GRAIN = 0.33, 0.5
"""What nowhere reaches this share of the usual strength is a smudge."""
FAINTEST_ON_SCREEN, FAINTEST_ON_GRAIN = 0.02, 0.04
"""Difference from paper, as a share of black on white, from which it can be ink at all."""
GRAIN = 6.0
"""Ink is stronger than this many standard deviations of the paper's grain."""
MOST_HAZE = 0.17
"""Share of the strongest ink that is ink at any rate, where the paper is of one tone."""
TO_DEVIATION = 1.4826
"""From the median of absolute values to the standard deviation, of a normal distribution."""
SMALLEST_DOT = 0.2
"""Ink of less than this many squared line widths is a speck."""
SMALLEST_DOT_ON_GRAIN = 0.005
"""A speck on paper with a grain is smaller than a square of this share of the picture's side."""


@dataclass(frozen=True, eq=False, slots=True)
class Ink:
    """The ink of a picture.

    Attributes:
        strength: float32 (h, w), 0 is paper, about 1 is ink, of the part inside `box`.
        box: left, top, right, bottom of the ink and one pixel around, in pixels of the picture.
        polarity: whether the ink was darker or lighter than the paper, or the paper transparent.
        contrast: how much the ink differs from the paper, as a share of black on white; strength
            is in units of it.
        findings: what was mended.
    """

    strength: NDArray[np.float32]
    box: tuple[int, int, int, int]
    polarity: Polarity
    contrast: float
    findings: tuple[Finding, ...]


def find_ink(picture: Image.Image) -> Ink:
    """Find the ink in a picture of mode L, RGB or RGBA.

    Raises:
        PictureError: there is no ink.
    """
    polarity: Polarity = "drawn on transparency"
    findings = []
    seen = _in_transparency(picture) if picture.mode == "RGBA" else None
    if seen is None:
        if picture.mode == "RGBA":
            picture = _on_opaque_paper(picture)
            findings.append(found("transparent-corners"))
        seen = against_paper(picture)
        polarity = "light on dark" if seen.light_on_dark else "dark on light"
    if not seen.is_even:
        findings.append(found("uneven-paper"))
    strength, grain = _above_grain(seen)
    floor = max(GRAIN * grain, FAINTEST_ON_GRAIN if grain > 0.0 else FAINTEST_ON_SCREEN)
    strong = strength[strength > floor]
    if len(strong) == 0:
        raise _no_ink("it is of one colour")
    usual = float((strong**3).sum() / (strong**2).sum())
    if usual < 1.5 * floor:
        raise _no_ink("nothing stands out from the paper")
    if usual < 0.25:
        findings.append(found("faint", contrast=usual))
    strength = strength / np.float32(usual)
    mask = strength > max(floor / usual, FAINTEST)
    if _cleared_of_frame(mask):
        findings.append(found("frame"))
    mask, n_specks = _without_specks(mask, strength, has_grain=grain > 0.0)
    if n_specks:
        specks = "a speck was" if n_specks == 1 else f"{n_specks} specks were"
        findings.append(found("specks", specks=specks))
    if not mask.any():
        raise _no_ink("there are only specks, or shades of light")
    left, top, right, bottom = box = _box(mask)
    part = (slice(top, bottom), slice(left, right))
    near = local_max(mask[part].view(np.uint8), 1) > 0
    inked = np.where(near, strength[part], np.float32(0))
    return Ink(inked, box, polarity, usual, tuple(findings))


def _no_ink(reason: str) -> PictureError:
    return PictureError(
        f"The picture has no ink: {reason}. Draw something, or choose another picture.",
        f"no ink: {reason}",
    )


def _in_transparency(picture: Image.Image) -> OnPaper | None:
    """The opaque pixels, if they are strokes and not a sheet of paper with cut-off corners."""
    alpha = np.asarray(picture.getchannel("A"))
    if alpha.max() == 0:
        raise _no_ink("all of it is transparent")
    seen = alpha > alpha.max() // 2
    columns, rows = np.flatnonzero(seen.any(axis=0)), np.flatnonzero(seen.any(axis=1))
    filled = seen[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].mean()
    if filled > 0.5:
        darkest, lightest = np.percentile(np.asarray(picture.convert("L"))[seen], (1, 99))
        if lightest - darkest > 40 or seen.mean() > 0.9:
            return None
    return OnPaper(alpha * np.float32(1 / 255), light_on_dark=False, is_even=True)


def _on_opaque_paper(picture: Image.Image) -> Image.Image:
    """Lay the picture on paper of its most frequent colour: RGBA to RGB."""
    alpha = np.asarray(picture.getchannel("A"))
    colour = frequent_colour(picture, alpha > alpha.max() // 2)
    paper = Image.new("RGB", picture.size, colour)
    paper.paste(picture, mask=picture.getchannel("A"))
    return paper


def _above_grain(seen: OnPaper) -> tuple[NDArray[np.float32], float]:
    """Strength above the usual of the paper, and the standard deviation of the paper's grain."""
    if max(seen.strength.shape) <= SMALLEST_PHOTO:
        return seen.strength, 0.0
    some = seen.strength[::3, ::3]
    if seen.is_even:
        paper = some[some < 0.1]
        grain = TO_DEVIATION * float(np.median(paper)) if len(paper) else 0.0
        # On a screen it is rather the haze around lines that are blurred.
        return seen.strength, min(grain, MOST_HAZE * float(seen.strength.max()) / GRAIN)
    usual = np.median(some)
    deviation = TO_DEVIATION * float(np.median(np.abs(some - usual)))
    return np.maximum(seen.strength - usual, 0), deviation


def _cleared_of_frame(mask: NDArray[np.bool_]) -> bool:
    """Clear full rows and columns of ink along the border, if all four sides have them."""
    full = 0.95
    sides = [mask, mask[::-1], mask.T, mask.T[::-1]]
    if min(mask.shape) < 16 or any(side[0].mean() < full for side in sides):
        return False
    top, bottom, left, right = (int((side.mean(axis=1) < full).argmax()) for side in sides)
    height, width = mask.shape
    inside = mask[top : height - bottom, left : width - right].copy()
    if not inside.any():
        return False
    mask[:] = False
    mask[top : height - bottom, left : width - right] = inside
    return True


def _without_specks(
    mask: NDArray[np.bool_], strength: NDArray[np.float32], has_grain: bool
) -> tuple[NDArray[np.bool_], int]:
    """The mask without smudges and without what is smaller than a dot of the pen; their number.

    Pieces are told apart on a coarser grid: two that are very near to each other are one.
    """
    longer = max(mask.shape)
    cell = -(-longer // 192)
    pieces = label_pieces(pooled(mask, cell, np.maximum))
    n_pieces = int(pieces.max())
    sizes = pooled(mask.view(np.uint8).astype(np.uint16), cell, np.add)
    areas = np.bincount(pieces.ravel(), sizes.ravel(), minlength=n_pieces + 1)
    peaks = np.zeros(n_pieces + 1, np.float32)
    np.maximum.at(peaks, pieces, pooled(strength, cell, np.maximum))
    smallest = SMALLEST_DOT * min(_line_width(mask), 0.06 * longer) ** 2
    faintest = FAINTEST_PEAK
    if has_grain:
        smallest = max(smallest, (SMALLEST_DOT_ON_GRAIN * longer) ** 2)
        faintest = FAINTEST_PEAK_ON_GRAIN
    is_kept = (areas >= smallest) & (peaks >= faintest)
    is_kept[0] = False
    kept = is_kept[pieces].repeat(cell, axis=0).repeat(cell, axis=1)
    return mask & kept[: mask.shape[0], : mask.shape[1]], n_pieces - int(is_kept.sum())


def _line_width(mask: NDArray[np.bool_]) -> float:
    """Width of the usual line, pixels: twice the area for each pixel of edge."""
    crossings = np.count_nonzero(mask[1:] != mask[:-1])
    crossings += np.count_nonzero(mask[:, 1:] != mask[:, :-1])
    # A slanting edge crosses more rows and columns than it is long; by 4 / pi on the average.
    return 2.0 * np.count_nonzero(mask) / max(np.pi / 4.0 * crossings, 1.0)


def _box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the mask and one pixel around."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return (
        max(int(columns[0]) - 1, 0),
        max(int(rows[0]) - 1, 0),
        min(int(columns[-1]) + 2, mask.shape[1]),
        min(int(rows[-1]) + 2, mask.shape[0]),
    )
