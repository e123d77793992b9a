"""Many small pictures in one: sheets, heat, the map's mosaic; and pictures as bytes of files."""

from __future__ import annotations

import colorsys
import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..image import Look

__all__ = [
    "class_colours",
    "encode",
    "heat",
    "mosaic",
    "scatter_places",
    "sheet",
    "shown",
    "tile_for",
]

GAP = 2
"""Pixels between the pictures of a sheet."""
MARGIN = 0.04
"""Of a map, so that no picture at its edge is cut."""
_FEW = (
    "#3f87bf", "#d9742a", "#3f9a6b", "#c2528b", "#8a6fc9", "#a8862b",
    "#2f9ba6", "#cc4f4a", "#6f8f2f", "#a0694b", "#5b77d6", "#8b7d8f",
)  # fmt: skip
_HEAT = ("#14182b", "#2a3f73", "#6d4a86", "#c05a6a", "#ef9550", "#fff3c9")


def class_colours(n: int) -> list[str]:
    """A colour for each class that is seen on white and on black, as "#rrggbb"."""
    colours = list(_FEW[:n])
    for index in range(len(colours), n):
        # The golden angle keeps any number of hues apart; yellow is made as dark as blue.
        hue, saturation = (index * 0.618034) % 1.0, (0.6, 0.45, 0.8)[index % 3]
        linear = np.array(colorsys.hls_to_rgb(hue, 0.5, saturation)) ** 2.2
        linear *= (0.18, 0.26, 0.22)[index % 3] / (linear @ (0.2126, 0.7152, 0.0722))
        rgb = np.clip(linear, 0.0, 1.0) ** (1 / 2.2)
        colours.append("#" + "".join(f"{round(255 * part):02x}" for part in rgb))
    return colours


def shown(image: NDArray[np.uint8], look: Look) -> NDArray[np.uint8]:
    """A picture as people know it: a drawing is dark ink on white paper, a photo stays as it is.

    Args:
        image: uint8 (..., channels).
        look: what its pixels mean.
    """
    return 255 - image if look == "drawing" else image


