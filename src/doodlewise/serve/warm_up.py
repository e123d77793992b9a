"""The first guess, which is slower than all others, before anyone waits for it."""

from __future__ import annotations

import logging

import numpy as np
from PIL import Image

from ..drawing import Drawing
from ..errors import DoodlewiseError
from .state import State

__all__ = ["warm_up"]

logger = logging.getLogger("doodlewise.serve")


async def warm_up(state: State) -> None:
    """Let the default model guess a cross."""
    served = state.models.default
    try:
        if served.classifier.takes_drawings:
            cross = Drawing.from_strokes([[[0, 255], [0, 255]], [[0, 255], [255, 0]]])
            await state.batcher.guess(served, [cross], top=1)
        else:
            grey = Image.fromarray(np.eye(64, dtype=np.uint8) * 255)
            await state.batcher.guess(served, [served.classifier.prepare(grey)], top=1)
    except DoodlewiseError as error:
        logger.warning("The first guess failed: %s", error)
