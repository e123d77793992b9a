"""What the parts of a running server share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .batching import Batcher
from .errors import busy
from .metrics import Metrics
from .models import Models
from .settings import ServeSettings

if TYPE_CHECKING:
    from .live import Live

__all__ = ["State"]

PICTURES_AT_ONCE = 2
"""Pictures that are read at the same time: a large one takes a few hundred megabytes."""

PICTURES_WAITING = 16
"""Pictures that are received or read at the same time; more are refused."""


@dataclass(eq=False)
class State:
    """What the parts of a running server share.

    Attributes:
        settings: as it was started.
        models: that answer.
        batcher: through which every guess goes.
        metrics: counts.
        pictures: threads that read pictures.
        is_ready: it has made its first guess.
        is_stopping: it takes no more than what it has.
        active: requests being worked on.
        reading: pictures being received or read.
        lives: open live connections.
    """

    settings: ServeSettings
    models: Models
    batcher: Batcher
    metrics: Metrics
    pictures: ThreadPoolExecutor
    is_ready: bool = False
    is_stopping: bool = False
    active: int = 0
    reading: int = 0
    lives: set[Live] = field(default_factory=set)

    @classmethod
    def make(cls, settings: ServeSettings, models: Models) -> State:
        metrics = Metrics()
        state = cls(
            settings,
            models,
            Batcher(settings.batch, settings.queue, metrics.observe_batch),
            metrics,
            ThreadPoolExecutor(PICTURES_AT_ONCE, "doodlewise-pictures"),
        )
        metrics.describe(
            models.default.id,
            models.default.version,
            queue=lambda: state.batcher.depth,
            active=lambda: state.active,
            live=lambda: len(state.lives),
            taught=lambda: len(models.list()) - 1,
        )
        return state

    @asynccontextmanager
    async def picture_place(self) -> AsyncIterator[None]:
        """While a picture is received and read; only so many may be in memory.

        Raises:
            ApiError: there are too many already.
        """
        if self.reading >= PICTURES_WAITING:
            raise busy("Too many pictures are being read")
        self.reading += 1
        try:
            yield
        finally:
            self.reading -= 1

    async def stop_lives(self, seconds: float) -> None:
        """Say goodbye to every live connection, after the guess that is being made."""
        self.is_stopping = True
        lives = [asyncio.create_task(live.stop()) for live in self.lives]
        if lives:
            await asyncio.wait(lives, timeout=seconds)
