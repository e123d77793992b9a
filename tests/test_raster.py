from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from doodlewise.drawing import Drawing
from doodlewise.errors import ConfigError
from doodlewise.ragged import Ragged
from doodlewise.raster import RenderSpec, fit_scale, render, render_many

ROOT = Path(__file__).resolve().parents[1]
QUICKDRAW = ROOT.parent / "shared" / "data" / "quickdraw"

# 16 pixels for 16 units: no padding, a line of 1 pixel.
ONE_TO_ONE = RenderSpec(side=256 + 16, line_width=16, padding=0)


def test_the_default_is_googles() -> None:
    spec = RenderSpec()
    assert (spec.side, spec.line_width, spec.padding) == (28, 16.0, 16.0)
    assert spec.units == 304.0
    assert spec.pixels_per_unit == 28 / 304
    assert spec.half_width == 8 * 28 / 304


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("side", 7),
        ("side", 1025),
        ("line_width", 0.0),
        ("line_width", 129.0),
        ("line_width", float("nan")),
        ("padding", -1.0),
        ("padding", 257.0),
    ],
)
def test_a_spec_out_of_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"RenderSpec\.{name} is {value}; choose"):
        RenderSpec(**{name: value})  # type: ignore[arg-type]


def test_a_spec_becomes_a_dict_and_back() -> None:
    spec = RenderSpec(side=64, line_width=8, padding=4)
    assert RenderSpec.from_dict(spec.to_dict()) == spec


def test_a_dict_of_a_newer_version_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"does not know colour, pen.*upgrade, or make it again"):
        RenderSpec.from_dict({"side": 28, "pen": 1, "colour": 2})


@pytest.mark.parametrize(
    ("extent", "scale"),
    [(0, 1), (1, 255), (249, 255 / 249), (250, 1), (253.5, 1), (255, 1), (256, 255 / 256)],
)
def test_a_longer_side_of_250_to_255_is_taken_as_255(extent: float, scale: float) -> None:
    assert fit_scale(extent) == scale


def test_ink_falls_off_with_the_distance_to_the_line() -> None:
    # An upright line at x = 136, the middle; 8 pixels to each side are ink.
    image = render(Drawing.from_strokes([[[0, 0], [0, 255]]]), ONE_TO_ONE)
    row = image[136]
    assert np.flatnonzero(row).tolist() == list(range(128, 144))
    assert set(row[128:144]) == {255}
    # 8.5 to 263.5 from top to bottom, and round ends of radius 8 beyond.
    assert np.flatnonzero(image[:, 135])[[0, -1]].tolist() == [0, 271]
    # The centre of this pixel is hypot(0.5, 8) = 8.0156 from the end: 8.5 - 8.0156, times 255.
    assert image[0, 135] == 124
    assert image[0, 128] == 0


def test_a_half_covered_pixel_is_half_ink() -> None:
    # A line of 15 units: its edges lie in the middle of pixels.
    spec = RenderSpec(side=271, line_width=15, padding=0)
    row = render(Drawing.from_strokes([[[0, 0], [0, 255]]]), spec)[135]
    assert row[127:144].tolist() == [0] + [255] * 15 + [0]
    shifted = RenderSpec(side=272, line_width=15, padding=0.5)
    row = render(Drawing.from_strokes([[[0, 0], [0, 255]]]), shifted)[136]
    assert row[127:145].tolist() == [0, 128] + [255] * 14 + [128, 0]


def test_a_dot_is_a_disc_in_the_middle(hand_made: dict[str, Drawing]) -> None:
    image = render(hand_made["dot"], ONE_TO_ONE)
    assert np.array_equal(image, render(hand_made["two equal points"], ONE_TO_ONE))
    assert image.sum() / 255 == pytest.approx(np.pi * 8**2, rel=0.01)
    rows, columns = np.nonzero(image)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (128, 143, 128, 143)


def test_the_place_and_size_of_a_drawing_do_not_matter(hand_made: dict[str, Drawing]) -> None:
    face = hand_made["face"].normalised()
    moved = Drawing((face.points * 3 + [1000, -50]).astype(np.float32), face.lengths)
    difference = render(moved).astype(int) - render(face)
    assert np.abs(difference).max() <= 1


def test_strokes_are_not_joined() -> None:
    apart = render(Drawing.from_strokes([[[0, 0], [0, 255]], [[255, 255], [0, 255]]]))
    assert apart[:, 10:18].max() == 0
    joined = render(Drawing.from_strokes([[[0, 0, 255, 255], [0, 255, 0, 255]]]))
    assert joined[:, 10:18].max() == 255


def test_the_padding_stays_empty(hand_made: dict[str, Drawing]) -> None:
    for drawing in hand_made.values():
        image = render(drawing)
        assert image.any()
        assert not image[[0, -1]].any()
        assert not image[:, [0, -1]].any()


def test_render_many_draws_each(hand_made: dict[str, Drawing]) -> None:
    images = render_many(Ragged.from_drawings(hand_made.values()))
    assert images.shape == (len(hand_made), 1, 28, 28)
    for image, drawing in zip(images, hand_made.values(), strict=True):
        assert np.array_equal(image[0], render(drawing))
    assert render_many(Ragged.empty()).shape == (0, 1, 28, 28)


def google_look() -> ModuleType:
    path = ROOT / "benchmarks" / "google_look.py"
    spec = importlib.util.spec_from_file_location("google_look", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not QUICKDRAW.is_dir(), reason=f"no data at {QUICKDRAW}")
def test_the_default_looks_as_googles_bitmaps() -> None:
    """186 drawings of 37 words; the mean difference was 1.83 of 255 when this was written."""
    by_word = google_look().true_pairs(QUICKDRAW)
    differences = np.concatenate(list(by_word.values()))
    assert len(differences) >= 150
    assert differences.mean() <= 2.0
    assert np.median(differences) <= 2.0
