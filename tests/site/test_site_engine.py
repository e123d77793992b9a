"""What a site guesses is what Python guesses, and it needs nobody for it."""

from __future__ import annotations

import os
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from places import OPEN_ENGINE, SUB_PATH

import doodlewise as dw
from doodlewise.data.store import Store
from doodlewise.drawing import Drawing
from doodlewise.exporting.site import POLICY
from raster_cases import needs_quickdraw, real_drawings

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

pytestmark = pytest.mark.browser

ALL = 1000
PREDICT = """async ([drawings, options]) => engine.predict(drawings, options)"""
LIVE = """async ([steps, last]) => {
    const heard = [];
    const live = engine.live((message) => heard.push(message));
    for (const [what, ...given] of steps) {
        if (what === "wait") await new Promise((on) => setTimeout(on, given[0]));
        else live[what](...given);
    }
    for (let tries = 0; tries < 1000; tries++) {
        const newest = heard.at(-1);
        if (newest?.type === last.type && newest.points === last.points) break;
        await new Promise((on) => setTimeout(on, 20));
    }
    await new Promise((on) => setTimeout(on, 300));
    live.close();
    return heard;
}"""
CAT = [[[10, 90, 90, 10, 10], [10, 10, 90, 90, 10]], [[0, 100], [50, 50]]]


def strokes_of(drawing: Drawing) -> list[Any]:
    return [stroke.T.tolist() for stroke in drawing.strokes]


def in_browser(engine: Tab, drawings: list[Drawing], classes: list[str]) -> np.ndarray[Any, Any]:
    """Probabilities (drawings, classes)."""
    given = [[strokes_of(each) for each in drawings], {"top": ALL}]
    found = np.full((len(drawings), len(classes)), np.nan)
    index = {word: column for column, word in enumerate(classes)}
    for row, prediction in enumerate(engine.evaluate(PREDICT, given)):
        for guess in prediction["guesses"]:
            found[row, index[guess["word"]]] = guess["probability"]
        assert prediction["word"] == prediction["guesses"][0]["word"]
    return found


def check_like_python(engine: Tab, drawings: list[Drawing]) -> None:
    model = dw.load()
    theirs = model.probabilities(drawings)
    ours = in_browser(engine, drawings, model.classes)
    np.testing.assert_allclose(ours, theirs, atol=1e-3)
    np.testing.assert_array_equal(ours.argmax(axis=1), theirs.argmax(axis=1))


def test_synthetic_drawings(engine: Tab, strokes_store: Path) -> None:
    store = Store(strokes_store)
    drawings = store.read(store.shards("test")[0]).drawings
    assert drawings is not None
    check_like_python(engine, list(drawings))


def test_odd_drawings(engine: Tab, hand_made: dict[str, Drawing]) -> None:
    check_like_python(engine, list(hand_made.values()))


@pytest.mark.parametrize("kind", ["line", "dots", "both"])
def test_drawings_that_are_thinned(engine: Tab, kind: str) -> None:
    rng = np.random.default_rng(4)
    line = rng.normal(scale=9.0, size=(30_000, 2)).cumsum(axis=0)
    dots = [rng.uniform(-900, 900, (1, 2)) for _ in range(6_000)]
    strokes: dict[str, list[Any]] = {"line": [line], "dots": dots, "both": [*dots, line]}
    check_like_python(engine, [Drawing.from_strokes(strokes[kind])])


@needs_quickdraw
@pytest.mark.parametrize("raw", [False, True])
def test_real_drawings(engine: Tab, raw: bool) -> None:
    every = real_drawings(raw)
    check_like_python(engine, [every[row] for row in range(0, min(len(every), 150), 3)])


