"""POST /v1/predict: strokes or pictures in, guesses out.

It is the one route that is asked all the time, so it is a plain ASGI application: what FastAPI does
around a function takes longer than everything that is done here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from time import perf_counter
from urllib.parse import parse_qsl

import msgspec
from msgspec import UNSET
from starlette.types import Receive, Scope, Send

from ..errors import DoodlewiseError
from ..predict.classifier import Prepared, Sketch
from .body import ClientGone, header, read_body
from .errors import ApiError, answer_to, bad_query
from .looking import Row
from .models import Served
from .multipart import parts_of
from .replies import answer_of, answers_of, send_json
from .schemas import (
    Answer,
    Answers,
    PredictBody,
    PredictQuery,
    decode,
    validation_error,
)
from .state import State
from .strokes import drawing_of

__all__ = ["Predict"]

AS_JSON = (b"", b"application/json", b"application/x-www-form-urlencoded", b"text/plain")
"""curl -d says urlencoded; a page of another origin may say text/plain without asking first."""
WATCH_AFTER = 0.02
"""Seconds after which it is looked whether the client is still there. Most answers come sooner, and
looking costs as much as a tenth of an answer."""

NOTHING_SAID = PredictQuery()

_encode = msgspec.json.Encoder().encode
_body = msgspec.json.Decoder(PredictBody)


class Predict:
    """The ASGI application of the route.

    Args:
        state: of the server.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        try:
            answer = await self._answer(scope, receive, started)
        except ClientGone:
            return
        except ApiError as error:
            await send_json(send, error.status, error.body, error.headers)
        except DoodlewiseError as error:
            wrong = answer_to(error)
            await send_json(send, wrong.status, wrong.body)
        else:
            await send_json(send, 200, _encode(answer))

    async def _answer(self, scope: Scope, receive: Receive, started: float) -> Answer | Answers:
        kind, _, parameters = header(scope, b"content-type").partition(b";")
        kind = kind.strip().lower()
        if kind in AS_JSON or kind.endswith(b"+json"):
            settings = self._state.settings
            body = await read_body(
                scope, receive, most=settings.max_body, seconds=settings.body_seconds
            )
            text = scope["query_string"]
            query = _query(text) if text else NOTHING_SAID
            return await self._drawings(decode(_body, body), query, receive, started)
        if kind.startswith(b"image/"):
            return await self._pictures(scope, receive, started, None)
        if kind == b"multipart/form-data":
            return await self._pictures(scope, receive, started, parameters)
        raise ApiError(
            415,
            "unknown_content_type",
            f"The content type is {kind.decode('latin-1')[:80]!r}. Send application/json with"
            " strokes, or a picture as image/png, image/jpeg or multipart/form-data.",
        )

    async def _drawings(
        self, body: PredictBody, query: PredictQuery, receive: Receive, started: float
    ) -> Answer | Answers:
        state, settings = self._state, self._state.settings
        served = state.models.get(query.model if body.model is UNSET else body.model)
        if not served.classifier.takes_drawings:
            raise ApiError(
                422,
                "takes_pictures_only",
                f"The model {served.id} takes pictures only. Send one as image/png or image/jpeg.",
            )
        if body.strokes is not UNSET:
            if body.drawings is not UNSET:
                raise ApiError(
                    422, "both", "There are both strokes and drawings. Send one of the two."
                )
            sketches: list[Sketch] = [drawing_of(body.strokes, settings)]
        elif body.drawings is not UNSET:
            if len(body.drawings) > settings.batch:
                raise ApiError(
                    422,
                    "too_many_drawings",
                    f"There are {len(body.drawings):,} drawings; a request takes at most"
                    f" {settings.batch}. Send them in several.",
                )
            sketches = [
                _numbered(number, each.strokes, self._state)
                for number, each in enumerate(body.drawings)
            ]
        else:
            raise ApiError(
                422,
                "nothing_drawn",
                'There is nothing to look at. Send {"strokes": [[[10, 20], [30, 40]]]}.',
            )
        top = query.top if body.top is UNSET else body.top
        look = query.look if body.look is UNSET else body.look
        rows = await self._guess(served, sketches, top, look, receive)
        if body.drawings is UNSET:
            return answer_of(served, rows[0], started)
        return answers_of(served, rows, started)

    async def _pictures(
        self, scope: Scope, receive: Receive, started: float, form: bytes | None
    ) -> Answer | Answers:
        state, settings = self._state, self._state.settings
        query = _query(scope["query_string"])
        served = state.models.get(query.model)
        if not served.classifier.takes_pictures:
            raise ApiError(
                422,
                "takes_drawings_only",
                _no_pictures(served),
            )
        async with state.picture_place():
            body = await read_body(
                scope, receive, most=settings.max_picture, seconds=settings.body_seconds
            )
            pictures = [body] if form is None else await parts_of(body, scope, settings.batch)
            sketches = [
                await state.read_picture(partial(_read, served, picture)) for picture in pictures
            ]
        rows = await self._guess(served, sketches, query.top, query.look, receive)
        if len(rows) == 1:
            return answer_of(served, rows[0], started)
        return answers_of(served, rows, started)

    async def _guess(
        self,
        served: Served,
        sketches: Sequence[Sketch | Prepared],
        top: int,
        look: bool,
        receive: Receive,
    ) -> list[Row]:
        """The rows of the sketches, unless the client goes away in the meantime.

        Raises:
            ClientGone: it did, so the work was dropped.
        """
        if look and not served.classifier.has_pixels:
            raise ApiError(
                422,
                "no_look",
                f"The model {served.id} was exported by an older version, so what it sees is not"
                " known. Export it again, or ask without look.",
            )
        state = self._state
        future = state.batcher.guess(served, sketches, top=top, look=look)
        loop = asyncio.get_running_loop()
        watcher: asyncio.Task[None] | None = None

        def watch() -> None:
            nonlocal watcher
            watcher = loop.create_task(_cancel_when_gone(future, receive))

        timer = loop.call_later(WATCH_AFTER, watch)
        try:
            rows = await future
        except asyncio.CancelledError:
            if watcher is not None and watcher.done():
                raise ClientGone from None
            raise
        finally:
            timer.cancel()
            if watcher is not None:
                watcher.cancel()
        state.metrics.http_guesses.inc(len(rows))
        return rows


