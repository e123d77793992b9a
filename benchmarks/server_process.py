"""A server in a process of its own on this machine, and what it takes of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from urllib.request import urlopen

__all__ = ["ServerProcess", "doodlewise_server", "plain_server"]

HERE = Path(__file__).resolve().parent
MIB = 2**20


class ServerProcess:
    """A server that prints a line of JSON with its "address" when it can be asked.

    Args:
        command: starts it.

    Attributes:
        facts: what it printed.
        port: where it listens.
    """

    def __init__(self, command: Sequence[str]) -> None:
        # A file, because a pipe that nobody reads stops the server when it is full.
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the server
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            raise SystemExit(f"The server did not start: {' '.join(command)}\n{self._said()}")
        self.facts = json.loads(line)
        self.port = int(self.facts["address"].rstrip("/").rsplit(":", 1)[1])

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of a page."""
        with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return answer.status, answer.read()

    def memory_mib(self) -> float:
        """Its resident memory."""
        with Path(f"/proc/{self.pid}/statm").open() as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MIB

    def cpu_seconds(self) -> float:
        """Processor time of all its threads so far; those that ended are not counted."""
        nanoseconds = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            # /proc/PID/stat counts in ticks of 10 ms, in which a request is never seen.
            with contextlib.suppress(OSError):
                nanoseconds += int((task / "schedstat").read_text().split()[0])
        return nanoseconds / 1e9

    def stop(self, seconds: float = 30.0) -> tuple[int, float, str]:
        """Ask it to stop, as systemd does.

        Returns:
            Its exit status, how long it took, and what it printed to stderr.
        """
        started = time.perf_counter()
        if self.is_running:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        took = time.perf_counter() - started
        if self._process.stdout is not None:
            self._process.stdout.close()
        return self._process.returncode, took, self._said()

    def _said(self) -> str:
        """What it printed to stderr, read once."""
        if self._errors.closed:
            return ""
        with self._errors as file:
            file.seek(0)
            return file.read()


def doodlewise_server(model: Path | None, *options: str) -> ServerProcess:
    """Ours, without limit of rate, at a port that is free."""
    named = [] if model is None else [str(model)]
    return ServerProcess(
        [
            sys.executable,
            "-m",
            "doodlewise",
            "serve",
            "--port",
            "0",
            "--rate",
            "0",
            "--json",
            *named,
            *options,
        ]
    )


def plain_server(*options: str) -> ServerProcess:
    """The tutorial's."""
    return ServerProcess([sys.executable, str(HERE / "plain_server.py"), "--port", "0", *options])
