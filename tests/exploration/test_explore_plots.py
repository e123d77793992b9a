from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_findings import doodle_findings, photo_findings
from PIL import Image

from doodlewise.errors import DataError
from doodlewise.evaluation.look import to_png
from doodlewise.exploration.collage import (
    MARGIN,
    class_colours,
    encode,
    heat,
    mosaic,
    scatter_places,
    sheet,
    tile_for,
)
from doodlewise.exploration.findings import Findings
from doodlewise.exploration.plots import plot_classes, plot_distribution, plot_means, plot_varied
from doodlewise.exploration.write import write_exploration


@pytest.fixture(scope="module")
def doodles() -> Findings:
    return doodle_findings(per_class=12)


@pytest.fixture(scope="module")
def photos() -> Findings:
    return photo_findings(per_class=12)


def decoded(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def test_a_folder_has_the_page_the_numbers_and_every_picture(
    doodles: Findings, photos: Findings, tmp_path: Path
) -> None:
    written = write_exploration(doodles, tmp_path / "doodles")
    assert written[:2] == [tmp_path / "doodles/report.html", tmp_path / "doodles/stats.json"]
    assert sorted(path.stem for path in written[2:]) == [
        "augmentation", "average_pictures", "classes", "countries",
        "distribution_share_of_the_picture_that_is_ink", "distribution_strokes_in_a_drawing",
        "distribution_width_divided_by_height", "ink_intensity", "labels_to_check", "map_pca",
        "near_duplicates", "samples",
    ]  # fmt: skip
    for path in written[2:]:
        assert decoded(path.read_bytes()).std() > 5
    assert json.loads(written[1].read_text(encoding="utf-8"))["rows"] == doodles.n
    # Nothing half written is left over.
    assert not list(tmp_path.rglob(".*"))

    names = {path.stem for path in write_exploration(photos, tmp_path / "photos")[2:]}
    assert {"brightness", "image_sizes", "image_size_outliers"} <= names
    assert not {"countries", "ink_intensity"} & names


def test_a_folder_that_cannot_be_written_is_said_so(doodles: Findings, tmp_path: Path) -> None:
    (tmp_path / "report").write_text("a file", encoding="utf-8")
    with pytest.raises(DataError, match="Then explore again"):
        write_exploration(doodles, tmp_path / "report")


def test_heat_is_brighter_where_more_people_drew() -> None:
    colours = heat(np.linspace(0, 1, 50)).astype(int)
    luminance = colours @ np.array([2126, 7152, 722])
    assert (np.diff(luminance) > 0).all()


def test_colours_of_classes_are_different_and_seen_on_black_and_on_white() -> None:
    colours = class_colours(345)
    assert len(set(colours)) == 345
    assert class_colours(5) == colours[:5]
    for colour in colours:
        rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        luminance = ((rgb + 0.055) / 1.055) ** 2.4 @ np.array([0.2126, 0.7152, 0.0722])
        assert min(1.05 / (luminance + 0.05), (luminance + 0.05) / 0.05) > 2.5


def test_a_sheet_has_pictures_in_rows_on_paper() -> None:
    ink = np.zeros((5, 4, 6, 1), np.uint8)
    ink[4] = 255
    whole = sheet(ink, 3, "drawing", gap=2)
    assert whole.shape == (10, 22, 1)
    assert (whole[6:10, 8:14] == 0).all()
    assert (whole[:6] == 255).all()
    assert (whole[6:, 14:] == 255).all()


def test_a_sheet_of_photos_lies_on_nothing() -> None:
    whole = sheet(np.full((3, 4, 4, 1), 9, np.uint8), 2, "photo", gap=2)
    assert whole.shape == (10, 10, 4)
    assert (whole[:4, :4] == (9, 9, 9, 255)).all()
    assert (whole[4:6, :, 3] == 0).all()
    assert (whole[6:, 6:, 3] == 0).all()


def test_pictures_are_encoded_as_they_are() -> None:
    rng = np.random.default_rng(0)
    grey = (rng.integers(0, 2, (40, 30, 1)) * 255).astype(np.uint8)
    content, kind = encode(grey)
    assert kind == "png"
    assert (decoded(content)[..., :1] == grey).all()
    smooth = np.linspace(0, 255, 64).astype(np.uint8)
    photo = np.stack(np.broadcast_arrays(smooth[:, None], smooth, smooth[::-1]), axis=2)
    content, kind = encode(photo)
    assert kind == "webp"
    assert np.abs(decoded(content).astype(int) - photo).mean() < 4
    assert decoded(encode(photo, at_most=16)[0]).shape == (16, 16, 3)


def test_places_keep_their_shape_and_far_ones_are_brought_in() -> None:
    rng = np.random.default_rng(1)
    points = rng.normal(size=(2000, 2)) * (5, 1)
    points[0] = (1e6, 0)
    places = scatter_places(points)
    assert places.min() >= MARGIN
    assert places.max() <= 1 - MARGIN
    assert places[0, 0] == 1 - MARGIN
    assert places[1:, 0].std() / places[1:, 1].std() == pytest.approx(5, rel=0.1)


def test_a_mosaic_has_each_picture_in_its_place_and_colour() -> None:
    places = np.array([[0.2, 0.8], [0.8, 0.2], [0.8001, 0.2]])
    labels = np.array([0, 1, 0], np.int32)
    ink = np.full((3, 8, 8, 1), 255, np.uint8)
    plane = mosaic(places, labels, ink, "drawing", side=200, tile=20)
    first, second = ([int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in class_colours(2))
    assert plane[40, 40].tolist() == [*first, 255]
    # The third would lie on the second.
    assert plane[160, 160].tolist() == [*second, 255]
    assert (plane[:20, :20, 3] == 0).all()
    photo = mosaic(places, labels, np.full((3, 8, 8, 3), 7, np.uint8), "photo", side=200, tile=20)
    assert photo[40, 40].tolist() == [7, 7, 7, 255]
    assert photo[31, 31].tolist() == [*first, 255]


def test_pictures_of_a_map_are_smaller_where_there_are_more_and_never_cut() -> None:
    sizes = [tile_for(1600, n) for n in (1, 100, 1000, 100_000)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] / 2 <= MARGIN * 1600


def test_the_heatmap_shows_where_the_ink_is(doodles: Findings) -> None:
    means = np.zeros_like(doodles.means)
    means[:, :24] = 255
    shown = plot_means(replace(doodles, means=means)).axes[0].images[0].get_array()
    assert shown is not None
    assert shown[:20].mean() > 200 > 60 > shown[28:].mean()


def test_bars_are_as_long_as_there_are_rows(doodles: Findings) -> None:
    axes = plot_classes(doodles).axes[0]
    assert [bar.get_width() for bar in axes.containers[0]] == doodles.counts.tolist()
    assert [bar.get_width() for bar in axes.containers[1]] == doodles.recognised[:, 2].tolist()


def test_a_histogram_has_all_classes(doodles: Findings) -> None:
    d = doodles.distributions[0]
    axes = plot_distribution(d, doodles.classes).axes[0]
    assert [bar.get_height() for bar in axes.containers[0]] == d.counts.sum(axis=0).tolist()


def test_words_that_begin_a_formula_are_only_words(doodles: Findings) -> None:
    classes = ["$x^2$", *doodles.classes[1:]]
    assert decoded(to_png(plot_varied(replace(doodles, classes=classes)))).std() > 5
