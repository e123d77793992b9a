"""What runs a network: torch, or onnxruntime where torch is not installed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..bundle_info import CONFIG, EXPORTED, BundleInfo, find_bundle, read_bundle_info
from ..errors import BundleError, ConfigError, MissingExtraError
from ..ragged import Ragged
from .onnx_backend import FEATURES, PIXELS

if TYPE_CHECKING:
    from torch import nn

    from ..models.inputs import Inputs

__all__ = [
    "FEATURES",
    "PIXELS",
    "Backend",
    "StrokesBackend",
    "TorchBackend",
    "open_backend",
]

BATCH_ROWS = 512


class Backend(Protocol):
    """Something that runs a network on pixels."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """What `run` can give: probabilities, and perhaps features and pixels."""
        ...

    @property
    def runtime(self) -> str:
        """What runs it, for people, such as "onnxruntime 1.32.0, 2 threads"."""
        ...

    @property
    def bits(self) -> int:
        """Of its weights."""
        ...

    @property
    def feature_width(self) -> int | None:
        """Width of the features; None if there are none."""
        ...

    def run(self, images: NDArray[np.uint8], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Some of `outputs` for uint8 (n, channels, height, width), a row for each image.

        "probabilities" are float32 (n, classes), each row summing to 1.
        """
        ...


@runtime_checkable
class StrokesBackend(Backend, Protocol):
    """Something that runs a network on strokes, and perhaps on pixels."""

    takes_images: bool

    def run_drawings(self, drawings: Ragged, names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Some of `outputs`, a row for each of the drawings, which are in any unit."""
        ...


class TorchBackend:
    """Runs a network in torch.

    Args:
        network: in eval mode.
        info: what travels with it.
        device: where it is.
    """

    def __init__(self, network: nn.Module, info: BundleInfo, device: str = "cpu") -> None:
        self._network, self._info, self._device = network, info, device

    @classmethod
    def load(cls, path: Path, device: str) -> tuple[TorchBackend, BundleInfo]:
        """The backend of a run or model folder, and what travels with it.

        Raises:
            MissingExtraError: torch is not installed.
            ConfigError: the device is not there.
            BundleError: see `load_bundle`.
        """
        try:
            from ..models.bundle import load_bundle
            from ..models.inputs import takes_of
        except ImportError as error:
            raise MissingExtraError("torch", "train") from error
        network, info = load_bundle(find_bundle(path), device)
        if takes_of(network) == "images":
            return cls(network, info, device), info
        from .torch_strokes import TorchStrokesBackend

        return TorchStrokesBackend(network, info, device), info

    @cached_property
    def _parts(self) -> tuple[nn.Module, nn.Linear | None]:
        """The network up to its last layer, and that."""
        from ..models.head import divided

        return divided(self._network, self._info.image_shape)

    @property
    def runtime(self) -> str:
        import torch

        threads = torch.get_num_threads()
        where = f"{threads} thread{'s' * (threads != 1)}" if self._device == "cpu" else self._device
        return f"torch {torch.__version__}, {where}"

    @property
    def bits(self) -> int:
        return 32

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("probabilities", FEATURES) if self._parts[1] is not None else ("probabilities",)

    @property
    def feature_width(self) -> int | None:
        head = self._parts[1]
        return None if head is None else head.in_features

    def run(self, images: NDArray[np.uint8], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Some of `outputs` for uint8 (n, channels, height, width), a row for each image."""
        import torch

        from ..models.inputs import Inputs

        parts: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
        # Once at least: no images give no rows, but as many columns as ever.
        for at in range(0, max(len(images), 1), BATCH_ROWS):
            inputs = Inputs(torch.from_numpy(images[at : at + BATCH_ROWS]))
            for name in names:
                parts[name].append(self._found(inputs, name))
        return {name: np.concatenate(every) for name, every in parts.items()}

    def _found(self, inputs: Inputs, name: str) -> NDArray[np.float32]:
        """One of the outputs of the network itself."""
        import torch

        from ..models.inputs import scores

        there = inputs.to(self._device)
        with torch.inference_mode():
            if name == FEATURES:
                found = scores(self._parts[0], there).float()
            else:
                every = scores(self._network, there).float()
                found = torch.softmax(every / self._info.temperature, dim=1)
        values: NDArray[np.float32] = found.cpu().numpy()
        return values


def open_backend(path: Path, device: str) -> tuple[Backend | StrokesBackend, BundleInfo]:
    """Whatever runs the model at this path, and what travels with it.

    Args:
        path: an exported file; or a run or model folder, for which torch is needed unless there is
            a model.onnx in it.
        device: where a folder's network runs.

    Raises:
        BundleError: there is no model, it is damaged, or torch is needed and not installed.
        ConfigError: the device is not there.
    """
    if path.is_file() or (path.suffix == Path(EXPORTED).suffix and not path.exists()):
        return _open_onnx(path, device)
    folder = find_bundle(path)
    exported = folder / EXPORTED
    if exported.is_file() and not (folder / CONFIG).exists():
        return _open_onnx(exported, device)
    try:
        return TorchBackend.load(folder, device)
    except MissingExtraError as error:
        if exported.is_file():
            return _open_onnx(exported, device)
        read_bundle_info(folder)  # that there is no model at all is to be said first
        raise BundleError(
            f"{folder} needs {error.package}, which is not installed. Run: pip install"
            f" 'doodlewise[{error.extra}]'; or where it is installed, make a file that needs none:"
            f" doodlewise export {path} --to {EXPORTED}"
        ) from error


def _open_onnx(path: Path, device: str) -> tuple[Backend | StrokesBackend, BundleInfo]:
    from .onnx_backend import open_onnx

    if device != "cpu":
        raise ConfigError(
            f"{path} runs on the processor, not on '{device}'. Choose cpu, or name the run folder."
        )
    return open_onnx(path)
