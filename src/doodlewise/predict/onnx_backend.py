"""Runs an exported model.onnx, without torch."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..bundle_info import BundleInfo, bundle_info
from ..errors import BundleError
from ..ragged import Ragged
from .stroke_batches import stroke_batches

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

__all__ = [
    "FEATURES",
    "FORMAT",
    "METADATA_KEY",
    "PIXELS",
    "OnnxBackend",
    "OnnxStrokesBackend",
    "open_onnx",
]

METADATA_KEY = "doodlewise"
QUANTIZED_KEY, QUANTIZED = "onnx.infer", "onnxruntime.quant"
"""What onnxruntime writes into the metadata of a file to which it has given 8 bits."""
FORMAT = 1
"""Of the metadata: what an older Doodlewise must not read as if it knew it."""
FEATURES, PIXELS = "features", "pixels"
"""Outputs beside the probabilities: what the last layer sees, and how strokes were drawn."""
TYPES = {"probabilities": np.float32, FEATURES: np.float32, PIXELS: np.uint8}
MAX_THREADS = 4
"""More do not make these small networks faster."""
BATCH_ROWS = 32
"""Images at once: their activations stay in the caches of the processor."""
BATCH_BYTES = 8 * 2**20
"""A graph that draws strokes keeps, for every point, some numbers for every pixel nearby; so many
points at once as if each took a float32 for every pixel. Fewer or more are slower."""
DRAWING_BYTES = 64 * 2**20
"""Likewise for a single drawing, which is thinned if it would need more; see `_longest`."""
ADVICE = (
    "Name a file that doodlewise export wrote, or copy it again; or name a run folder, such as"
    " runs/first."
)
BEGINNINGS = {
    b"PK": "a zip archive, as torch.save writes",
    b"version https://git-lfs": "a pointer of Git LFS, so run git lfs pull",
    b"<": "a web page or XML",
    b"{": "JSON",
}


class OnnxBackend:
    """Runs a model that takes pixels.

    Args:
        session: of a file that `open_onnx` found good.
        info: what travels with it.
        file: that it is.

    Attributes:
        outputs: names of what `run` can give.
        metadata: what else travels in the file, by key.
    """

    def __init__(self, session: InferenceSession, info: BundleInfo, file: Path | bytes) -> None:
        self._session, self._file = session, file
        self.metadata: dict[str, str] = session.get_modelmeta().custom_metadata_map
        self.outputs = _outputs(session)
        self._sizes = _sizes(info, session)

    @property
    def runtime(self) -> str:
        """What runs it, for people."""
        import onnxruntime

        threads = self._session.get_session_options().intra_op_num_threads
        return f"onnxruntime {onnxruntime.__version__}, {threads} thread{'s' * (threads != 1)}"

    @property
    def bits(self) -> int:
        """Of its weights."""
        return 8 if self.metadata.get(QUANTIZED_KEY) == QUANTIZED else 32

    def content(self) -> bytes:
        """The file, byte for byte."""
        return self._file if isinstance(self._file, bytes) else self._file.read_bytes()

    @property
    def feature_width(self) -> int | None:
        """Width of the features; None if there are none."""
        return int(self._sizes[FEATURES][0]) if FEATURES in self.outputs else None

    def run(self, images: NDArray[np.uint8], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Any of `outputs` for uint8 (n, channels, height, width), a row for each image."""
        found = {name: np.empty((len(images), *self._sizes[name]), TYPES[name]) for name in names}
        for first in range(0, len(images), BATCH_ROWS):
            rows = slice(first, first + BATCH_ROWS)
            given = self._session.run(list(names), self._inputs(images[rows]))
            for name, values in zip(names, given, strict=True):
                found[name][rows] = values
        return found

    def _inputs(self, images: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        return {"images": images}


class OnnxStrokesBackend(OnnxBackend):
    """Runs a model that takes strokes, and draws them itself; `run` lays images over blank paper.

    Attributes:
        takes_images: whether it takes images too; networks that see strokes do not, nor files of
            older versions.
    """

    def __init__(self, session: InferenceSession, info: BundleInfo, file: Path | bytes) -> None:
        super().__init__(session, info, file)
        optional = _optional(session)
        self.takes_images, self._takes_times = "images" in optional, "times" in optional
        bytes_per_point = 4 * math.prod(info.image_shape)
        self._longest = min(max(DRAWING_BYTES // bytes_per_point, 512), 4096)
        self._most = BATCH_BYTES // bytes_per_point
        self._sees_strokes = info.takes != "images"

    def run_drawings(self, drawings: Ragged, names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Any of `outputs`, a row for each of the drawings, which are in any unit.

        A drawing of more than 4,096 points (less where images have more than 64 x 64 pixels, but
        at least 512) is thinned to as many first; see `stroke_batches`. For a network that sees
        strokes, all are simplified before, as those were that it learnt from.
        """
        if self._sees_strokes:
            drawings = _simplified(drawings)
        found = {name: np.empty((len(drawings), *self._sizes[name]), TYPES[name]) for name in names}
        for batch in stroke_batches(drawings, longest=self._longest, most=self._most):
            inputs = {"points": batch.points, "pen": batch.pen}
            if self._takes_times and batch.times is not None:
                inputs["times"] = batch.times
            for name, values in zip(names, self._session.run(list(names), inputs), strict=True):
                found[name][batch.rows] = values
        return found

    def _inputs(self, images: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        no_point = np.zeros((len(images), 1), np.int64)
        points = np.zeros((len(images), 1, 2), np.float32)
        return {"points": points, "pen": no_point, "images": images}


def _simplified(drawings: Ragged) -> Ragged:
    from ..data.formats.simplify import simplified

    return simplified(drawings)


def _outputs(session: InferenceSession) -> tuple[str, ...]:
    there = {each.name for each in session.get_outputs()}
    return tuple(name for name in TYPES if name in there)


def _sizes(info: BundleInfo, session: InferenceSession) -> dict[str, tuple[int, ...]]:
    """Shape of a row of each output."""
    widths = {each.name: each.shape[1:] for each in session.get_outputs()}
    return {
        "probabilities": (len(info.classes),),
        FEATURES: tuple(widths.get(FEATURES, ())),
        PIXELS: info.image_shape,
    }


def _optional(session: InferenceSession) -> dict[str, list[Any]]:
    return {each.name: each.shape for each in session.get_overridable_initializers()}


def open_onnx(
    path: Path, content: bytes | None = None
) -> tuple[OnnxBackend | OnnxStrokesBackend, BundleInfo]:
    """The backend of an exported file, and what travels with it.

    Args:
        path: of the file.
        content: its bytes where it is not on the disk; the path is its name in messages then.

    Raises:
        BundleError: no such file, not an ONNX file, truncated, not from Doodlewise, of a newer
            version, or onnxruntime does not load.
    """
    if content is None and not path.is_file():
        raise BundleError(f"There is no file {path}. Check the path.")
    session = _session(path, content)
    takes, info = _metadata(session, path)
    _check_shapes(session, path, takes, info)
    kind = OnnxStrokesBackend if takes == "strokes" else OnnxBackend
    return kind(session, info, path if content is None else content), info


def _session(path: Path, content: bytes | None) -> InferenceSession:
    try:
        import onnxruntime
    except ImportError as error:
        raise BundleError(
            f"{path} needs onnxruntime, which does not load here ({error}). Run:"
            " pip install --upgrade onnxruntime"
        ) from error
    options = onnxruntime.SessionOptions()
    # Given a number, it does not pin threads to cores, which containers refuse with an error.
    options.intra_op_num_threads = min(_cores(), MAX_THREADS)
    options.inter_op_num_threads = 1
    # Between two guesses of a server, threads are to sleep.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # It would keep a plan of the memory for every length that there ever was, and the memory of
    # the longest drawing; without, it is as fast.
    options.enable_mem_pattern = False
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(
            path if content is None else content, options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the errors of onnxruntime have no base of their own
        if content is not None:
            raise BundleError(f"{path} cannot be run ({error}). Make it again.") from error
        raise BundleError(_explain(path, str(error))) from error


def _cores() -> int:
    """How many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _explain(path: Path, problem: str) -> str:
    """Why onnxruntime cannot open a file, and what to do."""
    with path.open("rb") as stream:
        head = stream.read(64)
    if not head:
        return f"{path} is empty: it has 0 bytes. Copy or export it again."
    for beginning, what in BEGINNINGS.items():
        if head.lstrip().startswith(beginning):
            return f"{path} is not an ONNX file, but {what}. {ADVICE}"
    if "max supported IR version" in problem or "Current official support" in problem:
        return f"{path} needs a newer onnxruntime. Run: pip install --upgrade onnxruntime"
    if "protobuf" in problem.lower():
        size = path.stat().st_size
        return f"{path} is not an ONNX file, or is cut off after {size:,} bytes. {ADVICE}"
    reason = problem.strip().splitlines()[0].split(" failed:")[-1]
    return f"{path} cannot be run ({reason}). Copy or export it again."


def _metadata(session: InferenceSession, path: Path) -> tuple[str, BundleInfo]:
    """Whether it takes strokes or pixels, and what travels with it."""
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if text is None:
        raise BundleError(
            f"{path} is a network that Doodlewise did not export: words and image size are not in"
            " it. Export it from its run: doodlewise export runs/first --to model.onnx"
        )
    try:
        values: dict[str, Any] = json.loads(text)
        version, takes, info = values["format"], str(values["input"]), values["info"]
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{path} is damaged ({error}). Export it again.") from error
    if version != FORMAT:
        raise BundleError(
            f"{path} has format {version}; this Doodlewise reads format {FORMAT}. Run:"
            " pip install --upgrade doodlewise, or export it again with this one."
        )
    return takes, bundle_info(info, path)


def _check_shapes(session: InferenceSession, path: Path, takes: str, info: BundleInfo) -> None:
    """That inputs and outputs are what the metadata says.

    Raises:
        BundleError: they are not.
    """
    inputs = {each.name: each.shape for each in session.get_inputs()}
    outputs = {each.name: each.shape for each in session.get_outputs()}
    n_classes = len(info.classes)
    every: dict[str, dict[str, Sequence[int | None]]] = {
        "pixels": {"images": info.image_shape},
        "strokes": {"points": [None, 2], "pen": [None]},
    }
    expected = every.get(takes, {})
    fits = (
        inputs.keys() == expected.keys()
        and all(_fits(inputs[name][1:], shape) for name, shape in expected.items())
        and _fits(outputs.get("probabilities", [])[1:], [n_classes])
    )
    if not fits:
        raise BundleError(
            f"{path} is damaged: it is to make {n_classes} probabilities of {takes}, but takes"
            f" {_described(inputs)} and makes {_described(outputs)}. Export it again."
        )


def _fits(shape: list[Any], expected: Sequence[int | None]) -> bool:
    """Whether a tensor of this shape can be of the other; names and None stand for any length."""
    return len(shape) == len(expected) and all(
        not isinstance(ours, int) or theirs in (ours, None)
        for ours, theirs in zip(shape, expected, strict=True)
    )


def _described(tensors: dict[str, list[Any]]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in tensors.items())
