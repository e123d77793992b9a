"""WS /v1/live: points come as they are drawn, guesses go back.

Two tasks for each connection: one reads messages into the drawing, one guesses. At most one guess
of a connection is in the making; when its turn in the batcher comes it takes the drawing as it is
then, so nothing stale is looked at. A guess follows every pen-up at once, and moves of the pen at
most every 50 ms; where there are too many connections, pens that were lifted come first. After the
last message there is always an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from time import perf_counter

import msgspec
from starlette.types import Receive, Scope, Send

from ..errors import DoodlewiseError
from ..predict.classifier import Prepared, Sketch
from .batching import Work
from .errors import ApiError, answer_to
from .live_drawing import LiveDrawing
from .live_messages import (
    Clear,
    ClientMessage,
    Empty,
    End,
    Points,
    Problem,
    Set,
    Start,
    Undo,
    seq_in,
)
from .models import Served
from .replies import guessed_of
from .schemas import decode
from .state import State

__all__ = ["Live", "LiveEndpoint"]

GOING_AWAY, POLICY_VIOLATION = 1001, 1008
ADVICE = 'Send {"type": "points", "x": [...], "y": [...]}, then {"type": "end"}.'

_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)
_encode = msgspec.json.Encoder().encode


class LiveEndpoint:
    """The ASGI application of the route.

    Args:
        state: of the server.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        if (await receive())["type"] != "websocket.connect":
            return
        live = Live(self._state, receive, send)
        self._state.lives.add(live)
        try:
            await send({"type": "websocket.accept"})
            await live.run()
        except OSError:
            pass  # the client went away while something was sent
        finally:
            self._state.lives.discard(live)


