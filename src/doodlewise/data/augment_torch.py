"""Drawings varied on a device, many at once: as `augment` varies them, from the same seeds.

Nothing is left out or moved up here: points that fall away are marked, so that every shape is known
beforehand and a GPU is never waited for. Sums that decide something are sums of whole numbers, so
that they are the same in whatever order a device adds.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..augment import Augment
from ..drawing import FRAME
from ..raster import FITTED_FROM
from .draws_torch import Draws

__all__ = ["Placed", "Pieces", "vary_on_device"]

_FINE = 2**20
"""Of a unit of the frame; lengths are added up in these."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """Drawings on a device, end to end, and what is part of what.

    Attributes:
        points: float32 (points, 2).
        times: float32 (points,), as of `Ragged`; None where nobody asks for them.
        owner: int64 (points,), the drawing of each point.
        stroke: int64 (points,), the stroke of each point, counted over all drawings.
        first_point: int64 (drawings,), where each drawing begins.
        stroke_owner: int64 (strokes,), the drawing of each stroke.
        stroke_number: int64 (strokes,), counted from 0 in each drawing.
        stroke_first: int64 (strokes,), where each stroke begins.
        stroke_length: int64 (strokes,), points of each stroke.
        first_stroke: int64 (drawings,), where the strokes of each drawing begin.
        last_stroke: int64 (drawings,), where they end: its last one.
    """

    points: torch.Tensor
    times: torch.Tensor | None
    owner: torch.Tensor
    stroke: torch.Tensor
    first_point: torch.Tensor
    stroke_owner: torch.Tensor
    stroke_number: torch.Tensor
    stroke_first: torch.Tensor
    stroke_length: torch.Tensor
    first_stroke: torch.Tensor
    last_stroke: torch.Tensor

    def __len__(self) -> int:
        return len(self.first_point)


@dataclass(frozen=True, slots=True)
class Placed:
    """Drawings on a canvas.

    Attributes:
        points: float32 (points, 2), pixels.
        times: float32 (points,), if there are any.
        is_kept: bool (points,), whether a point is still there.
        lengths: int64 (strokes,), points that are left of each stroke; they are its first ones.
        pen: float32 (drawings,), the width of the pen as a factor.
    """

    points: torch.Tensor
    times: torch.Tensor | None
    is_kept: torch.Tensor
    lengths: torch.Tensor
    pen: torch.Tensor


def vary_on_device(
    pieces: Pieces,
    augment: Augment | None,
    *,
    seeds: torch.Tensor,
    may_mirror: torch.Tensor,
    pixels_per_unit: float,
    side: float,
) -> Placed:
    """Vary drawings and place them on a canvas.

    Args:
        pieces: the drawings.
        augment: how much they vary; None for not at all.
        seeds: int64 (drawings,), the bits of those of `augment`.
        may_mirror: bool (drawings,), whether the word allows it.
        pixels_per_unit: of the canvas.
        side: of the canvas, pixels.
    """
    lengths, points = pieces.stroke_length, pieces.points
    if augment is None:
        is_kept = torch.ones_like(pieces.owner, dtype=torch.bool)
        pen = points.new_ones(len(pieces))
        points = _place(pieces, points, is_kept, pixels_per_unit, side)
        return Placed(points, pieces.times, is_kept, lengths, pen)
    draws = Draws(seeds)
    points, times, is_kept, drawn = _begin(pieces, augment, draws)
    is_kept, lengths, drawn = _drop_strokes(pieces, is_kept, augment, draws, drawn)
    points, drawn = _vary_strokes(pieces, points, is_kept, lengths, augment, draws, drawn)
    points, drawn = _turn(pieces, points, augment, draws, drawn, may_mirror)
    points = _place(pieces, points, is_kept, pixels_per_unit, side)
    size = 1.0 + augment.zoom * draws.either_side(drawn + 1)
    move = torch.stack([draws.either_side(drawn + 2), draws.either_side(drawn + 3)], dim=1)
    move = move * (augment.shift * pixels_per_unit)
    centre = side / 2.0
    points = (points - centre) * size[pieces.owner, None] + centre + move[pieces.owner]
    pen = 1.0 + augment.line_width * draws.either_side(drawn + 4)
    return Placed(points, times, is_kept, lengths, pen)


def _begin(
    pieces: Pieces, augment: Augment, draws: Draws
) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor, torch.Tensor]:
    """Of some drawings only the beginning: points, their times, which are kept, and how many
    numbers it took."""
    points, times = pieces.points, pieces.times
    is_cut_short = draws.uniform(1) < augment.prefix
    drawn = 1 + is_cut_short.to(torch.int64)
    if not augment.prefix:
        return points, times, torch.ones_like(pieces.owner, dtype=torch.bool), drawn
    share = augment.prefix_min + (1.0 - augment.prefix_min) * draws.uniform(2)
    before = points.roll(1, dims=0)
    step = (points - before).to(torch.float64).square().sum(dim=1).sqrt()
    step = (step * _FINE).round().to(torch.int64)
    step[pieces.stroke_first] = 0
    along = step.cumsum(0)
    along = along - along[pieces.first_point][pieces.owner]
    last_point = pieces.stroke_first[pieces.last_stroke] + pieces.stroke_length[pieces.last_stroke]
    budget = (along[last_point - 1] * share.to(torch.float64)).floor()[pieces.owner]
    is_beyond = is_cut_short[pieces.owner] & (along > budget)
    is_cut = is_beyond & (along - step <= budget)
    part = ((budget - (along - step)) / step.clamp(min=1)).to(torch.float32)[:, None]
    points = torch.where(is_cut[:, None], before + part * (points - before), points)
    if times is not None:
        earlier = times.roll(1)
        times = torch.where(is_cut, earlier + part[:, 0] * (times - earlier), times)
    return points, times, ~is_beyond | is_cut, drawn


def _drop_strokes(
    pieces: Pieces,
    is_kept: torch.Tensor,
    augment: Augment,
    draws: Draws,
    drawn: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Leave out strokes by chance: kept points, points left of each stroke, numbers used."""
    owner = pieces.stroke_owner
    is_there = is_kept[pieces.stroke_first]
    strokes_there = _per_drawing(pieces, is_there.to(torch.int64))
    is_last = is_there & (pieces.stroke_number == strokes_there[owner] - 1)
    chance = draws.uniform(drawn[owner] + 1 + pieces.stroke_number, owner)
    stays = is_there & (chance >= augment.drop)
    others = _per_drawing(pieces, (stays & ~is_last).to(torch.int64))
    # The last stroke of a drawing that has lost all the others stays, and nothing is drawn for it.
    is_lonely = is_last & (others == 0)[owner]
    stays = stays | is_lonely
    drawn = drawn + strokes_there - (others == 0).to(torch.int64)
    is_kept = is_kept & stays[pieces.stroke]
    counted = torch.cat([is_kept.new_zeros(1, dtype=torch.int64), is_kept.cumsum(0)])
    ends = pieces.stroke_first + pieces.stroke_length
    return is_kept, counted[ends] - counted[pieces.stroke_first], drawn


