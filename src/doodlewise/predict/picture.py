"""Any picture of a doodle becomes the pixels that a network was trained on.

    reading = picture_to_pixels("photo of my doodle.jpg", RenderSpec())
    reading.pixels    # uint8 (28, 28), for the network
    reading.notes     # ("the paper was not evenly lit, or had a grain", ...)
    reading.findings  # the same and more, with reasons and advice

A file, a canvas in a browser, a photo of a sheet of paper, an array: `open_picture` makes an image
of it that is safe to work with, `picture_to_pixels` finds the ink (`ink`) and draws it again as
`raster.render` would have drawn the same strokes (`inkframe`). What was found on the way, and what
was mended, goes with the result, because a wrong guess often begins here.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from ..drawing import FRAME
from ..errors import PictureError
from ..raster import RenderSpec
from .blocks import made_small
from .findings import Finding, found
from .ink import Ink, Polarity, find_ink
from .inkframe import Framed, frame_ink
from .levels import mended_levels
from .symptoms import Subject, symptoms

__all__ = ["MAX_PIXELS", "PictureReading", "PictureSource", "open_picture", "picture_to_pixels"]

PictureSource = str | Path | bytes | Image.Image | NDArray[Any]

MAX_PIXELS = 20_000_000
"""Larger pictures are refused before they are decoded: a small file can hold a huge picture."""
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "ICO")
"""What is opened. Pillow knows more, but some of it starts other programs (EPS)."""
SHRUNK_TO = 640
"""A larger picture is shrunk by a whole factor until its longer side has at most these pixels."""
ADVICE_ON_ARRAYS = "Give (h, w), (h, w, 3) or (h, w, 4), as integers 0..255 or floats 0..1."
FULL_INK = 0.82
"""A picture that may stay as it is has at least this share of the ink it would be given."""


@dataclass(frozen=True, eq=False, slots=True)
class PictureReading:
    """What was read from a picture. Lengths are in pixels of the picture.

    Attributes:
        pixels: uint8 (side, side), 0 is paper, 255 is ink, as from `raster.render`.
        polarity: "dark on light", "light on dark" or "drawn on transparency".
        ink_box: left, top, right, bottom of the ink, and about one pixel around.
        line_width: estimated width of the usual line; too large where lines are under one pixel.
        findings: what was mended, and what else may be wrong with it.
        ink: what was found to be ink, inside of `ink_box`, smaller where the picture is large.
    """

    pixels: NDArray[np.uint8]
    polarity: Polarity
    ink_box: tuple[int, int, int, int]
    line_width: float
    findings: tuple[Finding, ...]
    ink: Ink

    @property
    def notes(self) -> tuple[str, ...]:
        """What is unusual, in plain words, such as "the ink was off-centre"."""
        return tuple(finding.what for finding in self.findings if not finding.is_usual)


def open_picture(source: PictureSource) -> Image.Image:
    """Open a picture: mode L, RGB or, if anything in it is transparent, RGBA; 8 bits; upright.

    Of an animation the first frame is taken.

    Args:
        source: a path; the bytes of a file; a Pillow image; or an array (h, w), (h, w, 1),
            (h, w, 3) or (h, w, 4) of booleans, of integers from 0 to 255, of uint16, or of
            floats from 0 to 1 or 0 to 255.

    Raises:
        PictureError: no such file, not an image, broken, truncated, larger than `MAX_PIXELS`,
            or an array that is no picture.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, "The array")
    if isinstance(source, Image.Image):
        return _decoded(lambda: source, "The picture")
    if isinstance(source, bytes):
        return _decoded(lambda: Image.open(io.BytesIO(source), formats=FORMATS), "The picture")
    path = Path(source)
    if not path.is_file():
        raise PictureError(f"There is no picture at {path}. Check the path.")
    with path.open("rb") as file:
        return _decoded(lambda: Image.open(file, formats=FORMATS), str(path))


