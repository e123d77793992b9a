from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from doodlewise.data.prepare import prepare
from doodlewise.data.rows import Rows
from doodlewise.data.split import SPLITS, Fractions
from doodlewise.data.store import MANIFEST, Manifest, Store
from doodlewise.errors import StoreError, UnknownClassError
from doodlewise.raster import RenderSpec


@pytest.fixture
def copied(strokes_store: Path, tmp_path: Path) -> Path:
    """A store that may be damaged."""
    return Path(shutil.copytree(strokes_store, tmp_path / "store"))


def change_manifest(folder: Path, **changes: Any) -> None:
    path = folder / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def first_shard(folder: Path) -> Path:
    return folder / "train-00000.arrow"


def test_a_store_knows_what_is_in_it(strokes_store: Path, bitmap_store: Path) -> None:
    store = Store(str(strokes_store))
    assert store.kind == "strokes"
    assert store.classes == ["apple", "car", "cat", "clock", "house", "star"]
    sizes = [store.size(split) for split in SPLITS]
    assert sum(sizes) == store.size("all") == 360
    assert min(sizes) > 30
    assert sizes == [sum(shard.rows for shard in store.shards(split)) for split in SPLITS]
    assert [shard.split for shard in store.shards("all")] == list(SPLITS)
    assert repr(store) == (
        f"Store({str(strokes_store)!r}, strokes, 6 classes, train {sizes[0]}, val {sizes[1]},"
        f" test {sizes[2]})"
    )
    assert (store.manifest.image_shape, store.manifest.render) == (None, None)

    pixels = Store(bitmap_store)
    assert pixels.kind == "pixels"
    assert pixels.manifest.image_shape == [28, 28, 1]
    assert pixels.manifest.render == RenderSpec()


def test_counts_are_of_the_rows(strokes_store: Path) -> None:
    store = Store(strokes_store)
    for split in SPLITS:
        labels = np.concatenate([store.read(shard).labels for shard in store.shards(split)])
        counts = np.bincount(labels, minlength=6)
        assert dict(zip(store.classes, counts, strict=True)) == store.manifest.counts[split]


def rows_equal(ours: Rows, theirs: Rows) -> bool:
    arrays: list[tuple[Any, Any]] = [
        (ours.labels, theirs.labels),
        (ours.key_ids, theirs.key_ids),
        (ours.recognised, theirs.recognised),
    ]
    if ours.drawings is not None and theirs.drawings is not None:
        for name in ("points", "stroke_lengths", "stroke_offsets", "point_offsets"):
            arrays.append((getattr(ours.drawings, name), getattr(theirs.drawings, name)))
    if ours.images is not None and theirs.images is not None:
        arrays.append((ours.images, theirs.images))
    same = all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in arrays)
    return same and ours.countries == theirs.countries


@pytest.mark.parametrize("kind", ["strokes", "pixels"])
def test_a_part_of_a_shard_is_read_as_of_the_whole(
    strokes_store: Path, bitmap_store: Path, kind: str
) -> None:
    store = Store(strokes_store if kind == "strokes" else bitmap_store)
    (shard,) = store.shards("train")
    every = store.read(shard)
    assert len(every) == shard.rows
    for first, last in [(0, 1), (17, 60), (shard.rows - 3, shard.rows), (5, 5)]:
        part = store.read(shard, first, last)
        assert len(part) == last - first
        assert rows_equal(part, every.slice(first, last))


@pytest.mark.parametrize("kind", ["strokes", "pixels"])
def test_rows_are_copies_that_may_be_written_to(
    strokes_store: Path, bitmap_store: Path, kind: str
) -> None:
    store = Store(strokes_store if kind == "strokes" else bitmap_store)
    (shard,) = store.shards("val")
    rows, again = store.read(shard), store.read(shard)
    for array in (
        rows.labels,
        rows.key_ids,
        rows.recognised,
        rows.images if rows.drawings is None else rows.drawings.points,
    ):
        assert array is not None
        array[:] = 0
    assert rows_equal(store.read(shard), again)


def test_any_arrow_library_reads_the_shards(strokes_store: Path, bitmap_store: Path) -> None:
    with pa.memory_map(str(first_shard(strokes_store))) as source:
        reader = pa.ipc.open_file(source)
        assert reader.num_record_batches == 1
        table = reader.read_all()
    assert table.schema.names == [
        "label", "key_id", "country", "recognised", "points", "stroke_lengths"
    ]  # fmt: skip
    rows = Store(strokes_store).read(Store(strokes_store).shards("train")[0])
    assert rows.drawings is not None
    assert table.column("points")[3].as_py() == rows.drawings[3].points.reshape(-1).tolist()
    assert table.column("stroke_lengths")[3].as_py() == rows.drawings[3].lengths.tolist()
    assert table.column("recognised")[3].as_py() is True
    assert table.schema.field("points").metadata == {b"layout": b"x, y, x, y, ..."}

    with pa.memory_map(str(first_shard(bitmap_store))) as source:
        pixels = pa.ipc.open_file(source).schema.field("pixels")
    assert pixels.type == pa.list_(pa.uint8(), 784)
    assert pixels.metadata == {b"shape": b"28x28x1"}


