"""What the requests of the soak test are made of: kinds, right answers, conversations."""

from __future__ import annotations

import asyncio
import io
import json
import random
import struct
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

__all__ = [
    "KINDS",
    "Connection",
    "Expected",
    "Good",
    "Kind",
    "Made",
    "Session",
    "WebSocket",
    "ask",
    "ask_alone",
    "chunk",
    "form",
    "kind",
    "png",
    "read_answer",
]


Guess = tuple[str, float]
Expected = list[Guess] | None
"""Word and probability of each drawing in the request; None if that is not known beforehand."""
Answer = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Good:
    """What can be asked, with its right answers.

    Attributes:
        strokes: of drawings, as JSON.
        guesses: the right answer to each.
        pictures: PNG files.
        picture_guesses: the right answer to each.
        model: id of the model.
        is_slow_too: whether to try what the server gives up only after its patience.
    """

    strokes: list[str]
    guesses: list[Guess]
    pictures: list[bytes]
    picture_guesses: list[Guess]
    model: str
    is_slow_too: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """Something that needs a connection of its own; gives what to count, a status or a word."""

    work: Callable[[int], Awaitable[int | str]]


Made = tuple[bytes | Session, Expected]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request.

    Attributes:
        weight: how often.
        proper: what may come of it; 503 may always.
        make: the request, and the right answer.
    """

    weight: float
    proper: frozenset[int | str]
    make: Callable[[Good, random.Random], Made]


KINDS: dict[str, Kind] = {}


def kind(
    weight: float, *proper: int | str
) -> Callable[[Callable[[Good, random.Random], Made]], Callable[[Good, random.Random], Made]]:
    """Register what a function makes under its name."""

    def register(
        make: Callable[[Good, random.Random], Made],
    ) -> Callable[[Good, random.Random], Made]:
        KINDS[make.__name__.replace("_", " ")] = Kind(weight, frozenset(proper), make)
        return make

    return register


async def read_answer(reader: asyncio.StreamReader, *, is_head: bool = False) -> Answer:
    """Status and body of an answer.

    Raises:
        EOFError: the server closed the connection instead.
    """
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head[9:12])
    if is_head or status in (101, 204, 304):
        return status, b""
    at = head.find(b"content-length:")
    if at < 0:
        return status, await _chunks(reader)
    return status, await reader.readexactly(int(head[at + 15 :].split(b"\r\n", 1)[0]))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return body


def ask(path: str, method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


async def ask_alone(port: int, request: bytes) -> int | str:
    async with Connection(port) as (reader, writer):
        try:
            writer.write(request)
            return (await read_answer(reader))[0]
        except (EOFError, ConnectionError):
            return "closed"


class Connection:
    """A connection to the server, closed at the end."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return reader, self._writer

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()


class WebSocket:
    """A live connection that may say what it wants.

    Raises:
        EOFError: the server does not want it.
    """

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> WebSocket:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write(
            b"GET /v1/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Version: 13\r\n\r\n"
        )
        status, _ = await read_answer(self._reader)
        if status != 101:
            self._writer.close()
            raise EOFError(f"status {status}")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    def write(self, frame: bytes) -> None:
        self._writer.write(frame)

    async def say(self, message: dict[str, Any]) -> None:
        await self.say_bytes(json.dumps(message).encode())

    async def say_bytes(self, text: bytes) -> None:
        n = len(text)
        length = bytes((0x80 | n,)) if n < 126 else b"\xfe" + struct.pack(">H", n)
        self._writer.write(b"\x81" + length + b"\0\0\0\0" + text)
        await self._writer.drain()

    async def hear(self) -> dict[str, Any]:
        """The next message.

        Raises:
            EOFError: the server closed the connection.
        """
        while True:
            first, n = await self._reader.readexactly(2)
            if n >= 126:
                n = int.from_bytes(await self._reader.readexactly(2 if n == 126 else 8), "big")
            text = await self._reader.readexactly(n)
            if first & 0x0F == 8:
                raise EOFError
            if first & 0x0F == 1:
                found: dict[str, Any] = json.loads(text)
                return found

    async def hear_until(self, seq: int) -> dict[str, Any]:
        """The answer to this message."""
        while (message := await self.hear()).get("seq") != seq:
            pass
        return message


def form(parts: Sequence[tuple[str, bytes]]) -> tuple[bytes, str]:
    body = b"".join(
        b'--sheet\r\nContent-Disposition: form-data; name="%b"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n%b\r\n" % (name.encode(), content)
        for name, content in parts
    )
    return body + b"--sheet--\r\n", "multipart/form-data; boundary=sheet"


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def chunk(content: bytes) -> bytes:
    return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
