from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hand import SHEET, Server, draw_by_mouse, first_guess, until
from PIL import Image

import doodlewise as dw
from doodlewise.data.formats import read_drawings
from doodlewise.data.prepare import prepare

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

pytestmark = pytest.mark.browser

PAD, TRY = "#teach-sheet canvas", "#try-sheet canvas"
EVIL = '"><img src=x onerror="window.evil=1"><b>'


def zigzag(rng: np.random.Generator) -> list[Any]:
    x = np.linspace(0, 100, 8)
    y = np.where(np.arange(8) % 2, 60, 0)
    return [[(x + rng.normal(0, 2, 8)).tolist(), (y + rng.normal(0, 3, 8)).tolist()]]


def ring(rng: np.random.Generator) -> list[Any]:
    """A ring with a cross inside."""
    t = np.linspace(0, 2 * np.pi, 24)
    x, y = 50 + 50 * np.cos(t), 50 + 45 * np.sin(t)
    around = [(x + rng.normal(0, 1.5, 24)).tolist(), (y + rng.normal(0, 1.5, 24)).tolist()]
    return [around, [[20, 80], [50, 50]], [[50, 50], [20, 80]]]


SHAPES = {"zorblax": zigzag, "wheely": ring}


def add_word(tab: Tab, word: str) -> None:
    tab.fill("#teach-word", word)
    tab.keyboard.press("Enter")


def teach(tab: Tab, examples: int = 5) -> None:
    """Two words, so many examples of each."""
    rng = np.random.default_rng(3)
    for word, shape in SHAPES.items():
        add_word(tab, word)
        for _ in range(examples):
            draw_by_mouse(tab, shape(rng), PAD)
            tab.click("#teach-take")


def learn(tab: Tab) -> None:
    tab.click("#teach-learn")
    tab.wait_for_selector(TRY, timeout=60_000)


def test_two_words_are_taught_tried_used_and_taken_away(
    open_tab: Callable[..., Tab], tmp_path: Path
) -> None:
    tab = open_tab("teach")
    assert tab.is_disabled("#teach-learn")
    teach(tab)
    assert tab.locator(".thumbs li").count() == 10
    learn(tab)
    said = tab.inner_text(".lead")
    assert said.startswith("2 words from 10 examples, in ")
    rng = np.random.default_rng(99)
    for word, shape in SHAPES.items():
        draw_by_mouse(tab, shape(rng), TRY)
        first_guess(tab, word)
        tab.click("#teach-result .tools button:last-child")

    with tab.expect_download() as download:
        tab.click("#save-drawings")
    drawings = tmp_path / "my-words.ndjson"
    download.value.save_as(drawings)
    every = list(read_drawings(drawings))
    assert [each.word for each in every] == ["zorblax"] * 5 + ["wheely"] * 5
    assert len({each.key_id for each in every}) == 10
    assert all(each.recognised and each.timestamp is not None for each in every)
    prepare([drawings], tmp_path / "store", jobs=1)

    with tab.expect_download() as download:
        tab.click("#save-model")
    download.value.save_as(tmp_path / "my-words.onnx")
    model = dw.load(tmp_path / "my-words.onnx")
    assert [each.word for each in model.predict(every)] == [each.word for each in every]

    tab.click("#use-in-draw")
    tab.wait_for_selector("body[data-ready=draw]")
    draw_by_mouse(tab, ring(rng), SHEET)
    first_guess(tab, "wheely")
    assert tab.locator("#model option").count() == 2
    tab.select_option("#model", "")
    until(tab, "document.querySelector('.guess.is-first .word').textContent !== 'wheely'")


def test_the_bundle_has_model_and_drawings(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab("teach")
    teach(tab, examples=3)
    learn(tab)
    with tab.expect_download() as download:
        tab.click("#save-bundle")
    with zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes())) as bundle:
        assert {"model.onnx", "drawings.ndjson"} <= set(bundle.namelist())


def test_the_known_words_can_stay(
    open_tab: Callable[..., Tab], doodles: dict[str, list[Any]]
) -> None:
    tab = open_tab("teach")
    add_word(tab, "wheely")
    rng = np.random.default_rng(3)
    for _ in range(5):
        draw_by_mouse(tab, ring(rng), PAD)
        tab.click("#teach-take")
    assert tab.is_disabled("#teach-learn")
    tab.check("#teach-known")
    learn(tab)
    assert tab.inner_text(".lead").startswith("1 word from 5 examples")
    draw_by_mouse(tab, doodles["star"], TRY)
    first_guess(tab, "star")
    tab.click("#teach-result .tools button:last-child")
    draw_by_mouse(tab, ring(rng), TRY)
    first_guess(tab, "wheely")