def test_a_split_may_be_empty(doodles: Path, tmp_path: Path) -> None:
    prepare([doodles / "cat.ndjson"], tmp_path / "s", fractions=Fractions(val=0, test=0.5), jobs=1)
    store = Store(tmp_path / "s")
    assert store.size("val") == 0
    (shard,) = store.shards("val")
    rows = store.read(shard)
    assert len(rows) == 0
    assert rows.drawings is not None
    assert len(rows.drawings) == 0


def test_a_manifest_comes_back_as_it_was_written(bitmap_store: Path, tmp_path: Path) -> None:
    manifest = replace(
        Manifest.read(bitmap_store), seed=7, fractions=Fractions(0.2, 0.3), skipped={"counts": {}}
    )
    manifest.write(tmp_path)
    assert Manifest.read(tmp_path) == manifest


def test_labels_of_words(strokes_store: Path) -> None:
    store = Store(strokes_store)
    assert store.indices_of(["star", "apple"]) == [5, 0]
    with pytest.raises(
        UnknownClassError,
        match=r"has no class 'clok'\. Did you mean 'clock'\? See: doodlewise data stats ",
    ):
        store.indices_of(["cat", "clok"])


@pytest.mark.parametrize("method", ["size", "shards"])
def test_there_are_three_splits(strokes_store: Path, method: str) -> None:
    with pytest.raises(StoreError, match=r"no split 'valid'\. Choose train, val, test or all\."):
        getattr(Store(strokes_store), method)("valid")


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"There is no store at .*nothing\. Make one: doodlewise"):
        Store(tmp_path / "nothing")


def test_a_folder_of_something_else(doodles: Path) -> None:
    with pytest.raises(StoreError, match=r"is not a store: it has no manifest\.json\. Make one"):
        Store(doodles)
    with pytest.raises(StoreError, match="is not a store"):
        Store(doodles / "cat.ndjson")


def test_a_store_that_is_being_written(copied: Path) -> None:
    (copied / MANIFEST).unlink()
    (copied / ".prepare").mkdir()
    with pytest.raises(StoreError, match=r"only half written\. Run the same .* command again"):
        Store(copied)


@pytest.mark.parametrize("version", [0, 2])
def test_another_version(copied: Path, version: int) -> None:
    change_manifest(copied, version=version, novelty={"unknown": "here"})
    with pytest.raises(
        StoreError, match=rf"a store of version {version}; this .* version 1\. Prepare it again"
    ):
        Store(copied)


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b'{"kind": "strokes", "cla',
        b"[]",
        b"{}",
        b'{"version": 1}',
        b"\xff\xfe\x00",
    ],
)
def test_a_damaged_manifest(copied: Path, damage: bytes) -> None:
    (copied / MANIFEST).write_bytes(damage)
    with pytest.raises(StoreError, match=r"manifest\.json is damaged \(.*again with --overwrite\."):
        Store(copied)


@pytest.mark.parametrize(
    "changes",
    [
        {"shards": [{"file": "a"}]},
        {"fractions": {"val": 2.0, "test": 0.0}},
        {"render": {"side": 28, "colour": True}},
        {"unknown": 1},
    ],
)
def test_a_manifest_with_impossible_values(copied: Path, changes: dict[str, Any]) -> None:
    change_manifest(copied, **changes)
    with pytest.raises(StoreError, match=r"manifest\.json is damaged"):
        Store(copied)


def test_a_missing_shard(copied: Path) -> None:
    (copied / "val-00000.arrow").unlink()
    with pytest.raises(StoreError, match=r"has lost val-00000\.arrow\. Prepare it again with"):
        Store(copied)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_shard(copied: Path, share: float) -> None:
    path = first_shard(copied)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    store = Store(copied)
    with pytest.raises(
        StoreError, match=r"train-00000\.arrow is damaged \(.*again with --overwrite\."
    ):
        store.read(store.shards("train")[0])


def test_a_shard_that_belongs_elsewhere(copied: Path, bitmap_store: Path) -> None:
    store = Store(copied)
    shutil.copy(copied / "val-00000.arrow", first_shard(copied))
    with pytest.raises(StoreError, match=r"damaged .*Prepare the store again with --overwrite"):
        store.read(store.shards("train")[0])
    shutil.copy(bitmap_store / "train-00000.arrow", first_shard(copied))
    with pytest.raises(StoreError, match=r"damaged .*Prepare the store again with --overwrite"):
        store.read(store.shards("train")[0])


def test_changed_bytes_are_found_out_or_harmless(copied: Path) -> None:
    """Compiled code follows the offsets: whatever they are, no read may go beyond the arrays."""
    store, random = Store(copied), np.random.default_rng(0)
    (shard,) = store.shards("train")
    path = copied / shard.file
    whole = np.fromfile(path, np.uint8)
    n_found = 0
    for _ in range(200):
        damaged = whole.copy()
        damaged[random.integers(len(whole), size=4)] = random.integers(0, 256, 4)
        damaged.tofile(path)
        try:
            rows = store.read(shard, 3, 40)
        except StoreError:
            n_found += 1
            continue
        assert len(rows) == 37
        assert rows.labels.max() < 6
        assert rows.drawings is not None
        assert rows.drawings.point_offsets[-1] == len(rows.drawings.points)
        assert rows.drawings.stroke_offsets[-1] == len(rows.drawings.stroke_lengths)
        assert rows.drawings.stroke_lengths.sum() == len(rows.drawings.points)
        assert (np.diff(rows.drawings.point_offsets) >= 0).all()
    assert n_found > 10
