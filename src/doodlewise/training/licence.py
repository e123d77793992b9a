"""Under which licence the weights of a run are: that of the weights with which it began."""

from __future__ import annotations

from pathlib import Path

from ..bundle_info import find_bundle, read_bundle_info
from ..errors import DoodlewiseError
from ..models.timm_backbone import timm_licence
from ..predict.bundled import BUNDLED, BUNDLED_NAME
from ..predict.onnx_backend import open_onnx
from .config import TrainConfig

__all__ = ["licence_of"]

OURS, UNKNOWN = "Apache-2.0", "unknown"


def licence_of(config: TrainConfig) -> str:
    """Ours where a run began with fresh weights; "unknown" where it cannot be found any more."""
    if config.pretrained:
        return timm_licence(config.model)
    base = config.init_from
    if not base:
        return OURS
    path = BUNDLED if base in ("bundled", BUNDLED_NAME) else Path(base)
    try:
        info = open_onnx(path)[1] if path.is_file() else read_bundle_info(find_bundle(path))
    except DoodlewiseError:
        return UNKNOWN
    return info.licence
