"""Servers for the tests, each with a model made by code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "predict"))

from served import Running, pixels_model, running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Takes drawings and pictures, knows three words, and has no limit of the rate."""
    with running(pixels_model(tmp_path_factory.mktemp("served"))) as one:
        yield one
