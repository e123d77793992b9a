"""The page: its files, which are all known when the server starts, and config.json."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from ..version import __version__
from .body import header
from .errors import not_found
from .models import Served
from .replies import send_json
from .settings import ServeSettings

__all__ = ["STATIC", "Page", "StaticFile", "config_of", "labels_of"]

STATIC = Path(__file__).parent / "static"
INDEX = "index.html"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".gz": "application/gzip",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".onnx": "application/octet-stream",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""What is served; other files in the folder are not."""
COMPRESSED = {".css", ".html", ".js", ".json", ".mjs", ".svg", ".txt", ".wasm", ".webmanifest"}
WORTH_COMPRESSING = 1_000
"""Bytes; a shorter answer fits into a packet as it is."""


@dataclass(frozen=True)
class StaticFile:
    """Something that is answered as it is.

    Attributes:
        content: the bytes.
        suffix: tells the type.
    """

    content: bytes
    suffix: str

    @cached_property
    def etag(self) -> bytes:
        return b'"%s"' % hashlib.sha256(self.content).hexdigest()[:20].encode()

    @cached_property
    def compressed(self) -> bytes | None:
        """gzip of it, where that is worth it."""
        if self.suffix not in COMPRESSED or len(self.content) < WORTH_COMPRESSING:
            return None
        packed = gzip.compress(self.content, 6, mtime=0)
        return packed if len(packed) < 0.9 * len(self.content) else None

    async def answer(self, scope: Scope, send: Send) -> None:
        """Send it, or that it has not changed."""
        headers = [
            (b"content-type", TYPES[self.suffix].encode()),
            (b"etag", self.etag),
            # A new version of Doodlewise has the same names, so browsers are to ask.
            (b"cache-control", b"no-cache"),
        ]
        content = self.content
        if self.compressed is not None:
            headers.append((b"vary", b"accept-encoding"))
            if b"gzip" in header(scope, b"accept-encoding"):
                content = self.compressed
                headers.append((b"content-encoding", b"gzip"))
        if self.etag in header(scope, b"if-none-match"):
            await send({"type": "http.response.start", "status": 304, "headers": headers[1:]})
            await send({"type": "http.response.body", "body": b""})
            return
        headers.append((b"content-length", b"%d" % len(content)))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else content
        await send({"type": "http.response.body", "body": body})


class Page:
    """The ASGI application of everything that has no route of its own.

    A path of a request is only ever looked up in the table that was made at the start.

    Args:
        settings: of the server.
        served: the default model.
        emoji: of words.
        folder: of the page's files.
    """

    def __init__(
        self,
        settings: ServeSettings,
        served: Served,
        emoji: Mapping[str, str],
        folder: Path = STATIC,
    ) -> None:
        self._files = {
            f"/{path.relative_to(folder).as_posix()}": path
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in TYPES and not path.name.startswith(".")
        }
        config = msgspec.json.encode(config_of(settings, served, emoji))
        self._ready: dict[str, StaticFile] = {"/config.json": StaticFile(config, ".json")}
        if served.means is not None:
            self._ready["/means.png"] = StaticFile(served.means, ".png")
        if f"/{INDEX}" in self._files:
            self._files["/"] = self._files[f"/{INDEX}"]

    @property
    def paths(self) -> set[str]:
        """All that is there."""
        return {*self._files, *self._ready}

    def file(self, path: str) -> StaticFile | None:
        """What is at a path of a request; None if nothing is."""
        ready = self._ready.get(path)
        if ready is None and path in self._files:
            source = self._files[path]
            ready = self._ready[path] = StaticFile(source.read_bytes(), source.suffix)
        return ready

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        file = self.file(scope["path"])
        if file is None:
            error = not_found(scope["path"][:200])
            await send_json(send, error.status, error.body)
        else:
            await file.answer(scope, send)


def labels_of(served: Served, emoji: Mapping[str, str]) -> list[dict[str, str | None]]:
    """The words in the order of the scores."""
    return [{"word": word, "emoji": emoji.get(word)} for word in served.classifier.classes]


def config_of(settings: ServeSettings, served: Served, emoji: Mapping[str, str]) -> dict[str, Any]:
    """What the page has to know; a static site has the same as a file."""
    classifier = served.classifier
    info = classifier.info
    return {
        "mode": "server",
        "version": __version__,
        "model": {
            "id": served.id,
            "name": served.name,
            "version": served.version,
            "render": None if info.render is None else info.render.to_dict(),
            "sure_from": info.sure_from,
            "metrics": info.metrics,
            "features": classifier.feature_width,
            "temperature": info.temperature,
        },
        "labels": labels_of(served, emoji),
        "means": None if served.means is None else "means.png",
        "teach": {
            "enabled": classifier.has_features,
            "needs_key": bool(settings.api_key),
            "pictures": classifier.takes_pictures,
        },
        "keep": {"enabled": settings.keep is not None},
    }
