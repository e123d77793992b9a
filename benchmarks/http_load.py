"""A client for load that costs little itself: HTTP/1.1 over connections that stay open.

wrk would be faster still, but is not everywhere, knows no open loop, and cannot look at answers.
This one costs about a thirtieth of a millisecond a request: requests are bytes made beforehand, and
of an answer only status and length are read. It runs in the process of the benchmark; servers have
theirs.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeVar, cast

import numpy as np
import uvloop

from doodlewise.ragged import Ragged

__all__ = ["Load", "bodies_of", "closed_loop", "open_loop", "post", "run", "strokes_of"]

T = TypeVar("T")
LATEST = 30.0
"""Seconds that answers are waited for when no more requests are sent."""


@dataclass(frozen=True, slots=True)
class Load:
    """What came of some seconds of requests.

    Attributes:
        latencies_ms: of every answer with status 200.
        failed: answers with another status, and connections that broke.
        seconds: from the first request to the last answer.
    """

    latencies_ms: list[float]
    failed: int
    seconds: float

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return len(self.latencies_ms) / self.seconds

    def percentile(self, percent: float) -> float:
        """Of the latencies, in milliseconds; infinite where there was no good answer."""
        return float(np.percentile(self.latencies_ms or [np.inf], percent))


def run(work: Coroutine[Any, Any, T]) -> T:
    """In an event loop of libuv, as a web server has it."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def post(path: str, body: bytes, kind: str = "application/json") -> bytes:
    """A request as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def strokes_of(drawings: Ragged) -> list[list[list[list[int]]]]:
    """Each drawing as `[[xs, ys], ...]`."""
    found = []
    for index in range(len(drawings)):
        first, last = drawings.stroke_offsets[index : index + 2]
        at = int(drawings.point_offsets[index])
        strokes = []
        for length in drawings.stroke_lengths[first:last].tolist():
            strokes.append(drawings.points[at : at + length].T.astype(int).tolist())
            at += length
        found.append(strokes)
    return found


def bodies_of(drawings: Ragged) -> list[bytes]:
    """The body of a request for each drawing, without spaces, as browsers write it."""
    return [
        json.dumps({"strokes": strokes}, separators=(",", ":")).encode()
        for strokes in strokes_of(drawings)
    ]


class Connection(asyncio.Protocol):
    """One connection, with one request on its way at most.

    Args:
        on_answer: called with the connection, the status (0: it broke) and the body.
    """

    def __init__(self, on_answer: Callable[[Connection, int, bytes], None]) -> None:
        self._on_answer = on_answer
        self._got = b""
        self._end = -1
        self._status = 0
        self.started = 0.0
        self.is_waiting = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none of its children

    def ask(self, request: bytes, started: float) -> None:
        """Send a request; `started` is when it should have been sent."""
        assert self._transport is not None
        self.started, self.is_waiting = started, True
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._got = got = self._got + data if self._got else data
        if self._end < 0:
            body_at = got.find(b"\r\n\r\n")
            if body_at < 0:
                return
            head = got[:body_at].lower()
            self._status = int(head[9:12])
            at = head.index(b"content-length:") + 15
            length = int(head[at:].split(b"\r\n", 1)[0])
            self._body_at, self._end = body_at + 4, body_at + 4 + length
        if len(got) >= self._end:
            body = got[self._body_at : self._end]
            self._got, self._end, self.is_waiting = b"", -1, False
            self._on_answer(self, self._status, body)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.is_waiting:
            self.is_waiting = False
            self._on_answer(self, 0, b"")

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def _connect(
    port: int, n: int, on_answer: Callable[[Connection, int, bytes], None]
) -> list[Connection]:
    loop = asyncio.get_running_loop()
    return [
        (await loop.create_connection(lambda: Connection(on_answer), "127.0.0.1", port))[1]
        for _ in range(n)
    ]


async def closed_loop(
    port: int,
    requests: Sequence[bytes],
    *,
    connections: int,
    seconds: float,
    answers: list[bytes] | None = None,
) -> Load:
    """So many clients, each of which asks again as soon as it has its answer.

    Args:
        port: of the server on this machine.
        requests: asked in this order, again and again.
        connections: that count of clients.
        seconds: for which requests are sent.
        answers: filled with the body of every answer, if one client asks.
    """
    latencies: list[float] = []
    failed = n_asked = 0
    is_over = asyncio.Event()
    waiting = connections

    def on_answer(connection: Connection, status: int, body: bytes) -> None:
        nonlocal failed, n_asked, waiting
        now = perf_counter()
        if status == 200:
            latencies.append((now - connection.started) * 1000.0)
        else:
            failed += 1
        if answers is not None:
            answers.append(body)
        if now < until and status:
            connection.ask(requests[n_asked % len(requests)], now)
            n_asked += 1
        else:
            waiting -= 1
            if not waiting:
                is_over.set()

    clients = await _connect(port, connections, on_answer)
    started = perf_counter()
    until = started + seconds
    for client in clients:
        client.ask(requests[n_asked % len(requests)], perf_counter())
        n_asked += 1
    failed += await _wait(is_over, clients)
    took = perf_counter() - started
    for client in clients:
        client.close()
    return Load(latencies, failed, took)


async def open_loop(port: int, requests: Sequence[bytes], *, rate: float, seconds: float) -> Load:
    """Requests at fixed times, whether or not those before were answered.

    A request that has to wait for a free connection has waited since it should have been sent.

    Args:
        port: of the server on this machine.
        requests: asked in this order, again and again.
        rate: requests a second.
        seconds: for which requests are sent.
    """
    latencies: list[float] = []
    failed = n_asked = n_done = 0
    is_over = asyncio.Event()
    n = max(1, round(rate * seconds))
    late: deque[float] = deque()
    free: list[Connection] = []

    def on_answer(connection: Connection, status: int, _: bytes) -> None:
        nonlocal failed, n_done
        n_done += 1
        if status == 200:
            latencies.append((perf_counter() - connection.started) * 1000.0)
        else:
            failed += 1
        if n_done == n:
            is_over.set()
        if status:
            free.append(connection)
            send()

    def send() -> None:
        nonlocal n_asked
        while late and free:
            free.pop().ask(requests[n_asked % len(requests)], late.popleft())
            n_asked += 1

    # As many as could be on their way at once within the limit of 50 ms, and some more.
    clients = await _connect(port, min(200, 16 + round(rate * 0.1)), on_answer)
    free += clients
    started = perf_counter()
    for number in range(n):
        due = started + number / rate
        # Timers are good to a millisecond; several requests go out together if they are due.
        if due > (now := perf_counter()):
            await asyncio.sleep(due - now)
        late.append(due)
        send()
    lost = await _wait(is_over, clients)
    took = perf_counter() - started
    for client in clients:
        client.close()
    return Load(latencies, failed + lost + len(late), took)


async def _wait(is_over: asyncio.Event, clients: Sequence[Connection]) -> int:
    """How many requests have no answer in the end."""
    try:
        async with asyncio.timeout(600.0):
            while not is_over.is_set():
                before = sum(client.is_waiting for client in clients)
                try:
                    async with asyncio.timeout(LATEST):
                        await is_over.wait()
                except TimeoutError:
                    if before == sum(client.is_waiting for client in clients):
                        raise
    except TimeoutError:
        return sum(client.is_waiting for client in clients)
    return 0
