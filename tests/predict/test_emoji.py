from __future__ import annotations

import unicodedata

from doodlewise.data.catalog import WORDS
from doodlewise.predict.emoji import EMOJI


def test_every_emoji_belongs_to_a_word() -> None:
    assert set(EMOJI) <= set(WORDS)
    assert len(EMOJI) >= 220


def test_each_is_one_picture() -> None:
    for word, emoji in EMOJI.items():
        shown = emoji.replace("\N{VARIATION SELECTOR-16}", "")
        assert len(shown) == 1, word
        # Dingbats and pictographs are symbols; the wavy dash of a squiggle is punctuation.
        assert unicodedata.category(shown) in ("So", "Pd", "Cn"), word


def test_no_two_words_share_one() -> None:
    assert len(set(EMOJI.values())) == len(EMOJI)
