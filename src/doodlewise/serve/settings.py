"""Everything that can be set about the server."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ..errors import ConfigError

__all__ = ["ServeSettings"]


def setting(default: Any, text: str) -> Any:
    """A field with its help."""
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Settings of the server.

    Raises:
        ConfigError: a value that is out of range.
    """

    model: Path | None = setting(
        None, "model.onnx, run or model folder; the one that comes with Doodlewise when None"
    )
    host: str = setting("127.0.0.1", "address to listen at; 0.0.0.0 is every address")
    port: int = setting(8000, "port to listen at; 0 takes any that is free")
    keep: Path | None = setting(None, "folder in which drawings are kept that people send to it")
    api_key: str = setting("", "key that is needed to teach words and to keep drawings; none if ''")
    cors: tuple[str, ...] = setting((), "other origins whose pages may ask, such as https://a.org")
    proxies: str = setting("", "addresses of proxies whose X-Forwarded-For is believed")

    rate: float = setting(120.0, "requests that a client may make per second; 0 is no limit")
    burst: float = setting(240.0, "requests that a client may make at once")
    concurrency: int = setting(256, "requests that are worked on at once")
    queue: int = setting(512, "drawings that wait for the network; more are refused with 503")
    batch: int = setting(64, "drawings that the network looks at together, and that a request has")
    max_body: int = setting(2 * 2**20, "bytes of a request")
    max_picture: int = setting(10 * 2**20, "bytes of a request that is a picture")
    max_strokes: int = setting(1_000, "strokes of a drawing")
    max_points: int = setting(20_000, "points of a drawing")
    connections: int = setting(2_048, "live connections")
    live_rate: float = setting(500.0, "messages that a live connection may send per second")
    live_interval: float = setting(0.05, "seconds between two guesses while the pen is down")
    body_seconds: float = setting(20.0, "seconds in which a request has to arrive")
    grace_seconds: float = setting(
        0.3, "seconds for which a server that was told to stop says so before it closes its door"
    )
    stop_seconds: float = setting(20.0, "seconds after which it stops waiting for what it took")
    taught: int = setting(32, "models of taught words in memory; the oldest goes first")

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, int | float) and value < 0:
                raise ConfigError(f"{each.name} is {value}; it cannot be below 0.")
        if self.port > 65_535:
            raise ConfigError(f"The port is {self.port}; choose 1 to 65535.")
        if self.batch < 1 or self.queue < self.batch:
            raise ConfigError(
                f"The queue is {self.queue} and a batch {self.batch}; choose a batch of 1 or more,"
                " and a queue at least as long."
            )
        if not self.api_key.isascii():
            raise ConfigError("The key has letters beyond ASCII. Choose one without.")
        for origin in self.cors:
            if origin != "*" and ("://" not in origin or origin.count("/") != 2):
                raise ConfigError(
                    f"'{origin}' is not an origin. Give scheme and host, such as"
                    " https://example.org, or * for all."
                )

    def differing(self) -> dict[str, Any]:
        """The settings that are not as usual, by name; the key is not shown."""
        hidden = {"model", "host", "port", "api_key"}
        if self.burst == 2 * self.rate:
            hidden.add("burst")
        return {
            each.name: getattr(self, each.name)
            for each in fields(self)
            if each.name not in hidden and getattr(self, each.name) != each.default
        }
