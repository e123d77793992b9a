"""Drawings that wait are looked at together.

There is one thread that runs networks. While it is busy, drawings pile up; when it is free, it
takes what has piled up, but not too much at a time. So nobody waits for others to come, and the
more come, the larger the batches are. onnxruntime works without the interpreter's lock, so requests
are read and answered meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from threading import Thread

from ..drawing import Drawing
from ..predict.classifier import Prepared, Sketch
from .errors import busy
from .looking import Row, looked_at
from .models import Served

__all__ = ["Batcher", "Work"]

logger = logging.getLogger("doodlewise.serve")

WORK_POINTS = 8_192
"""A request with more points is cut into pieces, so that others get their turn between them."""
TOGETHER = 16
"""A batch with more drawings is not filled up further. They would not be faster, and everybody
would wait for all: with 64, a thousand live drawers waited three times as long.
"""
BATCH_POINTS = 16_384
"""A batch with more points is not filled up further."""


class Work:
    """Some sketches for one model.

    Args:
        served: the model.
        take: gives the sketches when their turn comes; what comes in meanwhile is in them.
        top: how many classes.
        look: whether what the network saw is wanted.
        size: how many sketches count as waiting.
        points: of all of them, about.
    """

    __slots__ = ("future", "look", "points", "served", "size", "take", "top")

    def __init__(
        self,
        served: Served,
        take: Callable[[], Sequence[Sketch | Prepared]],
        top: int,
        look: bool,
        *,
        size: int,
        points: int = 0,
    ) -> None:
        self.served, self.take, self.top, self.look = served, take, top, look
        self.size, self.points = size, points
        self.future: asyncio.Future[list[Row]] = asyncio.get_running_loop().create_future()


class Batcher:
    """Runs networks in a thread of its own. Everything else is done by the event loop.

    Args:
        most: sketches in a batch.
        queue: sketches that wait at most, not counting those of live connections, of which each
            has one at most.
        observe: called with the size of every batch.
    """

    def __init__(
        self, most: int = 64, queue: int = 512, observe: Callable[[int], None] | None = None
    ) -> None:
        self._most, self._queue, self._observe = most, queue, observe
        self._pending: deque[Work] = deque()
        self._patient: dict[Work, None] = {}
        """Those that come after all others, in their order."""
        self._waiting = 0
        self._jobs: SimpleQueue[tuple[list[Work], list[Sequence[Sketch | Prepared]]] | None] = (
            SimpleQueue()
        )
        self._is_busy = False
        self._is_idle: asyncio.Event | None = None
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def depth(self) -> int:
        """Requests and live connections that wait."""
        return len(self._pending) + len(self._patient)

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._thread = Thread(target=self._run, name="doodlewise-guesses", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Finish what was taken, and end the thread."""
        if self._thread is None or self._is_idle is None:
            return
        await self._is_idle.wait()
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        self._thread = None

    def guess(
        self, served: Served, sketches: Sequence[Sketch | Prepared], *, top: int, look: bool = False
    ) -> asyncio.Future[list[Row]]:
        """What the network makes of sketches, in their order. Cancelled, it is not looked at them.

        Raises:
            ApiError: too many wait already.
            DoodlewiseError: a sketch that cannot be used.
        """
        if len(sketches) == 1:
            return self.submit(Work(served, lambda: sketches, top, look, size=1))
        every = [
            Work(served, lambda piece=piece: piece, top, look, size=len(piece), points=points)  # type: ignore[misc]
            for piece, points in _pieces(sketches, self._most)
        ]
        if self._waiting + sum(work.size for work in every) > self._queue:
            raise busy("Too many drawings wait to be looked at")
        return asyncio.ensure_future(_gathered([self.submit(work) for work in every]))

    def submit(self, work: Work) -> asyncio.Future[list[Row]]:
        """Put work into the queue. Whoever does not want it any longer cancels the future.

        Raises:
            ApiError: too many wait already.
        """
        if self._waiting + work.size > self._queue:
            raise busy("Too many drawings wait to be looked at")
        self._waiting += work.size
        return self._wait(work, self._pending.append)

    def submit_live(self, work: Work, *, is_urgent: bool) -> asyncio.Future[list[Row]]:
        """Likewise for a live connection, which has one at most, so that no number limits them.

        Args:
            work: as for `submit`.
            is_urgent: whether it is not to wait until all others were looked at; see `hurry`.
        """
        work.size = 0
        if is_urgent:
            return self._wait(work, self._pending.append)
        return self._wait(work, lambda work: self._patient.update({work: None}))

    def hurry(self, work: Work) -> None:
        """Work that was not urgent when it was submitted has become so; nothing if it is done."""
        if work in self._patient:
            del self._patient[work]
            self._pending.append(work)

    def _wait(self, work: Work, append: Callable[[Work], None]) -> asyncio.Future[list[Row]]:
        append(work)
        if not self._is_busy:
            self._next()
        return work.future

    def _next(self) -> None:
        """Hand over the next batch, if anything waits."""
        works, given = self._taken()
        self._is_busy = bool(works)
        assert self._is_idle is not None
        if works:
            self._is_idle.clear()
            self._jobs.put((works, given))
        else:
            self._is_idle.set()

    def _taken(self) -> tuple[list[Work], list[Sequence[Sketch | Prepared]]]:
        works: list[Work] = []
        given: list[Sequence[Sketch | Prepared]] = []
        others: list[Work] = []
        size = points = 0
        queue = self._in_order()
        enough = min(self._most, TOGETHER)
        while size < enough and points < BATCH_POINTS and (work := next(queue, None)):
            if work.future.done():
                self._waiting -= work.size
                continue
            if works and work.served is not works[0].served:
                others.append(work)
                continue
            if works and size + work.size > self._most:
                others.append(work)
                break
            self._waiting -= work.size
            try:
                sketches = work.take()
            except Exception as error:
                work.future.set_exception(error)
                continue
            works.append(work)
            given.append(sketches)
            size += len(sketches)
            points += work.points or sum(_points(sketch) for sketch in sketches)
        self._pending.extendleft(reversed(others))
        if works and self._observe is not None:
            self._observe(size)
        return works, given

    def _in_order(self) -> Iterator[Work]:
        """What waits, taken out of its queue."""
        while self._pending:
            yield self._pending.popleft()
        while self._patient:
            work = next(iter(self._patient))
            del self._patient[work]
            yield work

    def _run(self) -> None:
        assert self._loop is not None
        while (job := self._jobs.get()) is not None:
            works, given = job
            try:
                results: list[list[Row] | Exception] = list(looked_at(works, given))
            except Exception:
                # One that cannot be used is not to spoil the others.
                results = [_alone(work, each) for work, each in zip(works, given, strict=True)]
            with contextlib.suppress(RuntimeError):  # the loop was closed in the meantime
                self._loop.call_soon_threadsafe(self._done, works, results)

    def _done(self, works: list[Work], results: list[list[Row] | Exception]) -> None:
        self._next()
        for work, result in zip(works, results, strict=True):
            if work.future.done():
                continue
            if isinstance(result, Exception):
                work.future.set_exception(result)
            else:
                work.future.set_result(result)


async def _gathered(futures: Sequence[asyncio.Future[list[Row]]]) -> list[Row]:
    return [row for rows in await asyncio.gather(*futures) for row in rows]


def _alone(work: Work, sketches: Sequence[Sketch | Prepared]) -> list[Row] | Exception:
    try:
        return looked_at([work], [sketches])[0]
    except Exception as error:
        return error


def _points(sketch: Sketch | Prepared) -> int:
    if isinstance(sketch, Prepared):
        sketch = sketch.sketch
    return sketch.n_points if isinstance(sketch, Drawing) else 1


def _pieces(
    sketches: Sequence[Sketch | Prepared], most: int
) -> list[tuple[list[Sketch | Prepared], int]]:
    """Sketches in pieces of at most `WORK_POINTS`, or of one sketch, with their points."""
    pieces: list[tuple[list[Sketch | Prepared], int]] = []
    piece: list[Sketch | Prepared] = []
    points = 0
    for sketch in sketches:
        more = _points(sketch)
        if piece and (points + more > WORK_POINTS or len(piece) == most):
            pieces.append((piece, points))
            piece, points = [], 0
        piece.append(sketch)
        points += more
    pieces.append((piece, points))
    return pieces
