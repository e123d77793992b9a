"""A site of the bundled model on a plain web server, under a sub-path, and Chromium to open it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from places import BARE, OPEN_ENGINE, SUB_PATH

from doodlewise.exporting.site import write_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab


class Quiet(SimpleHTTPRequestHandler):
    """As `python -m http.server`, without the log."""

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture(scope="session")
def www(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of the web server; the site is under `SUB_PATH`. Add files, change none."""
    root = tmp_path_factory.mktemp("www")
    write_site(None, root / SUB_PATH)
    (root / SUB_PATH / "bare.html").write_text(BARE, encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def origin(www: Path) -> Iterator[str]:
    """Address of the web server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(www)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def site_url(origin: str) -> str:
    return f"{origin}/{SUB_PATH}/"


@pytest.fixture
def trouble() -> list[str]:
    """What went wrong in the tab, or left its origin; a test says what it expects of it."""
    return []


@pytest.fixture
def tab(browser: Browser, origin: str, trouble: list[str]) -> Iterator[Tab]:
    """An empty tab that keeps a list of its troubles."""
    opened = browser.new_page()
    opened.on("console", lambda message: trouble.append(f"console: {message.text}"))
    opened.on("pageerror", lambda error: trouble.append(f"error: {error}"))

    def asked(request: Any) -> None:
        if not request.url.startswith((origin, "data:", "blob:")):
            trouble.append(f"request: {request.url[:80]}")

    opened.on("request", asked)
    yield opened
    opened.close()


@pytest.fixture
def bare(tab: Tab, site_url: str) -> Tab:
    """The tab with the bare page of the site."""
    tab.goto(site_url + "bare.html")
    return tab


@pytest.fixture(scope="module")
def engine(browser: Browser, site_url: str) -> Iterator[Tab]:
    """A tab whose `window.engine` guesses with the bundled model. Shared by many tests."""
    opened = browser.new_page()
    opened.goto(site_url + "bare.html")
    opened.evaluate(OPEN_ENGINE)
    yield opened
    opened.close()
