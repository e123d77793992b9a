"""The model that comes with the package: here, and nowhere else, it is named."""

from __future__ import annotations

from pathlib import Path

from ..bundle_info import CONFIG, EXPORTED

__all__ = ["BUNDLED", "BUNDLED_NAME", "is_model"]

BUNDLED_NAME = "doodles-345"
BUNDLED = Path(__file__).parent / "bundled" / f"{BUNDLED_NAME}.onnx"
"""`convnet_tiny` on all 345 words; `benchmarks/bundled.py` makes and measures it."""


def is_model(path: Path) -> bool:
    """Whether a path is meant as a model, and not as drawings.

    That is an .onnx file, a run or model folder, finished or not, or a name that might be one:
    there is nothing there, and it does not end as files of drawings do.
    """
    parts = (CONFIG, "model", "weights", EXPORTED)
    if not path.exists():
        return path.suffix in ("", ".onnx")
    return path.suffix == ".onnx" or any((path / part).exists() for part in parts)
