from __future__ import annotations

import numpy as np

from doodlewise.data.chunk import EXAMPLES, Chunk, Origins, Skips, Wanted, codes_of


def test_a_chunk_knows_the_word_and_the_country_of_each_row() -> None:
    chunk = Chunk(
        names=["cat", "dog"],
        labels=np.array([1, 0, 1], np.int32),
        key_ids=np.array([1, 2, 3], np.uint64),
        codes=codes_of(["", "DE", "NA"]),
        recognised=np.array([1, -1, 0], np.int8),
        images=np.zeros((3, 28, 28, 1), np.uint8),
    )
    assert len(chunk) == 3
    assert chunk.words == ["dog", "cat", "dog"]
    assert chunk.countries == ["", "DE", "NA"]


def test_what_is_wanted_is_told_by_word_country_and_recognition() -> None:
    wanted = Wanted(classes=("cat",), countries=("DE", ""), recognised_only=True)
    assert wanted.takes("cat", "DE", 1)
    assert wanted.takes("cat", "", 1)
    assert not wanted.takes("dog", "DE", 1)
    assert not wanted.takes("cat", "US", 1)
    assert not wanted.takes("cat", "DE", 0)
    assert not wanted.takes("cat", "DE")
    assert Wanted().takes("anything")


def test_origins_are_taken_cut_and_joined_with_their_rows() -> None:
    sizes = np.array([[1, 2], [3, 4], [5, 6]], np.uint32)
    origins = Origins(["a", "b", "c"], sizes)
    assert origins.take(np.array([2, 0])).names == ["c", "a"]
    assert origins.take(np.array([2, 0])).sizes.tolist() == [[5, 6], [1, 2]]
    assert origins.slice(1, 3).names == ["b", "c"]
    both = Origins.concat([origins.slice(0, 1), origins.slice(2, 3)])
    assert (both.names, both.sizes.tolist()) == (["a", "c"], [[1, 2], [5, 6]])


def test_skips_keep_the_first_places_of_each_reason() -> None:
    skips = Skips()
    for line in range(1, EXAMPLES + 9):
        skips.add("broken JSON", f"cat.ndjson:{line}")
    skips.add("truncated file", "cat.npy[7:10]", 3)
    assert skips.counts == {"broken JSON": EXAMPLES + 8, "truncated file": 3}
    assert skips.examples["broken JSON"] == [f"cat.ndjson:{n}" for n in range(1, EXAMPLES + 1)]
    assert skips.examples["truncated file"] == ["cat.npy[7:10]"]


def test_merging_adds_counts_and_notes_and_keeps_the_first_places() -> None:
    here, there = Skips(), Skips()
    for line in range(EXAMPLES - 1):
        here.add("broken JSON", f"a:{line}")
    for line in range(3):
        there.add("broken JSON", f"b:{line}")
    there.add("empty drawing", "b:9")
    there.notes["doubled"] += 2
    here.notes["doubled"] += 1
    here.merge(there)
    assert here.counts == {"broken JSON": EXAMPLES + 2, "empty drawing": 1}
    assert here.examples["broken JSON"][-2:] == [f"a:{EXAMPLES - 2}", "b:0"]
    assert here.examples["empty drawing"] == ["b:9"]
    assert here.notes == {"doubled": 3}
    here.add("empty drawing", "a:5")
    assert there.examples["empty drawing"] == ["b:9"]
