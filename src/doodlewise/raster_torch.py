"""The rasteriser in torch, for drawings that are already on a device: same pixels as `raster`.

Every line is measured against every pixel of its drawing, as many lines at a time as memory
allows, and the nearest line of each pixel wins.
"""

from __future__ import annotations

import torch

from .drawing import FRAME
from .ragged import Ragged
from .raster import FITTED_FROM, RenderSpec

__all__ = ["ink_on_device", "render_tensor"]

DISTANCES_AT_ONCE = 1 << 24


def render_tensor(
    drawings: Ragged, spec: RenderSpec, device: torch.device | str = "cpu"
) -> torch.Tensor:
    """Draw each of many: uint8 (drawings, side, side) on the device, 0 is paper, 255 is ink."""
    points = torch.as_tensor(drawings.points).to(device, torch.float32)
    stroke_lengths = torch.as_tensor(drawings.stroke_lengths).to(device, torch.int64)
    points_per_drawing = torch.as_tensor(drawings.point_offsets).diff().to(device)
    n, side = len(drawings), spec.side
    owner = torch.arange(n, device=device).repeat_interleave(points_per_drawing)
    placed = _place(points, owner, n, spec)

    # A line leads from each point to the next of its stroke; the last point of a stroke leads
    # to itself, which draws the dots of one point and changes nothing elsewhere.
    last_of_stroke = stroke_lengths.cumsum(0) - 1
    following = torch.arange(1, len(points) + 1, device=device)
    following[last_of_stroke] -= 1

    half_width = torch.full((n,), spec.half_width, device=device)
    return ink_on_device(placed, placed[following], owner, half_width, side)


def ink_on_device(
    starts: torch.Tensor,
    ends: torch.Tensor,
    owner: torch.Tensor,
    half_width: torch.Tensor,
    side: int,
) -> torch.Tensor:
    """Step 3 of `raster`: uint8 (drawings, side, side) of lines that are placed.

    Args:
        starts: float32 (lines, 2), pixels.
        ends: likewise; a line that is far from the canvas leaves no ink.
        owner: int64 (lines,), the drawing of each line.
        half_width: float32 (drawings,), of the pen, pixels.
        side: of the images, pixels.
    """
    n, device = len(half_width), starts.device
    nearest = torch.full((n, side * side), torch.inf, device=device)
    centres = torch.arange(side, device=device, dtype=torch.float32) + 0.5
    y, x = (grid.reshape(1, -1) for grid in torch.meshgrid(centres, centres, indexing="ij"))
    at_once = max(1, DISTANCES_AT_ONCE // (side * side))
    for first in range(0, len(starts), at_once):
        lines = slice(first, first + at_once)
        squared = _squared_distance(x, y, starts[lines], ends[lines])
        nearest.scatter_reduce_(0, owner[lines, None].expand_as(squared), squared, "amin")
    ink = (half_width[:, None] + 0.5 - nearest.sqrt_()).clamp_(0.0, 1.0)
    return (ink * 255.0 + 0.5).to(torch.uint8).reshape(n, side, side)


def _place(points: torch.Tensor, owner: torch.Tensor, n: int, spec: RenderSpec) -> torch.Tensor:
    """Steps 1 and 2 of `raster`: points in pixels, (points, 2)."""
    index = owner[:, None].expand_as(points)
    empty = points.new_empty(n, 2)
    low = empty.scatter_reduce(0, index, points, "amin", include_self=False)
    high = empty.scatter_reduce(0, index, points, "amax", include_self=False)
    extent = (high - low).amax(dim=1, keepdim=True)
    is_kept = (extent >= FITTED_FROM) & (extent <= FRAME)
    fitted = torch.where(is_kept, extent, FRAME) * spec.pixels_per_unit
    # Shares of the extent, so that far, huge and tiny drawings lose nothing in float32.
    extent = torch.where(extent > 0.0, extent, 1.0)
    middle = (high - low) / extent / 2.0
    shares = (points - low[owner]) / extent[owner] - middle[owner]
    return shares * fitted[owner] + spec.side / 2.0


def _squared_distance(
    x: torch.Tensor, y: torch.Tensor, start: torch.Tensor, end: torch.Tensor
) -> torch.Tensor:
    """From each line (rows) to each pixel centre (columns)."""
    along = end - start
    squared_length = (along * along).sum(dim=1, keepdim=True).clamp(min=1e-12)
    away_x, away_y = x - start[:, :1], y - start[:, 1:]
    share = (away_x * along[:, :1] + away_y * along[:, 1:]) / squared_length
    share = share.clamp_(0.0, 1.0)
    away_x = away_x - share * along[:, :1]
    away_y = away_y - share * along[:, 1:]
    return away_x * away_x + away_y * away_y
