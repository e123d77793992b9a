"""What the tests of exploring share: pictures on disk, and the rows of a store at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from doodlewise.data.batches import windows
from doodlewise.data.prepare import PictureWish, prepare
from doodlewise.data.rows import Rows
from doodlewise.data.store import Store

PHOTOS = 30


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders "day" and "night" of 30 coloured JPEGs each; one is tiny, one very wide."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(8)
    for word, low in (("day", 120), ("night", 10)):
        (folder / word).mkdir()
        for number in range(PHOTOS):
            size = 200 + int(random.integers(0, 20)), 150 + int(random.integers(0, 20))
            if (word, number) == ("day", 3):
                size = 24, 18
            if (word, number) == ("night", 5):
                size = 900, 40
            blocks = random.integers(low, low + 100, (5, 5, 3)).astype(np.uint8)
            picture = Image.fromarray(blocks).resize(size, Image.Resampling.BICUBIC)
            picture.save(folder / word / f"{number:02}.jpg", quality=92)
    return folder


@pytest.fixture(scope="session")
def photo_store(photo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    out = tmp_path_factory.mktemp("stores") / "photos"
    wish = PictureWish(size=(32, 32), look="photo")
    prepare([photo_folder], out, pictures=wish, jobs=1)
    return Store(out)


@pytest.fixture(scope="session")
def all_rows() -> Callable[[Store], Rows]:
    """All rows of a small store, by class."""

    def read(store: Store) -> Rows:
        rows = Rows.concat(list(windows(store, "all")))
        return rows.take(np.lexsort((rows.key_ids, rows.labels)))

    return read
