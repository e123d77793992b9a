"""Any picture file becomes an image that is safe to work with: decoded, upright, 8 bits.

Every way in which a decoder can fail ends in a `PictureError`, with a reason to count by.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from .errors import PictureError

__all__ = ["MAX_PIXELS", "decode", "open_image", "over", "plain_image", "read_content"]

MAX_PIXELS = 50_000_000
"""A picture that would be larger once decoded is refused: a small file can hold a huge picture."""

_MAX_BYTES = 4 * MAX_PIXELS
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
_MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"GIF8", b"II*\0", b"MM\0*")
_TURN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture upright, by its EXIF orientation; from 5 on width and height are swapped."""

Size = tuple[int, int]


def open_image(source: Path | bytes) -> Image.Image:
    """Open a picture: PNG, JPEG, WebP, GIF, BMP or TIFF; of an animation the first frame.

    Returns:
        It is decoded, upright, and in mode L, RGB or, if anything is transparent, RGBA.

    Raises:
        PictureError: no such file, not a picture, broken, truncated or larger than `MAX_PIXELS`.
    """
    return decode(source)[0]


def decode(
    source: Path | bytes, enough: Callable[[Size], Size] | None = None
) -> tuple[Image.Image, Size]:
    """Open a picture as `open_image` does, or smaller.

    Args:
        source: a file, or its content.
        enough: the width and height that are enough of an upright picture of this width and height;
            a JPEG is then decoded at a half, a quarter or an eighth, but not below.

    Returns:
        The image, and the width and height that the picture has in its file, upright.

    Raises:
        PictureError: as `open_image`.
    """
    name = str(source) if isinstance(source, Path) else "The picture"
    content = read_content(source) if isinstance(source, Path) else source
    if not content:
        raise PictureError(f"{name} is empty: it has 0 bytes. Save it again.", "empty file")
    try:
        with warnings.catch_warnings():
            # Of broken metadata, which nobody reads here, and of sizes, which are checked below.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
                size = image.size
                is_drafted = enough is not None and _draft(image, enough)
                if image.width * image.height > MAX_PIXELS:
                    raise _too_large(name)
                image.load()
                # Pillow turns a TIFF by itself, and says so only now.
                size = size if is_drafted else image.size
                orientation = _orientation(image)
                plain = _plain(image)
    except PictureError:
        raise
    except Image.DecompressionBombError:
        raise _too_large(name) from None
    except Exception as error:
        # Decoders of hostile bytes fail in every way there is: OSError, SyntaxError, struct.error.
        raise _unreadable(name, content, error) from error
    if orientation in _TURN:
        plain = plain.transpose(_TURN[orientation])
        # Or else somebody would turn it a second time.
        plain.info = {}
    return plain, size if orientation < 5 else _turned(size)


def read_content(path: Path) -> bytes:
    """The content of a picture file.

    Raises:
        PictureError: it cannot be read, or is too large.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise _too_large(str(path))
        return path.read_bytes()
    except OSError as error:
        raise PictureError(
            f"{path} cannot be read ({error.strerror}). Check the path and its permissions.",
            "unreadable file",
        ) from None


def _draft(image: Image.Image, enough: Callable[[Size], Size]) -> bool:
    """Have a JPEG decoded at a fraction of its size; whether it will be."""
    if image.format not in ("JPEG", "MPO"):
        return False
    is_turned = _orientation(image) >= 5
    width, height = enough(_turned(image.size) if is_turned else image.size)
    size = (height, width) if is_turned else (width, height)
    return image.draft(None, size) is not None


def _turned(size: Size) -> Size:
    return size[1], size[0]


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # broken EXIF is no reason to lose a picture
        return 1


def _too_large(name: str) -> PictureError:
    return PictureError(
        f"{name} is larger than {MAX_PIXELS // 1_000_000} million pixels. Make it smaller.",
        "too large a picture",
    )


def _unreadable(name: str, content: bytes, error: Exception) -> PictureError:
    if isinstance(error, UnidentifiedImageError) and not content.startswith(_MAGIC):
        return PictureError(
            f"{name} is not a picture of a known format. Save it as PNG or JPEG.", "not a picture"
        )
    is_short_webp = content.startswith(b"RIFF") and len(content) < 8 + int.from_bytes(
        content[4:8], "little"
    )
    is_truncated = is_short_webp or isinstance(error, EOFError) or "truncated" in str(error).lower()
    what = "truncated" if is_truncated else "broken"
    return PictureError(f"{name} is {what} ({error}). Save it again.", f"{what} picture")


def plain_image(image: Image.Image, name: str = "The picture") -> Image.Image:
    """An image in mode L, RGB or, if anything in it is transparent, RGBA.

    Raises:
        PictureError: it cannot be decoded.
    """
    try:
        return _plain(image)
    except PictureError:
        raise
    except Exception as error:
        raise _unreadable(name, b"", error) from error


def _plain(image: Image.Image) -> Image.Image:
    if image.mode in ("L", "RGB") and not image.has_transparency_data:
        # An image of Pillow's reads its file only now.
        image.load()
        return image
    if image.mode == "F" or image.mode.startswith("I"):
        return Image.fromarray(_to_8_bits(np.asarray(image)))
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        is_opaque = image.getchannel("A").getextrema() == (255, 255)
        return image.convert("RGB") if is_opaque else image
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _to_8_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Numbers as grey levels: what cannot be of 8 bits is of 16, or of 0 to 1, or of any range.

    Raises:
        PictureError: NaN, or infinite.
    """
    if not np.isfinite(values).all():
        raise PictureError(
            "The picture holds NaN or infinite values. Replace them by 0.", "broken picture"
        )
    low, high = float(values.min()), float(values.max())
    low = min(low, 0.0)
    span = high - low
    scales = (1.0, 255.0) if values.dtype.kind == "f" else (255.0, 65535.0)
    white = next((scale for scale in scales if span <= scale), span)
    return np.rint((values - low) * (255.0 / white)).astype(np.uint8)


def over(image: Image.Image, paper: tuple[int, ...]) -> Image.Image:
    """A picture without transparency, on paper of a colour."""
    if image.mode != "RGBA":
        return image
    sheet = Image.new("RGB", image.size, paper)
    sheet.paste(image, mask=image.getchannel("A"))
    return sheet
