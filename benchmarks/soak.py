"""A hundred thousand requests, good ones and hostile ones mixed: does the server stand it?

    python benchmarks/soak.py
    python benchmarks/soak.py --requests 2000    # in a minute

The kinds are in `soak_good.py` and `soak_hostile.py`; which comes when is drawn from `--seed`. Good
answers are compared with `doodlewise.load().predict` in this process: the same word, and the
probability within 1e-3. No request may be answered with 500 or more, other than 503 by a server
that has too much to do and says so; memory is read ten times and has to stay flat; every refusal
has to be JSON with a code and a sentence; in the end the server has to guess as in the beginning,
and to stop when it is told to.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

import doodlewise as dw
import soak_good  # noqa: F401 - registers its kinds
import soak_hostile  # noqa: F401 - likewise
from common import DATA, machine, read_real, real_files
from doodlewise.predict.classifier import Classifier
from doodlewise.raster import RenderSpec, render
from http_load import run, strokes_of
from server_process import ServerProcess, doodlewise_server
from soak_parts import KINDS, Expected, Good, Session, png, read_answer

DRAWINGS, PICTURES = 500, 40
PATIENCE = 60.0
"""Seconds that an answer may take, with everything else that goes on."""
FLAT = 1.25
"""Memory at the end is at most so many times that after a fifth of the requests, ..."""
SLACK_MIB = 24.0
"""... or so much more."""
NEAR = 1e-3


class Soak:
    """The requests, and what came of them.

    Args:
        server: is asked.
        good: what can be asked, with the right answers.
        n: requests.
        seed: of the order.
        until: when to stop at the latest, as `time.monotonic` says.
    """

    def __init__(self, server: ServerProcess, good: Good, n: int, seed: int, until: float) -> None:
        self._server, self._good, self._n, self._until = server, good, n, until
        self._rng = random.Random(seed)
        self._names = list(KINDS)
        self._weights = list(itertools.accumulate(each.weight for each in KINDS.values()))
        self._n_begun = 0
        self.counts: Counter[tuple[str, int | str]] = Counter()
        self.problems: list[str] = []
        self.n_right = self.n_wrong = 0
        self.memory = [server.memory_mib()]

    @property
    def n_done(self) -> int:
        return sum(self.counts.values())

    async def run(self, workers: int) -> None:
        await asyncio.gather(*(self._work() for _ in range(workers)))

    async def _work(self) -> None:
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        for name in self._next():
            kind = KINDS[name]
            request, expected = kind.make(self._good, random.Random(self._rng.getrandbits(64)))
            body = b""
            try:
                async with asyncio.timeout(PATIENCE):
                    if isinstance(request, Session):
                        status = await request.work(self._server.port)
                    else:
                        status, body, connection = await self._ask(request, connection)
            except TimeoutError:
                status, connection = "no answer", None
            except (EOFError, OSError) as error:
                status, connection = f"broken: {type(error).__name__}", None
            self._judge(name, status, body, expected)
        if connection is not None:
            connection[1].close()

    def _next(self) -> Iterator[str]:
        while self._n_begun < self._n and time.monotonic() < self._until:
            self._n_begun += 1
            yield self._rng.choices(self._names, cum_weights=self._weights)[0]

    async def _ask(
        self,
        request: bytes,
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None,
    ) -> tuple[int, bytes, tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Over the connection that stays open; over a new one if the server has closed it."""
        for _ in range(2):
            is_new = connection is None
            if connection is None:
                connection = await asyncio.open_connection("127.0.0.1", self._server.port)
            reader, writer = connection
            try:
                writer.write(request)
                status, body = await read_answer(reader)
                return status, body, connection
            except (EOFError, ConnectionError):
                writer.close()
                connection = None
                if is_new:
                    raise
        raise EOFError

    def _judge(self, name: str, status: int | str, body: bytes, expected: Expected) -> None:
        self.counts[name, status] += 1
        if status not in KINDS[name].proper and status != 503:
            self.problems.append(f"{name}: {status} {body[:200]!r}")
        if isinstance(status, int) and status >= 400 and body and not _is_told(body):
            self.problems.append(f"{name}: {status}, not told properly: {body[:200]!r}")
        if b"root:" in body:
            self.problems.append(f"{name}: a file of the system")
        if status == 200 and expected is not None:
            if _is_right(body, expected):
                self.n_right += 1
            else:
                self.n_wrong += 1
                self.problems.append(f"{name}: wrong, {body[:200]!r}, expected {expected[:3]}")
        if self.n_done * 10 >= len(self.memory) * self._n:
            self.memory.append(self._server.memory_mib())


def _is_told(body: bytes) -> bool:
    """Whether it is an error as the API has them."""
    try:
        error = json.loads(body)["error"]
        return bool(error["code"]) and len(error["message"]) > 10
    except (ValueError, KeyError, TypeError):
        return False


