"""Confusion over the epochs: kept compactly, right after a resumption, and drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from doodlewise.errors import DataError
from doodlewise.evaluation.look import to_png
from doodlewise.evaluation.plots_epochs import plot_confusion_over_epochs
from doodlewise.training.confusion_log import KEPT, ConfusionLog
from doodlewise.training.setup import TrainedRun

Train = Callable[..., TrainedRun]


def matrix(n: int, epoch: int) -> NDArray[np.int64]:
    """Ten drawings of each class, of which more are right from epoch to epoch."""
    right = min(epoch, 10)
    return np.eye(n, dtype=np.int64) * right + np.roll(np.eye(n, dtype=np.int64), 1, 1) * (
        10 - right
    )


def log_of(path: Path, n: int, epochs: int) -> ConfusionLog:
    log = ConfusionLog(path, [f"w{i}" for i in range(n)], 0)
    for epoch in range(1, epochs + 1):
        log.add(epoch, matrix(n, epoch))
    return log


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    log = log_of(tmp_path / "confusion.npz", 4, 5)
    assert log.epochs == log.all_epochs == [1, 2, 3, 4, 5]
    again = ConfusionLog(tmp_path / "confusion.npz", log.classes, 5)
    np.testing.assert_array_equal(again.confusion, log.confusion)
    np.testing.assert_array_equal(again.right, log.right)
    assert again.right.tolist() == [[epoch] * 4 for epoch in range(1, 6)]


def test_a_resumed_run_forgets_what_was_not_saved(tmp_path: Path) -> None:
    log = log_of(tmp_path / "confusion.npz", 4, 5)
    again = ConfusionLog(tmp_path / "confusion.npz", log.classes, 3)
    assert again.epochs == again.all_epochs == [1, 2, 3]
    assert ConfusionLog(tmp_path / "confusion.npz", log.classes, 0).epochs == []
    assert ConfusionLog(tmp_path / "confusion.npz", ["other"], 3).epochs == []
    (tmp_path / "confusion.npz").write_bytes(b"PK\x03\x04 damaged")
    assert ConfusionLog(tmp_path / "confusion.npz", log.classes, 3).epochs == []


def test_345_words_and_hundreds_of_epochs_stay_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    log = ConfusionLog(tmp_path / "confusion.npz", [f"word {i}" for i in range(345)], 0)
    log._write = lambda: None  # type: ignore[method-assign] # of each epoch takes its time
    for epoch in range(1, 301):
        counts = rng.poisson(0.15, (345, 345))
        np.fill_diagonal(counts, rng.integers(5, 20, 345))
        log.add(epoch, counts)
        assert len(log.epochs) <= KEPT
    assert {1, 300} <= set(log.epochs)
    assert len(log.all_epochs) == 300
    gaps = np.diff(log.epochs)
    assert gaps.max() <= 16
    ConfusionLog._write(log)
    assert (tmp_path / "confusion.npz").stat().st_size < 3_000_000


@pytest.mark.parametrize(("n", "epochs"), [(2, 1), (20, 2), (21, 1), (345, 9)])
def test_the_picture(n: int, epochs: int) -> None:
    classes = [f"word {i}" if i % 7 else f"a very long word number {i}" for i in range(n)]
    at = list(range(1, epochs + 1))
    matrices = np.stack([matrix(n, epoch) for epoch in at])
    right = matrices.diagonal(axis1=1, axis2=2)
    figure = plot_confusion_over_epochs(classes, at, matrices, at, right)
    assert len(figure.axes) == (min(epochs, 6) if n <= 20 else 2)
    png = to_png(figure)
    assert png.startswith(b"\x89PNG")
    assert len(png) > 5_000


def test_no_epoch_no_picture() -> None:
    nothing = np.zeros((0, 2, 2), int)
    with pytest.raises(DataError, match="Train for one at least"):
        plot_confusion_over_epochs(["a", "b"], [], nothing, [], nothing[:, 0])


@pytest.mark.usefixtures("without_report")
def test_a_run_keeps_it_through_an_interruption(
    train_tiny: Train, interrupt: Callable[..., str]
) -> None:
    whole = train_tiny(name="whole").folder
    interrupt(2, 5, name="broken")
    broken = train_tiny(name="broken", resume="last").folder
    with np.load(whole / "confusion.npz") as one, np.load(broken / "confusion.npz") as other:
        for name in ("classes", "epochs", "confusion", "all", "right"):
            np.testing.assert_array_equal(one[name], other[name])
        assert one["epochs"].tolist() == [1, 2, 3]
        assert (one["confusion"].sum(axis=(1, 2)) == one["confusion"][0].sum()).all()
    assert (broken / "plots" / "confusion_over_epochs.png").exists()
