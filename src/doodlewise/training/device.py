"""Where a run is trained, and in which arithmetic: what was asked for, or the best that is here."""

from __future__ import annotations

import logging

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import ClusterEnvironment

from ..errors import ConfigError
from .config import TrainConfig
from .world import World

__all__ = ["make_fabric"]

PRECISIONS = {
    "cpu": ("32-true", "bf16-mixed"),
    "cuda": ("32-true", "bf16-mixed", "16-mixed"),
    "mps": ("32-true",),
}


def make_fabric(config: TrainConfig, world: World | None = None) -> tuple[Fabric, dict[str, str]]:
    """The device, and why it was chosen.

    Args:
        config: what was asked for.
        world: the processes, where somebody else has started them.

    Raises:
        ConfigError: the device is not there.
    """
    devices = config.devices if world is None else world.local_size
    total = devices if world is None else world.size
    device, why_device = _choose_device(config.device, devices, is_alone=total == 1)
    precision, why_precision = _choose_precision(config.precision, device)
    # We say what was chosen, and why, ourselves.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    if world is None:
        fabric = Fabric(
            accelerator=device,
            devices=devices,
            strategy="ddp_spawn" if devices > 1 else "auto",
            precision=precision,
        )
        started = ""
    else:
        fabric = Fabric(
            accelerator=device,
            devices=devices,
            num_nodes=max(world.size // devices, 1),
            strategy="ddp",
            precision=precision,
            plugins=[_Outside(world)],
        )
        started = f", started by {world.starter}"
    return fabric, {
        "device": f"{total} x {device} ({why_device}{started})",
        "precision": f"{precision} ({why_precision})",
    }


class _Outside(ClusterEnvironment):  # type: ignore[misc]  # Fabric has no types here
    """What Fabric asks about processes that it has not started."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def creates_processes_externally(self) -> bool:
        return True

    @property
    def main_address(self) -> str:
        return self._world.address

    @property
    def main_port(self) -> int:
        return self._world.port

    @staticmethod
    def detect() -> bool:
        return False

    def world_size(self) -> int:
        return self._world.size

    def global_rank(self) -> int:
        return self._world.rank

    def local_rank(self) -> int:
        return self._world.local_rank

    def node_rank(self) -> int:
        return self._world.rank // self._world.local_size

    def set_world_size(self, size: int) -> None:
        """It is what it is."""

    def set_global_rank(self, rank: int) -> None:
        """It is what it is."""


def _choose_device(wanted: str, devices: int, *, is_alone: bool) -> tuple[str, str]:
    there = {
        "cuda": torch.cuda.device_count(),
        # Processes cannot talk about what is on it.
        "mps": int(is_alone and torch.backends.mps.is_available()),
        "cpu": devices,
    }
    device = next(name for name in there if there[name]) if wanted == "auto" else wanted
    if not there[device]:
        raise ConfigError(f"This machine has no usable {device} device. Choose --device auto.")
    if there[device] < devices:
        raise ConfigError(
            f"This machine has {there[device]} {device} device(s), not {devices}. Set --devices"
            f" {there[device]}."
        )
    if wanted != "auto":
        return device, "as asked"
    found = {"cuda": torch.cuda.get_device_name, "mps": lambda: "Apple GPU found"}
    return device, found.get(device, lambda: "no GPU found")()


def _choose_precision(wanted: str, device: str) -> tuple[str, str]:
    if wanted != "auto":
        if wanted not in PRECISIONS[device]:
            raise ConfigError(
                f"There is no {wanted} on {device}. Set --precision {PRECISIONS[device][0]}, or"
                " auto."
            )
        return wanted, "as asked"
    if device == "cuda":
        if torch.cuda.is_bf16_supported():
            return "bf16-mixed", "the GPU has it: about half the time and memory"
        return "16-mixed", "the GPU has no bf16"
    if device == "cpu" and torch.cpu._is_avx512_bf16_supported():
        return "bf16-mixed", "the processor has it: about 1.5 times faster"
    return "32-true", "the safe choice here"
