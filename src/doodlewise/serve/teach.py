"""Teaching words to the server, taking home what it learnt, keeping drawings."""

from __future__ import annotations

import asyncio
import logging
import secrets
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from ..errors import DataError, DoodlewiseError
from ..predict.keep import Keeper, as_line
from ..predict.teach import Taught, teach
from .body import read_body
from .errors import ApiError, answer_to
from .lessons import Kept, Lesson, TeachAnswer, check_against, keep_body, lesson_of
from .models import Served
from .openapi import answers, component, errors
from .state import State
from .taught_zip import taught_zip

__all__ = ["teach_routes"]

logger = logging.getLogger("doodlewise.serve")

MOST_WAITING = 4
"""Lessons that are learnt or wait; more are refused."""
LONGEST_WAIT = 120.0
"""Seconds that a client waits for its turn and its lesson."""
DRAWINGS = "drawings"
"""Of `Served.extra`: what it was taught with, as lines of ndjson, compressed."""


class School:
    """One lesson at a time, in a thread.

    Args:
        state: of the server.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._room = ThreadPoolExecutor(1, "doodlewise-teach")
        self._waiting = 0

    async def learn(self, lesson: Lesson) -> tuple[Served, Taught]:
        """Teach, and register what came of it.

        Raises:
            ApiError: too many wait already, or it took too long.
            DoodlewiseError: it cannot be learnt.
        """
        if self._waiting >= MOST_WAITING:
            raise _crowded("The server is learning other words")
        self._waiting += 1
        work = asyncio.get_running_loop().run_in_executor(self._room, self._learn, lesson)
        work.add_done_callback(self._leave)
        try:
            # A lesson that has begun goes on when its client is gone: a thread cannot be stopped.
            return await asyncio.wait_for(asyncio.shield(work), LONGEST_WAIT)
        except TimeoutError:
            raise _crowded("The lesson took too long") from None
        except asyncio.CancelledError:
            work.cancel()
            raise

    def _leave(self, work: asyncio.Future[Any]) -> None:
        self._waiting -= 1
        if not work.cancelled() and work.exception() is not None:
            logger.debug("a lesson failed: %s", work.exception())

    def _learn(self, lesson: Lesson) -> tuple[Served, Taught]:
        models = self._state.models
        base = models.get(lesson.base)
        check_against(lesson, base.classifier)
        taught = teach(base.classifier, lesson.examples, keep_known=lesson.keep_known)
        lines = b"".join(as_line(word, drawing) for word, drawing in lesson.drawings)
        name = ", ".join(taught.words[:3]) + (", ..." if len(taught.words) > 3 else "")
        info = {"name": name, DRAWINGS: zlib.compress(lines)}
        id = f"taught-{secrets.token_urlsafe(9)}"
        return models.add(id, taught.classifier, taught.onnx, info), taught


def teach_routes(state: State) -> APIRouter:
    """The routes.

    Args:
        state: of the server.

    Raises:
        DataError: drawings are to be kept in a folder that cannot be written.
    """
    router = APIRouter()
    school = School(state)
    settings = state.settings
    keeper = None if settings.keep is None else Keeper(settings.keep)

    async def read(request: Request, most: int) -> bytes:
        return await read_body(
            request.scope, request.receive, most=most, seconds=settings.body_seconds
        )

    @router.post(
        "/v1/teach",
        status_code=201,
        response_class=Response,
        openapi_extra=_body("Teach"),
        responses={
            201: answers(component("TeachAnswer"), "It was learnt."),
            **errors(400, 401, 403, 404, 408, 413, 415, 422, 429, 503),
        },
    )
    async def teach_words(request: Request) -> Response:
        """Learn words from a few examples of each.

        What is learnt is kept in memory, the newest models only.
        """
        lesson = lesson_of(await read(request, settings.max_picture), settings)
        state.models.get(lesson.base)
        try:
            served, taught = await school.learn(lesson)
        except DoodlewiseError as error:
            raise answer_to(error) from None
        answer = TeachAnswer(
            served.id,
            list(taught.words),
            taught.n_examples,
            round(taught.seconds, 3),
            None if taught.accuracy is None else round(taught.accuracy, 4),
            list(taught.notes),
        )
        return _json(201, answer)

    @router.get(
        "/v1/models/{id}/model.onnx",
        response_class=Response,
        responses={200: _file("application/octet-stream"), **errors(404, 429, 503)},
    )
    async def model_file(id: str) -> Response:
        """A model as an ONNX file, which `doodlewise predict` and `serve` read."""
        served = _with_file(state.models.get(id))
        assert served.onnx is not None
        return _attachment(served.onnx, f"{served.id}.onnx", "application/octet-stream")

    @router.get(
        "/v1/models/{id}/bundle.zip",
        response_class=Response,
        responses={200: _file("application/zip"), **errors(404, 429, 503)},
    )
    async def bundle(id: str) -> Response:
        """A model, the drawings that it was taught with, and how to use both."""
        served = _with_file(state.models.get(id))
        lines = zlib.decompress(served.extra.get(DRAWINGS, zlib.compress(b"")))
        content = await asyncio.to_thread(taught_zip, served, lines)
        return _attachment(content, f"{served.id}.zip", "application/zip")

    @router.post(
        "/v1/drawings",
        status_code=201,
        response_class=Response,
        openapi_extra=_body("Keep"),
        responses={
            201: answers(component("Kept"), "It is on the disk."),
            **errors(400, 401, 403, 404, 408, 413, 415, 422, 429, 503),
        },
    )
    async def keep_drawing(request: Request) -> Response:
        """Keep a drawing on the disk of the server, if it was started so."""
        word, drawing = keep_body(await read(request, settings.max_body), settings)
        if keeper is None:
            raise ApiError(
                404,
                "keeps_nothing",
                "This server keeps no drawings. Start it with --keep FOLDER if it should.",
            )
        try:
            kept = await asyncio.to_thread(keeper.append, word, drawing)
        except DataError as error:
            logger.error("%s", error)
            raise ApiError(
                503,
                "not_kept",
                "The drawing could not be kept: the disk of the server will not have it. Tell"
                " whoever runs it, and try again later.",
                {"Retry-After": "60"},
            ) from error
        return _json(201, Kept(kept))

    return router


def _with_file(served: Served) -> Served:
    if served.onnx is None:
        raise ApiError(
            404,
            "no_file",
            f"The model {served.id} is not an exported file. Export it, and serve the file.",
        )
    return served


def _crowded(what: str) -> ApiError:
    return ApiError(503, "busy", f"{what}. Try again in 10 seconds.", {"Retry-After": "10"})


def _json(status: int, value: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _attachment(content: bytes, name: str, kind: str) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    return Response(content, media_type=kind, headers=headers)


def _body(name: str) -> dict[str, Any]:
    content = {"application/json": {"schema": component(name)}}
    return {"requestBody": {"required": True, "content": content}}


def _file(kind: str) -> dict[str, Any]:
    schema = {"type": "string", "format": "binary"}
    return {"description": "A file.", "content": {kind: {"schema": schema}}}
