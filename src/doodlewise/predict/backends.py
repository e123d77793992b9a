"""What runs a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtraError

if TYPE_CHECKING:
    from torch import nn

    from ..models.bundle import BundleInfo

__all__ = ["TorchBackend"]

BATCH_ROWS = 512


class TorchBackend:
    """Runs a network in torch.

    Args:
        network: in eval mode.
        temperature: divides its scores before the softmax.
        device: where it is.
    """

    def __init__(self, network: nn.Module, temperature: float, device: str = "cpu") -> None:
        self._network, self._temperature, self._device = network, temperature, device

    @classmethod
    def load(cls, path: Path, device: str) -> tuple[TorchBackend, BundleInfo]:
        """The backend of a run or model folder, and what travels with it.

        Raises:
            MissingExtraError: torch is not installed.
            ConfigError: the device is not there.
            BundleError: see `load_bundle`.
        """
        try:
            from ..models.bundle import find_bundle, load_bundle
        except ImportError as error:
            raise MissingExtraError("torch", "train") from error
        network, info = load_bundle(find_bundle(path), device)
        return cls(network, info.temperature, device), info

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (n, channels, height, width) to float32 (n, classes), each row summing to 1."""
        import torch

        from ..models.registry import as_input

        parts = []
        with torch.inference_mode():
            # Once at least: no images give no rows, but as many columns as ever.
            for at in range(0, max(len(images), 1), BATCH_ROWS):
                batch = torch.from_numpy(images[at : at + BATCH_ROWS]).to(self._device)
                scores = self._network(as_input(batch)).float()
                parts.append(torch.softmax(scores / self._temperature, dim=1).cpu().numpy())
        return np.concatenate(parts)
