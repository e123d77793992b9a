"""A batch that goes through the network in parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from doodlewise.errors import ConfigError, MemoryExhaustedError
from doodlewise.training import fit
from doodlewise.training.config import TrainConfig
from doodlewise.training.setup import TrainedRun

pytestmark = pytest.mark.usefixtures("without_report")

Train = Callable[..., TrainedRun]


def test_a_network_without_norms_learns_the_same_and_goes_on(
    train_tiny: Train,
    interrupt: Callable[..., str],
    assert_same_learning: Callable[..., None],
) -> None:
    whole = train_tiny(name="whole")
    in_parts = train_tiny(name="parts", accumulate=3)
    for one, two in zip(whole.rows, in_parts.rows, strict=True):
        assert one["lr"] == two["lr"]
        # The same numbers are added in another order.
        for name in ("train_loss", "val_loss"):
            assert two[name] == pytest.approx(one[name], abs=2e-4), name
        assert two["train_top1"] == pytest.approx(one["train_top1"], abs=0.01)
    # And one that is stopped ends with the same, to the last bit.
    interrupt(2, 7, name="broken", accumulate=3)
    resumed = train_tiny(name="broken", accumulate=3, resume="last")
    assert_same_learning(in_parts.folder, resumed.folder)


@pytest.mark.parametrize(
    ("rows", "n", "parts"),
    [
        (16, 1, [(0, 16)]),
        (16, 3, [(0, 5), (5, 10), (10, 16)]),
        (3, 5, [(0, 1), (1, 2), (2, 3)]),
    ],
)
def test_parts_are_about_equal(rows: int, n: int, parts: list[tuple[int, int]]) -> None:
    assert fit._parts(rows, n) == parts


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"accumulate": 0}, r"accumulate is 0.* Choose 1 to 256\."),
        ({"batch_size": 8, "accumulate": 9}, r"each process gets 8 drawings.* Choose 1 to 8\."),
        (
            {"batch_size": 8, "devices": 2, "accumulate": 5},
            r"each process gets 4 drawings of a batch\. Choose 1 to 4\.",
        ),
    ],
)
def test_more_parts_than_drawings(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        TrainConfig("stores/a").with_values(values)


def test_parts_are_what_is_tried_first_when_memory_runs_out(
    train_tiny: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(fit, "scores_of", full)
    with pytest.raises(
        MemoryExhaustedError,
        match=r"A batch of 16 drawings .* Try --accumulate 4, which .*, or --batch-size 8\.$",
    ):
        train_tiny(accumulate=2)
