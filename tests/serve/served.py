"""A real server in a thread, small models, and ways to ask it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from made_onnx import INFO, WORDS, write_pixels_model, write_strokes_model
from websockets.sync.client import ClientConnection, connect

from doodlewise.image import ImageSpec
from doodlewise.predict.bundled import BUNDLED
from doodlewise.predict.classifier import Classifier, Seen, load
from doodlewise.serve.app import create_app
from doodlewise.serve.models import Served
from doodlewise.serve.opening import served_of
from doodlewise.serve.server import Server, listen
from doodlewise.serve.settings import ServeSettings

CROSS = [[[0, 255], [0, 255]], [[0, 255], [255, 0]]]
ZIGZAG = [[[0, 60, 90, 150, 180, 255], [0, 200, 20, 190, 10, 210]]]
SECONDS = 20.0

__all__ = ["BUNDLED", "CROSS", "WORDS", "ZIGZAG", "Running", "SlowClassifier", "running"]


class Running:
    """A server that answers.

    Attributes:
        port: that it listens at.
        app: with its state.
        client: of HTTP.
    """

    def __init__(self, server: Server, app: Any, port: int) -> None:
        self.server, self.app, self.port = server, app, port
        self.url = f"http://127.0.0.1:{port}"
        self.client = httpx.Client(base_url=self.url, timeout=SECONDS)

    @property
    def state(self) -> Any:
        return self.app.state.server

    def ask(self, body: Any, **options: Any) -> httpx.Response:
        """POST /v1/predict, as curl -d does."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"content-type": "application/x-www-form-urlencoded"} | options.pop("headers", {})
        return self.client.post("/v1/predict", content=content, headers=headers, **options)

    def live(self, **options: Any) -> ClientConnection:
        return connect(f"ws://127.0.0.1:{self.port}/v1/live", **options)

    def raw(self, *parts: bytes) -> bytes:
        """What comes back for bytes on a socket, until the server closes or answers no more."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS) as connection:
            for part in parts:
                connection.sendall(part)
            return received(connection)


def received(connection: socket.socket) -> bytes:
    """A whole answer."""
    answer = b""
    while True:
        try:
            more = connection.recv(65_536)
        except ConnectionResetError:
            return answer
        if not more:
            return answer
        answer += more
        head, _, body = answer.partition(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:") and len(body) >= int(line.split(b":")[1]):
                return answer


def error_of(response: httpx.Response) -> tuple[int, str]:
    """Status and code of an error, whose message says what to do."""
    error = response.json()["error"]
    assert response.headers["content-type"] == "application/json"
    assert set(error) == {"code", "message"}
    assert error["message"].rstrip().endswith((".", "?", "KEY"))
    return response.status_code, error["code"]


@contextmanager
def running(
    model: Path | Served | None = None, *, rate: float = 0.0, **options: Any
) -> Iterator[Running]:
    """A server with these settings, until the end of the block."""
    served = model if isinstance(model, Served) else None
    path = model if isinstance(model, Path) else None
    settings = ServeSettings(model=path, rate=rate, port=0, **options)
    listening = listen("127.0.0.1", 0)
    app = create_app(settings, served)
    ready = threading.Event()
    server = Server(app, settings, ready.set)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        assert ready.wait(SECONDS)
        one = Running(server, app, listening.getsockname()[1])
        with one.client:
            yield one
    finally:
        server.should_exit = True
        thread.join(SECONDS)
        listening.close()
    assert not thread.is_alive()


class SlowClassifier(Classifier):
    """Knows nothing, and takes its time over it: it goes on when it is allowed to."""

    def __init__(self) -> None:
        self.info = INFO
        self.batches: list[int] = []
        self.may_go_on = threading.Semaphore(1_000)
        self.has_begun = threading.Event()

    takes_drawings = has_pixels = takes_pictures = True  # type: ignore[assignment]
    has_features = False  # type: ignore[assignment]
    feature_width = None  # type: ignore[assignment]
    metadata: dict[str, str] = {}  # type: ignore[assignment]  # noqa: RUF012

    def hold(self) -> None:
        """From now on a batch waits for `may_go_on`."""
        while self.may_go_on.acquire(blocking=False):
            pass
        self.has_begun.clear()

    def see(self, sketches: Any, *, features: bool = False, pixels: bool = False) -> Seen:
        every = list(sketches)
        self.has_begun.set()
        assert self.may_go_on.acquire(timeout=SECONDS)
        self.batches.append(len(every))
        probabilities = np.full((len(every), 3), 1 / 3, np.float32)
        return Seen(probabilities, None, None, ((),) * len(every))


def slow() -> tuple[SlowClassifier, Served]:
    classifier = SlowClassifier()
    return classifier, Served("slow", "slow", "1", classifier)


def strokes_model(folder: Path) -> Path:
    return write_strokes_model(folder / "strokes.onnx")


def pixels_model(folder: Path) -> Path:
    return write_pixels_model(folder / "pixels.onnx")


def photos_model(folder: Path) -> Path:
    """Takes pictures only."""
    info = replace(INFO, render=None, image=ImageSpec(28, 28, 1, look="photo"))
    return write_pixels_model(folder / "photos.onnx", info)


def served_file(path: Path) -> Served:
    return served_of(path.stem, load(path), path)
