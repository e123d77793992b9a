"""A thousand people who draw at the same time, over the WebSocket: what is lost, how long it takes.

    python benchmarks/live.py

Every drawer draws a recorded drawing with its own pauses (Google's raw files have times; drawings
without any are drawn at a steady pace), sending its points every 50 ms, as the page does; then
thinks for a second, and draws the next one. The server is `doodlewise serve` in a process of its
own; all drawers are in this one, which speaks the protocol with as little ado as possible.

No message may be lost: every lifted pen is answered by a guess of at least that moment, every
cleared canvas likewise, and the very last message of everybody exactly. Hoped for: none is lost,
and the memory of the server stays flat.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import json
import resource
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import cast

import numpy as np

from common import DATA, machine, real_files
from doodlewise.data.formats import read_drawings
from doodlewise.drawing import Drawing
from http_load import run
from server_process import ServerProcess, doodlewise_server

RAW = DATA.parent / "raw"
WINDOW = 0.05
"""Seconds of drawing in a message."""
THINKING = 1.0
"""Seconds between two drawings."""
LONGEST_PAUSE = 3.0
"""Seconds; people who went away in the middle of a drawing are not waited for."""
PACE, PAUSE = 400.0, 0.4
"""Of a drawing without times, in the frame: units a second, and seconds between strokes."""
TICK = 0.004
"""Seconds between two looks at the clock."""
PATIENCE = 30.0
"""Seconds for which the last answers are waited for."""
CHECKED_AT = (1 / 6, 1 / 2, 1.0)
"""Of the whole time: when memory is read."""

Step = tuple[float, bytes, bool]
"""Seconds since the drawing began; the message, but for its number; whether it has to be answered
at once."""


def steps_of(drawing: Drawing) -> list[Step]:
    """What the page would send while somebody draws this."""
    times = _times(drawing)
    steps: list[Step] = []
    first = 0
    for length in drawing.lengths.tolist():
        last = first + length
        while first < last:
            # As many points as there are in the window, but one at least.
            until = max(int(np.searchsorted(times[:last], times[first] + WINDOW)), first + 1)
            x, y = np.round(drawing.points[first:until], 1).T.tolist()
            text = json.dumps({"type": "points", "x": x, "y": y}, separators=(",", ":"))
            steps.append((float(times[until - 1]), text.encode()[:-1], False))
            first = until
        steps.append((float(times[last - 1]), b'{"type":"end"', True))
    return steps


def _times(drawing: Drawing) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Seconds since the pen touched the paper first, of each point; never falling."""
    if drawing.times is not None:
        times = drawing.times / 1000.0
        pauses = np.diff(times, prepend=times[:1])
    else:
        moves = np.diff(drawing.points, axis=0, prepend=drawing.points[:1])
        pauses = np.hypot(*moves.T) / PACE
        begins = np.cumsum(drawing.lengths)[:-1]
        pauses[begins] = PAUSE
    return np.cumsum(np.clip(pauses, 0.0, LONGEST_PAUSE))


def frame(text: bytes) -> bytes:
    """A message of a client as it goes over the wire; the mask is zero, which is allowed."""
    n = len(text)
    if n < 126:
        head = bytes((0x81, 0x80 | n))
    elif n < 65536:
        head = bytes((0x81, 0xFE)) + n.to_bytes(2, "big")
    else:
        head = bytes((0x81, 0xFF)) + n.to_bytes(8, "big")
    return head + b"\0\0\0\0" + text


