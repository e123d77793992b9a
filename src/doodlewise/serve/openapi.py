"""The description of the API, made from the types that requests are decoded with."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ..version import __version__
from .errors import CODES
from .lessons import Keep, Kept, Teach, TeachAnswer
from .schemas import Answer, Answers, ErrorBody, Labels, ModelList, PredictBatch, PredictOne
from .settings import ServeSettings

__all__ = ["answers", "component", "description_of", "errors"]

DESCRIPTION = """\
Strokes or pictures in, words with calibrated probabilities out.

Strokes are `[[[x, x, ...], [y, y, ...]], ...]`, in any unit, y downwards; milliseconds may follow
as a third list. Bodies are read as JSON, whatever `curl -d` says about them. Every error is
`{"error": {"code": ..., "message": ...}}`, and its message says what to do.

Guesses while someone draws: the WebSocket `/v1/live`, which is told points as they come. It is
described on the page docs/serve.md of the project.
"""
TYPES = (
    PredictOne,
    PredictBatch,
    Answer,
    Answers,
    Labels,
    ModelList,
    Teach,
    TeachAnswer,
    Keep,
    Kept,
    ErrorBody,
)
REF = "#/components/schemas/{name}"
MEANING = {
    400: "The body is not what its type says.",
    401: "The key is missing or wrong.",
    403: "Pages of another origin may not ask.",
    404: "There is no such thing.",
    405: "There is such a path, but not with this method.",
    408: "The request did not arrive in time.",
    413: "The request is too large.",
    415: "The content type is not known.",
    422: "Understood, but it cannot be used.",
    429: "Too many requests. Retry-After says how long to wait.",
    503: "The server is busy, or starting, or stopping. Retry-After says how long to wait.",
}


def component(name: str) -> dict[str, Any]:
    """The schema of one of `TYPES`, by its name."""
    return {"$ref": REF.format(name=name)}


def answers(schema: dict[str, Any], description: str) -> dict[str, Any]:
    """A response in JSON."""
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Responses of these statuses, for the `responses` of a route."""
    every: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        every[status] = answers(component("ErrorBody"), MEANING[status])
        if status in (429, 503):
            every[status]["headers"] = {
                "Retry-After": {"description": "seconds", "schema": {"type": "integer"}}
            }
    return every


def description_of(app: FastAPI, settings: ServeSettings) -> dict[str, Any]:
    """All of openapi.json.

    Args:
        app: whose other routes are described by FastAPI.
        settings: with the limits that are in it.
    """
    described: dict[str, Any] = get_openapi(
        title="Doodlewise",
        version=__version__,
        description=DESCRIPTION,
        routes=app.routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    _, schemas = msgspec.json.schema_components(TYPES, ref_template=REF)
    schemas["PredictOne"]["properties"]["strokes"]["maxItems"] = settings.max_strokes
    schemas["DrawingIn"]["properties"]["strokes"]["maxItems"] = settings.max_strokes
    schemas["PredictBatch"]["properties"]["drawings"]["maxItems"] = settings.batch
    schemas["ErrorDetail"]["properties"]["code"]["examples"] = sorted(CODES.values())
    described.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
    described["paths"] = {"/v1/predict": {"post": _predict(settings)}, **described["paths"]}
    return described


def _predict(settings: ServeSettings) -> dict[str, Any]:
    picture = {"type": "string", "format": "binary"}
    either = {"oneOf": [component("PredictOne"), component("PredictBatch")]}
    examples = {
        "one": {"value": {"strokes": [[[10, 20], [30, 40]]], "top": 3}},
        "several": {"value": {"drawings": [{"strokes": [[[10, 20], [30, 40]]]}]}},
    }
    form = {
        "type": "object",
        "properties": {
            "image": {"type": "array", "items": picture, "minItems": 1, "maxItems": settings.batch}
        },
        "required": ["image"],
        "additionalProperties": False,
    }
    return {
        "summary": "Guess what drawings or pictures are",
        "description": (
            f"One drawing, up to {settings.batch} of them, or pictures: the body itself, or the"
            " parts `image` of a form. `top`, `model` and `look` stand in the query, or in the"
            " body beside strokes."
        ),
        "operationId": "predict",
        "parameters": [
            _parameter("top", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 5}),
            _parameter("model", {"type": "string"}),
            _parameter("look", {"type": "boolean", "default": False}),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": either, "examples": examples},
                "image/png": {"schema": picture},
                "image/jpeg": {"schema": picture},
                "image/webp": {"schema": picture},
                "multipart/form-data": {"schema": form},
            },
        },
        "responses": {
            "200": answers(
                {"anyOf": [component("Answer"), component("Answers")]},
                "One prediction, or as many as there were drawings.",
            ),
            **{
                str(status): value
                for status, value in errors(400, 403, 404, 408, 413, 415, 422, 429, 503).items()
            },
        },
    }


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema}
