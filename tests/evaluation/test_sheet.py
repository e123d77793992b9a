from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from doodlewise.errors import ConfigError
from doodlewise.evaluation.sheet import contact_sheet, tile_side


def sheet_of(groups: dict[str, NDArray[np.uint8]], *, is_ink: bool) -> NDArray[np.uint8]:
    png = contact_sheet(groups, title="a title", subtitle="what it shows", is_ink=is_ink)
    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture)


def flat(n: int, height: int, width: int, colour: tuple[int, ...]) -> NDArray[np.uint8]:
    """Images of one colour."""
    return np.full((n, height, width, len(colour)), colour, np.uint8)


def is_colour(sheet: NDArray[np.uint8], *colour: int) -> NDArray[np.bool_]:
    return np.asarray((sheet == colour).all(axis=2))


def test_large_photos_are_made_smaller_and_keep_their_colour() -> None:
    sheet = sheet_of({"sky": flat(4, 300, 600, (20, 90, 200))}, is_ink=False)
    assert is_colour(sheet, 20, 90, 200).sum() == 4 * tile_side(1) * (tile_side(1) // 2)


def test_grey_photos_stay_light_where_they_are_light() -> None:
    sheet = sheet_of({"snow": flat(1, 112, 112, (240,))}, is_ink=False)
    assert is_colour(sheet, 240, 240, 240).sum() == 112 * 112


def test_ink_is_dark_on_white() -> None:
    ink = flat(1, 112, 112, (0,))
    ink[0, 40:60, 40:60] = 255
    sheet = sheet_of({"square": ink}, is_ink=True)
    assert is_colour(sheet, 0x23, 0x27, 0x2F).sum() >= 20 * 20
    assert is_colour(sheet, 255, 255, 255).sum() == 110 * 110 - 20 * 20


def test_many_classes_make_a_page_not_a_strip() -> None:
    groups = {f"class {number}": flat(3, 28, 28, (255,)) for number in range(200)}
    height, width, _ = sheet_of(groups, is_ink=True).shape
    assert 0.5 < height / width < 2.0


def test_titles_fit_over_a_single_drawing() -> None:
    png = contact_sheet(
        {"cat": flat(1, 28, 28, (255,))}, title="cat", subtitle="a long explanation " * 5
    )
    with Image.open(io.BytesIO(png)) as picture:
        sheet = np.asarray(picture)
    paper = sheet[0, 0]
    assert (sheet[:, -10:] == paper).all()
    assert sheet.shape[1] > 600


def test_words_of_any_script_and_dollars_are_drawn() -> None:
    """Warnings are errors here, so a missing glyph would be one."""
    groups = {word: flat(2, 28, 28, (255,)) for word in ("猫", "แมว", "$5 and $6", "x" * 80)}
    assert sheet_of(groups, is_ink=True).shape[1] < 1200


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match="Choose a smaller --n"):
        contact_sheet({"cat": flat(4201, 8, 8, (0,))}, title="", subtitle="")
    with pytest.raises(ConfigError, match="Name a class that has drawings"):
        contact_sheet({}, title="", subtitle="")
