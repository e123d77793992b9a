"""What requests hold and answers say, typed: decoding a request checks all of it.

msgspec is strict: a number is not text and not true or false, JSON has no NaN, and a key that is
not known is refused.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from ..errors import did_you_mean
from .errors import ApiError, bad_json

__all__ = [
    "Answer",
    "Answers",
    "ErrorBody",
    "GuessOut",
    "Label",
    "Labels",
    "ModelCard",
    "ModelList",
    "PredictQuery",
    "PredictBatch",
    "PredictBody",
    "PredictOne",
    "PredictionOut",
    "Stroke",
    "Strokes",
    "decode",
    "validation_error",
]

Stroke = Annotated[
    list[list[float]],
    Meta(
        min_length=2,
        max_length=3,
        description="[[x, ...], [y, ...]], y downwards, any unit; times in milliseconds may follow",
        examples=[[[10, 90, 50], [10, 20, 90]]],
    ),
]
Strokes = Annotated[list[Stroke], Meta(description="the strokes of a drawing, in their order")]
Top = Annotated[int, Meta(ge=1, le=1000, description="how many guesses")]
ModelId = Annotated[str, Meta(description="a model of /v1/models; the default one if none")]
Look = Annotated[bool, Meta(description="whether to send the pixels that the network saw")]
Probability = Annotated[float, Meta(ge=0, le=1)]


class DrawingIn(Struct, forbid_unknown_fields=True):
    """A drawing of a batch."""

    strokes: Strokes


class PredictOne(Struct, forbid_unknown_fields=True):
    """One drawing."""

    strokes: Strokes
    top: Top = 5
    model: ModelId | None = None
    look: Look = False


class PredictBatch(Struct, forbid_unknown_fields=True):
    """Several drawings."""

    drawings: Annotated[list[DrawingIn], Meta(min_length=1)]
    top: Top = 5
    model: ModelId | None = None
    look: Look = False


class PredictBody(Struct, forbid_unknown_fields=True):
    """Either of the two, as it is decoded. What is not said may stand in the query."""

    strokes: Strokes | UnsetType = UNSET
    drawings: Annotated[list[DrawingIn], Meta(min_length=1)] | UnsetType = UNSET
    top: Top | UnsetType = UNSET
    model: ModelId | UnsetType | None = UNSET
    look: Look | UnsetType = UNSET


class PredictQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """What stands behind the question mark: with a picture there is no other place for it."""

    top: Top = 5
    model: ModelId | None = None
    look: Look = False


class GuessOut(Struct):
    """A word and its calibrated probability."""

    word: str
    probability: Probability


class PredictionOut(Struct):
    """What a drawing may be."""

    word: str
    probability: Probability
    sure: Annotated[bool, Meta(description="whether the best guess is likely enough to be said")]
    guesses: list[GuessOut]
    notes: Annotated[list[str], Meta(description="what was mended in a picture")]
    pixels: list[list[int]] | UnsetType = UNSET


class Answer(PredictionOut, kw_only=True):
    """To one drawing or picture."""

    model: str
    version: str
    ms: Annotated[float, Meta(description="milliseconds in the server")]


class Answers(Struct):
    """To several."""

    predictions: list[PredictionOut]
    model: str
    version: str
    ms: Annotated[float, Meta(description="milliseconds in the server")]


class Label(Struct):
    word: str
    emoji: str | None


class Labels(Struct):
    """The words of a model, in the order of its scores."""

    model: str
    labels: list[Label]


class ModelCard(Struct):
    """A model that can be asked."""

    id: str
    name: str
    version: str
    words: int
    metrics: dict[str, Any]
    taught: bool
    default: bool


class ModelList(Struct):
    models: list[ModelCard]


class ErrorDetail(Struct):
    code: Annotated[str, Meta(description="for programs")]
    message: Annotated[str, Meta(description="for people: what is wrong, and what to do")]


class ErrorBody(Struct):
    """Every error looks like this."""

    error: ErrorDetail


T = TypeVar("T")

_UNKNOWN = re.compile(r"unknown field `(.*?)`", re.S)
_AT = re.compile(r" - at `(.*)`$", re.S)


def decode(decoder: msgspec.json.Decoder[T], body: bytes | str) -> T:
    """A body as its type.

    Raises:
        ApiError: 400 if it is not JSON, 422 if it is not what is wanted.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise validation_error(error, getattr(decoder.type, "__struct_fields__", ())) from None
    except msgspec.DecodeError as error:
        raise bad_json(str(error)) from None
    except RecursionError:
        raise bad_json("it is nested too deeply") from None
    except UnicodeDecodeError:
        raise bad_json("it is not UTF-8") from None


ADVICE = ' A drawing is {"strokes": [[[x, x, ...], [y, y, ...]], ...]}, all of them numbers.'


def validation_error(
    error: msgspec.ValidationError, fields: tuple[str, ...], advice: str = ADVICE
) -> ApiError:
    """Say where the body is not what is wanted, and what is."""
    text = str(error)
    unknown = _UNKNOWN.search(text)
    where = _AT.search(text)
    if unknown is not None:
        name = unknown.group(1)[:80]
        known = ("strokes",) if where is not None else fields
        near = did_you_mean(name, known) or f" Known are: {', '.join(known)}."
        return ApiError(422, "unknown_key", f"There is no key '{name}' here.{near}")
    place = where.group(1) if where is not None else "the body"
    problem = _AT.sub("", text)
    return ApiError(422, "wrong_type", f"{problem}, at {place}.{advice}")