def picture_to_pixels(source: PictureSource, spec: RenderSpec) -> PictureReading:
    """Read a picture of a doodle.

    Args:
        source: what `open_picture` takes, or what it returned.
        spec: what the network was trained on.

    Raises:
        PictureError: there is no ink in it, or `open_picture` refuses it.
    """
    given, findings = mended_levels(open_picture(source))
    picture, block = made_small(given)
    if block > 1.0:
        native = f"{picture.width} x {picture.height}"
        findings.append(found("jagged", block=block, native=native, side=spec.side))
    ink, shrunk, (left, top) = _found(picture)
    findings += _findings_on_polarity(ink) + list(ink.findings)
    framed = frame_ink(ink.strength, spec, max(picture.size) // shrunk)
    box = (
        left + shrunk * ink.box[0],
        top + shrunk * ink.box[1],
        min(left + shrunk * ink.box[2], picture.width),
        min(top + shrunk * ink.box[3], picture.height),
    )
    line_width = framed.line_width * shrunk
    pixels = _untouched(ink, framed, spec) if picture.size == (spec.side, spec.side) else None
    if pixels is not None:
        if not findings:
            findings.append(found("own-size"))
    else:
        pixels = framed.pixels
        findings += _findings_on_place(box, picture.size, spec)
        others = symptoms(Subject(picture, box, ink, framed, shrunk))
        # Haze hides how wide a line is.
        if "blurred" not in (other.code for other in others):
            findings += _findings_on_line(framed, line_width, box, spec)
        findings += others
    of_given = (
        round(block * box[0]),
        round(block * box[1]),
        min(round(block * box[2]), given.width),
        min(round(block * box[3]), given.height),
    )
    return PictureReading(pixels, ink.polarity, of_given, block * line_width, tuple(findings), ink)


def _decoded(opened: Callable[[], Image.Image], name: str) -> Image.Image:
    """An image with its pixels, mode L, RGB or RGBA, upright."""
    try:
        image = opened()
        _check_size(image.size, name)
        image.load()
        return _plain(image, name)
    except PictureError:
        raise
    except UnidentifiedImageError:
        raise PictureError(
            f"{name} is not an image of a known format. Save it as PNG or JPEG."
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureError(_too_large(name)) from None
    except Exception as error:
        # Decoders of hostile bytes fail in every way there is: OSError, SyntaxError, struct.error.
        raise PictureError(
            f"{name} is broken or truncated ({error}). Save or download it again."
        ) from error


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width * height == 0:
        raise PictureError(f"{name} has no pixels. Choose another picture.")
    if width * height > MAX_PIXELS:
        raise PictureError(_too_large(f"{name}, {width} x {height},"))


def _too_large(name: str) -> str:
    return (
        f"{name} is larger than {MAX_PIXELS // 1_000_000} million pixels."
        " Make it smaller; 1000 x 1000 is plenty."
    )


def _plain(image: Image.Image, name: str) -> Image.Image:
    image = ImageOps.exif_transpose(image)
    if image.mode == "F" or image.mode.startswith("I"):
        return Image.fromarray(_as_uint8(np.asarray(image), name))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha_extrema = image.getchannel("A").getextrema()
        return image if alpha_extrema != (255, 255) else image.convert("RGB")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _from_array(array: NDArray[Any], name: str) -> Image.Image:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise PictureError(f"{name} has shape {array.shape}. {ADVICE_ON_ARRAYS}")
    _check_size((array.shape[1], array.shape[0]), name)
    return _plain(Image.fromarray(_as_uint8(array, name)), name)


def _as_uint8(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if array.dtype == np.bool_:
        return array * np.uint8(255)
    if array.dtype.kind not in "iuf":
        raise PictureError(f"{name} holds {array.dtype}, not numbers. {ADVICE_ON_ARRAYS}")
    if not np.isfinite(array).all():
        raise PictureError(f"{name} holds NaN or infinite values. Replace them by 0.")
    low, high = array.min(), array.max()
    full = _full_scale(array.dtype, float(high))
    # Arithmetic on floats leaves a little below 0 and above 1.
    slack = 0.01 * full if array.dtype.kind == "f" else 0.0
    if low < -slack or high > full + slack:
        raise PictureError(f"{name} holds values from {low} to {high}. {ADVICE_ON_ARRAYS}")
    return np.rint(np.clip(array * (255.0 / full), 0.0, 255.0)).astype(np.uint8)


def _full_scale(dtype: np.dtype[Any], high: float) -> int:
    """The value of white, in an array of this type whose largest value is `high`."""
    if dtype.kind == "f":
        return 1 if high <= 1.01 else 255
    return 255 if high <= 255 else 65535


def _found(picture: Image.Image) -> tuple[Ink, int, tuple[int, int]]:
    """The ink, the whole factor by which the picture was shrunk for it, and where it was cut out.

    Ink that is small on a large canvas is looked at a second time, from near.
    """
    left = top = 0
    part = picture
    findings: dict[str, Finding] = {}
    while True:
        shrunk = -(-max(part.size) // SHRUNK_TO)
        ink = find_ink(part.reduce(shrunk) if shrunk > 1 else part)
        findings |= {finding.code: finding for finding in ink.findings}
        box = [shrunk * edge for edge in ink.box]
        margin = max(box[2] - box[0], box[3] - box[1], 16) // 2
        cut = (
            max(box[0] - margin, 0),
            max(box[1] - margin, 0),
            min(box[2] + margin, part.width),
            min(box[3] + margin, part.height),
        )
        if shrunk == 1 or 2 * max(cut[2] - cut[0], cut[3] - cut[1]) > max(part.size):
            return replace(ink, findings=tuple(findings.values())), shrunk, (left, top)
        part = part.crop(cut)
        left, top = left + cut[0], top + cut[1]


def _untouched(ink: Ink, framed: Framed, spec: RenderSpec) -> NDArray[np.uint8] | None:
    """The ink as it is, if it has the place and the pen of the RenderSpec already.

    Small pixels tell little of a line; drawing it again would only blur it.
    """
    left, top, right, bottom = ink.box
    start, end = np.add(framed.box.reshape(2, 2), (left, top))
    extent = float((end - start).max()) - framed.narrow_width
    is_in_place = (
        np.abs((start + end) / 2.0 - spec.side / 2.0).max() < 0.6
        and abs(extent / (FRAME * spec.pixels_per_unit) - 1.0) < 0.04
    )
    has_width = 0.75 < framed.narrow_width / (2.0 * spec.half_width) < 1.4
    if not (is_in_place and has_width):
        return None
    share = np.zeros((spec.side, spec.side), np.float32)
    share[top:bottom, left:right] = np.minimum(ink.strength / ink.strength.max(), 1.0)
    pixels = np.rint(share * 255.0).astype(np.uint8)
    # A line below one pixel looks as wide as a pixel, but it is too faint.
    return pixels if pixels.mean() > FULL_INK * framed.pixels.mean() else None


def _findings_on_polarity(ink: Ink) -> list[Finding]:
    if ink.polarity == "drawn on transparency":
        return [found("transparent")]
    return [found("inverted")] if ink.polarity == "dark on light" else []


def _findings_on_place(
    box: tuple[int, int, int, int], size: tuple[int, int], spec: RenderSpec
) -> list[Finding]:
    left, top, right, bottom = box
    width, height = size
    longer, extent = max(size), max(right - left, bottom - top)
    findings = []
    if longer > 1.15 * min(size):
        which = "width" if width > height else "height"
        findings.append(
            found("stretched", width=width, height=height, side=spec.side, longer=which,
                  squash=min(size) / longer)
        )  # fmt: skip
    away = max(abs(left + right - width), abs(top + bottom - height)) / 2.0
    if away > 0.05 * longer:
        findings.append(found("off-centre", away=away / longer))
    if extent < 0.5 * longer:
        used = (FRAME + spec.line_width) * spec.pixels_per_unit
        share = extent / longer
        findings.append(
            found("small", share=share, left=share * spec.side, used=used, side=spec.side,
                  padding=0.5 * (1.0 - used / spec.side))
        )  # fmt: skip
    return findings


def _findings_on_line(
    framed: Framed, line_width: float, box: tuple[int, int, int, int], spec: RenderSpec
) -> list[Finding]:
    if framed.kind != "strokes":
        return [found("dot" if framed.kind == "dot" else "shape-only")]
    longer = max(box[2] - box[0], box[3] - box[1])
    usual = spec.line_width / (spec.line_width + FRAME) * longer
    if line_width < 0.75 * usual:
        return [found("thin", width=line_width, usual=usual)]
    if line_width > 1.33 * usual:
        return [found("thick", width=line_width, usual=usual)]
    return []