def _vary_strokes(
    pieces: Pieces,
    points: torch.Tensor,
    is_kept: torch.Tensor,
    lengths: torch.Tensor,
    augment: Augment,
    draws: Draws,
    drawn: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Move and scale each stroke about its middle, and move each point, by normal amounts."""
    owner, stroke = pieces.owner, pieces.stroke
    low, high = _box(pieces, points, is_kept)
    points = points - low[owner]
    unit = (high - low).amax(dim=1) / FRAME
    # Each stroke takes three numbers, and each of its points two.
    used = torch.where(lengths > 0, 3 + 2 * lengths, 0)
    up_to = used.cumsum(0)
    begin = up_to - used
    begin = begin - begin[pieces.first_stroke][pieces.stroke_owner] + drawn[pieces.stroke_owner]
    fine = torch.where(is_kept[:, None], points * _FINE, 0.0).round().to(torch.int64)
    sums = torch.cat([fine.new_zeros(1, 2), fine.cumsum(0)])
    ends = pieces.stroke_first + pieces.stroke_length
    middle = (sums[ends] - sums[pieces.stroke_first]).to(torch.float32)
    middle = middle / (lengths.clamp(min=1) * _FINE).to(torch.float32)[:, None]
    size = 1.0 + augment.stroke_zoom * draws.normal(begin + 1, pieces.stroke_owner)
    moves = [draws.normal(begin + number, pieces.stroke_owner) for number in (2, 3)]
    move = torch.stack(moves, dim=1) * (augment.stroke_shift * unit)[pieces.stroke_owner, None]
    number = begin[stroke] + 3 + 2 * (torch.arange(len(owner), device=owner.device))
    number = number - 2 * pieces.stroke_first[stroke]
    jitter = torch.stack([draws.normal(number + 1, owner), draws.normal(number + 2, owner)], dim=1)
    jitter = jitter * (augment.point_jitter * unit)[owner, None]
    points = (points - middle[stroke]) * size[stroke, None] + (middle + move)[stroke] + jitter
    return points, drawn + _per_drawing(pieces, used)


def _turn(
    pieces: Pieces,
    points: torch.Tensor,
    augment: Augment,
    draws: Draws,
    drawn: torch.Tensor,
    may_mirror: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Rotate, shear, stretch and mirror each drawing."""
    angle = draws.either_side(drawn + 1) * (augment.rotate * torch.pi / 180.0)
    slant = draws.either_side(drawn + 2) * augment.shear
    wider = (draws.either_side(drawn + 3) * (augment.stretch / 2.0)).exp()
    is_mirrored = may_mirror & (draws.uniform(drawn + 4) < augment.mirror)
    flip = torch.where(is_mirrored, -1.0, 1.0)
    cos, sin = angle.cos(), angle.sin()
    of = pieces.owner
    u = (flip * wider)[of] * (points[:, 0] + slant[of] * points[:, 1])
    v = points[:, 1] / wider[of]
    turned = torch.stack([cos[of] * u - sin[of] * v, sin[of] * u + cos[of] * v], dim=1)
    return turned, drawn + 3 + may_mirror.to(torch.int64)


def _place(
    pieces: Pieces,
    points: torch.Tensor,
    is_kept: torch.Tensor,
    pixels_per_unit: float,
    side: float,
) -> torch.Tensor:
    """Steps 1 and 2 of `raster`: points in pixels."""
    low, high = _box(pieces, points, is_kept)
    extent = (high - low).amax(dim=1, keepdim=True)
    is_left = (extent <= 0.0) | ((extent >= FITTED_FROM) & (extent <= FRAME))
    scale = torch.where(is_left, 1.0, FRAME / extent.clamp(min=1e-30)) * pixels_per_unit
    corner = 0.5 * (side - (high - low) * scale)
    owner = pieces.owner
    return (points - low[owner]) * scale[owner] + corner[owner]


def _box(
    pieces: Pieces, points: torch.Tensor, is_kept: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Corners of the box of each drawing: (drawings, 2) each."""
    index = pieces.owner[:, None].expand_as(points)
    empty = points.new_zeros(len(pieces), 2)
    corners = []
    for what, far in (("amin", torch.inf), ("amax", -torch.inf)):
        own = torch.where(is_kept[:, None], points, far)
        corners.append(empty.scatter_reduce(0, index, own, what, include_self=False))
    return corners[0], corners[1]


def _per_drawing(pieces: Pieces, of_strokes: torch.Tensor) -> torch.Tensor:
    """Sums over the strokes of each drawing: int64 (drawings,)."""
    sums = of_strokes.cumsum(0)
    first = pieces.first_stroke
    return sums[pieces.last_stroke] - sums[first] + of_strokes[first]
