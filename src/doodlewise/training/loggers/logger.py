"""What keeps a record of a run while it goes on, and how it is made by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Protocol

from torch import nn

from ...errors import MissingExtraError
from ...evaluation.result import EvalResult
from ...models.inputs import Inputs
from ..config import TrainConfig
from ..fit import Position
from ..run_dir import RunDir

__all__ = ["Logger", "Scene", "make_loggers", "require_loggers"]


class Logger(Protocol):
    """Keeps a record; made for one session of a run, in the process that writes."""

    def begin(self, position: Position) -> None:
        """The run begins, or goes on: what was recorded of later than `position` is forgotten."""

    def step(self, position: Position, lr: float) -> None:
        """A look at the loss."""

    def epoch(self, position: Position, result: EvalResult) -> None:
        """An epoch is over: `result` is of the validation, its row the last of the position."""

    def close(self) -> None:
        """Nothing more comes."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is to be recorded.

    Attributes:
        run: where to.
        config: of the run.
        steps: in an epoch.
        facts: what a person wants to know before it begins.
        network: that is judged; of it the graph is drawn.
        example: one row that it takes.
        mistakes: picture of the errors that it was surest of, as the content of a PNG file.
    """

    run: RunDir
    config: TrainConfig
    steps: int
    facts: dict[str, str] = field(default_factory=dict)
    network: nn.Module | None = None
    example: Inputs | None = None
    mistakes: Callable[[EvalResult], bytes | None] = lambda _: None


def require_loggers(names: Sequence[str]) -> None:
    """Whether all are there, before a run begins.

    Raises:
        MissingExtraError: the package behind one is not installed.
    """
    if "tensorboard" in names and find_spec("tensorboard") is None:
        raise MissingExtraError("tensorboard", "train")


def make_loggers(names: Sequence[str], scene: Scene) -> list[Logger]:
    """The loggers of these names.

    Args:
        names: of `TrainConfig.loggers`.
        scene: what there is to be recorded.

    Raises:
        MissingExtraError: the package behind one is not installed.
    """
    from .csv_file import CsvLogger

    loggers: list[Logger] = [CsvLogger(scene.run)]
    if "tensorboard" in names:
        from .tensorboard import TensorBoardLogger

        loggers.append(TensorBoardLogger(scene))
    return loggers
