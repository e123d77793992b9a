"""Guesses for Kaggle's Doodle Recognition Challenge: a line for each row of its test file.

    key_id,word
    9000003627287624,The_Eiffel_Tower airplane donut

Up to three words a row, the best first; blanks within a word become "_". Memory does not depend on
the number of rows.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..data.chunk import Skips
from ..data.formats import detect
from ..data.formats.csv_rows import CsvRows
from ..data.formats.kaggle import CSV, DrawingRows
from ..data.formats.kaggle_columns import KaggleColumns
from ..data.formats.strokes_of_json import StrokeRows, UnusableError
from ..data.rows import Rows
from ..errors import BundleError, ConfigError, FormatError
from ..files import explain_os_errors, replacing
from .judge import subject_of
from .run import Subject, scores_of

__all__ = ["MOST_GUESSES", "SubmissionReport", "submit", "write_submission"]

MOST_GUESSES = 3
"""Kaggle takes no more."""

NO_KEY = "no key_id, so no line"

_BATCH_ROWS = 2_048


@dataclass(frozen=True, slots=True)
class SubmissionReport:
    """What was written.

    Attributes:
        out: the file.
        rows: lines in it, without the header.
        fallback: guesses of rows whose drawing cannot be used: the first words that the network
            knows.
        skipped: `Skips` as a dict: rows whose drawing cannot be used.
        labelled: rows that say their word; 0 in Kaggle's own test file.
        top1: share of those whose word is the first guess; None if there are none.
        map3: Kaggle's score on those; None if there are none.
    """

    out: str
    rows: int
    fallback: list[str]
    skipped: dict[str, Any]
    labelled: int
    top1: float | None
    map3: float | None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def submit(
    model: Path,
    test: Path,
    out: Path,
    *,
    top: int = MOST_GUESSES,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> SubmissionReport:
    """Write the guesses of a saved network.

    Args:
        model: a run folder, or a model folder.
        test: see `write_submission`, as for the other arguments.
        out: the file to write.
        top: how many guesses.
        device: where the network runs.
        progress: called with bytes read and bytes in all.

    Raises:
        BundleError: there is no model, or it takes pictures only.
        ConfigError: `top` is not 1, 2 or 3.
        FormatError: not a test file, or not one drawing in it can be used.
    """
    return write_submission(subject_of(model, device), test, out, top=top, progress=progress)


def write_submission(
    subject: Subject,
    test: Path,
    out: Path,
    *,
    top: int = MOST_GUESSES,
    progress: Callable[[int, int], None] | None = None,
) -> SubmissionReport:
    """Write guesses for every row of a test file, in its order.

    Args:
        subject: the network.
        test: test_simplified.csv, test_raw.csv, or any CSV with columns `key_id` and `drawing`; a
            column `word` is compared with the guesses.
        out: the file to write, replaced at once when all is written.
        top: how many guesses, 1 to 3.
        progress: called with bytes read and bytes in all.

    Raises:
        BundleError: the network takes pictures only.
        ConfigError: `top` is not 1, 2 or 3.
        FormatError: not a test file, or not one drawing in it can be used.
    """
    if not 1 <= top <= MOST_GUESSES:
        raise ConfigError(f"--top is {top}. Kaggle takes 1, 2 or 3 guesses for each drawing.")
    if subject.spec is None:
        raise BundleError(
            f"{subject.name or 'This network'} was trained on pictures that Doodlewise did not draw"
            " and cannot take strokes. Train one on a store of strokes, for example of"
            " train_simplified."
        )
    if detect(test) is not CSV:
        raise FormatError(f"{test} is no CSV of drawings. Give Kaggle's test_simplified.csv.")
    table = CsvRows(test)
    words = [word.replace(" ", "_") for word in subject.classes]
    fallback = words[:top]
    skips, score = Skips(), _Score()
    n_rows, n_used = 0, 0
    with (
        explain_os_errors(f"writing {out}", "Run the same command again"),
        replacing(out) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["key_id", "word"])
        for batch in _batches(table, skips):
            best = iter(_best(subject, batch, top, skips))
            for key, word, is_usable in batch.lines:
                guesses = [words[index] for index in next(best)] if is_usable else fallback
                lines.writerow([key, " ".join(guesses)])
                score.add(word, guesses)
            n_rows, n_used = n_rows + len(batch.lines), n_used + len(batch.drawings)
            if progress is not None:
                progress(table.at, table.size)
        if n_used == 0:
            raise table.unusable(skips)
    return SubmissionReport(
        out=str(out),
        rows=n_rows,
        fallback=fallback,
        skipped=skips.to_dict(),
        labelled=score.n,
        top1=score.top1 / score.n if score.n else None,
        map3=score.map3 / score.n if score.n else None,
    )


@dataclass(slots=True)
class _Batch:
    """Neighbouring rows.

    Attributes:
        lines: key, word ("" where unknown), and whether the drawing is in `drawings`.
        drawings: those that can be used.
    """

    lines: list[tuple[str, str, bool]] = field(default_factory=list)
    drawings: StrokeRows = field(default_factory=StrokeRows)


def _batches(table: CsvRows, skips: Skips) -> Iterator[_Batch]:
    key_at = table.required("key_id", "Give Kaggle's test_simplified.csv, or test_raw.csv.")
    drawings, columns = DrawingRows(table, ""), KaggleColumns(table, "")
    batch = _Batch()
    for number, fields, problem in table:
        key = fields[key_at].strip() if key_at < len(fields) else b""
        word, is_usable = "", False
        try:
            # Of a broken row, something else may stand where the key should.
            if not (key.isdigit() if problem else key):
                raise UnusableError(NO_KEY)
            if problem:
                raise UnusableError(problem)
            word = columns.word(fields)
            drawings.add(fields, batch.drawings, skips)
            is_usable = True
        except UnusableError as reason:
            skips.add(str(reason), table.place_of(number))
            if str(reason) == NO_KEY:
                continue
        batch.lines.append((key.decode("utf-8", "replace"), word, is_usable))
        if len(batch.lines) >= _BATCH_ROWS or batch.drawings.is_full:
            yield batch
            batch = _Batch()
    if batch.lines:
        yield batch


def _best(subject: Subject, batch: _Batch, top: int, skips: Skips) -> list[list[int]]:
    """The best classes of each drawing of a batch; of equal ones the first."""
    if not len(batch.drawings):
        return []
    chunk = batch.drawings.chunk(skips)
    rows = Rows(chunk.labels, chunk.key_ids, chunk.recognised, chunk.codes, chunk.drawings)
    scores = scores_of(subject, rows).numpy()
    best: list[list[int]] = np.argsort(-scores, axis=1, kind="stable")[:, :top].tolist()
    return best


class _Score:
    """How good the guesses are, where that is known.

    Attributes:
        n: rows that say their word.
        top1: how many of them have it as the first guess.
        map3: sum of 1, 1/2 or 1/3, by the place of the word among the guesses.
    """

    def __init__(self) -> None:
        self.n, self.top1, self.map3 = 0, 0, 0.0

    def add(self, word: str, guesses: list[str]) -> None:
        """Count a row, unless its word is "" for unknown."""
        word = word.replace(" ", "_")
        if not word:
            return
        self.n += 1
        if word in guesses:
            place = guesses.index(word)
            self.top1 += place == 0
            self.map3 += 1.0 / (place + 1)
