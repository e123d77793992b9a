"""An exported graph with 8 bits: a quarter of the size, if it costs no more than it may.

Static, one scale for each channel of the weights, in the QDQ form that every runtime reads. Only
the network is quantised; strokes are drawn as exactly as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

from ..data.batches import render_window, windows
from ..data.formats.simplify import simplified
from ..data.store import Store
from ..errors import ModelError, StoreError
from ..evaluation.run import Subject, labels_in, scores_of
from ..models.inputs import takes_of
from ..predict.onnx_backend import open_onnx
from ..predict.stroke_batches import stroke_batches
from .parity import ROWS_AT_ONCE, first_rows, probabilities_of
from .quiet import quiet
from .surgery import last_layer

__all__ = ["MOST_LOST", "Loss", "quantize"]

MOST_LOST = 0.005
"""Share of right guesses that 8 bits may cost."""
MEASURED = 5_000
CALIBRATED = 512
LAYERS = ("Conv", "Gemm", "MatMul")
"""All that has weights; drawing strokes uses none of these."""
_LONGEST, _POINTS_AT_ONCE = 1024, 2048


@dataclass(frozen=True, slots=True)
class Loss:
    """What 8 bits cost.

    Attributes:
        n: drawings it was measured on, of words that the network knows; all of the val split where
            that has fewer than `MEASURED`.
        top1: share of right guesses in torch.
        top1_int8: share of right guesses with 8 bits.
        n_calibrated: drawings of the train split that the scales were taken from.
    """

    n: int
    top1: float
    top1_int8: float
    n_calibrated: int

    @property
    def is_rough(self) -> bool:
        """Whether there were too few drawings for a figure to rely on."""
        return self.n < MEASURED


def quantize(
    graph: ModelProto,
    out: Path,
    subject: Subject,
    store: Store,
    *,
    force: bool,
    progress: Callable[[str, int, int], None],
) -> Loss:
    """Write a graph with 8 bits.

    Args:
        graph: in float32, with its metadata.
        out: the file.
        subject: the same network in torch.
        store: its train split gives the scales, its val split the verdict.
        force: keep the file whatever it costs.
        progress: called with what is going on, drawings done, and drawings in all.

    Raises:
        ModelError: it costs more than `MOST_LOST`, and `force` is not set.
        StoreError: a split is empty.
    """
    reader = _Calibration(graph, subject, store, progress)
    with quiet():
        quantize_static(
            graph,
            out,
            reader,
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(LAYERS),
            nodes_to_exclude=_last_layer(graph),
            per_channel=True,
            # The kernels of x86 multiply unsigned by signed 8 bits, several times as fast as signed
            # by signed; where they add pairs of products in 16 bits (AVX2 without VNNI), weights
            # of 7 bits cannot overflow.
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            reduce_range=True,
        )
    loss = _measure(out, subject, store, reader.n, progress)
    if loss.top1 - loss.top1_int8 > MOST_LOST and not force:
        raise ModelError(
            f"With 8 bits, {loss.top1_int8:.2%} of the guesses are right instead of"
            f" {loss.top1:.2%} ({loss.n:,} drawings of {store.folder}, val split); that is more"
            f" than {MOST_LOST:.1%} less. Nothing was written. Export without --int8, or write it"
            " all the same with --force."
        )
    return loss


def _last_layer(graph: ModelProto) -> list[str]:
    """It stays as it is: by its weights, new words are taught (`predict.teach`)."""
    has_head = any(each.name == "head.weight" for each in graph.graph.initializer)
    return [last_layer(graph).name] if has_head else []


def _measure(
    path: Path,
    subject: Subject,
    store: Store,
    n_calibrated: int,
    progress: Callable[[str, int, int], None],
) -> Loss:
    label_of = labels_in(subject, store)
    backend, _ = open_onnx(path)
    total = min(store.size("val"), MEASURED)
    n = n_right = n_right_int8 = 0
    for every in windows(store, "val", ROWS_AT_ONCE):
        known = np.flatnonzero(label_of[every.labels] >= 0)
        rows = every.take(known[: MEASURED - n])
        if len(rows) == 0:
            continue
        labels = label_of[rows.labels]
        guesses = scores_of(subject, rows).argmax(dim=1).numpy()
        n_right += int((guesses == labels).sum())
        guesses_int8 = probabilities_of(backend, rows, subject.spec).argmax(axis=1)
        n_right_int8 += int((guesses_int8 == labels).sum())
        n += len(rows)
        progress("measuring int8", n, total)
        if n == MEASURED:
            break
    if n == 0:
        raise StoreError(
            f"The val split of {store.folder} has no drawing of a word that the network knows, so"
            " the cost of 8 bits cannot be measured. Name another store: --verify STORE"
        )
    return Loss(n, n_right / n, n_right_int8 / n, n_calibrated)


class _Calibration(CalibrationDataReader):  # type: ignore[misc]
    """Gives onnxruntime drawings of the train split, a batch at a time.

    Attributes:
        n: drawings given so far.
    """

    def __init__(
        self,
        graph: ModelProto,
        subject: Subject,
        store: Store,
        progress: Callable[[str, int, int], None],
    ) -> None:
        self.n = 0
        self._total = min(store.size("train"), CALIBRATED)
        self._progress = progress
        names = {each.name for each in graph.graph.input}
        self._takes_times = "times" in names
        batches = self._strokes if "pen" in names else self._pixels
        self._batches = batches(subject, store)

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        """The inputs of the next batch; None at the end."""
        self._progress("calibrating", self.n, self._total)
        inputs = next(self._batches, None)
        if inputs is not None:
            self.n += len(next(iter(inputs.values())))
        return inputs

    def _strokes(self, subject: Subject, store: Store) -> Iterator[dict[str, NDArray[Any]]]:
        for rows in first_rows(store, "train", CALIBRATED):
            assert rows.drawings is not None
            own = rows.drawings
            if takes_of(subject.network) != "images":
                own = simplified(own)
            batches = stroke_batches(own, longest=_LONGEST, most=_POINTS_AT_ONCE)
            for batch in batches:
                inputs: dict[str, NDArray[Any]] = {"points": batch.points, "pen": batch.pen}
                if self._takes_times and batch.times is not None:
                    inputs["times"] = batch.times
                yield inputs

    def _pixels(self, subject: Subject, store: Store) -> Iterator[dict[str, NDArray[Any]]]:
        for rows in first_rows(store, "train", CALIBRATED):
            images = np.ascontiguousarray(render_window(rows, subject.spec).numpy())
            for first in range(0, len(images), 32):
                yield {"images": images[first : first + 32]}
