"""From a store to the page that shows what is in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..data.store import Store
from ..evaluation.judge import subject_of
from .findings import Findings, Method
from .gather import gather
from .write import write_exploration

__all__ = ["explore"]


def explore(
    store: str | Path,
    out: str | Path,
    *,
    split: str = "all",
    method: Method | None = "pca",
    model: str | Path | None = None,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[Path, Findings]:
    """See what is in a store before training: report.html, stats.json, pictures/*.png.

    Args:
        store: its folder.
        out: folder for the report; made if need be.
        split: train, val, test or all.
        method: how the map is laid out; None for no map.
        model: a run or model folder, whose network judges which labels look wrong.
        seed: another one picks other samples.
        progress: called with the stage (rows, duplicates, suspects, map), what is done of it, and
            how much there is.

    Returns:
        The page, and what is on it.

    Raises:
        StoreError: no store, or no drawing in the split.
        BundleError: there is no model.
        MissingExtraError: the map needs a library that is not installed.
        DataError: the disk is full, or the folder cannot be written.
    """
    opened = Store(store)
    judge = None if model is None else subject_of(Path(model))
    findings = gather(
        opened, split=split, method=method, classifier=judge, seed=seed, progress=progress
    )
    return write_exploration(findings, Path(out))[0], findings