async def _cancel_when_gone(future: asyncio.Future[list[Row]], receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    future.cancel()


def _numbered(number: int, strokes: list[list[list[float]]], state: State) -> Sketch:
    """A drawing of a batch; what is wrong with it says which it is."""
    try:
        return drawing_of(strokes, state.settings)
    except ApiError as error:
        raise ApiError(error.status, error.code, f"drawings[{number}]: {error}") from None
    except DoodlewiseError as error:
        wrong = answer_to(error)
        raise ApiError(wrong.status, wrong.code, f"drawings[{number}]: {wrong}") from None


def _read(served: Served, picture: bytes) -> Prepared:
    from ..predict.picture import open_picture

    return served.classifier.prepare(open_picture(picture))


def _query(text: bytes) -> PredictQuery:
    """What stands behind the question mark."""
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, max_num_fields=32)
        values = dict(pairs)
        if len(values) < len(pairs):
            raise ValueError("Something is said twice")
        return msgspec.convert(values, PredictQuery, strict=False)
    except msgspec.ValidationError as error:
        raise bad_query(
            validation_error(error, PredictQuery.__struct_fields__, "").message
        ) from None
    except ValueError as error:
        raise bad_query(f"{error}.") from None


def _no_pictures(served: Served) -> str:
    if served.classifier.info.takes != "images":
        return (
            f"The model {served.id} sees the strokes of a drawing, which no picture has. Send"
            " strokes, or name another model."
        )
    return (
        f"The model {served.id} was exported by an older version, which takes strokes only. Send"
        " strokes, or export it again."
    )