def test_what_it_tells(engine: Tab) -> None:
    first, second = engine.evaluate(PREDICT, [[CAT, CAT[:1]], {"look": True}])
    ours = dw.load()
    for told, strokes in ((first, CAT), (second, CAT[:1])):
        theirs = ours.predict(Drawing.from_strokes(strokes))
        assert set(told) == {"word", "probability", "sure", "guesses", "notes", "pixels"}
        assert told["sure"] == theirs.sure
        assert [each["word"] for each in told["guesses"]] == [each.word for each in theirs.guesses]
        seen = ours.see([Drawing.from_strokes(strokes)], pixels=True).pixels
        assert seen is not None
        np.testing.assert_array_equal(told["pixels"], seen[0, 0])
    labels = engine.evaluate("() => engine.labels(null)")
    assert [label["word"] for label in labels] == ours.classes


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        ("engine.predict([[]])", "empty_drawing", "The drawing is empty. Draw at least"),
        ("engine.predict([[[[], []]]])", "empty_drawing", "The drawing is empty"),
        ("engine.predict([[[[1], [NaN]]]])", "bad_number", "not a number"),
        ("engine.predict([[[[1], [1e39]]]])", "bad_number", "too large"),
        ("engine.predict([[[[1, 2], [3]]]])", "bad_stroke", "2 x and 1 y"),
        ("engine.predict([[[[1], [2]]]], {model: 'taught-gone'})", "unknown_model", "Teach them"),
        ("engine.keep('cat', [[[1], [2]]])", "not_kept", "Download them"),
        ("engine.teach({words: [{word: 'a', drawings: []}]})", "bad_words", "Give 2 to 100"),
        (
            "engine.teach({words: [{word: 'a', drawings: [], images: ['data:,']}]})",
            "no_pictures",
            "taught with drawings only",
        ),
    ],
)
def test_errors_are_for_people(engine: Tab, asked: str, code: str, said: str) -> None:
    caught = engine.evaluate(
        f"() => {asked}.then(() => null, (e) => [e.constructor.name, e.code, e.message])"
    )
    assert caught[:2] == ["EngineError", code]
    assert said in caught[2]
    # And it goes on.
    assert engine.evaluate(PREDICT, [[CAT], {}])[0]["word"]


def test_live_guesses(engine: Tab) -> None:
    one, two = CAT
    steps = [["points", one[0][:2], one[1][:2]], ["points", one[0][2:], one[1][2:]], ["end"]]
    steps += [["points", *two], ["end"]]
    heard = engine.evaluate(LIVE, [steps, {"type": "guess", "points": 7}])
    assert {each["type"] for each in heard} == {"guess"}
    newest = heard[-1]
    assert (newest["strokes"], newest["points"]) == (2, 7)
    assert newest["word"] == dw.load().predict(Drawing.from_strokes(CAT)).word
    assert newest["ms"] > 0
    # What came while a guess was under way was guessed together.
    assert len(heard) < len(steps)


def test_live_never_tells_of_what_is_gone(engine: Tab) -> None:
    steps = [["points", *CAT[0]], ["end"], ["clear"]]
    heard = engine.evaluate(LIVE, [steps, {"type": "empty"}])
    assert [each["type"] for each in heard] == ["empty"]
    steps = [["set", CAT], ["undo"]]
    heard = engine.evaluate(LIVE, [steps, {"type": "guess", "points": 5}])
    assert [(each["strokes"], each["points"]) for each in heard] == [(1, 5)]
    steps = [["set", CAT], ["wait", 400], ["undo"], ["undo"]]
    heard = engine.evaluate(LIVE, [steps, {"type": "empty"}])
    assert [each["type"] for each in heard] == ["guess", "empty"]


def test_live_keeps_a_pace(engine: Tab) -> None:
    steps: list[Any] = [["points", [0], [0]]]
    for x in range(1, 60):
        steps += [["points", [x], [x]], ["wait", 5]]
    heard = engine.evaluate(LIVE, [[*steps, ["end"]], {"type": "guess", "points": 60}])
    assert heard[-1]["points"] == 60
    assert [each["points"] for each in heard] == sorted(each["points"] for each in heard)
    # 59 waits of 5 ms or more; every 50 ms a guess at most, and one at the end.
    assert len(heard) < 40


