"""The promise: drawn on the page, a drawing gets the guess that Python gives it.

    python benchmarks/browser.py --data stores/qd345

Drawings that the network has never seen (the test split of the store) are drawn on the page Draw
in Chromium, a pointer event for each point, without delays: on three sizes of screen, two pixel
ratios each, with finger, mouse and pen. What the page shows is compared with
`dw.load().predict` of the same drawing; once where the server guesses, and once on a static site,
where the browser does. Also measured: milliseconds from the pen being lifted to the guess being on
the screen, and milliseconds of a guess by onnxruntime-web.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from playwright.async_api import CDPSession, Page, Playwright, async_playwright

import doodlewise as dw
from common import machine
from doodlewise.data.store import Store
from doodlewise.drawing import Drawing
from doodlewise.exporting.site import write_site

SMALLEST, LARGEST = 0.5, 0.9
"""Longer side of a drawing as a share of the canvas; people leave a margin."""
PATIENCE = 60.0
"""Seconds after which a server, or a guess, is taken as lost."""


@dataclass(frozen=True, slots=True)
class Screen:
    """Where it is drawn, and with what.

    Attributes:
        name: of the screen.
        width, height: CSS pixels.
        ratio: device pixels to a CSS pixel.
        pointer: touch, mouse or pen.
    """

    name: str
    width: int
    height: int
    ratio: int
    pointer: str


SCREENS = (
    Screen("phone", 390, 844, 1, "touch"),
    Screen("phone", 390, 844, 3, "touch"),
    Screen("laptop", 1440, 900, 1, "mouse"),
    Screen("laptop", 1440, 900, 2, "mouse"),
    Screen("4K", 3840, 2160, 1, "pen"),
    Screen("4K", 3840, 2160, 2, "mouse"),
)

READY = """async () => {
    while (document.body.dataset.ready !== "draw") await new Promise((on) => setTimeout(on, 20));
    const canvas = document.querySelector("#draw-sheet canvas");
    canvas.scrollIntoView({ block: "nearest", behavior: "instant" });
    // The page may still be finding its size.
    let box, before;
    do {
        before = box;
        await new Promise((on) => setTimeout(on, 100));
        box = canvas.getBoundingClientRect();
    } while (["left", "top", "width"].some((side) => box[side] !== before?.[side])
        || Math.abs(canvas.width - box.width * devicePixelRatio) > 2);
    return [box.left, box.top, box.width, box.height, canvas.width];
}"""
SHOWN = """async ([strokes, patience]) => {
    const until = performance.now() + patience * 1000;
    const last = (name) => performance.getEntriesByName(name).at(-1);
    for (;;) {
        const lifted = performance.getEntriesByName("doodlewise:pen-up");
        const told = last("doodlewise:guess");
        if (lifted.length === strokes && told?.startTime >= lifted.at(-1).startTime - 1) {
            const word = document.querySelector("#draw-guesses .is-first .word").textContent;
            document.getElementById("clear").click();
            performance.clearMarks();
            performance.clearMeasures();
            return { word, ms: told.duration };
        }
        if (performance.now() > until) throw new Error(`no guess after ${lifted.length} strokes`);
        await new Promise((on) => setTimeout(on, 3));
    }
}"""
GUESSES = """async (drawings) => {
    const { openEngine } = await import(new URL("engine.js", document.baseURI));
    const engine = await openEngine(await (await fetch("config.json")).json());
    const taken = [];
    for (const strokes of drawings) {
        const start = performance.now();
        await engine.predict([strokes]);
        taken.push(performance.now() - start);
    }
    return taken;
}"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the page said of the drawings.

    Attributes:
        mode: "server" or "browser".
        screen: where it was drawn.
        canvas: device pixels of its side.
        words: best guesses.
        ms: from pen-up to the guess on the screen.
    """

    mode: str
    screen: Screen
    canvas: int
    words: list[str]
    ms: list[float]


def held_out(store: Store, n: int) -> list[Drawing]:
    """Drawings of the test split, in its order, which is random."""
    found: list[Drawing] = []
    for shard in store.shards("test"):
        drawings = store.read(shard).drawings
        assert drawings is not None
        found += [drawings[row] for row in range(min(len(drawings), n - len(found)))]
    if len(found) < n:
        sys.exit(f"{store.folder} has {len(found)} test drawings; ask for fewer than {n}.")
    return found


def events_of(
    drawing: Drawing, box: Sequence[float], pointer: str, rng: np.random.Generator
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Pointer events that draw it, somewhere on the canvas: method and parameters of CDP."""
    left, top, side = box[:3]
    longest = rng.uniform(SMALLEST, LARGEST) * side
    points = drawing.points.astype(np.float64)
    points -= points.min(axis=0)
    points *= longest / (points.max() or 1.0)
    room = side - points.max(axis=0)
    points += np.array([left, top]) + room * rng.uniform(0.03, 0.97, 2)
    for stroke in np.split(points, np.cumsum(drawing.lengths)[:-1]):
        if pointer == "touch":
            yield from _touches(stroke)
        else:
            yield from _moves(stroke, pointer)


