"""Canvases as people dump them: array files and arrays of any range and order of axes.

`picture.open_picture` takes what is well-formed. Here whatever can be understood becomes
well-formed, with what was wrong said; and what `astype(np.uint8)` makes of it, the plain way, is
kept beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import PictureError
from .findings import Finding, found
from .picture import PictureSource, open_picture

__all__ = ["Dump", "open_dump"]


@dataclass(frozen=True, eq=False, slots=True)
class Dump:
    """A picture as it was given.

    Attributes:
        picture: with levels as they were meant, as from `open_picture`.
        plain: with levels as they become without a thought.
        findings: what was wrong with it.
        facts: what it is, such as "float64 array (280, 280)".
    """

    picture: Image.Image
    plain: Image.Image
    findings: tuple[Finding, ...]
    facts: str


def open_dump(source: PictureSource) -> Dump:
    """Open a picture, an array, or a file of either.

    Raises:
        PictureError: it cannot be understood as one picture.
    """
    if isinstance(source, str | Path) and Path(source).suffix.lower() == ".npy":
        source = _load(Path(source))
    if isinstance(source, np.ndarray):
        return _of_array(source)
    picture = open_picture(source)
    kind = {"L": "grey", "RGB": "colour", "RGBA": "with transparency"}[picture.mode]
    return Dump(picture, picture, (), f"{picture.width} x {picture.height} pixels, {kind}")


def _load(path: Path) -> NDArray[Any]:
    try:
        array = np.load(path, allow_pickle=False, mmap_mode="r")
    except FileNotFoundError:
        raise PictureError(f"There is no file {path}. Check the path.") from None
    except (ValueError, OSError, EOFError) as error:
        raise PictureError(
            f"{path} is not an array that can be read ({error}). Save it with np.save, one picture"
            " to a file."
        ) from error
    return np.asarray(array)


def _of_array(array: NDArray[Any]) -> Dump:
    facts = f"{array.dtype} array {array.shape}"
    if array.dtype.kind not in "buif":
        raise PictureError(f"The array holds {array.dtype}, not numbers. Give pixels.")
    findings = []
    shaped, recipe = _shaped(array)
    if recipe:
        read_as = " x ".join(map(str, shaped.shape))
        findings.append(found("shape", shape=array.shape, read_as=read_as, recipe=recipe))
    if shaped.dtype.kind == "f" and not np.isfinite(shaped).all():
        findings.append(found("not-a-number"))
        paper = np.nanmedian(np.where(np.isfinite(shaped), shaped, np.nan))
        shaped = np.where(np.isfinite(shaped), shaped, np.nan_to_num(paper))
    levels, recipe = _levels(shaped)
    if recipe:
        low, high = float(shaped.min()), float(shaped.max())
        findings.append(found("range", low=low, high=high, recipe=recipe))
    plain = _as_bytes(shaped)
    return Dump(open_picture(levels), open_picture(plain), tuple(findings), facts)


def _shaped(array: NDArray[Any]) -> tuple[NDArray[Any], str]:
    """An array (h, w) or (h, w, channels), and the code that makes it so; "" where it was."""
    if array.ndim == 2 and min(array.shape) > 1:
        return array, ""
    if array.ndim == 3 and array.shape[2] in (1, 3, 4) and min(array.shape[:2]) > 4:
        return array, ""
    small = array.squeeze()
    if small.ndim == 3 and small.shape[0] in (3, 4) and small.shape[2] not in (3, 4):
        return small.transpose(1, 2, 0), "values.squeeze().transpose(1, 2, 0)"
    if small.ndim == 2 or (small.ndim == 3 and small.shape[2] in (3, 4)):
        return small, "values.squeeze()"
    side = math.isqrt(small.size)
    if small.ndim == 1 and side * side == small.size and side >= 8:
        return small.reshape(side, side), f"values.reshape({side}, {side})"
    side = math.isqrt(small.size // 4)
    if small.ndim == 1 and side >= 8 and 4 * side * side == small.size:
        # getImageData(...).data of a canvas.
        return small.reshape(side, side, 4), f"values.reshape({side}, {side}, 4)"
    raise PictureError(
        f"The array has shape {array.shape}, which is not one picture. Give (height, width), or"
        " (height, width, channels); of many, pick one, such as array[0]."
    )


def _levels(values: NDArray[Any]) -> tuple[NDArray[Any], str]:
    """Values of 0..255, and the code that makes them so; "" where they were."""
    if values.dtype in (np.uint8, np.bool_):
        # Bytes of 0 and 1 are seen to where all pictures are.
        return values, "" if values.dtype == np.uint8 else "values * 255.0"
    low, high = float(values.min()), float(values.max())
    if high == low:
        return np.zeros(values.shape, np.uint8), ""
    if low >= 0.0 and 1.0 < high <= 255.0:
        return np.rint(values).astype(np.uint8), ""
    if low >= -0.01 and high <= 1.01:
        return _scaled(values, 0.0, 1.0), "values * 255.0"
    if low >= 0.0 and 255.0 < high <= 65535.0 and values.dtype.kind in "iu":
        return _scaled(values, 0.0, 65535.0 if high > 4095.0 else high), "values / 257.0"
    if low >= -1.01 and high <= 1.01:
        return _scaled(values, -1.0, 1.0), "(values + 1.0) * 127.5"
    recipe = "255.0 * (values - values.min()) / np.ptp(values)"
    return _scaled(values, low, high), recipe


def _scaled(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    share = (values.astype(np.float64) - low) / (high - low)
    return np.rint(255.0 * np.clip(share, 0.0, 1.0)).astype(np.uint8)


def _as_bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    """What `astype(np.uint8)` makes of values: fractions are cut off, the rest runs over."""
    clipped = np.clip(values.astype(np.float64), -1e9, 1e9)
    return (np.trunc(clipped).astype(np.int64) % 256).astype(np.uint8)
