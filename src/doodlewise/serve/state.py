"""What the parts of a running server share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..predict.classifier import Prepared
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
    is_ready: bool = False
    is_stopping: bool = False
    active: int = 0
    reading: int = 0
    lives: set[Live] = field(default_factory=set)
    _pictures: ThreadPoolExecutor | None = None

    @classmethod
    def make(cls, settings: ServeSettings, models: Models) -> State:
        metrics = Metrics()
        state = cls(
            settings,
            models,
            Batcher(settings.batch, settings.queue, metrics.observe_batch),
            metrics,
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

    async def start(self) -> None:
        """Start the threads."""
        self._pictures = ThreadPoolExecutor(PICTURES_AT_ONCE, "doodlewise-pictures")
        await self.batcher.start()

    async def stop(self) -> None:
        """Finish what was taken, and end the threads."""
        self.is_ready = False
        await self.batcher.stop()
        if self._pictures is not None:
            await asyncio.to_thread(self._pictures.shutdown)

    async def read_picture(self, read: Callable[[], Prepared]) -> Prepared:
        """Read a picture in a thread of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._pictures, read)

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
