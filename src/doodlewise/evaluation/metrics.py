"""Counts from which every metric follows, in memory that does not grow with the drawings.

A `Tally` sees batches and keeps sums; several tallies, one a process, are merged by adding. So 50
million drawings cost as little memory as fifty, and no probability is kept but those of the worst
guesses.

Ties count against the network: a class with the same probability as the right one comes before
it. Otherwise a network that gives the same to all would be right each time.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, ModelError, UnknownClassError
from .result import Bin, ClassScore, Confused, EvalResult, Group, Sure, TopLoss

__all__ = ["Tally", "most_confused", "wilson_interval"]

BINS = 15
"""Of equal width, for the calibration error (Guo et al. 2017, On Calibration of Modern Neural
Networks)."""
THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
SMALLEST = 1e-12
"""Probabilities are raised to this before the logarithm."""
WORST = 48
"""Drawings with the largest loss that are kept."""
COUNTRIES = 20
PAIRS = 50
SUM_TOLERANCE = 0.02
"""How far from 1 the probabilities of a drawing may sum: bfloat16 rounds by less."""
RECOGNISED = {1: "yes", 0: "no", -1: "unknown"}

_WORST_TYPE = np.dtype(
    [
        ("p_true", np.float32),
        ("p_guessed", np.float32),
        ("row", np.int64),
        ("true", np.int32),
        ("guessed", np.int32),
    ]
)


class Tally:
    """Sums over drawings and their probabilities, batch after batch.

    Args:
        classes: the words, in the order of the network's outputs.

    Raises:
        DataError: no class, or one twice.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = list(classes)
        if not self.classes or len(set(self.classes)) < len(self.classes):
            raise DataError(
                f"There are {len(self.classes)} classes, {len(set(self.classes))} different ones."
                " Give each class once, and at least one."
            )
        n = len(self.classes)
        self._ranks = np.zeros(6, np.int64)  # right word 1st, 2nd, ..., 5th, later
        self._loss = 0.0
        self._confusion = np.zeros((n, n), np.int64)
        self._bins = np.zeros((3, BINS))  # drawings, right ones, sum of confidence
        self._sure = np.zeros((2, len(THRESHOLDS) + 1), np.int64)  # drawings, right ones
        self._recognised: _Groups = {}
        self._countries: _Groups = {}
        self._worst = np.zeros(0, _WORST_TYPE)

    def update(
        self,
        probabilities: NDArray[np.floating[Any]],
        labels: NDArray[np.integer[Any]],
        *,
        rows: NDArray[np.integer[Any]],
        recognised: NDArray[np.int8] | None = None,
        countries: Sequence[str] | None = None,
    ) -> None:
        """Count a batch.

        Args:
            probabilities: (n, classes), each row summing to 1; reckoned with as float32.
            labels: (n,), index of the right class.
            rows: (n,), index of the drawing in its split.
            recognised: (n,), 1 yes, 0 no, -1 unknown; None if none is known.
            countries: n codes, "" where unknown; None if none is known.

        Raises:
            ModelError: probabilities of another shape, NaN, or not summing to 1.
            UnknownClassError: a label that is none of the classes.
            DataError: not one label, row, answer or country for each drawing.
        """
        p = np.asarray(probabilities, dtype=np.float32)
        self._check(p, labels, rows, recognised, countries)
        n = len(p)
        if n == 0:
            return
        confidence = p.max(axis=1)
        p_true = p[np.arange(n), labels]
        rank = (p >= p_true[:, None]).sum(axis=1, dtype=np.int32) - 1
        guesses = _guesses(p, labels, rank, p_true == confidence)
        right = rank == 0

        self._ranks += np.bincount(np.minimum(rank, 5), minlength=6)
        self._loss -= float(np.log(np.maximum(p_true.astype(np.float64), SMALLEST)).sum())
        np.add.at(self._confusion, (labels, guesses), 1)
        self._count_confidence(confidence, right)
        self._count_groups(rank, recognised, countries)
        batch = np.empty(n, _WORST_TYPE)
        for name, values in zip(
            _WORST_TYPE.names or (),
            (p_true, confidence, rows, labels, guesses),
            strict=True,
        ):
            batch[name] = values
        self._keep_worst(batch)

    def merge(self, other: Tally) -> None:
        """Add what another tally, of other drawings, has counted.

        Raises:
            ModelError: the other one has other classes.
        """
        if self.classes != other.classes:
            raise ModelError(
                "Two evaluations have different classes. Use the same network in every process."
            )
        self._ranks += other._ranks
        self._loss += other._loss
        self._confusion += other._confusion
        self._bins += other._bins
        self._sure += other._sure
        for mine, theirs in (
            (self._recognised, other._recognised),
            (self._countries, other._countries),
        ):
            for name, counts in theirs.items():
                _add(mine, name, counts)
        self._keep_worst(other._worst)

    def result(self) -> EvalResult:
        """All metrics of what was counted so far.

        Raises:
            DataError: nothing was counted.
        """
        n = int(self._ranks.sum())
        if n == 0:
            raise DataError("No drawing was evaluated. Choose a split that has drawings.")
        scores = _class_scores(self._confusion)
        occurs = scores["support"] > 0
        ranks = self._ranks.tolist()
        calibration = self._calibration()
        return EvalResult(
            n=n,
            top1=ranks[0] / n,
            top3=sum(ranks[:3]) / n,
            top5=sum(ranks[:5]) / n,
            top1_interval=wilson_interval(ranks[0], n),
            map3=(ranks[0] + ranks[1] / 2 + ranks[2] / 3) / n,
            loss=self._loss / n,
            ece=_calibration_error(calibration, n),
            macro_precision=float(scores["precision"][occurs].mean()),
            macro_recall=float(scores["recall"][occurs].mean()),
            macro_f1=float(scores["f1"][occurs].mean()),
            classes=list(self.classes),
            by_class={
                word: ClassScore(precision=precision, recall=recall, f1=f1, support=support)
                for word, precision, recall, f1, support in zip(
                    self.classes,
                    *(scores[name].tolist() for name in ("precision", "recall", "f1", "support")),
                    strict=True,
                )
            },
            by_recognised={
                name: _group(self._recognised[name])
                for name in RECOGNISED.values()
                if name in self._recognised
            },
            by_country=_biggest(self._countries),
            most_confused=most_confused(self._confusion, self.classes),
            top_losses=[
                TopLoss(
                    row=int(each["row"]),
                    true=self.classes[each["true"]],
                    guessed=self.classes[each["guessed"]],
                    p_true=float(each["p_true"]),
                    p_guessed=float(each["p_guessed"]),
                )
                for each in self._worst
            ],
            calibration=calibration,
            sure=self._sure_curve(n),
            confusion=self._confusion.copy(),
        )

    def _check(
        self,
        p: NDArray[np.float32],
        labels: NDArray[np.integer[Any]],
        rows: NDArray[np.integer[Any]],
        recognised: NDArray[np.int8] | None,
        countries: Sequence[str] | None,
    ) -> None:
        n_classes = len(self.classes)
        if p.ndim != 2 or p.shape[1] != n_classes:
            raise ModelError(
                f"The network gives probabilities of shape {p.shape}, but there are {n_classes}"
                " classes. Evaluate with the classes that it was trained on."
            )
        for name, values in {
            "labels": labels,
            "rows": rows,
            "recognised": recognised,
            "countries": countries,
        }.items():
            if values is not None and len(values) != len(p):
                raise DataError(
                    f"There are {len(p)} drawings, but {len(values)} {name}. Give one for each."
                )
        if len(p) == 0:
            return
        sums = p.sum(axis=1)
        if np.isnan(sums).any():
            raise ModelError(
                f"The network gives NaN for {int(np.isnan(sums).sum())} of {len(p)} drawings."
                " Its weights are spoilt, or its precision is too low: evaluate an earlier"
                " checkpoint, or with --precision 32."
            )
        if (np.abs(sums - 1.0) > SUM_TOLERANCE).any():
            raise ModelError(
                f"Probabilities of a drawing sum to 1, but here to {float(sums.min()):.3g} to"
                f" {float(sums.max()):.3g}. Put a softmax after the network."
            )
        if int(labels.min()) < 0 or int(labels.max()) >= n_classes:
            raise UnknownClassError(
                f"Labels run from {int(labels.min())} to {int(labels.max())}, but there are"
                f" {n_classes} classes. Evaluate on a store with the classes of the network."
            )

    def _count_confidence(self, confidence: NDArray[np.float32], right: NDArray[np.bool_]) -> None:
        # A bin includes its upper end, so that a certain guess lies in the last one.
        index = np.ceil(confidence.astype(np.float64) * BINS).astype(np.int64) - 1
        index = np.clip(index, 0, BINS - 1)
        for sums, weights in zip(self._bins, (None, right, confidence), strict=True):
            sums += np.bincount(index, weights=weights, minlength=BINS)
        # In float32, as 0.95 of the network is: in float64 it lies below 0.95.
        passed = np.searchsorted(np.array(THRESHOLDS, np.float32), confidence, side="right")
        for counts, which in zip(self._sure, (passed, passed[right]), strict=True):
            counts += np.bincount(which, minlength=len(THRESHOLDS) + 1)

    def _count_groups(
        self,
        rank: NDArray[np.integer[Any]],
        recognised: NDArray[np.int8] | None,
        countries: Sequence[str] | None,
    ) -> None:
        if recognised is None:
            recognised = np.full(len(rank), -1, np.int8)
        for value, name in RECOGNISED.items():
            ranks = rank[recognised == value]
            if len(ranks):
                hits = (int((ranks == 0).sum()), int((ranks < 3).sum()))
                _add(self._recognised, name, (len(ranks), *hits))
        codes = countries if countries is not None else [""] * len(rank)
        top1 = Counter(compress(codes, (rank == 0).tolist()))
        top3 = Counter(compress(codes, (rank < 3).tolist()))
        for code, n in Counter(codes).items():
            _add(self._countries, code or "unknown", (n, top1[code], top3[code]))

    def _keep_worst(self, batch: NDArray[np.void]) -> None:
        if len(self._worst) == WORST:
            batch = batch[batch["p_true"] <= self._worst["p_true"][-1]]
        if len(batch) == 0:
            return
        both = np.concatenate([self._worst, batch])
        # The row settles ties, so that the order of batches does not matter.
        order = np.lexsort((both["row"], -both["p_guessed"], both["p_true"]))
        self._worst = both[order[:WORST]]

    def _calibration(self) -> list[Bin]:
        return [
            Bin(
                low=index / BINS,
                high=(index + 1) / BINS,
                count=int(count),
                confidence=float(confidence / count) if count else None,
                accuracy=float(right / count) if count else None,
            )
            for index, (count, right, confidence) in enumerate(self._bins.T)
        ]

    def _sure_curve(self, n: int) -> list[Sure]:
        reaching = self._sure[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
        return [
            Sure(
                threshold=threshold,
                answered=int(answered) / n,
                accuracy=int(right) / int(answered) if answered else None,
            )
            for threshold, answered, right in zip(THRESHOLDS, *reaching, strict=True)
        ]


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """95 % interval of a share; good for small n and for shares near 0 and 1, too.

    Source: E. B. Wilson 1927, Probable Inference, the Law of Succession, and Statistical Inference.
    """
    z = 1.959963984540054
    share = successes / n
    centre = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    whole = 1 + z * z / n
    return max(0.0, (centre - spread) / whole), min(1.0, (centre + spread) / whole)


def most_confused(confusion: NDArray[np.int64], classes: Sequence[str]) -> list[Confused]:
    """The most frequent errors, at most 50; among equals the larger share of the true class first.

    Args:
        confusion: (classes, classes), row is the true class, column the guess.
    """
    support = confusion.sum(axis=1)
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    true, guessed = np.nonzero(wrong)
    counts = wrong[true, guessed]
    shares = counts / support[true]
    order = np.lexsort((guessed, true, -shares, -counts))[:PAIRS]
    return [
        Confused(
            true=classes[true[i]],
            guessed=classes[guessed[i]],
            count=int(counts[i]),
            share=float(shares[i]),
        )
        for i in order
    ]


_Groups = dict[str, tuple[int, int, int]]
"""Name of a group to drawings, right at once, right among the first three."""


def _add(groups: _Groups, name: str, counts: tuple[int, int, int]) -> None:
    n, top1, top3 = groups.get(name, (0, 0, 0))
    groups[name] = (n + counts[0], top1 + counts[1], top3 + counts[2])


def _group(counts: tuple[int, int, int]) -> Group:
    n, top1, top3 = counts
    return Group(n=n, top1=top1 / n, top3=top3 / n)


def _biggest(countries: _Groups) -> dict[str, Group]:
    """The countries with most drawings, then the unknown, then the sum of the others."""
    known = sorted((-counts[0], code) for code, counts in countries.items() if code != "unknown")
    listed = {code: countries[code] for _, code in known[:COUNTRIES]}
    if "unknown" in countries:
        listed["unknown"] = countries["unknown"]
    for _, code in known[COUNTRIES:]:
        _add(listed, "others", countries[code])
    return {code: _group(counts) for code, counts in listed.items()}


def _guesses(
    p: NDArray[np.float32],
    labels: NDArray[np.integer[Any]],
    rank: NDArray[np.integer[Any]],
    reaches_highest: NDArray[np.bool_],
) -> NDArray[np.intp]:
    """The likeliest class of each drawing, a wrong one where the right one only ties with it."""
    guesses: NDArray[np.intp] = p.argmax(axis=1)
    tied = np.flatnonzero(reaches_highest & (rank > 0))
    without_right = p[tied]
    without_right[np.arange(len(tied)), labels[tied]] = -1.0
    guesses[tied] = without_right.argmax(axis=1)
    return guesses


def _class_scores(confusion: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Each (classes,); 0 where a quotient has no denominator."""
    right = confusion.diagonal().astype(np.float64)
    support = confusion.sum(axis=1)
    guessed = confusion.sum(axis=0)
    return {
        "precision": right / np.maximum(guessed, 1),
        "recall": right / np.maximum(support, 1),
        "f1": 2.0 * right / np.maximum(support + guessed, 1),
        "support": support,
    }


def _calibration_error(bins: list[Bin], n: int) -> float:
    """Distance of confidence from accuracy, the mean over the drawings."""
    distances = (
        each["count"] * abs(each["confidence"] - each["accuracy"])
        for each in bins
        if each["confidence"] is not None and each["accuracy"] is not None
    )
    return sum(distances) / n
