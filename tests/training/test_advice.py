"""What the curves of a run say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from doodlewise.training.advice import Curves
from doodlewise.training.record import SilentReporter
from doodlewise.training.setup import TrainedRun

Train = Callable[..., TrainedRun]


def curves(
    val_top1: list[float],
    *,
    train_top1: list[float] | None = None,
    val_loss: list[float] | None = None,
    train_loss: list[float] | None = None,
    epochs: int | None = None,
    steps: int = 100,
    **more: Any,
) -> Curves:
    n = len(val_top1)
    columns = {
        "val_top1": val_top1,
        "train_top1": train_top1 or val_top1,
        "val_loss": val_loss or [1.0] * n,
        "train_loss": train_loss or [1.0] * n,
    }
    rows = [
        {"epoch": at + 1} | {name: values[at] for name, values in columns.items()}
        for at in range(n)
    ]
    settings = {"chance": 0.1, "n": 1000, "store": "stores/a10", "model": "convnet_tiny"} | more
    return Curves(rows, steps=steps, epochs=epochs or n, **settings)


def test_a_run_at_chance_is_told_so_early() -> None:
    at_chance = curves([0.10, 0.09, 0.12], epochs=10)
    assert at_chance.warning() == (
        "After 3 epochs it guesses no better than chance (10 %): the learning rate is probably too"
        " high for this network. Find a better one: doodlewise find-lr stores/a10 --model"
        " convnet_tiny Ctrl-C stops this run."
    )


@pytest.mark.parametrize(
    "fine",
    [
        curves([0.10, 0.09], epochs=10),  # too early to tell
        curves([0.10, 0.09, 0.10, 0.10], epochs=10),  # it has been said
        curves([0.10, 0.09, 0.14], epochs=10),  # better than chance, if not by much
        curves([0.10, 0.09, 0.10], epochs=3),  # it is at its end anyway
        curves([0.10, 0.09, 0.10], epochs=10, stopped=True),
    ],
)
def test_others_are_not_warned(fine: Curves) -> None:
    assert fine.warning() == ""


def test_few_drawings_leave_more_to_chance() -> None:
    assert curves([0.2] * 3, epochs=10, n=10).warning() != ""
    assert curves([0.2] * 3, epochs=10, n=1000).warning() == ""


def test_at_chance_for_want_of_steps() -> None:
    (said,) = curves([0.1, 0.1], steps=15).advice()
    assert said == (
        "After 2 epochs it guesses no better than chance (10 %): only 30 steps were taken. Train"
        " for more --epochs, or choose a smaller --batch-size."
    )


def test_at_chance_although_the_training_drawings_are_known() -> None:
    (said,) = curves([0.1, 0.1], train_top1=[0.5, 0.9]).advice()
    assert "90 % right on the training drawings, but nothing of it holds for others" in said
    assert "doodlewise explore stores/a10 --out look" in said


def test_a_validation_loss_that_rises_is_overfitting() -> None:
    said = curves(
        [0.6, 0.7, 0.71, 0.71, 0.71],
        val_loss=[1.0, 0.8, 0.9, 1.0, 1.1],
        train_loss=[1.0, 0.8, 0.6, 0.5, 0.4],
        train_top1=[0.6, 0.7, 0.72, 0.73, 0.74],
    ).advice()
    assert said[0].startswith(
        "Overfitting since epoch 2: the validation loss has risen from 0.800 to 1.100, while the"
        " training loss went on falling."
    )


def test_a_gap_is_overfitting_too() -> None:
    (said,) = curves([0.6, 0.7, 0.69], train_top1=[0.6, 0.9, 0.99]).advice()
    assert said.startswith("Overfitting: 90 % right on the training drawings, 70 % on others.")


def test_a_validation_that_still_catches_up_is_no_overfitting() -> None:
    (said,) = curves([0.22, 0.44], train_top1=[0.37, 0.51]).advice()
    assert said.startswith("The best epoch was the last, and it still rose by 22.0 points")
    # It gains a little, but the gap is far more than that.
    apart, longer = curves([0.60, 0.70], train_top1=[0.8, 0.99]).advice()
    assert apart.startswith("Overfitting: 99 % right on the training drawings, 70 % on others.")
    assert "still rose by 10.0 points" in longer


def test_a_best_epoch_that_was_the_last_asks_for_more() -> None:
    said = curves([0.4, 0.5, 0.6, 0.66], go_on="doodlewise train --resume last --name x").advice()
    assert said == [
        "The best epoch was the last, and it still rose by 6.0 points since epoch 3: train longer."
        " Go on with: doodlewise train --resume last --name x --epochs 8"
    ]
    assert not any("train longer" in each for each in curves([0.4, 0.66, 0.66]).advice())
    assert not any("train longer" in each for each in curves([0.4, 0.6605, 0.661]).advice())


def test_a_network_that_is_too_small() -> None:
    (said,) = curves([0.5, 0.69, 0.70, 0.70], train_top1=[0.5, 0.65, 0.66, 0.66]).advice()
    assert said.startswith("No sign of overfitting: 66 % right on the training drawings")


def test_nothing_stands_out() -> None:
    (said,) = curves([0.5, 0.9, 0.90], train_top1=[0.5, 0.93, 0.93]).advice()
    assert said == (
        "Nothing stands out: 93 % right on the training drawings, 90 % on others in epoch 2, the"
        " best of 3."
    )


@pytest.mark.usefixtures("without_report")
def test_a_real_run_at_chance_says_so_while_it_goes_on_and_at_its_end(train_tiny: Train) -> None:
    said: list[str] = []

    class Listening(SilentReporter):
        def say(self, line: str) -> None:
            said.append(line)

    # The tutorials' fault: a step so large that the network collapses.
    run = train_tiny(
        epochs=4, optim={"lr": 30.0, "warmup": 0.0, "clip": 0.0, "ema": 0, "schedule": "constant"},
        reporter=Listening,
    )  # fmt: skip
    (warning,) = said
    assert warning.startswith("After 3 epochs it guesses no better than chance (")
    assert warning in (run.folder / "train.log").read_text()
    assert run.advice[0].startswith("After 4 epochs it guesses no better than chance")
    assert run.advice[0] in (run.folder / "summary.txt").read_text()
