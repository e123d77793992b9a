"""A store on a device gives the batches that the host gives; tested with the CPU as the device."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from doodlewise.augment import Augment, PixelAugment
from doodlewise.data.augment_pixels import augment_pixels
from doodlewise.data.augment_pixels_torch import vary_pixels_on_device
from doodlewise.data.batches import Batch, TrainingBatches
from doodlewise.data.device_batches import DeviceBatches
from doodlewise.data.device_split import HeldSplit, bytes_held
from doodlewise.data.draws_torch import Draws, mix
from doodlewise.data.rows import Rows
from doodlewise.data.split import mix as mix_on_host
from doodlewise.data.store import Store
from doodlewise.errors import MemoryExhaustedError
from doodlewise.raster import RenderSpec

CPU = torch.device("cpu")
HEAVY = Augment(
    rotate=90, stroke_shift=12, stroke_zoom=0.2, point_jitter=4, drop=0.4, prefix=0.8, prefix_min=0
)


def batches(store: Path, **settings: Any) -> tuple[TrainingBatches, DeviceBatches]:
    """From the host, and from the device."""
    opened = Store(store)
    spec = RenderSpec() if opened.kind == "strokes" else None
    settings = {"batch_size": 32, "seed": 3, **settings}
    return (
        TrainingBatches(opened, "train", spec, **settings),
        DeviceBatches(opened, "train", spec, CPU, **settings),
    )


def assert_same(host: Batch, device: Batch) -> None:
    assert torch.equal(host.labels, device.labels)
    if host.inputs.images is not None:
        assert device.images.dtype == torch.uint8
        apart = (host.images.int() - device.images.int()).abs()
        # Rounded to the other side here and there, as by any two implementations.
        assert int(apart.max()) <= 2
        assert float((apart > 0).float().mean()) < 1e-3
    if host.inputs.strokes is not None:
        one, two = host.inputs.strokes, device.inputs.strokes
        assert two is not None
        assert torch.equal(one.offsets, two.offsets)
        assert torch.equal(one.begins, two.begins)
        assert torch.allclose(one.points, two.points, atol=1e-3)


@pytest.mark.parametrize("takes", ["images", "strokes", "both"])
@pytest.mark.parametrize("augment", [None, Augment(), HEAVY], ids=["as it is", "varied", "heavily"])
def test_drawings(takes: str, augment: Augment | None, strokes_store: Path) -> None:
    host, device = batches(strokes_store, takes=takes, augment=augment)
    assert len(host) == len(device)
    for epoch in (0, 1):
        for one, two in zip(host.epoch(epoch), device.epoch(epoch), strict=True):
            assert_same(one, two)


@pytest.mark.parametrize("pixels", [None, PixelAugment(), PixelAugment(preset="copies", erase=0.3)])
def test_images(pixels: PixelAugment | None, bitmap_store: Path) -> None:
    host, device = batches(bitmap_store, pixels=pixels)
    for one, two in zip(host.epoch(0), device.epoch(0), strict=True):
        assert_same(one, two)


@pytest.mark.parametrize("shape", [(24, 28, 28, 1), (24, 30, 22, 3)])
@pytest.mark.parametrize("is_ink", [True, False])
def test_photos_vary_alike(shape: tuple[int, ...], is_ink: bool) -> None:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, shape, np.uint8)
    seeds = random.integers(0, 2**64, len(images), np.uint64)
    may_mirror = random.random(len(images)) < 0.5
    for augment in (
        PixelAugment(preset="photo"),
        PixelAugment(preset="photo", rotate=90, zoom=0.5, flip=0.5, quarter_turn=0.5, erase=0.4),
    ):
        host = augment_pixels(images, augment, seeds=seeds, may_mirror=may_mirror, is_ink=is_ink)
        device = vary_pixels_on_device(
            torch.from_numpy(images.transpose(0, 3, 1, 2).copy()),
            augment,
            seeds=torch.from_numpy(seeds.view(np.int64)),
            may_mirror=torch.from_numpy(may_mirror),
            is_ink=is_ink,
        )
        apart = np.abs(host.astype(int) - device.numpy().transpose(0, 2, 3, 1))
        assert apart.max() <= 2
        assert (apart > 0).mean() < 1e-3


def test_an_epoch_can_be_entered_at_any_batch(strokes_store: Path) -> None:
    _, device = batches(strokes_store, augment=Augment())
    whole = list(device.epoch(1))
    for first in (1, 4, len(whole) - 1, len(whole)):
        later = list(device.epoch(1, first))
        assert len(later) == len(whole) - first
        for one, two in zip(whole[first:], later, strict=True):
            assert torch.equal(one.images, two.images)
            assert torch.equal(one.labels, two.labels)


class Ids(TrainingBatches):
    """Batches of nothing but the ids of the drawings."""

    def _draw(self, epoch: int, rows: Rows, chosen: np.ndarray[Any, Any]) -> Any:
        return rows.key_ids[chosen]


class IdsOnDevice(DeviceBatches):
    def _made(self, epoch: int, rows: np.ndarray[Any, Any]) -> Any:
        return self._held.key_ids.numpy().view(np.uint64)[rows]


@pytest.mark.parametrize("kind", [Ids, IdsOnDevice])
@pytest.mark.parametrize("world_size", [2, 3])
def test_each_drawing_is_visited_once_by_one_of_the_processes(
    kind: Any, world_size: int, strokes_store: Path
) -> None:
    store = Store(strokes_store)
    where = (CPU,) if kind is IdsOnDevice else ()

    def ids(rank: int, size: int, epoch: int) -> list[np.ndarray[Any, Any]]:
        made = kind(store, "train", RenderSpec(), *where, batch_size=36, rank=rank, world_size=size)
        return list(made.epoch(epoch))

    for epoch in (0, 1):
        alone = ids(0, 1, epoch)
        shared = [ids(rank, world_size, epoch) for rank in range(world_size)]
        for batch, parts in zip(alone, zip(*shared, strict=True), strict=True):
            assert {len(part) for part in parts} == {36 // world_size}
            assert sorted(np.concatenate(parts)) == sorted(batch)
        every = np.concatenate(alone)
        assert len(np.unique(every)) == len(every) == store.size("train") // 36 * 36
    assert not np.array_equal(ids(0, 1, 0)[0], ids(0, 1, 1)[0])


def test_processes_share_a_batch_on_devices(strokes_store: Path) -> None:
    _, alone = batches(strokes_store, augment=Augment())
    _, second = batches(strokes_store, augment=Augment(), rank=1, world_size=2)
    for one, two in zip(alone.epoch(0), second.epoch(0), strict=True):
        assert torch.equal(one.images[1::2], two.images)


def test_how_much_it_takes_is_guessed_before(strokes_store: Path, bitmap_store: Path) -> None:
    for folder, takes in (
        (strokes_store, "images"),
        (strokes_store, "both"),
        (bitmap_store, "images"),
    ):
        store = Store(folder)
        held = HeldSplit.load(store, "train", takes, CPU)
        names = ("labels", "key_ids", "points", "stroke_lengths", "first_point", "first_stroke")
        tensors = [getattr(held, name) for name in names]
        tensors += [held.images] if held.images is not None else []
        takes_up = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        # And room for a copy of the largest part while it is put together.
        assert takes_up < bytes_held(store, "train", takes) < 12 * takes_up


def test_what_does_not_fit_is_said(strokes_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(HeldSplit, "load", full)
    with pytest.raises(MemoryExhaustedError, match=r"does not fit.* Use --cache host\.$"):
        batches(strokes_store)


def test_the_same_random_numbers(strokes_store: Path) -> None:
    from doodlewise.data.augment import _either_side, _normal, _uniform

    ids = np.array([0, 1, 2**63, 2**64 - 1, 12345678901234567890], np.uint64)
    seeds = mix_on_host(ids, 7 * 1_000_003 + 2)
    on_device = mix(torch.from_numpy(ids.view(np.int64)), 7 * 1_000_003 + 2)
    assert np.array_equal(seeds.view(np.int64), on_device.numpy())
    draws = Draws(on_device)
    pairs = [(_uniform, draws.uniform), (_either_side, draws.either_side), (_normal, draws.normal)]
    for row, seed in enumerate(seeds):
        state = np.array([seed], np.uint64)
        for number in range(1, 20):
            host, device = pairs[number % 3]
            assert device(number)[row].item() == pytest.approx(host(state), abs=1e-6)


def test_augment_that_leaves_out_nothing_keeps_every_point(strokes_store: Path) -> None:
    still = replace(Augment.off(), rotate=5.0)
    host, device = batches(strokes_store, takes="strokes", augment=still)
    plain, _ = batches(strokes_store, takes="strokes", augment=None)
    for one, two, three in zip(host.epoch(0), device.epoch(0), plain.epoch(0), strict=True):
        assert_same(one, two)
        assert two.inputs.strokes is not None
        assert three.inputs.strokes is not None
        assert torch.equal(two.inputs.strokes.offsets, three.inputs.strokes.offsets)