@dataclass(slots=True)
class Tally:
    """What happened to all drawers.

    Attributes:
        sent: messages.
        drawings: that were begun.
        answers: guesses and empty canvases.
        urgent: messages that have to be answered at once: lifted pens, cleared canvases.
        waits_ms: from such a message to its answer.
        last_ms: likewise, of everybody's last message; all of them come at the same moment.
        late_ms: how much later than planned messages were sent.
        problems: what the server complained about, and connections that broke.
    """

    sent: int = 0
    drawings: int = 0
    answers: int = 0
    urgent: int = 0
    waits_ms: list[float] = field(default_factory=list)
    last_ms: list[float] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Drawer(asyncio.Protocol):
    """Somebody who draws.

    Args:
        drawings: to draw, again and again.
        at: where to begin.
        tally: is counted in.
    """

    def __init__(self, drawings: Sequence[list[Step]], at: int, tally: Tally) -> None:
        self._drawings, self._at, self._tally = drawings, at, tally
        self._steps: Iterator[Step] = iter(())
        self._began = 0.0
        self._next: Step | None = None
        self._seq = 0
        self._waiting: deque[tuple[int, float]] = deque()
        self._answered = 0
        self._got = b""
        self._is_open = self._is_done = self._is_leaving = False
        self.opened = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(
            b"GET /v1/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Version: 13\r\n\r\n"
        )

    def begin(self, at: float) -> float:
        """Take a new sheet at this time; when the pen touches it."""
        self._began = at + THINKING
        self._steps = iter(self._drawings[self._at % len(self._drawings)])
        self._at += 1
        self._tally.drawings += 1
        self._next = next(self._steps)
        return self._began + self._next[0]

    def act(self, due: float) -> float:
        """Send what is due; when there is more to do."""
        assert self._next is not None
        _, text, is_urgent = self._next
        self._say(text, due, is_urgent)
        self._next = next(self._steps, None)
        if self._next is not None:
            return self._began + self._next[0]
        self._say(b'{"type":"clear"', due, True)
        return self.begin(due)

    def finish(self) -> None:
        """Lift the pen; this is the last message."""
        self._is_done = True
        self._say(b'{"type":"end"', perf_counter(), True)

    @property
    def is_answered(self) -> bool:
        """Whether the last message has its answer."""
        return self._answered == self._seq

    @property
    def n_lost(self) -> int:
        """Messages that had to be answered and were not."""
        return len(self._waiting)

    def _say(self, text: bytes, due: float, is_urgent: bool) -> None:
        self._seq += 1
        now = perf_counter()
        self._tally.sent += 1
        self._tally.late_ms.append((now - due) * 1000.0)
        if is_urgent:
            self._tally.urgent += 1
            self._waiting.append((self._seq, now))
        self._transport.write(frame(b'%b,"seq":%d}' % (text, self._seq)))

    def data_received(self, data: bytes) -> None:
        got = self._got + data if self._got else data
        if not self._is_open:
            end = got.find(b"\r\n\r\n")
            if end < 0:
                self._got = got
                return
            if not got.startswith(b"HTTP/1.1 101"):
                self._tally.problems.append(got[:end].decode("latin-1"))
            self._is_open = True
            self.opened.set_result(None)
            got = got[end + 4 :]
        while len(got) >= 2:
            at, n = 2, got[1]
            if n == 126:
                at, n = 4, int.from_bytes(got[2:4], "big")
            elif n == 127:
                at, n = 10, int.from_bytes(got[2:10], "big")
            if len(got) < at + n or len(got) < at:
                break
            self._hear(got[0] & 0x0F, got[at : at + n])
            got = got[at + n :]
        self._got = got

    def _hear(self, kind: int, text: bytes) -> None:
        if kind == 9:  # ping: a pong with the same words
            self._transport.write(bytes((0x8A, 0x80 | len(text))) + b"\0\0\0\0" + text)
            return
        if kind != 1 or text.startswith(b'{"type":"error"'):
            self._tally.problems.append(text.decode("latin-1"))
            return
        at = text.index(b'"seq":') + 6
        seq = int(text[at : text.index(b",", at)] if b"," in text[at:] else text[at:-1])
        now = perf_counter()
        self._tally.answers += 1
        self._answered = seq
        while self._waiting and self._waiting[0][0] <= seq:
            waits = self._tally.last_ms if self._is_done else self._tally.waits_ms
            waits.append((now - self._waiting.popleft()[1]) * 1000.0)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._is_leaving:
            self._tally.problems.append(f"connection lost: {exc}")
            if not self.opened.done():
                self.opened.set_result(None)

    def leave(self) -> None:
        self._is_leaving = True
        self._transport.close()


