"""What the curves of a run say, in words, and what to try next.

Every rule is a comparison of numbers in metrics.csv, with room for what chance alone moves: the
standard error of a share of the validation drawings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["CHANCE_EPOCHS", "Curves", "Row"]

Row = Mapping[str, Any]
CHANCE_EPOCHS = 3
"""After so many epochs at chance, a run says so without waiting for its end."""
FEW_STEPS = 200
"""Steps after which little can be expected of any network."""
SPREADS = 2.5
"""Standard errors by which a share must differ to count as another."""
GAP = 0.05
"""Training better than validation by more than this, on drawings made harder: learnt by heart."""
RISE = 1.03
"""By such a factor the validation loss must have risen."""


@dataclass(frozen=True, slots=True)
class Curves:
    """A run as far as it has come.

    Attributes:
        rows: of metrics.csv.
        chance: share of the validation drawings that one who always says the same is right about.
        n: validation drawings.
        steps: in an epoch.
        epochs: that were asked for.
        stopped: whether it was stopped early.
        store, model: of the run, for commands.
        go_on: the command that goes on with it.
    """

    rows: Sequence[Row]
    chance: float
    n: int
    steps: int
    epochs: int
    stopped: bool = False
    store: str = "STORE"
    model: str = "NAME"
    go_on: str = "doodlewise train --resume last --name NAME"

    def warning(self) -> str:
        """What must be said at once: after three epochs it guesses no better than chance."""
        is_time = len(self.rows) == CHANCE_EPOCHS < self.epochs and not self.stopped
        if not is_time or not self._is_at_chance():
            return ""
        return f"{self._chance()} Ctrl-C stops this run."

    def advice(self) -> list[str]:
        """What stands out at the end, the most important first; never empty."""
        if not self.rows:
            return []
        if self._is_at_chance():
            return [self._chance()]
        found = [self._overfitting(), self._longer(), self._underfitting()]
        said = [each for each in found if each]
        return said or [self._healthy()]

    def _is_at_chance(self) -> bool:
        best = float(self._best()["val_top1"])
        return best <= self.chance + SPREADS * self._spread(self.chance)

    def _chance(self) -> str:
        rows = len(self.rows)
        begin = (
            f"After {rows} epoch{'s' if rows > 1 else ''} it guesses no better than chance"
            f" ({_percent(self.chance)}): "
        )
        steps = rows * self.steps
        if self.rows[-1]["train_top1"] > self.chance + GAP:
            return begin + (
                f"{_percent(self.rows[-1]['train_top1'])} right on the training drawings, but"
                " nothing of it holds for others. Are the words of the drawings right? Look at"
                f" them: doodlewise explore {self.store} --out look"
            )
        if steps < FEW_STEPS:
            return begin + (
                f"only {steps} steps were taken. Train for more --epochs, or choose a smaller"
                " --batch-size."
            )
        return begin + (
            "the learning rate is probably too high for this network. Find a better one:"
            f" doodlewise find-lr {self.store} --model {self.model}"
        )

    def _overfitting(self) -> str:
        losses = [row["val_loss"] for row in self.rows]
        at = losses.index(min(losses))
        lowest, last = self.rows[at], self.rows[-1]
        advice = "More drawings, more variation (--set augment.rotate=20) or a smaller network help"
        if (
            len(losses) - 1 - at >= 2
            and last["val_loss"] > RISE * lowest["val_loss"]
            and last["train_loss"] < lowest["train_loss"]
        ):
            return (
                f"Overfitting since epoch {lowest['epoch']}: the validation loss has risen from"
                f" {lowest['val_loss']:.3f} to {last['val_loss']:.3f}, while the training loss went"
                f" on falling. {advice}; --patience 3 would have saved time."
            )
        best = self._best()
        gap = best["train_top1"] - best["val_top1"]
        # What validation still gains is no gap: the averaged weights that it judges come later.
        if gap > max(GAP, SPREADS * self._spread(best["val_top1"]), self._gain()):
            return (
                f"Overfitting: {_percent(best['train_top1'])} right on the training drawings,"
                f" {_percent(best['val_top1'])} on others. {advice}."
            )
        return ""

    def _longer(self) -> str:
        gain = self._gain()
        if self.stopped or gain <= max(0.002, self._spread(self.rows[-1]["val_top1"])):
            return ""
        return (
            f"The best epoch was the last, and it still rose by {100 * gain:.1f} points since epoch"
            f" {self._before()['epoch']}: train longer. Go on with: {self.go_on} --epochs"
            f" {2 * self.epochs}"
        )

    def _underfitting(self) -> str:
        best = self._best()
        if self._overfitting() or self._longer() or best["train_top1"] > best["val_top1"] + 0.01:
            return ""
        if best["val_top1"] > 0.97:
            return ""
        return (
            f"No sign of overfitting: {_percent(best['train_top1'])} right on the training drawings"
            f" (which are varied), {_percent(best['val_top1'])} on others. A larger network, or"
            " more epochs from the start, can still gain."
        )

    def _healthy(self) -> str:
        best = self._best()
        return (
            f"Nothing stands out: {_percent(best['train_top1'])} right on the training drawings,"
            f" {_percent(best['val_top1'])} on others in epoch {best['epoch']}, the best of"
            f" {len(self.rows)}."
        )

    def _best(self) -> Row:
        return max(self.rows, key=lambda row: float(row["val_top1"]))

    def _before(self) -> Row:
        """A quarter of the epochs earlier, one at least."""
        return self.rows[-1 - max(1, len(self.rows) // 4)]

    def _gain(self) -> float:
        """By how much the validation top-1 has risen since; 0 where the last is not the best."""
        if len(self.rows) < 2 or self._best() is not self.rows[-1]:
            return 0.0
        return float(self.rows[-1]["val_top1"] - self._before()["val_top1"])

    def _spread(self, share: float) -> float:
        """Standard error of a share of the validation drawings."""
        return math.sqrt(share * (1.0 - share) / self.n)


def _percent(share: float) -> str:
    digits = 0 if share in (0.0, 1.0) or round(100 * share, 1) == round(100 * share) else 1
    return f"{100 * share:.{digits}f} %"
