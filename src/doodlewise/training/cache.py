"""Where the training drawings are while a network learns: on the host, or on the device."""

from __future__ import annotations

from typing import Any, Literal

import torch

from ..data.batches import TrainingBatches
from ..data.device_batches import DeviceBatches
from ..data.device_split import bytes_held
from ..data.store import Store
from ..models.inputs import Takes
from ..raster import RenderSpec
from .config import TrainConfig

__all__ = ["choose_cache", "make_batches"]

MOST = 0.4
"""Of the device's free memory; the network, its gradients and what it keeps need the rest."""


def choose_cache(
    config: TrainConfig, store: Store, takes: Takes, device: torch.device
) -> tuple[Literal["host", "device"], str]:
    """Where the drawings will be, and why."""
    if config.cache != "auto":
        return config.cache, "as asked"
    if device.type != "cuda":
        return "host", "the processor draws fastest from there"
    free, _ = torch.cuda.mem_get_info(device)
    needed = bytes_held(store, "train", takes)
    spelled = f"{_spell(needed)} of {_spell(free)} that are free"
    if needed > MOST * free:
        return "host", f"on the device it would take {spelled}"
    return "device", f"it takes {spelled}"


def make_batches(
    store: Store, spec: RenderSpec | None, device: torch.device, *, on_device: bool, **settings: Any
) -> TrainingBatches:
    """Batches of the training split, the same ones from either place."""
    if on_device:
        return DeviceBatches(store, "train", spec, device, **settings)
    threads = 1 if device.type == "cpu" else 8
    return TrainingBatches(store, "train", spec, threads=threads, **settings)


def _spell(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:.1f} GiB" if n_bytes >= 2**30 else f"{n_bytes / 2**20:.0f} MiB"
