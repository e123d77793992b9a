"""Runs a network that sees strokes in torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BundleError
from ..ragged import Ragged
from .backends import BATCH_ROWS, TorchBackend
from .onnx_backend import PIXELS

if TYPE_CHECKING:
    from ..models.inputs import Inputs

__all__ = ["TorchStrokesBackend"]


class TorchStrokesBackend(TorchBackend):
    """Runs a network that sees strokes, alone or with their image.

    Attributes:
        takes_images: never: nobody knows the strokes of a picture.
    """

    takes_images = False

    @property
    def outputs(self) -> tuple[str, ...]:
        return *super().outputs, PIXELS

    def run_drawings(self, drawings: Ragged, names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Some of `outputs`, a row for each of the drawings, which are in any unit.

        The pixels are what the strokes look like, whether the network looks at them or not.
        """
        from ..data.batches import inputs_of_drawings
        from ..models.inputs import takes_of

        takes = "both" if PIXELS in names else takes_of(self._network)
        parts: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
        # Once at least: no drawings give no rows, but as many columns as ever.
        for first in range(0, max(len(drawings), 1), BATCH_ROWS):
            own = drawings.slice(first, min(first + BATCH_ROWS, len(drawings)))
            inputs = inputs_of_drawings(own, self._info.render, takes)
            for name in names:
                parts[name].append(self._one(name, inputs))
        return {name: np.concatenate(every) for name, every in parts.items()}

    def run(self, images: NDArray[np.uint8], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Not possible.

        Raises:
            BundleError: always.
        """
        raise BundleError(
            f"{self._info.model} sees strokes, and {len(images)} images have none to give"
            f" {', '.join(names)} of. Give it drawings, or choose a network that takes images:"
            " doodlewise models list"
        )

    def _one(self, name: str, inputs: Inputs) -> NDArray[Any]:
        if name != PIXELS:
            return self._found(inputs, name)
        assert inputs.images is not None
        pixels: NDArray[np.uint8] = inputs.images.numpy()
        return pixels
