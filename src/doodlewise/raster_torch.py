"""The rasteriser in torch, for drawings that are already on a device: same pixels as `raster`.

Every line is measured against every pixel of its drawing, as many lines at a time as memory
allows, and of each pixel the nearest line wins, or the one with the strongest ink.
"""

from __future__ import annotations

import torch

from .drawing import FRAME
from .ragged import Ragged
from .raster import FAINTEST, FITTED_FROM, SHORT, RenderSpec

__all__ = ["draw_on_device", "render_tensor"]

DISTANCES_AT_ONCE = 1 << 24
_FAR = -1e6
"""Pixels: what is not to be drawn is there."""
_FINE = 2**20
"""Of a pixel; lengths are added up in these, whole numbers, so that each device adds alike."""


def render_tensor(
    drawings: Ragged, spec: RenderSpec, device: torch.device | str = "cpu"
) -> torch.Tensor:
    """Draw each of many: uint8 (drawings, channels, side, side) on the device, 0 is paper."""
    points = torch.as_tensor(drawings.points).to(device, torch.float32)
    stroke_lengths = torch.as_tensor(drawings.stroke_lengths).to(device, torch.int64)
    points_per_drawing = torch.as_tensor(drawings.point_offsets).diff().to(device)
    n = len(drawings)
    owner = torch.arange(n, device=device).repeat_interleave(points_per_drawing)
    placed = _place(points, owner, n, spec)

    # A line leads from each point to the next of its stroke; the last point of a stroke leads
    # to itself, which draws the dots of one point and changes nothing elsewhere.
    last_of_stroke = stroke_lengths.cumsum(0) - 1
    following = torch.arange(1, len(points) + 1, device=device)
    following[last_of_stroke] -= 1

    half_width = torch.full((n,), spec.half_width, device=device)
    times = None
    if "time" in spec.channels and drawings.times is not None:
        times = torch.as_tensor(drawings.times).to(device, torch.float32)
    return draw_on_device(placed, following, owner, half_width, spec, times=times)


def draw_on_device(
    points: torch.Tensor,
    following: torch.Tensor,
    owner: torch.Tensor,
    half_width: torch.Tensor,
    spec: RenderSpec,
    *,
    times: torch.Tensor | None = None,
    is_there: torch.Tensor | None = None,
) -> torch.Tensor:
    """Steps 3 and 4 of `raster`: uint8 (drawings, channels, side, side) of points that are placed.

    Args:
        points: float32 (points, 2), pixels.
        following: int64 (points,), where a line leads from each point: to the next one of its
            stroke, or to itself.
        owner: int64 (points,), the drawing of each.
        half_width: float32 (drawings,), of the pen, pixels.
        spec: side and channels.
        times: float32 (points,), as of `Ragged`; None where nobody knows them.
        is_there: bool (points,), whether a point is to be drawn; all are when None.
    """
    n, side, device = len(half_width), spec.side, points.device
    number = torch.arange(len(points), device=device)
    if is_there is not None:
        points = torch.where(is_there[:, None], points, _FAR)
        following = torch.where(is_there, following, number)
    # Where a stroke ends there is no other line; the last point of one that has lines is none.
    is_led_to = torch.zeros_like(number).index_add_(0, following, (following != number).long())
    is_line = (following != number) | (is_led_to == 0)
    strengths = _strengths(points, following, owner, n, spec, times, is_there)
    planes = {channel: torch.zeros(n, side * side, device=device) for channel in spec.channels}
    if "ink" in planes:
        planes["ink"].fill_(torch.inf)
    reach = half_width[:, None] + 0.5
    centres = torch.arange(side, device=device, dtype=torch.float32) + 0.5
    y, x = (grid.reshape(1, -1) for grid in torch.meshgrid(centres, centres, indexing="ij"))
    at_once = max(1, DISTANCES_AT_ONCE // (side * side))
    for first in range(0, len(points), at_once):
        lines = slice(first, first + at_once)
        to = following[lines]
        squared, share = _nearest(x, y, points[lines], points[to])
        own = owner[lines, None].expand_as(squared)
        if "ink" in planes:
            planes["ink"].scatter_reduce_(0, own, squared, "amin")
        if strengths:
            ink = (reach[owner[lines]] - squared.sqrt_()).clamp_(0.0, 1.0)
            is_short = (points[to] - points[lines]).square().sum(dim=1) < SHORT * SHORT
        for channel, strength in strengths.items():
            there = strength[to, None]
            here = torch.where(is_short[:, None], there, strength[lines, None])
            level = ink * (here + share * (there - here)) * is_line[lines, None]
            planes[channel].scatter_reduce_(0, own, level, "amax")
    if "ink" in planes:
        planes["ink"] = (reach - planes["ink"].sqrt_()).clamp_(0.0, 1.0)
    image = torch.stack(list(planes.values()), dim=1)
    return (image * 255.0 + 0.5).to(torch.uint8).reshape(n, *spec.image_shape)


def _strengths(
    points: torch.Tensor,
    following: torch.Tensor,
    owner: torch.Tensor,
    n: int,
    spec: RenderSpec,
    times: torch.Tensor | None,
    is_there: torch.Tensor | None,
) -> dict[str, torch.Tensor]:
    """How strong the ink is at each point, float32 (points,), in the channels that tell when."""
    if not spec.knows_order:
        return {}
    lengths = (points[following] - points).square().sum(dim=1).sqrt()
    fine = (lengths * _FINE).round().to(torch.int64)
    # Whole numbers, which every device adds alike; the line that leads away is still to come.
    reached = fine.cumsum(0) - fine
    most = torch.iinfo(torch.int64).max
    begin = reached.new_full((n,), most).scatter_reduce(0, owner, reached, "amin")
    total = torch.zeros_like(begin).scatter_add(0, owner, fine)
    short = round(SHORT * _FINE)
    order = (reached - begin[owner] + short).to(torch.float32)
    order = order / (total[owner] + short).to(torch.float32)
    shares = {"order": order, "time": order}
    if "time" in spec.channels and times is not None:
        number = torch.arange(len(points), device=points.device)
        early, late = number, number
        if is_there is not None:
            early, late = torch.where(is_there, number, most), torch.where(is_there, number, -1)
        first = torch.zeros_like(begin).scatter_reduce(0, owner, early, "amin", include_self=False)
        last = torch.zeros_like(begin).scatter_reduce(0, owner, late, "amax", include_self=False)
        since, whole = times - times[first][owner], (times[last] - times[first])[owner]
        # Not so where they are not known, and NaN.
        is_known = whole > 0.0
        shares["time"] = torch.where(is_known, (since / whole).clamp(0.0, 1.0), order)
    return {
        channel: FAINTEST + (1.0 - FAINTEST) * shares[channel]
        for channel in spec.channels
        if channel != "ink"
    }


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


def _nearest(
    x: torch.Tensor, y: torch.Tensor, start: torch.Tensor, end: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the place on each line (rows) that is nearest to each pixel centre (columns): its squared
    distance, and its share of the line."""
    along = end - start
    squared_length = (along * along).sum(dim=1, keepdim=True).clamp(min=1e-12)
    away_x, away_y = x - start[:, :1], y - start[:, 1:]
    share = (away_x * along[:, :1] + away_y * along[:, 1:]) / squared_length
    share = share.clamp_(0.0, 1.0)
    away_x = away_x - share * along[:, :1]
    away_y = away_y - share * along[:, 1:]
    return away_x * away_x + away_y * away_y, share