def _is_right(body: bytes, expected: list[tuple[str, float]]) -> bool:
    answer = json.loads(body)
    found = answer.get("predictions", [answer])
    return len(found) == len(expected) and all(
        each["word"] == word and abs(each["probability"] - probability) < NEAR
        for each, (word, probability) in zip(found, expected, strict=True)
    )


def good_ones(data: Path, model: str, classifier: Classifier, *, is_slow_too: bool) -> Good:
    """Drawings and pictures, and the guesses of a model in this process."""
    files = real_files(data)
    ragged = read_real(files[:: max(1, len(files) // 100)], DRAWINGS)[0]
    every = strokes_of(ragged)
    drawings = [dw.Drawing.from_strokes(strokes) for strokes in every]
    spec = RenderSpec(side=160, line_width=6.0)
    pictures = [255 - render(drawing, spec) for drawing in drawings[:PICTURES]]
    return Good(
        [json.dumps(strokes) for strokes in every],
        [(each.word, each.probability) for each in classifier.predict(drawings)],
        [png(Image.fromarray(picture)) for picture in pictures],
        [(each.word, each.probability) for each in classifier.predict(list(pictures))],
        model,
        is_slow_too,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of simplified ndjson")
    parser.add_argument("--model", type=Path, help="the one that comes with Doodlewise if none")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=16, help="clients at the same time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=30.0, help="after which it stops")
    parser.add_argument("--quick", action="store_true", help="without waiting for patience to end")
    arguments = parser.parse_args()
    with doodlewise_server(arguments.model) as server:
        print(machine())
        print(f"{server.facts['model']} {server.facts['version']}, seed {arguments.seed}")
        classifier = dw.load(arguments.model)
        good = good_ones(
            arguments.data, server.facts["model"], classifier, is_slow_too=not arguments.quick
        )
        started = time.monotonic()
        until = started + 60.0 * arguments.minutes
        soak = Soak(server, good, arguments.requests, arguments.seed, until)
        run(soak.run(arguments.workers))
        seconds = time.monotonic() - started
        end = check_end(server, good)
        status, took, errors = server.stop()
    show(soak, seconds)
    print(f"at the end: {end}; stopped with status {status} within {took:.1f} s")
    problems = soak.problems
    if (
        end != "guesses as before"
        or status
        or took > 10.0
        or errors.strip() not in ("", "Stopped.")
    ):
        problems.append(f"the end: {end}, status {status}, {took:.1f} s, it said: {errors[-3000:]}")
    if soak.n_done < arguments.requests:
        problems.append(f"only {soak.n_done:,} requests in {arguments.minutes:g} minutes")
    first, last = soak.memory[min(2, len(soak.memory) - 1)], soak.memory[-1]
    if last > max(FLAT * first, first + SLACK_MIB):
        problems.append(f"memory grew from {first:.0f} to {last:.0f} MiB")
    if problems:
        sys.exit(f"{len(problems)} problems:\n" + "\n".join(problems[:40]))
    print("no problem")


def check_end(server: ServerProcess, good: Good) -> str:
    """Whether the server still does what it did."""

    async def ask() -> str:
        rng = random.Random(1)
        for name in ("drawing", "batch", "picture"):
            request, expected = KINDS[name].make(good, rng)
            assert isinstance(request, bytes)
            assert expected is not None
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(request)
            status, body = await read_answer(reader)
            writer.close()
            if status != 200 or not _is_right(body, expected):
                return f"a {name} is answered with {status} {body[:200]!r}"
        return "guesses as before"

    try:
        return run(ask())
    except (EOFError, OSError) as error:
        return f"it does not answer: {error!r}"


def show(soak: Soak, seconds: float) -> None:
    statuses = sorted({status for _, status in soak.counts}, key=str)
    # Words are columns of their own only where they are few.
    names = [str(status) for status in statuses]
    widths = [max(len(name), 7) for name in names]
    print(f"{'kind':28}" + "".join(f"{n:>{w + 1}}" for n, w in zip(names, widths, strict=True)))
    for kind in KINDS:
        row = [soak.counts[kind, status] for status in statuses]
        print(
            f"{kind:28}"
            + "".join(f"{f'{n:,}' if n else '':>{w + 1}}" for n, w in zip(row, widths, strict=True))
        )
    n = soak.n_done
    print(f"{n:,} requests in {seconds:.0f} s ({n / seconds:,.0f}/s)")
    print(f"good answers: {soak.n_right:,} right, {soak.n_wrong:,} wrong")
    deliberate = sum(count for (_, status), count in soak.counts.items() if status == 503)
    others = sum(
        count
        for (_, status), count in soak.counts.items()
        if isinstance(status, int) and status >= 500 and status != 503
    )
    print(f"503, deliberate: {deliberate:,}; other 5xx: {others:,}")
    print("memory, MiB: " + " ".join(f"{mib:.0f}" for mib in soak.memory))
    print(f"ratio of memory, at the end to that after a fifth: {_growth(soak.memory):.2f}")


def _growth(memory: list[float]) -> float:
    return float(np.divide(memory[-1], memory[min(2, len(memory) - 1)]))


if __name__ == "__main__":
    main()
