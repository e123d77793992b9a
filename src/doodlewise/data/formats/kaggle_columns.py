"""The columns that Kaggle's files of strokes and of pictures have in common."""

from __future__ import annotations

from .csv_rows import CsvRows
from .strokes_of_json import UnusableError, country_of, key_id_of

__all__ = ["KaggleColumns"]

NOT_UTF8 = "text that is not UTF-8"

_RECOGNISED = {b"true": True, b"1": True, b"false": False, b"0": False}


class KaggleColumns:
    """Reads what is known about a drawing out of the fields of its row.

    Args:
        table: whose rows they are.
        word: the class of rows that do not say theirs.
        label_column: where the class is, if it is not in the column "word".

    Raises:
        FormatError: there is no column of this name.
    """

    def __init__(self, table: CsvRows, word: str, label_column: str | None = None) -> None:
        self._word = table.column("word")
        if label_column is not None:
            self._word = table.required(label_column.lower(), "Choose another --label-column.")
        self._country = table.column("countrycode")
        self._recognised = table.column("recognized")
        self._key_id = table.column("key_id")
        # There are few words and countries, and millions of rows.
        self._words = {b"": word}
        self._countries = {b"": ""}

    def word(self, fields: list[bytes]) -> str:
        """The class, as it is written.

        Raises:
            UnusableError: it is not UTF-8.
        """
        text = fields[self._word]
        if text not in self._words:
            try:
                self._words[text] = text.decode("utf-8")
            except UnicodeDecodeError:
                raise UnusableError(NOT_UTF8) from None
        return self._words[text]

    def country(self, fields: list[bytes]) -> str:
        """Two letters, "" where unknown. "NA" is Namibia."""
        text = fields[self._country]
        if text not in self._countries:
            self._countries[text] = country_of(text.decode("ascii", "replace"))
        return self._countries[text]

    def recognised(self, fields: list[bytes]) -> bool | None:
        """Whether the game recognised the drawing; None where unknown."""
        return _RECOGNISED.get(fields[self._recognised].lower())

    def key_id(self, fields: list[bytes]) -> int | None:
        """The drawing's key; None where it has none."""
        return key_id_of(fields[self._key_id])

    def facts(self, fields: list[bytes]) -> tuple[str, str, int]:
        """Class, country, and recognised as 1, 0 or, where unknown, -1: what may be wanted.

        Raises:
            UnusableError: see `word`.
        """
        recognised = self.recognised(fields)
        return self.word(fields), self.country(fields), -1 if recognised is None else recognised
