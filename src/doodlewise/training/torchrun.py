"""Training in processes that torchrun, or a scheduler like it, has started already.

Each of them runs the whole command. What must happen once happens in the first, and its outcome,
an error too, is sent to the others; so all of them return the same, or fail with the same.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import torch
from lightning_fabric import Fabric

from ..errors import DoodlewiseError
from .peers import explain_lost_peers

__all__ = ["launch_under_torchrun"]

T = TypeVar("T")

LAST_WORDS_S = 5.0
LONG = timedelta(days=7)
"""The others wait while the first one evaluates a large store."""


def launch_under_torchrun(
    fabric: Fabric, prepare: Callable[[], tuple[Any, ...]], function: Callable[..., T]
) -> T:
    """Call `function(fabric, *prepare())` in every process, and `prepare` in the first alone.

    Returns:
        What it returned in the first process, in every process.

    Raises:
        DoodlewiseError: what this process met, or the first one did while it was alone.
        PeerLostError: another process has gone.
    """

    def everywhere(fabric: Fabric) -> T:
        everyone = torch.distributed.new_group(backend="gloo", timeout=LONG)
        args = _from_the_first(fabric, everyone, prepare)
        result = function(fabric, *args)
        return _from_the_first(fabric, everyone, lambda: result)

    before = None
    if threading.current_thread() is threading.main_thread():
        before = signal.signal(signal.SIGTERM, _end_soon)
    with explain_lost_peers():
        result: T = fabric.launch(everywhere)
    torch.distributed.destroy_process_group()
    if before is not None:
        signal.signal(signal.SIGTERM, before)
    return result


def _end_soon(_number: int, _frame: Any) -> None:
    """When one process has died, torchrun ends the others at once, who could say what to do."""
    timer = threading.Timer(LAST_WORDS_S, os._exit, [128 + signal.SIGTERM])
    timer.daemon = True
    timer.start()


def _from_the_first(fabric: Fabric, group: Any, function: Callable[[], T]) -> T:
    """What the function gives in the first process, or the error that it raises there."""
    outcome: list[Any] = [None]
    if fabric.is_global_zero:
        try:
            outcome = [function()]
        except DoodlewiseError as error:
            outcome = [error]
    torch.distributed.broadcast_object_list(outcome, src=0, group=group)
    if isinstance(outcome[0], DoodlewiseError):
        raise outcome[0]
    found: T = outcome[0]
    return found
