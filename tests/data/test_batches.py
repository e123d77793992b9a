from __future__ import annotations

import shutil
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch

from doodlewise.augment import Augment
from doodlewise.data import batches as batches_module
from doodlewise.data.batches import Batch, TrainingBatches, render_window, windows
from doodlewise.data.prepare import prepare
from doodlewise.data.split import SPLITS, Fractions
from doodlewise.data.store import Store
from doodlewise.errors import ConfigError, StoreError
from doodlewise.raster import RenderSpec
from doodlewise.raster_host import render_rows

SPEC = RenderSpec()
Picture = tuple[bytes, int]
"""An image and its label."""


@pytest.fixture(params=["strokes", "pixels"])
def store(request: pytest.FixtureRequest, strokes_store: Path, bitmap_store: Path) -> Store:
    return Store(strokes_store if request.param == "strokes" else bitmap_store)


def spec_of(store: Store) -> RenderSpec | None:
    return SPEC if store.kind == "strokes" else None


def loader(store: Store, batch_size: int = 20, **options: object) -> TrainingBatches:
    return TrainingBatches(store, "train", spec_of(store), batch_size=batch_size, **options)  # type: ignore[arg-type]


def pictures(batches: Iterable[Batch]) -> list[Picture]:
    return [
        (image.numpy().tobytes(), int(label))
        for batch in batches
        for image, label in zip(batch.images, batch.labels, strict=True)
    ]


def pictures_in(store: Store, split: str) -> list[Picture]:
    """What is in a split, in its order, by the shortest way."""
    every = []
    for shard in store.shards(split):
        rows = store.read(shard)
        images = rows.images
        if rows.drawings is not None:
            images = render_rows(rows.drawings, SPEC)
        assert images is not None
        every += [(i.tobytes(), int(label)) for i, label in zip(images, rows.labels, strict=True)]
    return every


@pytest.fixture(params=["one window", "several windows"])
def _window_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "several windows":
        monkeypatch.setattr(batches_module, "RUN_ROWS", 8)
        monkeypatch.setattr(batches_module, "RUNS_PER_WINDOW", 4)


@pytest.mark.usefixtures("_window_size")
@pytest.mark.parametrize("batch_size", [1, 7, 20, 50])
def test_an_epoch_has_each_drawing_once(store: Store, batch_size: int) -> None:
    training = loader(store, batch_size)
    got = list(training.epoch(0))
    assert len(got) == len(training) == store.size("train") // batch_size
    assert {len(batch.labels) for batch in got} == {batch_size}
    left = Counter(pictures_in(store, "train"))
    assert left.total() == store.size("train")
    left.subtract(pictures(got))
    assert min(left.values()) >= 0
    assert left.total() == store.size("train") % batch_size


def test_what_the_network_gets(store: Store) -> None:
    batch = next(iter(loader(store).epoch(0)))
    assert batch.images.dtype == torch.uint8
    assert batch.images.shape == (20, 1, 28, 28)
    assert batch.images.is_contiguous()
    assert batch.labels.dtype == torch.int64
    assert batch.labels.shape == (20,)


@pytest.mark.usefixtures("_window_size")
def test_each_epoch_and_seed_has_an_order_of_its_own(store: Store) -> None:
    orders = [
        pictures(loader(store, seed=seed).epoch(epoch))
        for seed, epoch in [(0, 0), (0, 1), (1, 0), (0, 0)]
    ]
    first, other_epoch, other_seed, again = orders
    assert first == again
    for other in (other_epoch, other_seed):
        same = sum(a == b for a, b in zip(first, other, strict=True))
        assert same < 0.1 * len(first)
    assert sorted(first) != first


@pytest.mark.usefixtures("_window_size")
def test_drawings_left_over_by_one_epoch_come_in_others(store: Store) -> None:
    batch_size = store.size("train") - 5
    training = loader(store, batch_size)
    seen: set[Picture] = set()
    for epoch in range(8):
        seen.update(pictures(training.epoch(epoch)))
    assert seen == set(pictures_in(store, "train"))


@pytest.mark.usefixtures("_window_size")
def test_an_epoch_is_mixed(store: Store) -> None:
    """Neighbours in the store do not stay neighbours."""
    place = {picture: index for index, picture in enumerate(pictures_in(store, "train"))}
    order = [place[picture] for picture in pictures(loader(store, 1).epoch(0))]
    assert np.mean(np.abs(np.diff(order)) <= 1) < 0.15
    # The first window has 32 drawings at least, from all over the store.
    assert max(order[:32]) - min(order[:32]) > len(order) / 2


@pytest.mark.usefixtures("_window_size")
@pytest.mark.parametrize("first_batch", [0, 1, 3, 6])
def test_an_epoch_is_resumed_exactly(store: Store, first_batch: int) -> None:
    training = loader(store, 20, augment=Augment(), seed=3)
    whole = list(training.epoch(2))
    resumed = list(loader(store, 20, augment=Augment(), seed=3).epoch(2, first_batch))
    assert len(resumed) == len(whole) - first_batch
    assert pictures(resumed) == pictures(whole[first_batch:])


def test_an_epoch_that_is_over_has_nothing_left(store: Store) -> None:
    training = loader(store)
    assert list(training.epoch(0, len(training))) == []