async def draw_on(
    server: ServerProcess, drawings: Sequence[list[Step]], n: int, seconds: float, tally: Tally
) -> tuple[list[float], int, int]:
    """Let n people draw for so long.

    Returns:
        The server's memory at `CHECKED_AT`, messages without an answer, and drawers whose last
        message was not answered exactly.
    """
    loop = asyncio.get_running_loop()
    rng = np.random.default_rng(0)
    drawers: list[Drawer] = []
    while len(drawers) < n:
        # A few at a time: a server's queue of greetings is short.
        some = [
            (
                await loop.create_connection(
                    lambda: Drawer(drawings, int(rng.integers(len(drawings))), tally),
                    "127.0.0.1",
                    server.port,
                )
            )[1]
            for _ in range(min(50, n - len(drawers)))
        ]
        drawers += some
        await asyncio.gather(*(drawer.opened for drawer in some))
    started = perf_counter()
    # They did not all come at the same moment.
    agenda = [
        (drawer.begin(started + rng.uniform(0.0, min(5.0, 0.3 * seconds)) - THINKING), number)
        for number, drawer in enumerate(drawers)
    ]
    heapq.heapify(agenda)
    memory: list[float] = []
    checks = [started + share * seconds for share in CHECKED_AT]
    while (now := perf_counter()) < started + seconds and not tally.problems:
        while agenda[0][0] <= now:
            due, number = agenda[0]
            heapq.heapreplace(agenda, (drawers[number].act(due), number))
        if len(memory) < len(checks) and now >= checks[len(memory)]:
            memory.append(server.memory_mib())
        await asyncio.sleep(TICK)
    while len(memory) < len(checks):
        memory.append(server.memory_mib())
    for drawer in drawers:
        drawer.finish()
    until = perf_counter() + PATIENCE
    while perf_counter() < until and not all(drawer.is_answered for drawer in drawers):
        await asyncio.sleep(0.05)
    lost = sum(drawer.n_lost for drawer in drawers)
    inexact = sum(not drawer.is_answered for drawer in drawers)
    for drawer in drawers:
        drawer.leave()
    await asyncio.sleep(0.1)
    return memory, lost, inexact


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=RAW, help="folder of ndjson, best raw ones")
    parser.add_argument("--model", type=Path, help="the one that comes with Doodlewise if none")
    parser.add_argument("--drawers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--drawings", type=int, default=500, help="different ones")
    arguments = parser.parse_args()
    files = real_files(arguments.data)
    files = files[:: max(1, len(files) // 50)]
    each = -(-arguments.drawings // len(files))
    drawings = [
        steps_of(drawing) for file in files for drawing in islice(read_drawings(file), each)
    ]
    _allow_connections(arguments.drawers + 100)
    tally = Tally()
    with doodlewise_server(arguments.model) as server:
        print(machine())
        facts = server.facts
        print(f"{facts['model']} {facts['version']}, {len(drawings)} different drawings")
        before, began = server.cpu_seconds(), perf_counter()
        own = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        memory, lost, inexact = run(
            draw_on(server, drawings, arguments.drawers, arguments.seconds, tally)
        )
        took = perf_counter() - began
        busy = (server.cpu_seconds() - before) / took
        own = (sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) - own) / took
        status, _, errors = server.stop()
    seconds = arguments.seconds
    p50, p99 = np.percentile(tally.waits_ms or [np.inf], [50, 99])
    print(f"{arguments.drawers:,} drawers for {seconds:g} s, {tally.drawings:,} drawings begun")
    print(f"messages sent         {tally.sent:>10,}  ({tally.sent / seconds:,.0f}/s)")
    print(f"answers               {tally.answers:>10,}  ({tally.answers / seconds:,.0f}/s)")
    print(f"pens lifted, cleared  {tally.urgent:>10,}  ({tally.urgent / seconds:,.0f}/s)")
    print(f"until the answer      p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    print(f"the last ones, at once {max(tally.last_ms, default=np.inf):.0f} ms for all of them")
    print(f"sent later than due   p99 {np.percentile(tally.late_ms or [0.0], 99):.1f} ms")
    print(f"lost                  {lost + inexact:>10,}")
    print(f"processor             server {busy:.2f} cores, drawers {own:.2f} cores")
    times = ", ".join(
        f"{seconds * share:.0f} s: {mib:.0f}" for share, mib in zip(CHECKED_AT, memory, strict=True)
    )
    print(f"memory of the server  {times} MiB")
    print(f"ratio of memory, at the end to the first: {memory[-1] / memory[0]:.2f}")
    if lost or inexact or tally.problems or status:
        problems = "; ".join(tally.problems[:5])
        sys.exit(
            f"{lost} messages without an answer, {inexact} drawers without their last one,"
            f" {len(tally.problems)} problems ({problems}), exit status {status}. {errors[-2000:]}"
        )


def _allow_connections(n: int) -> None:
    """Raise the limit of open files, for this process and the server that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < n + 200:
        wanted = n + 200 if hard == resource.RLIM_INFINITY else min(n + 200, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    main()
