"""An evaluation on disk: eval.json, a picture of each aspect, and report.html."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..data.batches import render_window, windows
from ..data.rows import Rows
from ..data.store import Store
from ..files import explain_os_errors, write_text
from ..raster import RenderSpec
from .plots import (
    CONFUSED_SHOWN,
    plot_by_class,
    plot_by_ink,
    plot_confusion_matrix,
    plot_most_confused,
    plot_reliability,
    plot_samples,
    plot_top_losses,
    to_png,
)
from .report import Told, write_report
from .result import EvalResult
from .run import Subject, rows_at, scores_of

__all__ = ["Told", "picture_of_mistakes", "write_evaluation", "write_figures"]

SHOWN = RenderSpec(side=96, line_width=6.0)
"""How drawings are shown to people: finer than networks need them."""
SAMPLES = 40
MISTAKES = 16
EXAMPLES = 6
EXAMPLE_ROWS = 16_384
"""Drawings looked through for examples of confused pairs."""


def write_evaluation(
    folder: Path,
    subject: Subject,
    store: Store,
    split: str,
    result: EvalResult,
    *,
    more: Mapping[str, bytes] | None = None,
    told: Callable[[], Told] | None = None,
) -> None:
    """Write eval.json, plots/*.png and report.html into a folder.

    Args:
        folder: made if need be.
        subject: that was evaluated.
        store: that it was evaluated on.
        split: likewise.
        result: of `evaluate`.
        more: title and PNG of pictures that the report shows first.
        told: what it says about the training; asked for last, so that all this is in its time.

    Raises:
        DataError: the disk is full, or the folder cannot be written.
    """
    figures: dict[str, tuple[str, Figure]] = {
        "Confusion matrix": ("confusion", plot_confusion_matrix(result)),
        "Most confused": (
            "most_confused",
            plot_most_confused(result, _examples(subject, store, split, result)),
        ),
        "Largest errors": ("top_losses", _worst(store, split, result)),
        "Can its confidence be believed?": ("calibration", plot_reliability(result)),
        "By word": ("by_class", plot_by_class(result)),
        "Drawings and guesses": ("samples", _samples(subject, store, split)),
    }
    if result.by_ink:
        figures["While drawing"] = ("by_ink", plot_by_ink(result))
    pictures = dict(more or {})
    with explain_os_errors(f"writing {folder}", "Then evaluate again"):
        (folder / "plots").mkdir(parents=True, exist_ok=True)
        for title, (name, figure) in figures.items():
            pictures[title] = to_png(figure)
            (folder / "plots" / f"{name}.png").write_bytes(pictures[title])
        write_figures(folder, result)
        write_report(folder / "report.html", result, pictures, told=told() if told else None)


def write_figures(folder: Path, result: EvalResult) -> None:
    """Write eval.json alone into a folder that is there.

    Raises:
        DataError: the disk is full, or the folder cannot be written.
    """
    with explain_os_errors(f"writing {folder}", "Then evaluate again"):
        write_text(folder / "eval.json", result.to_json())


def picture_of_mistakes(store: Store, split: str, result: EvalResult) -> bytes | None:
    """The errors that the network was surest of, as the content of a PNG file; None without any."""
    wrong = [each for each in result.top_losses if each["true"] != each["guessed"]]
    surest = sorted(wrong, key=lambda each: -each["p_guessed"])[:MISTAKES]
    if not surest:
        return None
    return to_png(_worst(store, split, replace(result, top_losses=surest)))


def shown(rows: Rows) -> NDArray[np.uint8]:
    """Pictures of rows for people: uint8 (rows, height, width, channels)."""
    return np.ascontiguousarray(render_window(rows, SHOWN).numpy().transpose(0, 2, 3, 1))


def _worst(store: Store, split: str, result: EvalResult) -> Figure:
    rows = rows_at(store, split, [entry["row"] for entry in result.top_losses])
    return plot_top_losses(np.concatenate([shown(row) for row in rows]), result.top_losses)


def _samples(subject: Subject, store: Store, split: str) -> Figure:
    """Some drawings and the guesses; rows are shuffled, so the first ones are as good as any."""
    rows = next(windows(store, split)).slice(0, SAMPLES)
    probabilities = torch.softmax(scores_of(subject, rows) / subject.temperature, dim=1)
    best = probabilities.max(dim=1)
    guesses = [
        (subject.classes[int(index)], float(probability))
        for index, probability in zip(best.indices, best.values, strict=True)
    ]
    return plot_samples(shown(rows), [store.classes[label] for label in rows.labels], guesses)


def _examples(
    subject: Subject, store: Store, split: str, result: EvalResult
) -> dict[tuple[str, str], NDArray[np.uint8]]:
    """Some drawings of each of the most confused pairs."""
    wanted = [(pair["true"], pair["guessed"]) for pair in result.most_confused[:CONFUSED_SHOWN]]
    found: dict[tuple[str, str], list[NDArray[np.uint8]]] = {pair: [] for pair in wanted}
    seen = 0
    for rows in windows(store, split):
        guesses = scores_of(subject, rows).argmax(dim=1).numpy()
        for row, (label, guess) in enumerate(zip(rows.labels, guesses, strict=True)):
            pair = (store.classes[label], subject.classes[guess])
            if pair in found and len(found[pair]) < EXAMPLES:
                found[pair].append(shown(rows.slice(row, row + 1))[0])
        seen += len(rows)
        if seen >= EXAMPLE_ROWS or all(len(each) == EXAMPLES for each in found.values()):
            break
    return {pair: np.stack(images) for pair, images in found.items() if images}
