"""Energy that the machine itself has counted: of its processors, and of the GPU that trains.

Nothing is estimated: where there is no counter, or it may not be read, nothing is said.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any, Protocol

import torch

__all__ = ["EnergyCounter", "energy_counters"]

POWERCAP = Path("/sys/class/powercap")
NVML = "libnvidia-ml.so.1"


class EnergyCounter(Protocol):
    """Counts from the moment when it is made."""

    @property
    def of(self) -> str:
        """What uses the energy: "processors" or "gpus"."""
        ...

    def joules(self) -> float:
        """So far. To be asked at least every ten minutes: small counters begin again from 0."""
        ...


def energy_counters(
    device: torch.device, *, with_processors: bool = True, powercap: Path = POWERCAP
) -> list[EnergyCounter]:
    """The counters that can be read here.

    Args:
        device: that trains.
        with_processors: whether to count the machine's processors; of several processes on a
            machine one does.
        powercap: where Linux shows the counters of the processors.
    """
    counters: list[EnergyCounter] = []
    zones = _readable_zones(powercap) if with_processors else []
    if zones:
        counters.append(ProcessorEnergy(zones))
    if device.type == "cuda":
        gpu = _gpu_energy(device)
        if gpu is not None:
            counters.append(gpu)
    return counters


class ProcessorEnergy:
    """All processors of the machine, whoever keeps them busy, as RAPL counts them.

    Args:
        zones: folders with `energy_uj` and `max_energy_range_uj`.
    """

    of = "processors"

    def __init__(self, zones: list[Path]) -> None:
        self._last = {zone: _number(zone / "energy_uj") for zone in zones}
        self._ranges = {zone: _number(zone / "max_energy_range_uj") for zone in zones}
        self._sum_uj = 0

    def joules(self) -> float:
        for zone, last in self._last.items():
            now = _number(zone / "energy_uj")
            # After its largest value, the counter goes on from 0.
            self._sum_uj += now - last if now >= last else now - last + self._ranges[zone]
            self._last[zone] = now
        return self._sum_uj / 1e6


class GpuEnergy:
    """One NVIDIA GPU, whoever keeps it busy.

    Args:
        nvml: the driver's library, ready for use.
        handle: of the GPU, in that library.
    """

    of = "gpus"

    def __init__(self, nvml: Any, handle: ctypes.c_void_p) -> None:
        self._nvml, self._handle = nvml, handle
        self._began = self._millijoules()

    def joules(self) -> float:
        return (self._millijoules() - self._began) / 1e3

    def _millijoules(self) -> int:
        counted = ctypes.c_ulonglong()
        failed = self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle, ctypes.byref(counted))
        if failed:
            raise OSError(f"the GPU does not say what it uses ({failed})")
        return counted.value


def _readable_zones(powercap: Path) -> list[Path]:
    """Folders of whole processors; parts of them ("intel-rapl:0:1") would count twice."""
    zones = []
    for zone in sorted(powercap.glob("intel-rapl:*")):
        try:
            if zone.name.count(":") == 1 and _is_processor(zone):
                _number(zone / "energy_uj")
                _number(zone / "max_energy_range_uj")
                zones.append(zone)
        except (OSError, ValueError):
            # Most systems let only the administrator read them.
            continue
    return zones


def _is_processor(zone: Path) -> bool:
    return (zone / "name").read_text(encoding="ascii").startswith("package")


def _gpu_energy(device: torch.device) -> GpuEnergy | None:
    try:
        nvml = ctypes.CDLL(NVML)
        uuid = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
        handle = ctypes.c_void_p()
        if nvml.nvmlInit_v2():
            return None
        if nvml.nvmlDeviceGetHandleByUUID(uuid.encode(), ctypes.byref(handle)):
            return None
        return GpuEnergy(nvml, handle)
    except (OSError, AttributeError):
        return None


def _number(path: Path) -> int:
    return int(path.read_text(encoding="ascii"))
