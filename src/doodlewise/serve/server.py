"""Runs the application: a socket, signals, a patient start and a graceful end."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from fastapi import FastAPI

from ..errors import ConfigError
from .protocol import HttpProtocol
from .settings import ServeSettings
from .state import State

__all__ = ["Server", "listen", "serve"]

KEEP_ALIVE_SECONDS = 30
"""For which a connection without requests stays open."""
PORTS_TRIED = 100


def serve(
    app: FastAPI,
    settings: ServeSettings,
    listening: socket.socket,
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until someone says stop (SIGINT, SIGTERM).

    Args:
        app: from `create_app` with the same settings.
        settings: of the server.
        listening: from `listen`; closed at the end.
        on_ready: called when requests are answered.
    """
    # What clients do wrong is their affair; the server's log is for what it does wrong itself.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    Server(app, settings, on_ready).run(sockets=[listening])


class Server(uvicorn.Server):
    """uvicorn, with another beginning and end.

    Args:
        app: from `create_app` with the same settings.
        settings: of the server.
        on_ready: called when requests are answered.
    """

    def __init__(
        self, app: FastAPI, settings: ServeSettings, on_ready: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=HttpProtocol,
                ws="websockets-sansio",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(settings.proxies),
                forwarded_allow_ips=settings.proxies or None,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=max(1, round(settings.stop_seconds)),
                ws_max_size=settings.max_body,
                # It would take memory and time for each connection, for messages of a few bytes.
                ws_per_message_deflate=False,
            )
        )
        self._state: State = app.state.server
        self._on_ready = on_ready
        self._is_terminated = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say that it is over, close the door, finish what was taken."""
        settings, state = self._state.settings, self._state
        state.is_stopping = True
        if self._is_terminated:
            await asyncio.sleep(settings.grace_seconds)
        for server in self.servers:
            server.close()
        await state.stop_lives(settings.stop_seconds)
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals end the server and nothing more; uvicorn's own would be raised again."""
        try:
            before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
            for each in before:
                signal.signal(each, self.handle_exit)
        except ValueError:  # not in the main thread, which is for tests
            yield
            return
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Whoever presses Ctrl-C does not want to wait; an orchestrator looks at /readyz first.
        self._is_terminated = sig == signal.SIGTERM
        super().handle_exit(sig, frame)


def listen(host: str, port: int) -> socket.socket:
    """A socket at an address, which listens as soon as a server runs.

    Raises:
        ConfigError: the port is in use, or the address is not one of this machine.
    """
    try:
        return _bound(host, port)
    except socket.gaierror:
        raise ConfigError(f"There is no address '{host}'. Choose 127.0.0.1 or 0.0.0.0.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            free = _next_free(host, port)
            advice = f" {free} is free: --port {free}" if free else " Choose another: --port"
            raise ConfigError(f"Port {port} is in use.{advice}") from None
        if error.errno in (errno.EACCES, errno.EPERM):
            raise ConfigError(
                f"Port {port} is only for the administrator. Choose one above 1023: --port 8000"
            ) from None
        raise ConfigError(
            f"It cannot listen at {host}, port {port} ({error.strerror}). Choose an address of this"
            " machine, such as 127.0.0.1, or 0.0.0.0 for all."
        ) from None


def _bound(host: str, port: int) -> socket.socket:
    family, kind, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    bound = socket.socket(family, kind)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    bound.set_inheritable(True)
    return bound


def _next_free(host: str, port: int) -> int | None:
    for candidate in range(port + 1, min(port + PORTS_TRIED, 65_536)):
        try:
            _bound(host, candidate).close()
        except OSError:
            continue
        return candidate
    return None
