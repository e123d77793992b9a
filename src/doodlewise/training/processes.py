"""Training in several processes that looks from outside like training in one.

The result, an error or Ctrl-C comes home as it would from one process. What comes home goes through
a file: Fabric's queue holds 64 kB until somebody reads it, and nobody reads before all have ended.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, TypeVar

import torch.distributed
from lightning_fabric import Fabric
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from ..errors import DoodlewiseError, Interrupted, TrainingError
from ..files import replacing
from .peers import PeerLostError, explain_lost_peers, killed

__all__ = ["launch"]

T = TypeVar("T")

GRACE_S = 3.0
"""So long may processes live on when one of them has failed: they wait for it, and cannot know."""
ORPHANS_GRACE_S = 60.0
"""So long may they take to save when the one that began them has gone."""


def launch(fabric: Fabric, function: Callable[..., T], *args: Any) -> T:
    """Call `function(fabric, *args)` in every process that Fabric starts.

    Returns:
        What it returned in the first process.

    Raises:
        DoodlewiseError: the first one that a process raised.
        Interrupted: Ctrl-C was pressed while nobody could save.
        TrainingError: a process was killed.
    """
    with (
        tempfile.TemporaryDirectory(prefix="doodlewise-") as folder,
        _environment_restored(),
        _signals_passed_on() as asked,
        _survivors_ended(fabric.strategy.num_processes),
    ):
        outcome = Path(folder) / "outcome"
        try:
            fabric.launch(_Task(outcome, function, args))
        except (ProcessRaisedException, ProcessExitedException) as error:
            if not outcome.exists():
                _explain(error, outcome, is_asked=asked.is_set())
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
        threading.Thread(target=_end_with_the_parent, daemon=True).start()
        _begun(self._outcome).touch()
        try:
            with explain_lost_peers():
                result = self._function(fabric, *self._args)
        except PeerLostError:
            # Why it has gone is for others to say, if they can.
            _lost(self._outcome).touch()
            raise
        except DoodlewiseError as error:
            self._leave(error)
            # All stop together when asked to; after an error, the others would wait for this one.
            if not isinstance(error, Interrupted):
                raise
        else:
            if fabric.is_global_zero:
                self._leave(result)
        # Threads of the group that Python's end finds alive may abort the process.
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()

    def _leave(self, result: object) -> None:
        if not self._outcome.exists():
            with replacing(self._outcome) as temporary:
                temporary.write_bytes(pickle.dumps(result))


def _explain(error: Exception, outcome: Path, *, is_asked: bool) -> NoReturn:
    """Raise what it means that processes ended without an outcome."""
    is_exit = isinstance(error, ProcessExitedException)
    if is_asked:
        raise Interrupted(
            "Stopped between two epochs; what was saved before is whole. Go on by --resume last, or"
            " start again."
        ) from error
    if not _begun(outcome).exists():
        raise TrainingError(
            f"The training processes could not begin ({str(error).strip()}). In a script, call"
            ' train() under `if __name__ == "__main__":`, or with devices=1.'
        ) from error
    if is_exit or _lost(outcome).exists():
        raise TrainingError(killed(str(error) if is_exit else "")) from error
    raise error


def _begun(outcome: Path) -> Path:
    """Is there when a process has come as far as what it is for."""
    return outcome.with_name("begun")


def _lost(outcome: Path) -> Path:
    """Is there when a process has noticed that another one has gone."""
    return outcome.with_name("lost")


def _end_with_the_parent() -> None:
    """Save and end when the process that began this one has gone: nobody waits for the result."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(ORPHANS_GRACE_S)
    os._exit(1)


@contextmanager
def _environment_restored() -> Iterator[None]:
    """Fabric leaves a port in it, at which the processes of another run would meet these."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _survivors_ended(n: int) -> Iterator[None]:
    """While open, when one of `n` processes begun meanwhile fails, the others end soon after.

    Left alone, they would wait for it: on a GPU for half an hour.
    """
    others = set(multiprocessing.active_children())
    is_over = threading.Event()

    def watch() -> None:
        ours: set[BaseProcess] = set()
        while len(ours) < n and not is_over.wait(0.2):
            ours = set(multiprocessing.active_children()) - others
        alive = {process.sentinel: process for process in ours}
        while alive and not is_over.is_set():
            ended = wait(list(alive), timeout=0.5)
            gone = [alive.pop(sentinel) for sentinel in list(alive) if sentinel in ended]
            # After a while, whoever waits for them has asked how they ended; two must not at once.
            if gone and not is_over.wait(GRACE_S) and any(process.exitcode for process in gone):
                for process in alive.values():
                    process.kill()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


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
