from __future__ import annotations

import numpy as np

from doodlewise.data.chunk import Chunk, Skips


def test_a_chunk_is_as_long_as_its_words() -> None:
    chunk = Chunk(
        words=["cat", "dog"],
        key_ids=np.array([1, 2], np.uint64),
        countries=["", "DE"],
        recognised=np.array([1, -1], np.int8),
        images=np.zeros((2, 28, 28, 1), np.uint8),
    )
    assert len(chunk) == 2


def test_skips_keep_the_first_five_places_of_each_reason() -> None:
    skips = Skips()
    for line in range(1, 9):
        skips.add("broken JSON", f"cat.ndjson:{line}")
    skips.add("truncated file", "cat.npy[7:10]", 3)
    assert skips.counts == {"broken JSON": 8, "truncated file": 3}
    assert skips.examples["broken JSON"] == [f"cat.ndjson:{line}" for line in range(1, 6)]
    assert skips.examples["truncated file"] == ["cat.npy[7:10]"]


def test_merging_adds_counts_and_notes_and_keeps_five_places() -> None:
    here, there = Skips(), Skips()
    for line in range(3):
        here.add("broken JSON", f"a:{line}")
        there.add("broken JSON", f"b:{line}")
    there.add("empty drawing", "b:9")
    there.notes["doubled"] += 2
    here.notes["doubled"] += 1
    here.merge(there)
    assert here.to_dict() == {
        "counts": {"broken JSON": 6, "empty drawing": 1},
        "examples": {"broken JSON": ["a:0", "a:1", "a:2", "b:0", "b:1"], "empty drawing": ["b:9"]},
        "notes": {"doubled": 3},
    }
    here.add("empty drawing", "a:5")
    assert there.examples["empty drawing"] == ["b:9"]