def test_it_asks_nobody_else_and_works_offline(tab: Tab, site_url: str, trouble: list[str]) -> None:
    asked: list[str] = []
    tab.context.on("request", lambda request: asked.append(request.url))
    tab.goto(site_url)
    wait_until(tab, "document.body.dataset.ready === 'draw'")
    here = [url for url in asked if url.startswith(site_url)]
    assert f"{site_url}runtime/ort.wasm.gz" in here
    others = [url for url in asked if url not in here and not url.startswith(("data:", "blob:"))]
    assert not others
    # The other views are loaded when they are opened first.
    for view in ("play", "teach", "inside", "draw"):
        tab.evaluate(f"() => {{ location.hash = '#{view}'; }}")
        wait_until(tab, f"document.body.dataset.ready === '{view}'")
    tab.context.set_offline(True)
    box = tab.locator("#draw-sheet canvas").bounding_box()
    assert box is not None
    tab.mouse.move(box["x"] + 50, box["y"] + 60)
    tab.mouse.down()
    for x, y in [(200, 60), (200, 200), (50, 200), (50, 60)]:
        tab.mouse.move(box["x"] + x, box["y"] + y, steps=5)
    tab.mouse.up()
    wait_until(tab, "document.querySelector('#draw-guesses .is-first') !== null")
    tab.context.set_offline(False)
    assert not trouble


def wait_until(tab: Tab, condition: str, seconds: float = 60.0) -> None:
    """Playwright's own waiting needs eval, which the page forbids."""
    for _ in range(int(seconds / 0.05)):
        if tab.evaluate(f"() => {condition}"):
            return
        tab.wait_for_timeout(50)
    raise AssertionError(f"never came true: {condition}")


@pytest.fixture
def copy(www: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of the site, to be damaged."""
    out = www / f"damaged-{abs(hash(request.node.name))}"
    shutil.copytree(www / SUB_PATH, out, copy_function=os.link)
    return out


def replace_file(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("model.onnx", None, "model.onnx of this site cannot be loaded (404)"),
        ("model.onnx", b"<!doctype html><p>Not here", "model.onnx is not a model, or is damaged"),
        ("model.onnx", b"", "model.onnx is not a model, or is damaged"),
        ("runtime/ort.wasm.gz", None, "ort.wasm.gz of this site cannot be loaded (404)"),
        ("runtime/ort.wasm.gz", b"\x1f\x8bnothing", "ort.wasm.gz of this site is damaged"),
        ("runtime/ort.js", None, "ort.js of this site cannot be loaded"),
        ("runtime/ort-glue.js", None, "cannot be run in this browser"),
        ("worker.js", None, "that guesses cannot be started"),
        ("config.json", None, "could not start"),
    ],
)
def test_a_site_that_is_not_whole_says_so(
    tab: Tab, origin: str, copy: Path, file: str, content: bytes | None, said: str
) -> None:
    if content is None:
        (copy / file).unlink()
    else:
        replace_file(copy / file, content)
    tab.goto(f"{origin}/{copy.name}/")
    wait_until(tab, "!document.getElementById('trouble').hidden")
    assert said in tab.inner_text("#trouble")


def test_a_model_that_is_cut_off(tab: Tab, origin: str, copy: Path) -> None:
    whole = (copy / "model.onnx").read_bytes()
    replace_file(copy / "model.onnx", whole[: len(whole) // 2])
    tab.goto(f"{origin}/{copy.name}/")
    wait_until(tab, "!document.getElementById('trouble').hidden")
    assert "model.onnx is not a model, or is damaged" in tab.inner_text("#trouble")


class Unpacking(SimpleHTTPRequestHandler):
    """A host that takes .gz for an encoding, as some do: browsers unpack such files themselves."""

    def end_headers(self) -> None:
        if self.path.endswith(".gz"):
            self.send_header("Content-Encoding", "gzip")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None: ...


class Isolating(Unpacking):
    """A host with the headers that allow threads, and our policy for all of its files."""

    def end_headers(self) -> None:
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Content-Security-Policy", POLICY)
        super(Unpacking, self).end_headers()


@pytest.mark.parametrize("host", [Unpacking, Isolating])
def test_hosts_of_all_kinds(tab: Tab, www: Path, host: type[Unpacking], trouble: list[str]) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(host, directory=str(www)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        tab.goto(f"http://127.0.0.1:{server.server_address[1]}/{SUB_PATH}/bare.html")
        assert tab.evaluate("crossOriginIsolated") == (host is Isolating)
        tab.evaluate(OPEN_ENGINE)
        model = dw.load()
        told = tab.evaluate(PREDICT, [[CAT], {}])[0]
        assert told["word"] == model.predict(Drawing.from_strokes(CAT)).word
        assert not [each for each in trouble if not each.startswith("request")]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
