"""What every request meets first: limits, the key; and the headers that every answer has."""

from __future__ import annotations

import hmac
import logging
import math
from collections.abc import Callable
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .body import ClientGone, declared_length
from .errors import ApiError, busy, error_body
from .rate import RateLimit, client_of
from .replies import send_json
from .state import State

__all__ = ["SECURITY_HEADERS", "WRITING", "Gate"]

logger = logging.getLogger("doodlewise.serve")

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
SECURITY_HEADERS = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]
WRITING = {("POST", "/v1/teach"), ("POST", "/v1/drawings")}
"""What needs the key, if there is one."""
UNLIMITED = {"/healthz", "/readyz", "/metrics"}
"""What is asked by those who watch over the server, and must be answered under load too."""
CLIENT_GONE = 499
"""Status in the metrics, as nginx writes it, of requests whose client did not wait."""


class Gate:
    """ASGI middleware around everything.

    Args:
        app: what is behind it.
        state: of the server.
        route_of: the route of a path, for the metrics; a path itself could be anything.
        direct: applications that are asked at once, by method and path, without looking for them.
    """

    def __init__(
        self,
        app: ASGIApp,
        state: State,
        route_of: Callable[[str], str],
        direct: dict[tuple[str, str], ASGIApp],
    ) -> None:
        self._app, self._state, self._route_of, self._direct = app, state, route_of, direct
        settings = state.settings
        self._rate = RateLimit(settings.rate, settings.burst)
        self._largest = max(settings.max_body, settings.max_picture)
        self._origins = {origin.encode() for origin in settings.cors}
        self._key = f"Bearer {settings.api_key}".encode() if settings.api_key else b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        state = self._state
        status = CLIENT_GONE
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        cors = self._cors(origin) if origin is not None else []

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *SECURITY_HEADERS, *cors]
            await send(message)

        state.active += 1
        try:
            self._check(scope, headers, origin, is_allowed=bool(cors))
            if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
                await _preflight(send_with_headers)
                return
            app = self._direct.get((scope["method"], scope["path"]), self._app)
            await app(scope, receive, send_with_headers)
        except ApiError as error:
            await send_json(send_with_headers, error.status, error.body, error.headers)
        except ClientGone:
            pass
        except Exception:
            logger.exception("%s %s failed", scope["method"], scope["path"])
            if status != CLIENT_GONE:
                raise
            await send_json(
                send_with_headers,
                500,
                error_body(
                    "internal",
                    "This is a bug in Doodlewise. Please report it with what the server printed.",
                ),
            )
        finally:
            state.active -= 1
            state.metrics.observe(self._route_of(scope["path"]), status, perf_counter() - started)

    def _check(
        self, scope: Scope, headers: dict[bytes, bytes], origin: bytes | None, *, is_allowed: bool
    ) -> None:
        """Whether the request may go on.

        Raises:
            ApiError: it may not.
        """
        path, method = scope["path"], scope["method"]
        if path in UNLIMITED:
            return
        if self._state.active > self._state.settings.concurrency:
            raise busy("The server is working on as many requests as it may")
        wait = self._rate.wait(client_of(scope["client"]))
        if wait > 0:
            raise ApiError(
                429,
                "too_many_requests",
                f"You ask more than {self._rate.rate:g} times a second. Wait"
                f" {math.ceil(wait)} s, or send several drawings in one request.",
                {"Retry-After": str(math.ceil(wait))},
            )
        length = declared_length(headers.get(b"content-length", b""))
        if length > self._largest:
            raise ApiError(
                413,
                "too_large",
                f"The request has {length:,} bytes; at most {self._largest:,} are taken. Send"
                " fewer drawings, or smaller pictures.",
                {"Connection": "close"},
            )
        # Forms and plain text may be posted from any page without asking first.
        if (
            origin is not None
            and method not in ("GET", "HEAD")
            and not is_allowed
            and not _is_own(origin, headers.get(b"host", b""))
        ):
            raise _foreign(origin)
        if self._key and (method, path) in WRITING:
            given = headers.get(b"authorization", b"")
            if not hmac.compare_digest(given, self._key):
                raise ApiError(
                    401,
                    "key_needed",
                    "This needs the key that the server was started with. Send it as:"
                    " Authorization: Bearer KEY",
                    {"WWW-Authenticate": "Bearer"},
                )

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        error: ApiError | None = None
        if len(self._state.lives) >= self._state.settings.connections or self._state.is_stopping:
            error = busy("The server has as many live connections as it may")
        elif self._rate.wait(client_of(scope["client"])) > 0:
            error = ApiError(
                429,
                "too_many_requests",
                "You connect too often. Wait a second.",
                {"Retry-After": "1"},
            )
        elif (
            origin is not None
            and not self._cors(origin)
            and not _is_own(origin, headers.get(b"host", b""))
        ):
            error = _foreign(origin)
        if error is None:
            await self._app(scope, receive, send)
            return
        await _refuse(send, error)

    def _cors(self, origin: bytes) -> list[tuple[bytes, bytes]]:
        """The headers for a page of another origin; none if it may not ask."""
        if b"*" in self._origins:
            return [(b"access-control-allow-origin", b"*")]
        if origin in self._origins:
            return [(b"access-control-allow-origin", origin), (b"vary", b"origin")]
        return []


def _is_own(origin: bytes, host: bytes) -> bool:
    """Whether the page that asks came from this server."""
    return origin.partition(b"://")[2].lower() == host.lower()


def _foreign(origin: bytes) -> ApiError:
    name = origin.decode("latin-1")[:100]
    return ApiError(
        403,
        "foreign_origin",
        f"Pages of {name} may not ask this server. Start it with --cors {name} if they are to.",
    )


async def _preflight(send: Send) -> None:
    headers = [
        (b"access-control-allow-methods", b"GET, POST"),
        (b"access-control-allow-headers", b"authorization, content-type"),
        (b"access-control-max-age", b"600"),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _refuse(send: Send, error: ApiError) -> None:
    """Answer a WebSocket's greeting with an error of HTTP."""
    headers = [
        (b"content-type", b"application/json"),
        *((key.lower().encode(), value.encode()) for key, value in error.headers.items()),
    ]
    await send(
        {"type": "websocket.http.response.start", "status": error.status, "headers": headers}
    )
    await send({"type": "websocket.http.response.body", "body": error.body})
