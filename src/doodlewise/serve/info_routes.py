"""What can be asked about the server: its models, their words, whether it is well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from fastapi.responses import Response

from ..predict.emoji import EMOJI
from .docs import STYLE, docs_page
from .errors import stopping
from .metrics import CONTENT_TYPE
from .models import Served
from .openapi import answers, component, errors
from .page import labels_of
from .schemas import ModelCard, ModelList
from .state import State

__all__ = ["docs_routes", "info_routes"]

ALIVE = answers({"type": "object", "properties": {"status": {"const": "ok"}}}, "It is.")


def info_routes(state: State) -> APIRouter:
    """The routes.

    Args:
        state: of the server.
    """
    router = APIRouter()

    @router.get(
        "/v1/models",
        response_class=Response,
        responses={200: answers(component("ModelList"), "All of them."), **errors(429, 503)},
    )
    async def models() -> Response:
        """The models that can be asked, the default one first."""
        every = [_card(served, state) for served in state.models.list()]
        return _json(msgspec.json.encode(ModelList(every)))

    @router.get(
        "/v1/labels",
        response_class=Response,
        responses={
            200: answers(component("Labels"), "All of them."),
            **errors(404, 422, 429, 503),
        },
    )
    async def labels(
        model: Annotated[str | None, Query(description="the default one if none")] = None,
    ) -> Response:
        """The words that a model knows, in the order of its scores."""
        served = state.models.get(model)
        return _json(msgspec.json.encode({"model": served.id, "labels": labels_of(served, EMOJI)}))

    @router.get("/healthz", response_class=Response, responses={200: ALIVE})
    async def healthz() -> Response:
        """Whether the server is alive."""
        return _json(b'{"status":"ok"}')

    @router.get("/readyz", response_class=Response, responses={200: ALIVE, **errors(503)})
    async def readyz() -> Response:
        """Whether it is to be asked: not while it starts or stops."""
        if state.is_stopping or not state.is_ready:
            raise stopping()
        return _json(b'{"status":"ok"}')

    @router.get(
        "/metrics",
        response_class=Response,
        responses={200: {"description": "Text.", "content": {"text/plain": {}}}},
    )
    async def metrics() -> Response:
        """What happened so far, for Prometheus."""
        return Response(state.metrics.page(), headers={"Content-Type": CONTENT_TYPE})

    return router


def docs_routes(state: State, described: Callable[[], dict[str, Any]]) -> APIRouter:
    """The description of the API, for programs and for people.

    Args:
        state: of the server.
        described: gives openapi.json.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/openapi.json")
    async def openapi() -> Response:
        return _json(msgspec.json.encode(described()))

    @router.get("/docs")
    async def docs() -> Response:
        page = docs_page(described(), state.settings)
        return Response(page, media_type="text/html", headers={"Cache-Control": "no-cache"})

    @router.get("/docs.css")
    async def style() -> Response:
        return Response(STYLE, media_type="text/css", headers={"Cache-Control": "no-cache"})

    return router


def _card(served: Served, state: State) -> ModelCard:
    info = served.classifier.info
    return ModelCard(
        served.id,
        served.name,
        served.version,
        len(info.classes),
        info.metrics,
        served.taught,
        served is state.models.default,
    )


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
