"""The page on a real server with the model that comes with Doodlewise, in Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hand import Server, drawings_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all tests that leave it as it is; it keeps drawings when asked."""
    folder = tmp_path_factory.mktemp("server")
    server = Server(folder / "log", "--keep", str(folder / "kept"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def doodles() -> dict[str, list[Any]]:
    """Word to strokes that are recognised."""
    return drawings_of("star", "umbrella", "ice cream", "butterfly", "pear", "cat")


@pytest.fixture
def trouble() -> list[str]:
    """What goes wrong in tabs, or leaves their origin; whoever expects some takes it out."""
    return []


Opener = Callable[..., "Tab"]


@pytest.fixture
def open_tab(browser: Browser, server: Server, trouble: list[str]) -> Iterator[Opener]:
    """Opens tabs, and holds against the test whatever goes wrong in one."""
    contexts = []

    def opener(
        view: str = "draw",
        *,
        size: tuple[int, int] = (1280, 800),
        url: str = "",
        prepare: Callable[[Tab], None] | None = None,
        **options: Any,
    ) -> Tab:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, accept_downloads=True, **options
        )
        contexts.append(context)
        tab = context.new_page()
        origin = url or server.url

        def said(message: Any) -> None:
            # Tests look at canvases more often than the page does.
            if "willReadFrequently" not in message.text:
                trouble.append(f"console: {message.text}")

        tab.on("console", said)
        tab.on("pageerror", lambda error: trouble.append(f"error: {error}"))

        def asked(request: Any) -> None:
            if not request.url.startswith((origin, "data:", "blob:")):
                trouble.append(f"request: {request.url}")

        tab.on("request", asked)
        if prepare is not None:
            prepare(tab)
        # With a hash, the first Tab would go into the view: so without, as people come.
        tab.goto(origin if view == "draw" else f"{origin}#{view}")
        tab.wait_for_selector(f"body[data-ready={view}]", timeout=60_000)
        return tab

    yield opener
    for context in contexts:
        context.close()
    assert not trouble


@pytest.fixture
def tab(open_tab: Opener) -> Tab:
    """The view Draw in a window of the usual size."""
    return open_tab()


@pytest.fixture
def stray_server(tmp_path: Path) -> Iterator[Server]:
    """A server that a test may stop."""
    server = Server(tmp_path / "log")
    server.start()
    yield server
    server.stop()
