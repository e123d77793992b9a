"""Where the drawings are while a network learns; it makes no difference to what it learns."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from doodlewise.data.device_batches import DeviceBatches
from doodlewise.data.device_split import bytes_held
from doodlewise.data.store import Store
from doodlewise.training.cache import choose_cache
from doodlewise.training.config import TrainConfig
from doodlewise.training.record import SilentReporter
from doodlewise.training.setup import TrainedRun, describe

Train = Callable[..., TrainedRun]

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)


class Facts(SilentReporter):
    def __init__(self) -> None:
        self.facts: dict[str, str] = {}

    def start(self, facts: dict[str, str], epochs: int, steps: int) -> None:
        self.facts |= facts


@pytest.mark.usefixtures("without_report")
def test_a_network_learns_the_same_from_either_place(
    train_tiny: Train, interrupt: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    epoch = DeviceBatches.epoch

    def counted(self: DeviceBatches, *arguments: int) -> Any:
        made.append(arguments)
        return epoch(self, *arguments)

    monkeypatch.setattr(DeviceBatches, "epoch", counted)
    reporter = Facts()
    calm: dict[str, Any] = {"optim": {"lr": 1e-3}}
    host = train_tiny(name="host", reporter=lambda: reporter, **calm)
    assert reporter.facts["cache"] == "host (the processor draws fastest from there)"
    assert not made
    device = train_tiny(name="device", cache="device", reporter=lambda: reporter, **calm)
    assert reporter.facts["cache"] == "device (as asked)"
    assert len(made) == 3
    # And a run that is stopped may go on from the other place.
    interrupt(2, 7, name="both", cache="device", **calm)
    both = train_tiny(name="both", resume="last", **calm)
    for one, two, three in zip(host.rows, device.rows, both.rows, strict=True):
        # Few pixels are another by 1 of 255.
        for name in ("train_loss", "val_loss"):
            assert two[name] == pytest.approx(one[name], abs=2e-3), name
            assert three[name] == pytest.approx(one[name], abs=2e-3), name


@pytest.mark.parametrize(
    ("free", "wanted", "chosen", "why"),
    [
        (10.0, "auto", "device", r"it takes \d+ MiB of \d+ MiB that are free"),
        (2.0, "auto", "host", r"on the device it would take \d+ MiB of"),
        (2.0, "device", "device", "as asked"),
        (10.0, "host", "host", "as asked"),
    ],
)
def test_a_gpu_has_the_store_if_it_fits(
    free: float,
    wanted: str,
    chosen: str,
    why: str,
    strokes_store: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store(strokes_store)
    monkeypatch.setattr("doodlewise.training.cache.bytes_held", lambda *_: 100 * 2**20)
    there = int(free * 100 * 2**20)
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda _: (there, 2 * there))
    config = TrainConfig(str(strokes_store)).with_values({"cache": wanted})
    found, because = choose_cache(config, store, "images", CUDA)
    assert found == chosen
    assert re.match(why, because), because


def test_without_a_gpu_the_host_has_it(strokes_store: Path) -> None:
    config = TrainConfig(str(strokes_store), device="cpu")
    store = Store(strokes_store)
    assert choose_cache(config, store, "images", CPU)[0] == "host"
    assert describe(replace(config, cache="device"))[0]["cache"] == "device (as asked)"
    assert bytes_held(store, "train", "strokes") > bytes_held(store, "train", "images")