@pytest.mark.usefixtures("_window_size")
@pytest.mark.parametrize(("world_size", "batch_size"), [(2, 20), (2, 7), (3, 20)])
def test_processes_share_each_batch(store: Store, world_size: int, batch_size: int) -> None:
    whole = list(loader(store, batch_size, augment=Augment()).epoch(1))
    shares = [
        list(
            loader(store, batch_size, augment=Augment(), rank=rank, world_size=world_size).epoch(1)
        )
        for rank in range(world_size)
    ]
    for batch, *parts in zip(whole, *shares, strict=True):
        assert sorted(pictures(parts)) == sorted(pictures([batch]))
        sizes = [len(part.labels) for part in parts]
        assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("threads", [2, 4])
def test_threads_change_nothing(store: Store, threads: int) -> None:
    one = loader(store, 8, augment=Augment())
    several = loader(store, 8, augment=Augment(), threads=threads)
    assert pictures(one.epoch(0)) == pictures(several.epoch(0))


def test_variation_follows_from_drawing_seed_and_epoch(strokes_store: Path) -> None:
    store = Store(strokes_store)
    n = store.size("train")

    def varied(batch_size: int, seed: int = 0, epoch: int = 0) -> set[Picture]:
        training = loader(store, batch_size, augment=Augment(), seed=seed)
        return set(pictures(training.epoch(epoch)))

    whole = varied(n)
    assert len(whole) == n
    assert varied(20) <= whole
    assert varied(7) <= whole
    assert not varied(n, epoch=1) & whole
    assert not varied(n, seed=1) & whole
    assert not set(pictures_in(store, "train")) & whole


def test_only_words_that_allow_it_are_mirrored(strokes_store: Path) -> None:
    store = Store(strokes_store)
    mirror = Augment(**{**dict.fromkeys(Augment.__dataclass_fields__, 0.0), "mirror": 1.0})
    n = store.size("train")
    (plain,) = loader(store, n).epoch(0)
    (mirrored,) = loader(store, n, augment=mirror).epoch(0)
    assert torch.equal(plain.labels, mirrored.labels)
    is_clock = plain.labels == store.classes.index("clock")
    assert 20 < is_clock.sum() < n / 2
    expected = torch.where(is_clock[:, None, None, None], plain.images, plain.images.flip(3))
    assert (expected.int() - mirrored.images.int()).abs().max() <= 1


def test_a_batch_is_never_larger_than_the_split(store: Store) -> None:
    training = loader(store, 10**6)
    assert training.batch_size == store.size("train")
    assert len(training) == len(list(training.epoch(0))) == 1


def test_too_few_drawings(doodles: Path, tmp_path: Path) -> None:
    prepare([doodles / "cat.ndjson"], tmp_path / "s", fractions=Fractions(0.0, 0.1), jobs=1)
    store = Store(tmp_path / "s")
    with pytest.raises(StoreError, match=r"The val split of .* has 0 drawings, too few .*\. Prep"):
        TrainingBatches(store, "val", SPEC, batch_size=4)
    with pytest.raises(StoreError, match=r"has \d drawings, too few to train on"):
        TrainingBatches(store, "test", SPEC, batch_size=64, world_size=32)
    with pytest.raises(ConfigError, match=r"A batch of 1 leaves some of 2 .* size of 2 or more"):
        TrainingBatches(store, "train", SPEC, batch_size=1, world_size=2)


def threads_at_work() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("doodlewise-")]


def test_whoever_stops_in_the_middle_leaves_no_thread(store: Store) -> None:
    epoch = loader(store, 4, threads=2).epoch(0)
    next(epoch)
    assert threads_at_work()
    epoch.close()  # type: ignore[attr-defined]
    reading = windows(store, "train", max_rows=8)
    next(reading)
    reading.close()  # type: ignore[attr-defined]
    assert threads_at_work() == []


def test_a_damaged_shard_is_an_error_in_the_loop(strokes_store: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(strokes_store, tmp_path / "store"))
    store = Store(folder)
    path = folder / "train-00000.arrow"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(StoreError, match=r"train-00000\.arrow is damaged"):
        list(loader(store).epoch(0))
    with pytest.raises(StoreError, match=r"train-00000\.arrow is damaged"):
        list(windows(store, "train"))
    assert threads_at_work() == []


@pytest.mark.parametrize("split", [*SPLITS, "all"])
@pytest.mark.parametrize("max_rows", [10, 61, 4096])
def test_windows_cover_everything_in_order(store: Store, split: str, max_rows: int) -> None:
    parts = list(windows(store, split, max_rows))
    assert sum(map(len, parts)) == store.size(split)
    assert max(map(len, parts)) <= max_rows
    keys = np.concatenate([store.read(shard).key_ids for shard in store.shards(split)])
    assert np.array_equal(np.concatenate([part.key_ids for part in parts]), keys)
    got = [
        (image.numpy().tobytes(), int(label))
        for part in parts
        for image, label in zip(render_window(part, spec_of(store)), part.labels, strict=True)
    ]
    assert got == [
        each
        for name in ([split] if split != "all" else SPLITS)
        for each in pictures_in(store, name)
    ]


def test_a_window_is_drawn_with_a_share_of_its_ink(strokes_store: Path) -> None:
    (rows,) = windows(Store(strokes_store), "val")
    whole, half = render_window(rows, SPEC), render_window(rows, SPEC, share=0.5)
    assert whole.shape == half.shape == (len(rows), 1, 28, 28)
    assert rows.drawings is not None
    assert np.array_equal(half.numpy(), render_rows(rows.drawings, SPEC, share=0.5))
    assert not torch.equal(whole, half)


def test_channels_come_first() -> None:
    images = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5)
    tensor = batches_module.channels_first(images)
    assert tensor.shape == (2, 5, 3, 4)
    assert tensor.is_contiguous()
    assert int(tensor[1, 4, 2, 3]) == images[1, 2, 3, 4]
