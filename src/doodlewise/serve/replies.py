"""From rows of numbers to what clients read."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter

from msgspec import UNSET
from starlette.types import Send

from .live_messages import Guessed
from .looking import Row
from .models import Served
from .schemas import Answer, Answers, GuessOut, PredictionOut

__all__ = ["answer_of", "answers_of", "guessed_of", "guesses_of", "milliseconds", "send_json"]

JSON = (b"content-type", b"application/json")


async def send_json(
    send: Send, status: int, body: bytes, headers: Mapping[str, str] | None = None
) -> None:
    """Answer a request, with as little ado as possible."""
    sent = [JSON, (b"content-length", b"%d" % len(body))]
    if headers:
        sent += [(key.lower().encode(), value.encode()) for key, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})


def answer_of(served: Served, row: Row, started: float) -> Answer:
    """To one sketch; `started` as `perf_counter` said when the request came."""
    each = _prediction(row, served)
    return Answer(
        each.word,
        each.probability,
        each.sure,
        each.guesses,
        each.notes,
        each.pixels,
        model=served.id,
        version=served.version,
        ms=milliseconds(started),
    )


def answers_of(served: Served, rows: list[Row], started: float) -> Answers:
    """To several."""
    predictions = [_prediction(row, served) for row in rows]
    return Answers(predictions, served.id, served.version, milliseconds(started))


def guesses_of(row: Row, classes: list[str]) -> list[GuessOut]:
    """Words and probabilities, to six digits."""
    return [
        GuessOut(classes[index], round(probability, 6))
        for index, probability in zip(row.classes, row.probabilities, strict=True)
    ]


def milliseconds(started: float) -> float:
    return round((perf_counter() - started) * 1000.0, 2)


def _prediction(row: Row, served: Served) -> PredictionOut:
    info = served.classifier.info
    guesses = guesses_of(row, info.classes)
    return PredictionOut(
        guesses[0].word,
        guesses[0].probability,
        row.probabilities[0] >= info.sure_from,
        guesses,
        list(row.notes),
        UNSET if row.pixels is None else row.pixels,
    )


def guessed_of(
    served: Served, row: Row, started: float, seq: int | None, n_strokes: int, n_points: int
) -> Guessed:
    """To a live connection, about its drawing as it was at `seq`."""
    guesses = guesses_of(row, served.classifier.classes)
    return Guessed(
        seq=seq,
        strokes=n_strokes,
        points=n_points,
        word=guesses[0].word,
        probability=guesses[0].probability,
        sure=row.probabilities[0] >= served.classifier.info.sure_from,
        guesses=guesses,
        model=served.id,
        ms=milliseconds(started),
    )
