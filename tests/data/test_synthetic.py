"""Doodles drawn by code: valid, repeatable, varied, and neither too easy nor noise."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from doodlewise.data.catalog import WORDS
from doodlewise.data.chunk import Skips, Source, Wanted
from doodlewise.data.formats import detect
from doodlewise.data.formats.synthetic import SYNTHETIC_WORDS, draw, write_synthetic
from doodlewise.data.formats.synthetic_objects import OBJECTS
from doodlewise.data.formats.synthetic_pen import Pen
from doodlewise.drawing import FRAME, Drawing
from doodlewise.errors import ConfigError, UnknownClassError
from doodlewise.ragged import Ragged
from doodlewise.raster import render_many

each_word = pytest.mark.parametrize("word", SYNTHETIC_WORDS)


def draw_many(word: str, n: int, seed: int = 0) -> list[Drawing]:
    rng = np.random.default_rng(seed)
    return [draw(word, rng) for _ in range(n)]


def pixels(drawings: list[Drawing]) -> NDArray[np.float64]:
    """(drawings, pixels), 0 to 1."""
    images = render_many(Ragged.from_drawings(drawings))
    return images.reshape(len(drawings), -1) / 255.0


def test_the_words_are_words_of_the_game_in_alphabetical_order() -> None:
    assert len(SYNTHETIC_WORDS) >= 14
    assert list(SYNTHETIC_WORDS) == sorted(set(SYNTHETIC_WORDS))
    assert set(SYNTHETIC_WORDS) <= set(WORDS)


@each_word
def test_drawings_are_as_google_simplifies_them(word: str) -> None:
    for drawing in draw_many(word, 40):
        assert drawing.lengths.min() >= 2
        assert np.array_equal(drawing.points, np.rint(drawing.points))
        left, top, right, bottom = drawing.bounds
        assert min(left, top) >= 0.0
        assert max(right, bottom) <= FRAME
        # 255, less what thinning takes away at the outermost point.
        assert max(right - left, bottom - top) > 230.0
        assert min(right - left, bottom - top) > 25.0
        assert drawing.times is None
        assert (drawing.word, drawing.country, drawing.recognised) == (word, "", True)
        assert drawing.key_id is None


@each_word
def test_equal_seeds_draw_equal_doodles_and_others_others(word: str) -> None:
    first, same = draw_many(word, 2, seed=3), draw_many(word, 2, seed=3)
    for one, other in zip(first, same, strict=True):
        assert np.array_equal(one.points, other.points)
        assert np.array_equal(one.lengths, other.lengths)
    everything = first + draw_many(word, 2, seed=4)
    assert len({drawing.points.tobytes() for drawing in everything}) == 4


@each_word
def test_no_two_hands_draw_alike(word: str) -> None:
    drawings = draw_many(word, 60)
    assert len({drawing.n_strokes for drawing in drawings}) >= 3
    aspects = [np.log((d.bounds[2] + 1) / (d.bounds[3] + 1)) for d in drawings]
    assert np.std(aspects) > 0.1
    # Real doodles of these words differ by 0.15 to 0.26.
    images = pixels(drawings)
    differences = np.abs(images[:, None] - images[None]).mean(axis=-1)
    assert 0.12 < differences[np.triu_indices(len(images), 1)].mean() < 0.35


def test_strokes_begin_and_run_in_no_fixed_way() -> None:
    clockwise, starts = [], []
    for drawing in draw_many("apple", 80):
        outline = max(drawing.strokes, key=len).astype(np.float64)
        x, y = outline.T - outline.mean(axis=0)[:, None]
        clockwise.append((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() > 0)
        starts.append(np.arctan2(y[0], x[0]))
    assert 0.25 < np.mean(clockwise) < 0.75
    assert np.histogram(starts, bins=4, range=(-np.pi, np.pi))[0].min() >= 3


def test_hours_are_never_written_in_mirror_writing() -> None:
    """Of the other drawings half are mirrored."""
    mirrored = {"clock": 0, "cup": 0}
    for word in mirrored:
        for seed in range(40):
            pen = Pen(np.random.default_rng(seed))
            OBJECTS[word](pen)
            mirrored[word] += pen.mirrored
    assert mirrored["clock"] == 0
    assert 5 < mirrored["cup"] < 35


def test_class_means_find_most_words_but_by_far_not_all() -> None:
    train = np.array([pixels(draw_many(word, 50)).mean(axis=0) for word in SYNTHETIC_WORDS])
    right = []
    for label, word in enumerate(SYNTHETIC_WORDS):
        images = pixels(draw_many(word, 25, seed=1))
        nearest = ((images[:, None] - train[None]) ** 2).sum(axis=-1).argmin(axis=1)
        right.append(np.mean(nearest == label))
    assert 0.4 < np.mean(right) < 0.75


def test_an_unknown_word_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownClassError, match="'mushroom'"):
        draw("mushrom", np.random.default_rng(0))


def test_files_have_the_fields_of_google(tmp_path: Path) -> None:
    paths = write_synthetic(tmp_path / "new" / "folder", per_class=3)
    assert [path.name for path in paths] == [f"{word}.ndjson" for word in SYNTHETIC_WORDS]
    keys = []
    for word, path in zip(SYNTHETIC_WORDS, paths, strict=True):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        assert len(rows) == 3
        for row in rows:
            assert set(row) == {
                *("word", "countrycode", "timestamp", "recognized", "key_id", "drawing")
            }
            assert (row["word"], row["countrycode"], row["recognized"]) == (word, "", True)
            assert isinstance(row["key_id"], str)
            keys.append(int(row["key_id"]))
            for x, y in row["drawing"]:
                assert len(x) == len(y) >= 2
                assert all(isinstance(value, int) and 0 <= value <= 255 for value in x + y)
    assert len(set(keys)) == len(keys)
    assert 0 < min(keys) < max(keys) < 1 << 63


def test_the_reader_takes_the_files_as_they_are(tmp_path: Path) -> None:
    path = write_synthetic(tmp_path, per_class=5)[0]
    skips = Skips()
    (chunk,) = detect(path).read_chunks(Source(path, ""), Wanted(), skips)
    assert chunk.words == [SYNTHETIC_WORDS[0]] * 5
    assert chunk.recognised.tolist() == [1] * 5
    assert not skips.counts
    assert not skips.notes
    first = json.loads(path.read_text().splitlines()[0])
    assert chunk.drawings is not None
    assert chunk.drawings[0].to_strokes() == first["drawing"]
    assert chunk.key_ids[0] == int(first["key_id"])


def test_a_larger_set_begins_with_the_smaller_and_a_seed_makes_another(tmp_path: Path) -> None:
    small = write_synthetic(tmp_path / "small", per_class=2)
    large = write_synthetic(tmp_path / "large", per_class=4)
    other = write_synthetic(tmp_path / "other", per_class=2, seed=1)
    for one, more, different in zip(small, large, other, strict=True):
        lines = one.read_text().splitlines()
        assert more.read_text().splitlines()[:2] == lines
        assert not set(different.read_text().splitlines()) & set(lines)


def test_no_drawings_are_not_a_data_set(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        write_synthetic(tmp_path, per_class=0)
