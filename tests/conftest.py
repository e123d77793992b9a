"""What several tests need: a few drawings made by hand, and small stores of synthetic doodles."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from doodlewise.data.formats import read_drawings
from doodlewise.data.formats.synthetic import write_synthetic
from doodlewise.data.prepare import prepare
from doodlewise.data.split import Fractions
from doodlewise.drawing import Drawing
from doodlewise.ragged import Ragged
from doodlewise.raster import render_many

if TYPE_CHECKING:
    from playwright.sync_api import Browser

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background jobs ignore Ctrl-C, and so would all that the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)

STROKE_WORDS = ("apple", "car", "cat", "clock", "house", "star")
BITMAP_WORDS = ("apple", "cat", "star")
PER_CLASS = 60


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for the tests of one file.

    There can be one in a process at a time; and while there is, its event loop runs, so that other
    tests could have none.
    """
    found = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    path = next(found, None)
    if path is None:
        pytest.skip("there is no Chromium here: apt install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        opened = player.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def doodles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of "<word>.ndjson", 60 synthetic doodles of each of 18 words."""
    folder = tmp_path_factory.mktemp("doodles")
    write_synthetic(folder, PER_CLASS)
    return folder


@pytest.fixture(scope="session")
def strokes_store(doodles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of strokes: 6 words, 60 drawings each, of all splits. Only to be read."""
    out = tmp_path_factory.mktemp("stores") / "strokes"
    sources = [doodles / f"{word}.ndjson" for word in STROKE_WORDS]
    prepare(sources, out, fractions=Fractions(val=0.15, test=0.15), jobs=1)
    return out


@pytest.fixture(scope="session")
def bitmaps(doodles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of "<word>.npy", as Google's numpy_bitmap: 3 words, 60 bitmaps each."""
    folder = tmp_path_factory.mktemp("bitmaps")
    for word in BITMAP_WORDS:
        images = render_many(Ragged.from_drawings(read_drawings(doodles / f"{word}.ndjson")))
        np.save(folder / f"{word}.npy", images.reshape(len(images), -1))
    return folder


@pytest.fixture(scope="session")
def bitmap_store(bitmaps: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of pixels: 3 words, 60 images of 28 x 28 each, of all splits. Only to be read."""
    out = tmp_path_factory.mktemp("stores") / "bitmaps"
    prepare([bitmaps], out, fractions=Fractions(val=0.15, test=0.15), jobs=1)
    return out


@pytest.fixture(scope="session")
def hand_made() -> dict[str, Drawing]:
    """Drawings by hand, ordinary and not, by what is special about them."""
    turn = np.linspace(0.0, 2.0 * np.pi, 60)
    scribble = np.random.default_rng(5).normal(scale=900.0, size=(3000, 2)).cumsum(axis=0)
    strokes: dict[str, list[object]] = {
        "line": [[[0, 255], [10, 90]]],
        "face": [
            [(128 + 127 * np.cos(turn)).tolist(), (128 + 127 * np.sin(turn)).tolist()],
            [[90, 90], [90, 91]],
            [[170], [90]],
            [[80, 128, 176], [170, 200, 170]],
        ],
        "dot": [[[47], [94]]],
        "two equal points": [[[47, 47], [94, 94]]],
        "upright": [[[12.5, 12.5, 12.5], [0, 200, 100]]],
        "two dots": [[[0], [0]], [[255], [120]]],
        "tiny": [[[0.001, 0.002], [0.003, 0.001]]],
        "far away": [[[1e6, 1e6 + 300, 1e6 + 100], [-5e5, -5e5 + 80, -5e5 + 200]]],
        "almost fitted": [[[3, 253, 100], [0, 40, 120]]],
        "just too small": [[[3, 252, 100], [0, 40, 120]]],
        "scribble": [scribble],
        "there and back": [[[0, 255, 0, 255], [0, 255, 0, 255]]],
    }
    return {name: Drawing.from_strokes(each) for name, each in strokes.items()}
