"""Other libraries speak only through our errors."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import onnxruntime

__all__ = ["quiet"]

WARNINGS, ERRORS = 2, 3
"""Levels of onnxruntime's log; the first is its default."""


@contextmanager
def quiet() -> Iterator[None]:
    """Without warnings and their log lines.

    torch's exporter tells of packages that it does not need and of old names in itself; the
    quantiser asks for steps that the exporter has done already, and onnxruntime finds the optional
    input of images unusual.
    """
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    onnxruntime.set_default_logger_severity(ERRORS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
        onnxruntime.set_default_logger_severity(WARNINGS)
