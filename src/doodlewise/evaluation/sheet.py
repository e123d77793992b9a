"""A contact sheet: many drawings or photos on one page, by class."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import ConfigError, MissingExtraError
from .look import INK, LINE, MUTED, PAPER, short, styled

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import to_rgb
    from matplotlib.figure import Figure
except ImportError:
    raise MissingExtraError("matplotlib", "train") from None

__all__ = ["MOST_DRAWINGS", "check_number", "contact_sheet", "tile_side"]

_DPI = 144
_MARGIN = 22
_GAP = 8
_GUTTER = 28
"""Between columns of classes."""
_PAGE = 1.0
"""Height of a sheet of several columns by its width, about."""
_HEAD = 76
"""Height of title and subtitle, pixels."""
_TITLE_LETTER, _SUBTITLE_LETTER, _LABEL_LETTER = 18.0, 10.0, 12.0
"""Width of a letter, pixels, about."""
_LINE_TILES = 12
"""Drawings of a class in a line, when there are several classes."""
MOST_DRAWINGS = 4_200
"""On one sheet: a dozen of each of the 345 words."""


def tile_side(n_classes: int) -> int:
    """Pixels that the longer side of a drawing takes on a sheet of so many classes, about."""
    return 112 if n_classes == 1 else 84 if n_classes <= 40 else 60


def check_number(n_drawings: int) -> None:
    """Whether so many drawings fit on a sheet.

    Raises:
        ConfigError: they do not.
    """
    if n_drawings > MOST_DRAWINGS:
        raise ConfigError(
            f"{n_drawings:,} drawings are more than the {MOST_DRAWINGS:,} that fit on a sheet."
            " Choose a smaller --n, or fewer classes."
        )


def contact_sheet(
    groups: Mapping[str, NDArray[np.uint8]], *, title: str, subtitle: str, is_ink: bool = True
) -> bytes:
    """Draw a sheet; the content of a PNG file.

    One class fills a square; several have a labelled line each, or more if they need them, and
    are set in as many columns as makes a page of them. Small images are enlarged by a whole factor,
    so that each of their pixels is a square; large ones are made smaller.

    Args:
        groups: for each class uint8 (n, height, width, channels), all of one size.
        title: in bold.
        subtitle: below, smaller.
        is_ink: whether 0 is paper and 255 is ink; else they are photos.

    Raises:
        ConfigError: too many for one picture, or none.
    """
    check_number(sum(map(len, groups.values())))
    if not any(len(images) for images in groups.values()):
        raise ConfigError("There is nothing to show. Name a class that has drawings.")
    side = tile_side(len(groups))
    tiles = {word: _tiles(images, is_ink, side) for word, images in groups.items()}
    with io.BytesIO() as file:
        Image.fromarray(_draw(tiles, title, subtitle, is_ink)).save(file, "png")
        return file.getvalue()


def _tiles(images: NDArray[np.uint8], is_ink: bool, side: int) -> NDArray[np.uint8]:
    """Images as they are shown: uint8 (n, height, width, 3)."""
    if is_ink:
        ink = images[..., :1] / np.float32(255.0)
        pen = 255.0 * np.array(to_rgb(INK), np.float32)
        images = np.rint(255.0 + ink * (pen - 255.0)).astype(np.uint8)
    elif images.shape[3] == 1:
        images = np.repeat(images, 3, axis=3)
    height, width = images.shape[1:3]
    longer = max(height, width)
    if longer > 1.5 * side:
        size = (max(1, width * side // longer), max(1, height * side // longer))
        smaller = [Image.fromarray(each).resize(size, Image.Resampling.LANCZOS) for each in images]
        return np.stack([np.asarray(each) for each in smaller])
    factor = max(1, round(side / longer))
    return images.repeat(factor, axis=1).repeat(factor, axis=2)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things are; all in pixels from the top left.

    Attributes:
        size: width and height of the sheet.
        labels: of each class, where its label begins, and the middle of its first line.
        places: for each class, left and top of each of its drawings.
    """

    size: tuple[int, int]
    labels: dict[str, tuple[int, int]]
    places: dict[str, list[tuple[int, int]]]