def heat(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Colours of 0 (dark) to 1 (bright): uint8 (..., 3)."""
    stops = np.array([_rgb(colour) for colour in _HEAT], np.float64)
    at = np.linspace(0.0, 1.0, len(stops))
    parts = [np.interp(values, at, stops[:, channel]) for channel in range(3)]
    return np.stack(parts, axis=-1).round().astype(np.uint8)


def sheet(
    images: NDArray[np.uint8], columns: int, look: Look, *, gap: int = GAP
) -> NDArray[np.uint8]:
    """Pictures of one size in rows, as people know them: drawings on paper, photos on nothing.

    Args:
        images: uint8 (n, height, width, channels).
        columns: of the sheet.
        look: of the images.
        gap: pixels between them.

    Returns:
        uint8 (height, width, channels); RGBA for photos with gaps.
    """
    images, background = shown(images, look), 255
    if look == "photo" and gap:
        colours = np.broadcast_to(images, (*images.shape[:3], 3))
        images = np.concatenate([colours, np.full_like(colours[..., :1], 255)], axis=3)
        background = 0
    n, height, width, channels = images.shape
    columns = min(columns, n)
    rows = math.ceil(n / columns)
    whole = np.full(
        (rows * (height + gap) - gap, columns * (width + gap) - gap, channels),
        background,
        np.uint8,
    )
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        top, left = row * (height + gap), column * (width + gap)
        whole[top : top + height, left : left + width] = image
    return whole


def encode(image: NDArray[np.uint8], *, at_most: int | None = None) -> tuple[bytes, str]:
    """A picture as the content of a file, the smaller way: PNG for grey, WebP for colour.

    Args:
        image: uint8 (height, width, channels), 1 grey, 3 RGB or 4 RGBA channels.
        at_most: longest side in pixels; a larger picture is made smaller.

    Returns:
        The bytes, and "png" or "webp".
    """
    grey = image.shape[2] == 1
    picture = Image.fromarray(image[:, :, 0] if grey else image)
    if at_most is not None and max(picture.size) > at_most:
        picture.thumbnail((at_most, at_most), Image.Resampling.LANCZOS)
    with io.BytesIO() as file:
        if grey:
            # Sixteen greys are enough for ink, and half the bytes.
            picture.quantize(16).save(file, "png", optimize=True)
            return file.getvalue(), "png"
        picture.save(file, "webp", quality=82, method=4)
        return file.getvalue(), "webp"


def scatter_places(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Points of any scale in a square from 0 to 1, y upward; a few far ones do not rule the rest.

    Args:
        points: (n, 2).

    Returns:
        float64 (n, 2), `MARGIN` away from the edges; what is beyond is put there.
    """
    low, high = np.percentile(points, [0.5, 99.5], axis=0)
    middle, extent = (low + high) / 2, max(float((high - low).max()), 1e-9)
    places: NDArray[np.float64] = np.clip(
        0.5 + 0.9 * (points - middle) / extent, MARGIN, 1.0 - MARGIN
    )
    return places


def mosaic(
    places: NDArray[np.float64],
    labels: NDArray[np.int32],
    images: NDArray[np.uint8],
    look: Look,
    *,
    side: int,
    tile: int,
) -> NDArray[np.uint8]:
    """Pictures laid out on a plane: as many as there is room for, the others as dots.

    Drawings become ink in the colour of their class, photos get a frame of it; all else is
    transparent, so that it lies on any background.

    Args:
        places: float64 (n, 2) of `scatter_places`.
        labels: int32 (n,).
        images: uint8 (n, height, width, channels).
        look: of the images.
        side: height and width of the result, pixels.
        tile: of a picture, of `tile_for`.

    Returns:
        uint8 (side, side, 4), RGBA.
    """
    colours = np.array([_rgb(each) for each in class_colours(int(labels.max(initial=0)) + 1)])
    plane = np.zeros((side, side, 4), np.uint8)
    at = np.stack([places[:, 0], 1.0 - places[:, 1]], axis=1) * side
    # The dots lie below, so that no picture is hidden by them.
    dot = max(2, side // 400)
    for (x, y), label in zip(at.astype(int), labels, strict=True):
        plane[y - dot : y + dot, x - dot : x + dot, :3] = colours[label]
        plane[y - dot : y + dot, x - dot : x + dot, 3] = 150
    for index in _apart(at, 0.85 * tile):
        x, y = (at[index] - tile / 2).astype(int)
        place = plane[y : y + tile, x : x + tile]
        picture = _tile(images[index], colours[labels[index]], look, tile)
        place[...] = np.where(picture[..., 3:] >= place[..., 3:], picture, place)
    return plane


def tile_for(side: int, n: int) -> int:
    """Side of the pictures of a mosaic of so many rows: smaller where there are more."""
    return int(np.clip(side / max(np.sqrt(n), 1.0), 0.033 * side, 0.075 * side))


def _apart(at: NDArray[np.float64], distance: float) -> list[int]:
    """Points of which no two are nearer than that in both directions; early ones win."""
    kept: list[int] = []
    cells: dict[tuple[int, int], list[int]] = {}
    for index, (x, y) in enumerate(at):
        column, row = int(x // distance), int(y // distance)
        near = (
            other
            for c in (column - 1, column, column + 1)
            for r in (row - 1, row, row + 1)
            for other in cells.get((c, r), ())
        )
        if all(np.abs(at[index] - at[other]).max() >= distance for other in near):
            kept.append(index)
            cells.setdefault((column, row), []).append(index)
    return kept


def _tile(
    image: NDArray[np.uint8], colour: NDArray[np.int64], look: Look, tile: int
) -> NDArray[np.uint8]:
    """A picture of the mosaic, RGBA."""
    picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    whole = np.empty((tile, tile, 4), np.uint8)
    whole[:, :, :3] = colour
    if look == "drawing":
        scaled = picture.convert("L").resize((tile, tile), Image.Resampling.LANCZOS)
        # Thin lines in colour are pale: a little more of them.
        whole[:, :, 3] = 255 * (np.asarray(scaled) / 255.0) ** 0.6
        return whole
    edge = max(2, tile // 20)
    inner = tile - 2 * edge
    whole[:, :, 3] = 255
    scaled = picture.convert("RGB").resize((inner, inner), Image.Resampling.LANCZOS)
    whole[edge:-edge, edge:-edge, :3] = np.asarray(scaled)
    return whole


def _rgb(colour: str) -> list[int]:
    """ "#rrggbb" as three numbers."""
    return [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
