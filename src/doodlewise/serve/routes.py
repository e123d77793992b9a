"""Names of routes, for the metrics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from starlette.routing import BaseRoute, Route

__all__ = ["RouteNames"]


class RouteNames:
    """The route that a path belongs to. There are few, whatever paths people try.

    Args:
        routes: of the application.
        files: paths of the page.
    """

    def __init__(self, routes: Sequence[BaseRoute], files: Iterable[str]) -> None:
        paths = [path for route in routes if (path := getattr(route, "path", ""))]
        self._exact = {path: path for path in paths if "{" not in path}
        self._exact |= dict.fromkeys(files, "page")
        self._patterns = [
            (route.path_regex, route.path)
            for route in routes
            if isinstance(route, Route) and "{" in route.path
        ]

    def __call__(self, path: str) -> str:
        name = self._exact.get(path)
        if name is not None:
            return name
        for pattern, route in self._patterns:
            if pattern.match(path):
                return str(route)
        return "unknown"
