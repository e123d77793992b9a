"""A web server with the layout of Google's bucket, which can be told to misbehave."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import struct
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote

from doodlewise.data.crc32c import crc32c


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one answer.

    Attributes:
        status: answer with this status instead.
        headers: further headers, over those of a right answer.
        cut_after: close the connection after so many bytes of the body.
        reset: close it so that the client sees "connection reset".
        wrong: what is sent in the place of the right bytes.
        extra_length: what the Content-Length lies by.
        no_length: no Content-Length is given; the closed connection is the end.
        hang_up: the connection is closed without any answer.
        silent_s: how long nothing is sent.
    """

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    reset: bool = False
    wrong: Callable[[bytes], bytes] = bytes
    extra_length: int = 0
    no_length: bool = False
    hang_up: bool = False
    silent_s: float = 0.0


@dataclass
class Bucket:
    """What the server has, how it behaves, and what it was asked for.

    Attributes:
        files: contents by path, blanks not encoded.
        faults: for each path what goes wrong with its next answers, one after another.
        always: what goes wrong with all further answers.
        before: called before each answer, with the path.
        ranges: whether Range is understood.
        if_range: whether If-Range is.
        hashes: which checksums are given.
        chunk, pause_s: bytes that are sent between two pauses.
        requests: path and Range header of each request.
        sent: bytes of the bodies, by path.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    always: Fault | None = None
    before: Callable[[str], None] = lambda path: None
    ranges: bool = True
    if_range: bool = True
    hashes: tuple[str, ...] = ("crc32c", "md5")
    chunk: int = 1 << 20
    pause_s: float = 0.0
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def starts(self) -> list[int]:
        """The offset at which each request began."""
        return [int(wanted[6:].split("-")[0]) if wanted else 0 for _, wanted in self.requests]


@contextmanager
def serving(port: int = 0) -> Iterator[Bucket]:
    """A bucket, served on this machine until the block ends, at any port that is free."""
    bucket = Bucket()

    class Handler(_Handler):
        pass

    Handler.bucket = bucket
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    bucket.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield bucket
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@cache
def _sums(data: bytes) -> dict[str, str]:
    sums = {"crc32c": crc32c(data).to_bytes(4, "big"), "md5": hashlib.md5(data).digest()}
    return {name: base64.b64encode(value).decode() for name, value in sums.items()}


class _Handler(BaseHTTPRequestHandler):
    bucket: Bucket

    def do_GET(self) -> None:
        with suppress(ConnectionError):
            self._answer()

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self) -> None:
        bucket, path = self.bucket, unquote(self.path).lstrip("/")
        bucket.requests.append((path, self.headers["Range"]))
        bucket.before(path)
        queue = bucket.faults[path]
        fault = queue.pop(0) if queue else bucket.always or Fault()
        time.sleep(fault.silent_s)
        if fault.hang_up:
            return
        data = bucket.files.get(path)
        if data is None or fault.status:
            self.send_response(fault.status or 404)
            for name, value in fault.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        etag = f'"{hashlib.md5(data).hexdigest()}"'
        start, stop = self._range(data, etag)
        if start >= len(data) > 0:
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = fault.wrong(data[start:stop])
        whole = (start, stop) == (0, len(data)) and not (bucket.ranges and self.headers["Range"])
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(len(body) + fault.extra_length),
            "ETag": etag,
        }
        if not whole:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
        self.send_response(200 if whole else 206)
        if fault.no_length:
            del headers["Content-Length"]
        for name, value in (headers | fault.headers).items():
            self.send_header(name, value)
        for name in bucket.hashes:
            self.send_header("x-goog-hash", f"{name}={_sums(data)[name]}")
        self.end_headers()
        if self.command == "GET":
            self._send(path, body[: fault.cut_after], fault)

    def _range(self, data: bytes, etag: str) -> tuple[int, int]:
        bucket, wanted = self.bucket, self.headers["Range"]
        current = self.headers["If-Range"] in (None, etag) or not bucket.if_range
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted or "")
        if not (found and bucket.ranges and current):
            # As if there were no Range header.
            del self.headers["Range"]
            return 0, len(data)
        last = int(found[2]) if found[2] else len(data) - 1
        return int(found[1]), min(last + 1, len(data))

    def _send(self, path: str, body: bytes, fault: Fault) -> None:
        for start in range(0, len(body), self.bucket.chunk):
            piece = body[start : start + self.bucket.chunk]
            self.wfile.write(piece)
            self.bucket.sent[path] += len(piece)
            if self.bucket.pause_s:
                time.sleep(self.bucket.pause_s)
        if fault.reset:
            no_farewell = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_farewell)
            self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