def test_nothing_is_lost_by_a_reload(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab("teach")
    teach(tab, examples=2)
    tab.check("#teach-known")
    tab.click(".word-card-row:first-child .thumb-remove >> nth=0")
    tab.wait_for_timeout(300)
    tab.reload()
    tab.wait_for_selector("body[data-ready=teach]")
    assert tab.locator(".word-choose b").all_inner_texts() == ["zorblax", "wheely"]
    assert tab.locator(".thumbs li").count() == 3
    assert tab.is_checked("#teach-known")
    tab.click(".word-remove >> nth=0")
    tab.wait_for_timeout(300)
    tab.reload()
    tab.wait_for_selector("body[data-ready=teach]")
    assert tab.locator(".word-choose b").all_inner_texts() == ["wheely"]


def test_a_word_is_never_read_as_html(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab("teach")
    rng = np.random.default_rng(3)
    for word, shape in ((EVIL, ring), ("plain", zigzag)):
        add_word(tab, word)
        for _ in range(2):
            draw_by_mouse(tab, shape(rng), PAD)
            tab.click("#teach-take")
    learn(tab)
    draw_by_mouse(tab, ring(rng), TRY)
    first_guess(tab, EVIL)
    tab.click("#use-in-draw")
    draw_by_mouse(tab, ring(rng), SHEET)
    first_guess(tab, EVIL)
    tab.wait_for_selector("#ribbon span")
    with tab.expect_download() as download:
        tab.click("#save-ndjson")
    assert '"' not in download.value.suggested_filename
    assert "/" not in download.value.suggested_filename
    (saved,) = read_drawings(Path(download.value.path()))
    assert saved.word == EVIL
    tab.click(".tabs a[href='#inside']")
    tab.wait_for_selector("#inside-chart svg")
    assert tab.evaluate("window.evil") is None
    assert tab.locator("img[src=x]").count() == 0


def test_pictures_teach_too(open_tab: Callable[..., Tab], tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    tab = open_tab("teach")
    for word, shape in SHAPES.items():
        add_word(tab, word)
        files = []
        for i in range(3):
            drawing = dw.Drawing.from_strokes(shape(rng))
            ink = dw.render(drawing, dw.RenderSpec(side=200, line_width=8, padding=30))
            files.append(tmp_path / f"{word}{i}.png")
            Image.fromarray(255 - ink).save(files[-1])
        tab.set_input_files("#teach-files", files)
        until(tab, "document.querySelectorAll('.is-chosen .thumbs img').length === 3")
    learn(tab)
    draw_by_mouse(tab, ring(rng), TRY)
    first_guess(tab, "wheely")


def test_what_is_no_picture_is_told(open_tab: Callable[..., Tab], tmp_path: Path) -> None:
    tab = open_tab("teach")
    add_word(tab, "thing")
    (tmp_path / "not.png").write_bytes(b"not a picture")
    tab.set_input_files("#teach-files", [tmp_path / "not.png"])
    tab.wait_for_selector("#trouble:not([hidden])")
    assert "not.png is not a picture" in tab.inner_text("#trouble")


def test_words_are_checked(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab("teach")
    add_word(tab, "  ")
    assert tab.inner_text("#teach-wrong") == "Write a word first."
    add_word(tab, "owl")
    add_word(tab, " OWL ")
    assert tab.inner_text("#teach-wrong") == "“OWL” is there already."


def test_a_server_with_a_key_asks_for_it(
    open_tab: Callable[..., Tab], tmp_path: Path, trouble: list[str]
) -> None:
    server = Server(tmp_path / "log", "--api-key", "sesame")
    server.start()
    try:
        tab = open_tab("teach", url=server.url)
        teach(tab, examples=2)
        tab.click("#teach-learn")
        tab.wait_for_selector("#trouble:not([hidden])")
        assert [each for each in trouble if "401" in each]
        trouble.clear()
        tab.fill("#teach-key", "sesame")
        learn(tab)
        tab.context.close()
    finally:
        server.stop()