class Live:
    """A connection.

    Args:
        state: of the server.
        receive: of the connection, which is accepted.
        send: likewise.
    """

    def __init__(self, state: State, receive: Receive, send: Send) -> None:
        self._state, self._receive, self._send = state, receive, send
        self._served: Served = state.models.default
        self._top = 5
        self._drawing = LiveDrawing(state.settings)
        self._seq: int | None = None
        self._is_changed = self._is_guessing = self._is_urgent = False
        self._work: Work | None = None
        self._due = asyncio.Event()
        """The guesser may look at the drawing now."""
        self._timer: asyncio.TimerHandle | None = None
        self._next_at = 0.0
        self._loop = asyncio.get_running_loop()
        self._guesser: asyncio.Task[None] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._tokens, self._counted_at = state.settings.live_rate, self._loop.time()
        self._is_closed = False

    async def run(self) -> None:
        """Until the client or the server ends it."""
        self._guesser = asyncio.create_task(self._guess_on())
        self._reader = asyncio.create_task(self._read_on())
        try:
            done, _ = await asyncio.wait(
                [self._guesser, self._reader], return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                if not task.cancelled():
                    task.result()
        finally:
            for task in (self._guesser, self._reader):
                task.cancel()
            await asyncio.gather(self._guesser, self._reader, return_exceptions=True)
            if self._timer is not None:
                self._timer.cancel()

    async def stop(self) -> None:
        """Say the last guess, and goodbye: the server is going away."""
        if self._reader is None:
            return
        deadline = self._loop.time() + 2.0
        while (
            (self._is_changed or self._is_guessing)
            and not self._is_closed
            and self._loop.time() < deadline
        ):
            self._due.set()
            await asyncio.sleep(0.01)
        with contextlib.suppress(OSError, RuntimeError):
            await self._close(GOING_AWAY, "The server is shutting down.")
        self._reader.cancel()

    async def _read_on(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] != "websocket.receive":
                self._is_closed = True
                return
            if not self._may_send():
                await self._say_problem(
                    "closing",
                    f"More than {self._state.settings.live_rate:g} messages a second came. Gather"
                    " points for a few milliseconds before sending them.",
                )
                await self._close(POLICY_VIOLATION, "Too many messages.")
                return
            text = message.get("text")
            if text is None:
                await self._say_problem("binary", f"Messages are text. {ADVICE}")
                continue
            await self._take(text)

    async def _take(self, text: str) -> None:
        """Do what a message says."""
        try:
            if len(text) > self._state.settings.max_body:
                raise ApiError(413, "too_large", "The message is too large. Send fewer points.")
            message = decode(_decoder, text)
        except ApiError as error:
            await self._say_problem(error.code, error.message, seq_in(text))
            return
        seq = message.seq
        try:
            is_urgent = self._apply(message)
        except ApiError as error:
            await self._say_problem(error.code, error.message, seq)
            return
        except DoodlewiseError as error:
            await self._say_problem(answer_to(error).code, str(error), seq)
            return
        if seq is not None:
            self._seq = seq
        self._is_changed = True
        if is_urgent:
            self._is_urgent = True
            self._due.set()
            if self._work is not None:
                self._state.batcher.hurry(self._work)
        elif self._timer is None and not self._due.is_set():
            self._timer = self._loop.call_at(
                max(self._next_at, self._loop.time()), self._timer_is_up
            )

    def _apply(self, message: ClientMessage) -> bool:
        """Change the drawing; whether the answer is to come at once."""
        drawing = self._drawing
        if isinstance(message, Points):
            drawing.extend(message.x, message.y, message.t)
            return False
        if isinstance(message, End):
            drawing.end()
        elif isinstance(message, Set):
            drawing.set(message.strokes)
        elif isinstance(message, Undo):
            drawing.undo()
        elif isinstance(message, Clear):
            drawing.clear()
        elif isinstance(message, Start):
            served = self._state.models.get(message.model)
            if not served.classifier.takes_drawings:
                raise ApiError(
                    422,
                    "takes_pictures_only",
                    f"The model {served.id} takes pictures only. POST one to /v1/predict.",
                )
            self._served, self._top = served, message.top
            drawing.clear()
        return True

    def _timer_is_up(self) -> None:
        self._timer = None
        self._due.set()

    async def _guess_on(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if not self._is_changed:
                continue
            self._next_at = self._loop.time() + self._state.settings.live_interval
            self._is_guessing = True
            await self._guess()
            self._is_guessing = False

    async def _guess(self) -> None:
        """Look at the drawing as it is, and say what it may be."""
        if self._drawing.is_empty:
            self._is_changed = False
            await self._say(Empty(seq=self._seq))
            return
        started = perf_counter()
        taken: list[tuple[int | None, int, int]] = []

        def take() -> Sequence[Sketch | Prepared]:
            """Called when the turn of this connection has come."""
            self._is_changed = self._is_urgent = False
            if self._drawing.is_empty:  # it was cleared while it waited
                self._is_changed = True
                return []
            taken.append((self._seq, self._drawing.n_strokes, self._drawing.n_points))
            return [self._drawing.drawing()]

        served, top = self._served, self._top
        work = Work(served, take, top, look=False, size=1, points=self._drawing.n_points)
        self._work = work
        try:
            rows = await self._state.batcher.submit_live(work, is_urgent=self._is_urgent)
        except DoodlewiseError as error:
            self._is_changed = False
            await self._say_problem(answer_to(error).code, str(error), self._seq)
            return
        finally:
            self._work = None
            work.future.cancel()
        if not rows:
            self._due.set()
            return
        await self._say(guessed_of(served, rows[0], started, *taken[0]))
        self._state.metrics.live_guesses.inc()

    def _may_send(self) -> bool:
        """Whether a message came not too soon."""
        rate = self._state.settings.live_rate
        if rate <= 0:
            return True
        now = self._loop.time()
        self._tokens = min(rate, self._tokens + (now - self._counted_at) * rate) - 1.0
        self._counted_at = now
        return self._tokens >= 0.0

    async def _say_problem(self, code: str, text: str, seq: int | None = None) -> None:
        await self._say(Problem(code=code, message=text, seq=seq))

    async def _say(self, message: msgspec.Struct) -> None:
        await self._send({"type": "websocket.send", "text": _encode(message).decode()})

    async def _close(self, code: int, reason: str) -> None:
        if not self._is_closed:
            self._is_closed = True
            await self._send({"type": "websocket.close", "code": code, "reason": reason})
