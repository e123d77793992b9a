"""Where a run is trained, and in which arithmetic: what was asked for, or the best that is here."""

from __future__ import annotations

import logging

import torch
from lightning_fabric import Fabric

from ..errors import ConfigError
from .config import TrainConfig

__all__ = ["make_fabric"]

PRECISIONS = {
    "cpu": ("32-true", "bf16-mixed"),
    "cuda": ("32-true", "bf16-mixed", "16-mixed"),
    "mps": ("32-true",),
}


def make_fabric(config: TrainConfig) -> tuple[Fabric, dict[str, str]]:
    """The device, and why it was chosen.

    Raises:
        ConfigError: the device is not there.
    """
    device, why_device = _choose_device(config.device, config.devices)
    precision, why_precision = _choose_precision(config.precision, device)
    # We say what was chosen, and why, ourselves.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    fabric = Fabric(
        accelerator=device,
        devices=config.devices,
        strategy="ddp_spawn" if config.devices > 1 else "auto",
        precision=precision,
    )
    return fabric, {
        "device": f"{config.devices} x {device} ({why_device})",
        "precision": f"{precision} ({why_precision})",
    }


def _choose_device(wanted: str, devices: int) -> tuple[str, str]:
    there = {
        "cuda": torch.cuda.device_count(),
        "mps": int(torch.backends.mps.is_available()),
        "cpu": devices,
    }
    if wanted != "auto" and wanted not in there:
        raise ConfigError(f"There is no device '{wanted}'. Choose auto, cpu, cuda or mps.")
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
