"""Puts the parts of the server together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from ..errors import DoodlewiseError
from ..predict.emoji import EMOJI
from .errors import CODES, ApiError, answer_to, bad_query, not_found
from .info_routes import docs_routes, info_routes
from .limits import Gate
from .live import LiveEndpoint
from .models import Models, Served
from .openapi import description_of
from .opening import open_served
from .page import Page
from .predicting import Predict
from .routes import RouteNames
from .settings import ServeSettings
from .state import State
from .teach import teach_routes
from .warm_up import warm_up

__all__ = ["create_app"]


def create_app(settings: ServeSettings | None = None, served: Served | None = None) -> FastAPI:
    """The server as an ASGI application.

    Args:
        settings: as usual when None.
        served: the default model; opened from `settings.model` when None.

    Raises:
        DoodlewiseError: the model cannot be opened.
    """
    settings = settings or ServeSettings()
    served = served or open_served(settings.model)
    state = State.make(settings, Models(served, settings.taught))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await state.start()
        await warm_up(state)
        state.is_ready = True
        try:
            yield
        finally:
            await state.stop()

    app = FastAPI(
        title="Doodlewise",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
        # It would send people who add a / to wherever their Host header says.
        redirect_slashes=False,
    )
    app.state.server = state
    predict, page = Predict(state), Page(settings, served, EMOJI)
    app.router.routes += [
        Route("/v1/predict", predict, methods=["POST"]),
        WebSocketRoute("/v1/live", LiveEndpoint(state)),
    ]
    app.include_router(info_routes(state))
    app.include_router(teach_routes(state))
    app.include_router(docs_routes(state, lambda: app.openapi()))
    app.openapi = lambda: _description(app, settings)  # type: ignore[method-assign]
    _say_errors_in_json(app)
    direct: dict[tuple[str, str], ASGIApp] = {("POST", "/v1/predict"): predict}
    direct |= {(method, path): page for path in page.paths for method in ("GET", "HEAD")}
    app.add_middleware(
        Gate, state=state, route_of=RouteNames(app.routes, page.paths), direct=direct
    )
    return app


def _description(app: FastAPI, settings: ServeSettings) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = description_of(app, settings)
    return app.openapi_schema


def _say_errors_in_json(app: FastAPI) -> None:
    """Whatever goes wrong in a route is told as `ErrorBody`."""

    @app.exception_handler(ApiError)
    async def api_error(_: Request, error: ApiError) -> Response:
        return Response(error.body, error.status, error.headers, "application/json")

    @app.exception_handler(DoodlewiseError)
    async def unusable(request: Request, error: DoodlewiseError) -> Response:
        return await api_error(request, answer_to(error))

    @app.exception_handler(RequestValidationError)
    async def wrong_parameter(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        return await api_error(request, bad_query(f"{place}: {first['msg']}."))

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            return await api_error(request, not_found(request.url.path[:200]))
        code = CODES.get(error.status_code, "error")
        text = f"{error.detail}. See /docs for what there is."
        if error.status_code == 405:
            allowed = (error.headers or {}).get("Allow", "")
            text = f"{request.method} is not possible here. Use: {allowed}."
        return await api_error(request, ApiError(error.status_code, code, text, error.headers))
