"""What went wrong with a request, as the client reads it: a code, what is wrong, what to do."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ..errors import DoodlewiseError, DrawingError, PictureError

__all__ = [
    "CODES",
    "ApiError",
    "answer_to",
    "bad_json",
    "bad_query",
    "busy",
    "empty_drawing",
    "error_body",
    "not_found",
    "stopping",
    "too_large",
    "unknown_model",
]

CODES = {
    400: "bad_request",
    401: "key_needed",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    413: "too_large",
    415: "unknown_content_type",
    422: "unusable",
    429: "too_many_requests",
    500: "internal",
    503: "busy",
}
"""Code of an error about which no more is known than its status."""


class ApiError(Exception):
    """A request that is answered with an error.

    Args:
        status: of HTTP.
        code: for programs, such as "empty_drawing".
        message: for people: what is wrong, and what to do.
        headers: that go with the answer.
    """

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = dict(headers or {})

    @property
    def body(self) -> bytes:
        return error_body(self.code, self.message)


def error_body(code: str, message: str) -> bytes:
    """The JSON of every error."""
    return msgspec.json.encode({"error": {"code": code, "message": message}})


def answer_to(error: DoodlewiseError) -> ApiError:
    """What a client is told of an error of the libraries: its input cannot be used."""
    if isinstance(error, PictureError):
        return ApiError(422, "unusable_picture", str(error))
    if isinstance(error, DrawingError):
        return ApiError(422, "unusable_drawing", str(error))
    return ApiError(422, "unusable", str(error))


def bad_json(problem: str) -> ApiError:
    return ApiError(
        400,
        "bad_json",
        f"The body is not JSON ({problem}). Send something like"
        ' {"strokes": [[[10, 20], [30, 40]]]}.',
    )


def bad_query(problem: str) -> ApiError:
    return ApiError(422, "bad_query", f"What stands behind the ? cannot be used. {problem}")


def empty_drawing() -> ApiError:
    return ApiError(
        422, "empty_drawing", "The drawing is empty: it has no points. Draw at least one stroke."
    )


def not_found(path: str) -> ApiError:
    return ApiError(404, "not_found", f"There is nothing at {path}. See /docs for what there is.")


def unknown_model(message: str) -> ApiError:
    return ApiError(404, "unknown_model", message)


def too_large(what: str, advice: str) -> ApiError:
    return ApiError(413, "too_large", f"{what}. {advice}")


def busy(what: str) -> ApiError:
    return ApiError(503, "busy", f"{what}. Try again in a second.", {"Retry-After": "1"})


def stopping() -> ApiError:
    return ApiError(
        503,
        "stopping",
        "The server is shutting down. Try again in a few seconds.",
        {"Retry-After": "5"},
    )
