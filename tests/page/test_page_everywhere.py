"""What holds for every view: any window, light and dark, keyboard, screen reader, lost servers."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hand import SHEET, Server, draw_by_mouse, first_guess, only_known, probe, until
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

pytestmark = pytest.mark.browser

VIEWS = ["draw", "play", "teach", "inside"]
SIZES = [(360, 740), (820, 1180), (1440, 900), (3840, 2160), (740, 360)]
PICTURES = Path(__file__).resolve().parents[2] / "docs" / "images"


def fill_view(tab: Tab, view: str, doodles: dict[str, list[Any]]) -> None:
    """Something to be seen in every view."""
    if view == "draw":
        draw_by_mouse(tab, doodles["umbrella"])
        first_guess(tab, "umbrella")
        tab.wait_for_selector("#ribbon span", timeout=30_000)
    elif view == "play":
        tab.click("#play-start")
        tab.click("#play-go")
        draw_by_mouse(tab, [[[0, 100, 20], [0, 30, 80]]], "#play-sheet canvas")
    elif view == "teach":
        for word, shape in (("bow", "butterfly"), ("drop", "pear")):
            tab.fill("#teach-word", word)
            tab.keyboard.press("Enter")
            for _ in range(2):
                draw_by_mouse(tab, doodles[shape], "#teach-sheet canvas")
                tab.click("#teach-take")
        draw_by_mouse(tab, doodles["star"], "#teach-sheet canvas")
    else:
        draw_by_mouse(tab, doodles["butterfly"], "#inside-sheet canvas")
        tab.wait_for_selector("#inside-chart svg", timeout=30_000)


def grey(picture: bytes) -> np.ndarray[Any, Any]:
    with Image.open(io.BytesIO(picture)) as image:
        return np.asarray(image.convert("L"), np.int64)


@pytest.mark.parametrize(
    ("size", "scheme"),
    [(size, "light") for size in SIZES] + [(SIZES[0], "dark"), (SIZES[2], "dark")],
    ids=lambda value: value if isinstance(value, str) else f"{value[0]}x{value[1]}",
)
def test_every_view_fits_and_can_be_read(
    open_tab: Callable[..., Tab],
    size: tuple[int, int],
    scheme: str,
    doodles: dict[str, list[Any]],
) -> None:
    for view in VIEWS:
        tab = open_tab(view, size=size, color_scheme=scheme, reduced_motion="reduce")
        assert tab.evaluate("document.documentElement.scrollWidth") <= size[0]
        fill_view(tab, view, doodles)
        tab.mouse.move(2, 2)
        tab.wait_for_timeout(150)
        assert tab.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert probe(tab, "nameless") == []
        assert probe(tab, "faint") == []
        shown = grey(tab.screenshot())
        assert (shown.mean() < 110) == (scheme == "dark")
        assert shown.std() > 8
        tab.context.close()


def test_the_sheet_is_in_sight_and_large(open_tab: Callable[..., Tab]) -> None:
    for width, height in SIZES[:4]:
        tab = open_tab(size=(width, height))
        box = tab.locator(SHEET).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= height
        assert box["width"] == pytest.approx(box["height"], abs=1)
        assert box["width"] >= 0.62 * min(width, height)
        tab.context.close()


def test_paper_or_blackboard_is_chosen_and_remembered(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab(color_scheme="light")
    theme = "document.documentElement.dataset.theme"
    assert tab.evaluate(theme) == "light"
    tab.get_by_role("button", name="blackboard").click()
    assert tab.evaluate(theme) == "dark"
    tab.reload()
    tab.wait_for_selector("body[data-ready=draw]")
    assert tab.evaluate(theme) == "dark"
    tab.get_by_role("button", name="paper").click()
    assert tab.evaluate(theme) == "light"
    tab.emulate_media(color_scheme="dark")
    until(tab, f"{theme} === 'dark'")


def test_the_focus_goes_through_the_page_in_the_order_of_sight(
    open_tab: Callable[..., Tab], doodles: dict[str, list[Any]]
) -> None:
    tab = open_tab()
    draw_by_mouse(tab, doodles["cat"])
    first_guess(tab, "cat")
    tab.focus("#skip")
    seen = ["skip"]
    for _ in range(22):
        tab.keyboard.press("Tab")
        seen.append(
            tab.evaluate(
                "(() => { const e = document.activeElement;"
                " return e.id || e.className || e.getAttribute('href'); })()"
            )
        )
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert not seen[-1] or tab.evaluate(outline) != "none", seen
    wanted = ["skip", "brand", "#draw", "#play", "#teach", "#inside", "theme", "pad"]
    assert seen[: len(wanted)] == wanted
    rest = ["undo", "clear", "idea", "replay-play", "replay-slider", "save-png", "save-ndjson"]
    assert [each for each in seen if each in rest] == rest


def test_views_have_titles_and_the_focus_follows(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab()
    for view, title in zip(VIEWS[1:], ["Play", "Teach", "Look inside"], strict=True):
        tab.click(f".tabs a[href='#{view}']")
        tab.wait_for_selector(f"body[data-ready={view}]")
        assert tab.title() == f"{title} · Doodlewise"
        assert tab.evaluate("document.activeElement.id") == f"{view}-title"
        assert tab.locator("[aria-current=page]").get_attribute("href") == f"#{view}"
    tab.go_back()
    until(tab, "document.title.startsWith('Teach')")


def test_one_drawing_for_draw_and_look_inside(
    open_tab: Callable[..., Tab], doodles: dict[str, list[Any]]
) -> None:
    tab = open_tab()
    draw_by_mouse(tab, doodles["umbrella"])
    first_guess(tab, "umbrella")
    tab.click(".tabs a[href='#inside']")
    tab.wait_for_selector("#inside-chart svg")
    side = tab.evaluate("document.querySelector('#inside-seen canvas').width")
    assert side in (28, 64)
    assert "umbrella" in tab.inner_text("#inside-body")
    assert tab.locator("#inside-chart .line").count() == 5
    tab.click("summary")
    assert tab.locator("#inside-chart tbody tr").count() == 8
    if tab.locator("#inside-nearest").count():
        assert tab.locator("#inside-nearest li").count() == 6
    tab.keyboard.press("Control+z")
    tab.click("#inside .tools button:last-child")
    tab.wait_for_selector(".waiting")


def test_what_the_network_saw_is_what_python_draws(
    open_tab: Callable[..., Tab], doodles: dict[str, list[Any]]
) -> None:
    import doodlewise as dw

    tab = open_tab("inside")
    draw_by_mouse(tab, doodles["star"], "#inside-sheet canvas")
    tab.wait_for_selector("#inside-seen canvas")
    seen = tab.evaluate(
        """() => {
          const canvas = document.querySelector("#inside-seen canvas"), side = canvas.width;
          const { data } = canvas.getContext("2d").getImageData(0, 0, side, side);
          return Array.from({ length: side * side }, (_, i) => data[4 * i + 3]);
        }"""
    )
    model = dw.load()
    ours = dw.render(dw.Drawing.from_strokes(doodles["star"]), model.render)
    # Pointers have whole pixels, so the drawing is not the same to the last bit.
    assert np.abs(ours.ravel().astype(int) - np.array(seen)).mean() < 3


def test_a_server_goes_away_and_comes_back(
    open_tab: Callable[..., Tab],
    stray_server: Server,
    doodles: dict[str, list[Any]],
    trouble: list[str],
) -> None:
    tab = open_tab(url=stray_server.url)
    strokes = doodles["star"]
    draw_by_mouse(tab, strokes)
    first_guess(tab, "star")
    stray_server.stop(signal.SIGKILL)
    tab.wait_for_selector("#line-state:not([hidden])", timeout=30_000)
    assert "No connection" in tab.inner_text("#line-state")
    tab.click("#clear")
    draw_by_mouse(tab, doodles["umbrella"])  # drawing goes on meanwhile
    assert tab.locator(".guess.is-first").count() == 0
    stray_server.start()
    first_guess(tab, "umbrella", within=40_000)
    assert tab.locator("#line-state").is_hidden()
    # A connection that is refused is told on the console; nothing else may be.
    assert all("ERR_" in each or "WebSocket" in each for each in trouble)
    tab.context.close()
    trouble.clear()


def test_a_request_that_fails_is_told_in_words(
    open_tab: Callable[..., Tab], doodles: dict[str, list[Any]], trouble: list[str]
) -> None:
    tab = open_tab("inside")
    tab.route("**/v1/predict", lambda route: route.abort())
    draw_by_mouse(tab, doodles["star"], "#inside-sheet canvas")
    tab.wait_for_selector("#trouble:not([hidden])")
    assert "The server does not answer." in tab.inner_text("#trouble")
    tab.get_by_role("button", name="Close").click()
    assert tab.locator("#trouble").is_hidden()
    trouble.clear()


def test_motion_stops_for_who_asks(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab(reduced_motion="reduce")
    running = "document.getAnimations().filter((a) => a.playState === 'running').length"
    assert tab.evaluate(running) == 0


def with_a_clock(tab: Tab) -> None:
    tab.clock.install(time=0)
    only_known(tab, ["star"])


@pytest.mark.parametrize("view", VIEWS)
def test_the_pictures_of_the_docs(
    open_tab: Callable[..., Tab], view: str, doodles: dict[str, list[Any]], tmp_path: Path
) -> None:
    """Written into docs/images with DOODLEWISE_SCREENSHOTS=1, else only looked at."""
    folder = PICTURES if os.environ.get("DOODLEWISE_SCREENSHOTS") == "1" else tmp_path
    shots = [(view, (1280, 800), "light")]
    if view == "draw":
        shots += [("draw-dark", (1280, 800), "dark"), ("draw-phone", (390, 780), "light")]
    for name, size, scheme in shots:
        tab = open_tab(
            view,
            size=size,
            color_scheme=scheme,
            reduced_motion="reduce",
            prepare=with_a_clock if view == "play" else None,
        )
        if view == "play":
            tab.clock.pause_at(3_600_000)
            tab.click("#play-start")
            tab.click("#play-go")
            tab.clock.run_for(7_000)
            draw_by_mouse(tab, doodles["star"], "#play-sheet canvas")
            tab.wait_for_selector("#play-sheet.is-right")
        else:
            fill_view(tab, view, doodles)
        tab.mouse.move(2, 2)
        tab.evaluate("scrollTo(0, 0)")
        tab.wait_for_timeout(700)
        path = folder / f"page-{name}.png"
        with Image.open(io.BytesIO(tab.screenshot())) as image:
            whole = image.convert("RGB")
            palette = whole.quantize(method=Image.Quantize.FASTOCTREE)
            # Dithered, or the shadows would have steps.
            whole.quantize(palette=palette).save(path, optimize=True)
        assert path.stat().st_size < 200_000
        assert grey(path.read_bytes()).std() > 8
        tab.context.close()