def _layout_of(counts: Mapping[str, int], tile: tuple[int, int]) -> _Layout:
    """Set the classes in lines, and the lines in columns.

    Args:
        counts: drawings of each class.
        tile: width and height of a drawing.
    """
    cell_width, cell_height = tile[0] + _GAP, tile[1] + _GAP
    if len(counts) == 1:
        per_line = math.ceil(math.sqrt(sum(counts.values()) * cell_height / cell_width))
        label_width = 0
    else:
        per_line = min(max(counts.values()), _LINE_TILES)
        label_width = round(_LABEL_LETTER * max(len(short(word)) for word in counts)) + 2 * _GAP
    block_width = label_width + per_line * cell_width
    lines = {word: math.ceil(n / per_line) for word, n in counts.items()}
    n_columns, column_lines = _columns_of(sum(lines.values()), block_width, cell_height)
    labels, places = {}, {}
    column, line, longest = 0, 0, 0
    for word, n in counts.items():
        if line >= column_lines and column < n_columns - 1:
            column, line = column + 1, 0
        left = _MARGIN + column * (block_width + _GUTTER)
        top = _MARGIN + _HEAD + line * cell_height
        labels[word] = (left, top + tile[1] // 2)
        places[word] = [
            (
                left + label_width + index % per_line * cell_width,
                top + index // per_line * cell_height,
            )
            for index in range(n)
        ]
        line += lines[word]
        longest = max(longest, line)
    width = 2 * _MARGIN + (column + 1) * (block_width + _GUTTER) - _GUTTER - _GAP
    height = 2 * _MARGIN + _HEAD + longest * cell_height - _GAP
    return _Layout((width, height), labels, places)


def _columns_of(n_lines: int, block_width: int, cell_height: int) -> tuple[int, int]:
    """How many columns make the sheet nearest to a page, and the lines of each."""

    def off(columns: int) -> float:
        height = math.ceil(n_lines / columns) * cell_height
        return abs(math.log(height / (columns * (block_width + _GUTTER)) / _PAGE))

    columns = min(range(1, 9), key=off)
    return columns, math.ceil(n_lines / columns)


def _draw(
    tiles: Mapping[str, NDArray[np.uint8]], title: str, subtitle: str, is_ink: bool
) -> NDArray[np.uint8]:
    """The sheet, uint8 (height, width, 3)."""
    height, width = next(iter(tiles.values())).shape[1:3]
    layout = _layout_of({word: len(each) for word, each in tiles.items()}, (width, height))
    text_width = max(_TITLE_LETTER * len(title), _SUBTITLE_LETTER * len(subtitle))
    size = (max(layout.size[0], 2 * _MARGIN + round(text_width)), layout.size[1])
    canvas = np.empty((size[1], size[0], 3), np.uint8)
    canvas[:] = _colour(PAPER)
    for word, images in tiles.items():
        for (left, top), image in zip(layout.places[word], images, strict=True):
            card = canvas[top : top + height, left : left + width]
            card[:] = image
            if is_ink:
                card[[0, -1], :] = card[:, [0, -1]] = _colour(LINE)
    labels = layout.labels if len(tiles) > 1 else {}
    # Laid over the canvas here, because Matplotlib would take gigabytes to show a large one.
    written_on = _texts(size, labels, title, subtitle).canvas
    assert isinstance(written_on, FigureCanvasAgg)
    letters = np.asarray(written_on.buffer_rgba())  # type: ignore[no-untyped-call]
    written = letters[..., 3] > 0
    share = letters[written][:, 3:] / np.float32(255.0)
    blended = share * letters[written][:, :3] + (1.0 - share) * canvas[written]
    canvas[written] = np.rint(blended)
    return canvas


@styled
def _texts(
    size: tuple[int, int], labels: Mapping[str, tuple[int, int]], title: str, subtitle: str
) -> Figure:
    """Title, subtitle and labels, drawn on nothing."""
    width, height = size
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor="none")
    for word, (left, middle) in labels.items():
        figure.text(left / width, 1 - middle / height, short(word), va="center", fontsize=9.5)
    head_left, head_top = _MARGIN / width, 1 - _MARGIN / height
    figure.text(head_left, head_top, short(title), va="top", fontsize=12.5, fontweight="bold")
    figure.text(
        head_left, head_top - 34 / height, short(subtitle, 120), va="top", color=MUTED, fontsize=8.5
    )
    with warnings.catch_warnings():
        # As in `to_png`: words in a script without a font are shown as boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]
    return figure


def _colour(name: str) -> NDArray[np.uint8]:
    return np.rint(255.0 * np.array(to_rgb(name))).astype(np.uint8)
