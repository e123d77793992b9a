"""The rasteriser in torch draws what the reference draws, to 1 of 255."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from doodlewise import raster_torch
from doodlewise.drawing import Drawing
from doodlewise.ragged import Ragged
from doodlewise.raster import RenderSpec, render_many
from doodlewise.raster_torch import render_tensor
from raster_cases import SPECS, drawings, far_apart, needs_quickdraw, real_drawings

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[
            pytest.mark.gpu,
            pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
        ],
    ),
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"side {spec.side}")
def test_drawings_by_hand(hand_made: dict[str, Drawing], spec: RenderSpec, device: str) -> None:
    every = Ragged.from_drawings(hand_made.values())
    images = render_tensor(every, spec, device)
    assert images.device.type == device
    assert far_apart(images.cpu().numpy(), render_many(every, spec)) <= 1


@pytest.mark.parametrize("device", DEVICES)
@settings(max_examples=80, deadline=None)
@given(some=st.lists(drawings(), min_size=1, max_size=3), side=st.integers(8, 128))
def test_any_drawings(some: list[Drawing], side: int, device: str) -> None:
    spec = RenderSpec(side=side)
    every = Ragged.from_drawings(some)
    images = render_tensor(every, spec, device).cpu().numpy()
    assert far_apart(images, render_many(every, spec)) <= 1


@needs_quickdraw
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("raw", [True, False], ids=["raw", "simplified"])
def test_real_drawings(raw: bool, device: str) -> None:
    every, spec = real_drawings(raw), RenderSpec()
    images = render_tensor(every, spec, device).cpu().numpy()
    assert far_apart(images, render_many(every, spec)) <= 1


def test_lines_are_taken_in_portions(
    hand_made: dict[str, Drawing], monkeypatch: pytest.MonkeyPatch
) -> None:
    every = Ragged.from_drawings(hand_made.values())
    at_once = render_tensor(every, RenderSpec())
    monkeypatch.setattr(raster_torch, "DISTANCES_AT_ONCE", 1000 * 28 * 28)
    assert torch.equal(render_tensor(every, RenderSpec()), at_once)
    monkeypatch.setattr(raster_torch, "DISTANCES_AT_ONCE", 1)
    line = Ragged.from_drawings([hand_made["line"], hand_made["face"]])
    assert torch.equal(render_tensor(line, RenderSpec()), at_once[:2])


def test_points_in_bytes_and_none_at_all() -> None:
    every = Ragged.from_lengths(
        np.array([[0, 255], [9, 8]], np.uint8), np.array([1, 1], np.int32), [2]
    )
    images = render_tensor(every, RenderSpec(side=64)).numpy()
    assert far_apart(images, render_many(every, RenderSpec(side=64))) <= 1
    assert render_tensor(Ragged.empty(), RenderSpec()).shape == (0, 1, 28, 28)
