"""Training in several processes that looks from outside like training in one.

The result, an error or Ctrl-C comes home as it would from one process. What comes home goes through
a file: Fabric's queue holds 64 kB until somebody reads it, and nobody reads before all have ended.
"""

from __future__ import annotations

import logging
import multiprocessing
import pickle
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from lightning_fabric import Fabric
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from ..errors import DoodlewiseError, Interrupted, TrainingError
from ..files import replacing

__all__ = ["launch"]

T = TypeVar("T")


def launch(fabric: Fabric, function: Callable[..., T], *args: Any) -> T:
    """Call `function(fabric, *args)` in every process that Fabric starts.

    Returns:
        What it returned in the first process.

    Raises:
        DoodlewiseError: the first one that a process raised.
        Interrupted: Ctrl-C was pressed while nobody could save.
        TrainingError: a process was killed.
    """
    with tempfile.TemporaryDirectory(prefix="doodlewise-") as folder, _signals_passed_on() as asked:
        outcome = Path(folder) / "outcome"
        try:
            fabric.launch(_Task(outcome, function, args))
        except ProcessRaisedException:
            if not outcome.exists():
                raise
        except ProcessExitedException as error:
            if not outcome.exists() and asked.is_set():
                raise Interrupted(
                    "Stopped between two epochs; what was saved before is whole. Go on by --resume"
                    " last, or start again."
                ) from error
            if not outcome.exists():
                raise TrainingError(
                    f"A training process was killed ({error}), probably for want of memory. Use"
                    " fewer --devices or a smaller --batch-size, and go on by --resume last."
                ) from error
        # Written by our own processes in a folder of ours, so unpickling it is safe.
        result = pickle.loads(outcome.read_bytes())
    if isinstance(result, DoodlewiseError):
        raise result
    returned: T = result
    return returned


class _Task:
    """What each process does; Fabric refuses arguments with frozen dataclasses, so it has them."""

    def __init__(
        self, outcome: Path, function: Callable[..., object], args: tuple[Any, ...]
    ) -> None:
        self._outcome, self._function, self._args = outcome, function, args

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Arrived in a new process, where Fabric is about to say what we say ourselves."""
        logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
        self.__dict__ |= state

    def __call__(self, fabric: Fabric) -> None:
        # A terminal sends Ctrl-C to all processes at once; the one that began passes it on.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            result = self._function(fabric, *self._args)
        except DoodlewiseError as error:
            self._leave(error)
            # All stop together when asked to; after an error, the others would wait for this one.
            if not isinstance(error, Interrupted):
                raise
        else:
            if fabric.is_global_zero:
                self._leave(result)

    def _leave(self, result: object) -> None:
        if not self._outcome.exists():
            with replacing(self._outcome) as temporary:
                temporary.write_bytes(pickle.dumps(result))


@contextmanager
def _signals_passed_on() -> Iterator[threading.Event]:
    """While open, the first Ctrl-C or SIGTERM asks the processes begun meanwhile to save and stop.

    The second one interrupts as usual, and ends them. Yields whether the first one has come.
    """
    others = set(multiprocessing.active_children())
    asked = threading.Event()
    before: dict[int, Any] = {}

    def ours() -> set[BaseProcess]:
        return set(multiprocessing.active_children()) - others

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)
        before.clear()

    def pass_on(_number: int, _frame: FrameType | None) -> None:
        asked.set()
        restore()
        for process in ours():
            process.terminate()

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, pass_on)
    try:
        yield asked
    finally:
        restore()
        for process in ours():
            process.kill()
