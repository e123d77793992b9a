"""A hand for the page: draws by mouse, finger or keys, and a server for it to draw at."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import doodlewise as dw
from doodlewise.data.formats.synthetic import draw

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession
    from playwright.sync_api import Page as Tab

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
SHEET = "#draw-sheet canvas"
PROBES = (Path(__file__).parent / "probes.js").read_text(encoding="utf-8")


def probe(tab: Tab, name: str, argument: Any = None) -> Any:
    """One of the functions of probes.js, in the page."""
    code = PROBES.split("\n", 1)[1]  # the comment apart
    return tab.evaluate(f"(argument) => {code.strip()}.{name}(argument)", argument)


def until(tab: Tab, condition: str, argument: Any = None, timeout: float = 20_000) -> None:
    """Wait for a condition; Playwright's own waiting needs eval, which the page forbids."""
    deadline = time.monotonic() + timeout / 1000
    while not tab.evaluate(f"(argument) => {condition}", argument):
        if time.monotonic() > deadline:
            raise AssertionError(f"never came true: {condition}")
        tab.wait_for_timeout(30)


class Server:
    """`doodlewise serve` in a process of its own, which can be stopped and started again."""

    def __init__(self, log: Path, *options: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}/"
        self._log, self._options = log, options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "doodlewise", "serve", "--port", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self._options],
                stdout=log,
                stderr=log,
                env=os.environ | {"NO_COLOR": "1"},
            )
        deadline = time.monotonic() + 120
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(self._log.read_text(encoding="utf-8"))
            time.sleep(0.1)

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def drawings_of(*words: str, least: float = 0.88) -> dict[str, list[Any]]:
    """For each word a drawing made by code that the bundled model knows for sure."""
    model, found = dw.load(), {}
    for word in words:
        for seed in range(200):
            drawing = draw(word, np.random.default_rng(seed))
            guess = model.predict(drawing)
            if guess.word == word and guess.probability >= least:
                found[word] = drawing.to_strokes()
                break
        else:
            raise AssertionError(f"no drawing of {word} is recognised")
    return found


def points_on(tab: Tab, sheet: str, strokes: list[Any], margin: float) -> list[list[Any]]:
    """The strokes in pixels of the window, centred on a sheet."""
    canvas = tab.locator(sheet)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    every = np.concatenate([np.array(stroke[:2], float).T for stroke in strokes])
    low, high = every.min(axis=0), every.max(axis=0)
    scale = (1 - 2 * margin) * box["width"] / max(float((high - low).max()), 1e-9)
    middle = np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
    return [
        ((np.array(stroke[:2], float).T - (low + high) / 2) * scale + middle).tolist()
        for stroke in strokes
    ]


def draw_by_mouse(tab: Tab, strokes: list[Any], sheet: str = SHEET, margin: float = 0.15) -> None:
    for stroke in points_on(tab, sheet, strokes, margin):
        tab.mouse.move(*stroke[0])
        tab.mouse.down()
        for x, y in stroke[1:]:
            tab.mouse.move(x, y)
        tab.mouse.up()


def touch(session: CDPSession, kind: str, *points: tuple[float, float, int]) -> None:
    """touchStart, touchMove, touchEnd or touchCancel, with x, y and number of each finger."""
    session.send(
        "Input.dispatchTouchEvent",
        {"type": kind, "touchPoints": [{"x": x, "y": y, "id": i} for x, y, i in points]},
    )


def saved_drawing(tab: Tab, folder: Path) -> dw.Drawing:
    """What is on the sheet, downloaded and read by the library."""
    from doodlewise.data.formats import read_drawings

    with tab.expect_download() as download:
        tab.click("#save-ndjson")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    (drawing,) = read_drawings(path)
    return drawing


def first_guess(tab: Tab, word: str, within: float = 20_000) -> None:
    """Wait until a word is the best guess."""
    until(
        tab,
        "document.querySelector('.view:not([hidden]) .guess.is-first .word')?.textContent"
        " === argument",
        word,
        within,
    )


def only_known(tab: Tab, words: list[str]) -> None:
    """Let the page believe that the network knows these words only."""

    def answer(route: Any) -> None:
        config = json.loads(route.fetch().text())
        config["labels"] = [each for each in config["labels"] if each["word"] in words]
        config["means"] = None
        route.fulfill(json=config)

    tab.route("**/config.json", answer)
