"""Reading the body of a request: so much, within so long, or not at all."""

from __future__ import annotations

import asyncio

from starlette.types import Receive, Scope

from .errors import ApiError, too_large

__all__ = ["ClientGone", "declared_length", "header", "read_body"]


class ClientGone(Exception):  # noqa: N818 - nobody is left to whom it would be an error
    """The client has closed the connection; there is nobody to answer."""


def header(scope: Scope, name: bytes) -> bytes:
    """A header of a request; b"" if there is none."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return b""


def declared_length(value: bytes) -> int:
    """What Content-Length says; 0 if it is not there.

    Raises:
        ApiError: it is no number.
    """
    if not value:
        return 0
    if not value.isdigit() or len(value) > 18:
        raise ApiError(400, "bad_request", "Content-Length is not a number of bytes. Mend it.")
    return int(value)


async def read_body(scope: Scope, receive: Receive, *, most: int, seconds: float) -> bytes:
    """The whole body.

    Args:
        scope: of the request.
        receive: of the request.
        most: bytes.
        seconds: in which all of it has to be here.

    Raises:
        ApiError: 413 if it is larger, 408 if it is slower, 415 if it is compressed.
        ClientGone: the client went away before its end.
    """
    if declared_length(header(scope, b"content-length")) > most:
        raise _too_large(most)
    if header(scope, b"content-encoding") not in (b"", b"identity"):
        raise ApiError(
            415,
            "compressed_body",
            "The body is compressed. Send it as it is, without Content-Encoding.",
        )
    try:
        async with asyncio.timeout(seconds):
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                body: bytes = message.get("body", b"")
                if len(body) > most:
                    raise _too_large(most)
                return body
            parts, size = [], 0
            while message["type"] == "http.request":
                part = message.get("body", b"")
                size += len(part)
                if size > most:
                    raise _too_large(most)
                parts.append(part)
                if not message.get("more_body"):
                    return b"".join(parts)
                message = await receive()
    except TimeoutError:
        raise ApiError(
            408,
            "too_slow",
            f"The request did not arrive within {seconds:g} seconds. Send less, or try again.",
            {"Connection": "close"},
        ) from None
    raise ClientGone


def _too_large(most: int) -> ApiError:
    error = too_large(
        f"The request is larger than {most:,} bytes", "Send fewer drawings, or smaller pictures."
    )
    # What is still on its way is not waited for.
    error.headers["Connection"] = "close"
    return error
