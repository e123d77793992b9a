"""What an evaluation found, in numbers: the content of eval.json.

Shares and probabilities lie between 0 and 1. The small parts are plain dictionaries with known
keys, so that eval.json can be read without Doodlewise.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import Any, TypedDict

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..errors import RunError

__all__ = [
    "SURE_AT",
    "Bin",
    "ClassScore",
    "Confused",
    "EvalResult",
    "Group",
    "Sure",
    "TopLoss",
    "percent",
]

SURE_AT = 0.9
"""The threshold of `Sure` that summaries name."""


class Group(TypedDict):
    """Some of the drawings, and how often the word was the first guess or among the first three."""

    n: int
    top1: float
    top3: float


class ClassScore(TypedDict):
    """One class. Precision is 0 where it was never guessed, recall where it never occurs."""

    precision: float
    recall: float
    f1: float
    support: int


class Confused(TypedDict):
    """A class taken for another: how often, and as a share of the drawings of the true class."""

    true: str
    guessed: str
    count: int
    share: float


class TopLoss(TypedDict):
    """One drawing of which the network thought least likely what it is.

    `row` counts in the split; `p_true` and `p_guessed` are the network's probabilities.
    """

    row: int
    true: str
    guessed: str
    p_true: float
    p_guessed: float


class Bin(TypedDict):
    """The drawings with a confidence above `low` and up to `high`; means are None without any."""

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None


class Sure(TypedDict):
    """Answering only from a confidence of `threshold` on: the share answered, and right of these.

    `accuracy` is None where nothing is answered.
    """

    threshold: float
    answered: float
    accuracy: float | None


@dataclass(frozen=True, slots=True, eq=False)
class EvalResult:
    """How good a recogniser is on one split of a store.

    Attributes:
        n: drawings evaluated.
        top1, top3, top5: share with the right word first, among the first three, first five.
            Equal probabilities are ranked with the right word last.
        top1_interval: 95 % interval of `top1` (Wilson), from the number of drawings alone.
        map3: mean average precision at 3, the metric of the Kaggle challenge.
        loss: mean negative natural logarithm of the probability of the right word.
        ece: expected calibration error, 15 bins.
        macro_precision, macro_recall, macro_f1: means over the classes that occur.
        classes: the words, in the order of the network's outputs.
        by_class: word to scores.
        by_recognised: "yes", "no", "unknown" (to Google's game), those that occur.
        by_country: ISO 3166-1 code, most drawings first; then "unknown" and "others", if any.
        by_ink: percent of the ink on the canvas to scores; filled by who draws the prefixes.
        most_confused: most frequent first.
        top_losses: worst first.
        calibration: the bins behind `ece`.
        sure: what answering only when sure gives.
        confusion: int64 (classes, classes), row is the true class, column the guess.
        things: what was evaluated on, "drawings" or "photos".
        model, store, split, date, version: what was evaluated on what, when, by which Doodlewise.
    """

    n: int
    top1: float
    top3: float
    top5: float
    top1_interval: tuple[float, float]
    map3: float
    loss: float
    ece: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    classes: list[str]
    by_class: dict[str, ClassScore]
    by_recognised: dict[str, Group]
    by_country: dict[str, Group]
    most_confused: list[Confused]
    top_losses: list[TopLoss]
    calibration: list[Bin]
    sure: list[Sure]
    confusion: NDArray[np.int64]
    by_ink: dict[int, Group] = field(default_factory=dict)
    things: str = "drawings"
    model: str = ""
    store: str = ""
    split: str = ""
    date: str = ""
    version: str = ""

    @property
    def overall(self) -> Group:
        """All drawings as one group: an entry of `by_ink` of another evaluation."""
        return {"n": self.n, "top1": self.top1, "top3": self.top3}

    @property
    def confidence(self) -> float:
        """Mean probability of the guesses; above `top1`, the network is too sure of itself."""
        total = sum(each["count"] * (each["confidence"] or 0.0) for each in self.calibration)
        return total / self.n

    def to_dict(self) -> dict[str, Any]:
        """Numbers, strings, lists and dictionaries only."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        values["confusion"] = self.confusion.tolist()
        return values

    def to_json(self) -> str:
        """The content of eval.json: one line for each key."""
        lines = (
            f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False, allow_nan=False)}"
            for key, value in self.to_dict().items()
        )
        return "{\n" + ",\n".join(lines) + "\n}\n"

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> EvalResult:
        """The inverse of `to_dict`, and of `to_json` after `json.loads`.

        Raises:
            RunError: a key is missing or has a value of another kind.
        """
        try:
            return msgspec.convert(values, cls, strict=False, str_keys=True, dec_hook=_matrix)
        except msgspec.ValidationError as error:
            raise RunError(
                f"This is not an evaluation that this version can read: {error}. Evaluate again."
            ) from None

    def summary_rows(self) -> list[tuple[str, str]]:
        """Name and value, as text, of what to show first."""
        low, high = self.top1_interval
        rows = [
            (self.things, f"{self.n:,} in {len(self.classes)} classes"),
            ("top-1", f"{percent(self.top1)} (95 % interval {percent(low)} to {percent(high)})"),
        ]
        if len(self.classes) > 3:
            rows.append(("top-3", percent(self.top3)))
        if len(self.classes) > 5:
            rows.append(("top-5", percent(self.top5)))
        rows += [
            ("MAP@3", f"{self.map3:.4f}"),
            ("macro F1", f"{self.macro_f1:.4f}"),
            ("loss", f"{self.loss:.4f}"),
            ("calibration error", percent(self.ece)),
        ]
        for at in self.sure:
            if at["threshold"] == SURE_AT and at["accuracy"] is not None:
                rows.append(
                    (
                        f"when {percent(SURE_AT, 0)} sure",
                        f"answers {percent(at['answered'])}, right in {percent(at['accuracy'])}",
                    )
                )
        if set(self.by_recognised) != {"unknown"}:
            rows += [
                (f"recognised: {name}", f"{percent(group['top1'])} of {group['n']:,}")
                for name, group in self.by_recognised.items()
            ]
        rows += [
            (f"after {ink} % of the ink", percent(group["top1"]))
            for ink, group in sorted(self.by_ink.items())
        ]
        rows += [
            ("often confused", f"{pair['true']} → {pair['guessed']}, {percent(pair['share'])}")
            for pair in self.most_confused[:3]
        ]
        return rows


def percent(share: float, digits: int = 2) -> str:
    """0.8857 as "88.57 %"."""
    return f"{100 * share:.{digits}f} %"


def _matrix(_kind: type, value: Any) -> NDArray[np.int64]:
    """The only field that msgspec does not know: the confusion matrix, from lists of lists."""
    return np.array(value, dtype=np.int64)