def _moves(stroke: np.ndarray[Any, Any], pointer: str) -> Iterator[tuple[str, dict[str, Any]]]:
    def event(kind: str, place: Any, buttons: int) -> tuple[str, dict[str, Any]]:
        x, y = map(float, place)
        pressed = "left" if kind != "mouseMoved" or buttons else "none"
        return "Input.dispatchMouseEvent", {
            "type": kind, "x": x, "y": y, "button": pressed, "buttons": buttons, "clickCount": 1,
            "pointerType": pointer,
        }  # fmt: skip

    yield event("mouseMoved", stroke[0], 0)
    yield event("mousePressed", stroke[0], 1)
    for place in stroke[1:]:
        yield event("mouseMoved", place, 1)
    yield event("mouseReleased", stroke[-1], 0)


def _touches(stroke: np.ndarray[Any, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, (x, y) in enumerate(stroke):
        kind = "touchMove" if number else "touchStart"
        place = {"x": float(x), "y": float(y), "id": 1}
        yield "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [place]}
    yield "Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []}


async def draw(
    tab: Page, cdp: CDPSession, box: Sequence[float], drawing: Drawing, pointer: str, seed: int
) -> dict[str, Any]:
    """Draw it, wait for the guess, and wipe the sheet."""
    events = events_of(drawing, box, pointer, np.random.default_rng(seed))
    # Nobody waits for an answer before the next event, and they keep their order.
    await asyncio.gather(*(cdp.send(method, given) for method, given in events))
    told: dict[str, Any] = await tab.evaluate(SHOWN, [drawing.n_strokes, PATIENCE])
    return told


async def draw_all(
    player: Playwright, url: str, mode: str, screen: Screen, drawings: Sequence[Drawing]
) -> Outcome:
    """Draw every drawing on a screen."""
    async with opened(player, url, screen) as tab:
        box = await tab.evaluate(READY)
        cdp = await tab.context.new_cdp_session(tab)
        # The first guess of a connection takes longer; nobody measures it with a stop watch.
        await draw(tab, cdp, box, drawings[0], screen.pointer, 0)
        told = [
            await draw(tab, cdp, box, each, screen.pointer, seed)
            for seed, each in enumerate(drawings)
        ]
    return Outcome(mode, screen, box[4], [each["word"] for each in told], [t["ms"] for t in told])


@asynccontextmanager
async def opened(player: Playwright, url: str, screen: Screen) -> AsyncIterator[Page]:
    """A browser on that screen."""
    browser = await player.chromium.launch(
        executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
        args=[
            "--no-sandbox",
            # Emulation alone gives canvases the pixels of another ratio.
            f"--force-device-scale-factor={screen.ratio}",
        ],
    )
    is_phone = screen.pointer == "touch"
    context = await browser.new_context(
        viewport={"width": screen.width, "height": screen.height},
        device_scale_factor=screen.ratio,
        has_touch=is_phone,
        is_mobile=is_phone,
        reduced_motion="reduce",
    )
    tab = await context.new_page()
    await tab.goto(url)
    yield tab
    await browser.close()


async def measure(
    urls: dict[str, str], drawings: Sequence[Drawing], n: int
) -> tuple[list[Outcome], list[float]]:
    """Every mode on every screen, n drawings each; and milliseconds of guesses in the browser."""
    outcomes: list[Outcome] = []
    taken: list[float] = []
    async with async_playwright() as player:
        for mode, url in urls.items():
            for number, screen in enumerate(SCREENS):
                own = drawings[number * n : (number + 1) * n]
                outcomes.append(await draw_all(player, url, mode, screen, own))
            if mode == "browser":
                async with opened(player, url, SCREENS[2]) as tab:
                    taken = await tab.evaluate(GUESSES, [_strokes(each) for each in drawings])
    return outcomes, taken


def _strokes(drawing: Drawing) -> list[list[list[float]]]:
    return [stroke.T.tolist() for stroke in drawing.strokes]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None: ...


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """A static site on a plain web server, under a sub-path."""
    write_site(None, folder / "some" / "site")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/some/site/"
    server.shutdown()
    server.server_close()


@contextmanager
def served() -> Iterator[str]:
    """The page of `doodlewise serve`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "doodlewise",
        "serve",
        "--port",
        str(port),
        "--rate",
        "0",
        "--quiet",
    ]
    server = subprocess.Popen(command)
    url = f"http://127.0.0.1:{port}/"
    try:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                urllib.request.urlopen(url + "readyz", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait(30)


def show(outcomes: Sequence[Outcome], truth: dict[str, list[str]], taken: Sequence[float]) -> None:
    print(f"{'mode':8} {'screen':7} {'ratio':>5} {'canvas':>6} {'pointer':7} {'drawings':>8}"
          f" {'same':>7}   pen-up to guess, ms: median, p99")  # fmt: skip
    for each in outcomes:
        screen = each.screen
        words = truth[key(screen)]
        same = np.mean([a == b for a, b in zip(each.words, words, strict=True)])
        middle, slow = np.percentile(each.ms, [50, 99])
        print(
            f"{each.mode:8} {screen.name:7} {screen.ratio:5} {each.canvas:6} {screen.pointer:7}"
            f" {len(words):8,} {same:7.1%}   {middle:6.1f} {slow:6.1f}"
        )
    for mode in dict.fromkeys(each.mode for each in outcomes):
        own = [each for each in outcomes if each.mode == mode]
        pairs = [
            pair for each in own for pair in zip(each.words, truth[key(each.screen)], strict=True)
        ]
        same = sum(a == b for a, b in pairs)
        ms = np.concatenate([each.ms for each in own])
        print(
            f"{mode}: the same top-1 as Python for {same:,} of {len(pairs):,}"
            f" ({same / len(pairs):.2%}); pen-up to guess {np.median(ms):.1f} ms, p99"
            f" {np.percentile(ms, 99):.1f} ms"
        )
    if len(taken):
        print(
            f"a guess by onnxruntime-web, 1 thread: {np.median(taken):.1f} ms, p99"
            f" {np.percentile(taken, 99):.1f} ms, of {len(taken):,}"
        )


def key(screen: Screen) -> str:
    return f"{screen.name} {screen.ratio}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="a store with a test split")
    parser.add_argument("--drawings", type=int, default=50, help="on each of the six screens")
    parser.add_argument("--modes", nargs="+", default=["server", "browser"])
    parser.add_argument("--json", type=Path, help="also write the figures there")
    args = parser.parse_args()

    n = args.drawings
    drawings = held_out(Store(args.data), n * len(SCREENS))
    model = dw.load()
    predicted = model.predict(drawings, top=2)
    words = [each.word for each in predicted]
    truth = {key(screen): words[at * n : (at + 1) * n] for at, screen in enumerate(SCREENS)}
    print(machine())
    print(f"{len(drawings):,} test drawings of {args.data}, model {model.info.model}")
    with tempfile.TemporaryDirectory() as folder, site(Path(folder)) as static, served() as server:
        urls = {"server": server, "browser": static}
        chosen = {mode: urls[mode] for mode in args.modes}
        outcomes, taken = asyncio.run(measure(chosen, drawings, n))
    show(outcomes, truth, taken)
    for outcome in outcomes:
        start = SCREENS.index(outcome.screen) * n
        for row, word in enumerate(outcome.words):
            python = predicted[start + row]
            if word != python.word:
                print(f"differs, {outcome.mode}, {key(outcome.screen)}, drawing {start + row}:"
                      f" the page says {word}, Python {python}")  # fmt: skip
    if args.json:
        found = {"outcomes": [asdict(each) for each in outcomes], "truth": truth, "taken": taken}
        args.json.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
