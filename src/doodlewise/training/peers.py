"""What a process meets when another one of its run has gone: an error in the middle of a step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..errors import TrainingError

__all__ = ["PeerLostError", "explain_lost_peers", "killed"]

SIGNS = (
    "closed by peer",
    "reset by peer",
    "Broken pipe",
    "Timed out waiting",
    "NCCL",
    "gloo",
)
"""In the messages of what processes talk through; it has no error of its own for most of them."""


class PeerLostError(TrainingError):
    """Another process of the run has gone; why, somebody else knows."""


def killed(detail: str = "") -> str:
    """What to say of a process that ended without a word."""
    return (
        f"A training process was killed{f' ({detail})' if detail else ''}, probably for want of"
        " memory. Use fewer devices or a smaller --batch-size, and go on by --resume last."
    )


@contextmanager
def explain_lost_peers() -> Iterator[None]:
    """Turn what talking to a process that has gone ends in into a `PeerLostError`."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        is_ours = isinstance(error, torch.distributed.DistError)
        if is_ours or any(sign in str(error) for sign in SIGNS):
            raise PeerLostError(killed()) from error
        raise
