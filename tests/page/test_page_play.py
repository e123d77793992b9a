from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hand import draw_by_mouse, only_known

from doodlewise.data.formats import read_drawings

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

pytestmark = pytest.mark.browser

SHEET = "#play-sheet canvas"


def word_of(tab: Tab) -> str:
    """The word on the card, without its article."""
    return tab.inner_text(".to-draw .marked").split(" ", 1)[1]


def test_a_round_of_six_words(
    open_tab: Callable[..., Tab], doodles: dict[str, list[Any]], tmp_path: Path
) -> None:
    """Three are drawn, one is skipped, and for two the time runs out, one of them half drawn."""
    tab = open_tab(
        "play", prepare=lambda tab: (tab.clock.install(time=0), only_known(tab, list(doodles)))
    )
    tab.clock.pause_at(3_600_000)
    tab.click("#play-start")
    words = []
    for number in range(6):
        assert f"Word {number + 1} of 6" in tab.inner_text(".of")
        words.append(word_of(tab))
        tab.keyboard.press("Enter")  # the button has the focus
        tab.wait_for_selector(SHEET)
        assert "20 s" in tab.inner_text(".seconds")
        if number < 3:
            draw_by_mouse(tab, doodles[words[-1]], SHEET)
            tab.wait_for_selector("#play-sheet.is-right")
            assert "Oh, I know" in tab.inner_text("#play .answer")
        elif number == 3:
            tab.click("#play-skip")
        else:
            if number == 5:
                draw_by_mouse(tab, [[[0, 100, 20], [0, 30, 80]]], SHEET)
            tab.clock.run_for(20_500)
            tab.wait_for_selector("#play-sheet.is-over")
        tab.clock.run_for(2500)
    assert len(set(words)) == 6
    tab.wait_for_selector("#play-again")
    assert tab.inner_text("#play-score") == "I knew 3 of 6."
    assert tab.locator(".polaroid").count() == 6
    assert tab.locator(".polaroid.is-right h3").all_inner_texts() == [f"✓ {w}" for w in words[:3]]
    assert tab.inner_text(".polaroid:nth-child(4) p") == "Nothing drawn."
    with tab.expect_download() as download:
        tab.click("#play-save")
    path = tmp_path / "game.ndjson"
    download.value.save_as(path)
    assert [each.word for each in read_drawings(path)] == [*words[:3], words[5]]
    tab.click("#play-again")
    tab.wait_for_selector(".to-draw")


def test_few_words_make_a_short_game(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab("play", prepare=lambda tab: only_known(tab, ["cat", "star"]))
    assert "2 words." in tab.inner_text(".welcome")
    tab.click("#play-start")
    assert "Word 1 of 2" in tab.inner_text(".of")


def test_the_rules(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab("play")
    line, dot = [[[0.1, 0.9], [0.5, 0.5]]], [[[0.5], [0.5]]]

    def recognised(place: int, probability: float, known: int, strokes: Any = line) -> bool:
        guesses = [{"word": f"other {i}", "probability": 0.4} for i in range(5)]
        guesses[place] = {"word": "cat", "probability": probability}
        return bool(
            tab.evaluate(
                "async ([guesses, known, strokes]) =>"
                " (await import('/game.js')).isRecognised(guesses, 'cat', known, strokes)",
                [guesses, known, strokes],
            )
        )

    assert recognised(0, 0.2, 345)
    assert not recognised(0, 0.19, 345)
    assert recognised(2, 0.3, 345)
    assert not recognised(2, 0.29, 345)
    assert not recognised(3, 0.4, 345)
    assert not recognised(0, 0.55, 2)
    assert recognised(0, 0.6, 2)
    assert not recognised(0, 0.99, 345, dot)


def test_words_do_not_come_again_soon(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab("play")
    games = tab.evaluate(
        """async () => {
          const { chooseWords } = await import("/game.js");
          const words = Array.from({ length: 20 }, (_, i) => `w${i}`);
          const first = chooseWords(words), second = chooseWords(words, first);
          return [first, second, chooseWords(words.slice(0, 7), words.slice(0, 6))];
        }"""
    )
    assert len(set(games[0] + games[1])) == 12
    assert games[2][0] == "w6"
    assert len(set(games[2])) == 6


def test_speech_is_off_until_asked_for(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab("play")
    spoken = "async () => (await import('/speech.js')).speech.on"
    assert tab.evaluate(spoken) is False
    if tab.locator("#play-voice").count():
        tab.check("#play-voice")
        assert tab.evaluate(spoken) is True
