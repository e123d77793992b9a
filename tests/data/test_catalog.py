"""The list of words, what people may call them, and where their files lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from doodlewise.data.catalog import (
    ALIASES,
    FORMATS,
    MIRROR_UNSAFE,
    WORD_SETS,
    WORDS,
    file_name,
    remote_path,
    resolve_words,
)
from doodlewise.errors import ConfigError, UnknownClassError

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "quickdraw"


def spelling(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter not in " _-")


def test_there_are_345_words_sorted_as_file_names_are() -> None:
    assert len(WORDS) == len(set(WORDS)) == 345
    assert list(WORDS) == sorted(WORDS)
    assert WORDS[:4] == (
        "The Eiffel Tower",
        "The Great Wall of China",
        "The Mona Lisa",
        "aircraft carrier",
    )
    assert {"t-shirt", "teddy-bear", "hot air balloon", "zigzag"} <= set(WORDS)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real drawings are not at ../shared/data")
@pytest.mark.parametrize("folder", ["simplified", "raw"])
def test_words_are_the_real_file_names(folder: str) -> None:
    assert sorted(path.stem for path in (REAL / folder).glob("*.ndjson")) == list(WORDS)


@pytest.mark.parametrize("name", WORD_SETS)
def test_sets_hold_known_words_once(name: str) -> None:
    words = WORD_SETS[name]
    assert len(words) == len(set(words)) > 5
    assert set(words) <= set(WORDS)
    assert resolve_words(name) == list(words)


def test_every_name_means_one_thing() -> None:
    names = [spelling(name) for name in (*WORDS, *WORD_SETS, "all", *ALIASES)]
    assert len(names) == len(set(names))
    assert set(ALIASES.values()) <= set(WORDS)


@pytest.mark.parametrize("alias", ALIASES)
def test_aliases_lead_to_their_word(alias: str) -> None:
    assert resolve_words(alias.upper()) == [ALIASES[alias]]


def test_underscores_and_capitals_are_tolerated() -> None:
    assert resolve_words(word.replace(" ", "_") for word in WORDS) == list(WORDS)
    assert resolve_words(word.title().replace(" ", "") for word in WORDS) == list(WORDS)


def test_mirror_unsafe_words_are_words() -> None:
    assert set(WORDS) > MIRROR_UNSAFE > {"clock", "calendar", "stop sign"}


def test_lists_sets_and_aliases_mix_without_repeating() -> None:
    assert resolve_words(["TShirt, tv", "duck,", "animals10", "The_Eiffel_Tower"]) == [
        "t-shirt",
        "television",
        "duck",
        "bear",
        "bee",
        "camel",
        "cat",
        "cow",
        "crab",
        "crocodile",
        "dog",
        "dolphin",
        "The Eiffel Tower",
    ]
    assert resolve_words("all") == list(WORDS)


def test_own_classes_win_over_sets_aliases_and_commas() -> None:
    own = ["food", "tv", "salt, pepper", "Cat"]
    assert resolve_words(["food", "tv", "salt, pepper", "cat"], own) == own
    assert resolve_words("all", own) == own


def test_one_spelling_of_two_classes_is_not_guessed() -> None:
    own = ["ice cream", "icecream"]
    assert resolve_words("ice cream", own) == ["ice cream"]
    with pytest.raises(UnknownClassError, match="Did you mean 'icecream' or 'ice cream'"):
        resolve_words("ice_cream", own)


def test_unknown_words_are_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownClassError, match=r"'girafe' is not among .* Did you mean 'giraffe'"):
        resolve_words("cat,girafe")
    with pytest.raises(UnknownClassError, match="Did you mean 'animals10' or 'animals'"):
        resolve_words("animals1")
    with pytest.raises(UnknownClassError, match="Choose from: The Eiffel Tower"):
        resolve_words("qqqq")


def test_an_alias_of_an_absent_word_is_unknown() -> None:
    with pytest.raises(UnknownClassError, match="'tv' is not among the 2 classes"):
        resolve_words("tv", ["cat", "dog"])


def test_a_set_is_never_cut_silently() -> None:
    with pytest.raises(
        UnknownClassError, match=r"crab, .* are not .* Name those that are: cat,dog"
    ):
        resolve_words("animals10", ["dog", "cat"])
    with pytest.raises(UnknownClassError, match="bicycle is not among the 9 classes"):
        resolve_words("demo10", [word for word in WORD_SETS["demo10"] if word != "bicycle"])


@pytest.mark.parametrize("nothing", [[], "", [" , "]])
def test_nothing_named_is_an_error(nothing: str | list[str]) -> None:
    with pytest.raises(UnknownClassError, match="No words were named"):
        resolve_words(nothing)


def test_paths_are_those_of_the_bucket() -> None:
    assert remote_path("alarm clock", "simplified") == "full/simplified/alarm%20clock.ndjson"
    assert remote_path("cat", "raw") == "full/raw/cat.ndjson"
    assert remote_path("cat", "binary") == "full/binary/cat.bin"
    assert remote_path("The Mona Lisa", "bitmap") == "full/numpy_bitmap/The%20Mona%20Lisa.npy"
    assert remote_path("cat", "sketchrnn") == "sketchrnn/cat.npz"
    assert file_name("The Mona Lisa", "bitmap") == "The Mona Lisa.npy"
    assert set(FORMATS) == {"simplified", "raw", "binary", "bitmap", "sketchrnn"}


def test_unknown_formats_are_named() -> None:
    with pytest.raises(ConfigError, match=r"There is no format 'bitmaps'\. Did you mean 'bitmap'"):
        remote_path("cat", "bitmaps")  # type: ignore[arg-type]
