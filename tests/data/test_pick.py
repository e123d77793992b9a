from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from doodlewise.data.formats import write_ndjson
from doodlewise.data.pick import pick
from doodlewise.data.prepare import prepare
from doodlewise.data.rows import Rows
from doodlewise.data.split import Fractions
from doodlewise.data.store import Store
from doodlewise.drawing import Drawing


class CountingStore(Store):
    """A store that counts the rows that are read of it."""

    n_read = 0

    def read(self, *where: Any) -> Rows:
        rows = super().read(*where)
        self.n_read += len(rows)
        return rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 8,000 lines of two classes, and three of a rare one."""
    folder = tmp_path_factory.mktemp("lines")
    drawings = (
        Drawing.from_strokes(
            [[[0, 255], [0, n % 256]]], word=("flat", "steep")[n % 2] if n > 2 else "rare",
            key_id=n + 1,
        )
        for n in range(8003)
    )  # fmt: skip
    write_ndjson(drawings, folder / "lines.ndjson")
    prepare([folder / "lines.ndjson"], folder / "store", fractions=Fractions(0.1, 0.1), jobs=1)
    return folder / "store"


def keys_of(picked: dict[int, Rows]) -> list[int]:
    return [int(key) for rows in picked.values() for key in rows.key_ids]


def test_a_few_are_picked_without_reading_the_rest(folder: Path) -> None:
    store = CountingStore(folder)
    picked = pick(store, store.indices_of(["steep", "flat"]), 64)
    assert [store.classes[label] for label in picked] == ["steep", "flat"]
    for label, rows in picked.items():
        assert (rows.labels == label).all()
        assert len(rows) == 64
    assert len(set(keys_of(picked))) == 128
    assert store.n_read < 0.2 * store.size("all")


def test_the_seed_decides(folder: Path) -> None:
    store = Store(folder)
    one, same, other = (keys_of(pick(store, [0, 1], 20, seed=seed)) for seed in (1, 1, 2))
    assert one == same
    assert len(set(one) & set(other)) < 20


def test_of_a_rare_class_all_are_found(folder: Path) -> None:
    store = Store(folder)
    (rows,) = pick(store, store.indices_of(["rare"]), 64).values()
    assert sorted(rows.key_ids.tolist()) == [1, 2, 3]


def test_only_the_split_is_picked_of(folder: Path) -> None:
    store = Store(folder)
    held_out = np.concatenate([store.read(shard).key_ids for shard in store.shards("val")])
    assert set(keys_of(pick(store, [0, 1], 50, split="val"))) <= set(held_out.tolist())
