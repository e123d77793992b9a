"""Images varied on a device: the same variations, from the same seeds, as `augment_pixels`."""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from ..augment import PixelAugment
from .draws_torch import Draws

__all__ = ["vary_pixels_on_device"]

_RED, _GREEN, _BLUE = 0.299, 0.587, 0.114


def vary_pixels_on_device(
    images: torch.Tensor,
    augment: PixelAugment,
    *,
    seeds: torch.Tensor,
    may_mirror: torch.Tensor,
    is_ink: bool,
) -> torch.Tensor:
    """Vary images: uint8 (n, channels, height, width) to the same.

    Args:
        images: ink (0 paper, 255 pen), or photos in grey or RGB.
        augment: how much they vary.
        seeds: int64 (n,), the bits of those of `augment_pixels`.
        may_mirror: bool (n,), whether the word allows it.
        is_ink: whether they are ink.
    """
    amounts = augment.values(is_ink=is_ink)
    if not any(amounts.values()):
        return images
    draws = Draws(seeds)
    warp = _warp(images, amounts, draws, may_mirror)
    varied = _sampled(images, warp, is_ink)
    drawn = 9
    if amounts["brightness"] or amounts["contrast"] or amounts["colour"]:
        varied = _relit(varied, amounts, draws, drawn)
        drawn += 3
    if amounts["erase"]:
        varied = _erased(varied, amounts["erase"], draws, drawn, is_ink)
    return varied


def _warp(
    images: torch.Tensor, amounts: dict[str, float], draws: Draws, may_mirror: torch.Tensor
) -> tuple[torch.Tensor, ...]:
    """Where each new pixel comes from: x = a * column + b * row + e, y = c * column + d * row + f.

    Each of the six is (n, 1, 1).
    """
    height, width = images.shape[2:]
    angle = draws.either_side(1) * (amounts["rotate"] * math.pi / 180.0)
    size = (draws.either_side(2) * amounts["zoom"]).exp()
    wider = (draws.either_side(3) * (amounts["stretch"] / 2.0)).exp()
    move_x = draws.either_side(4) * (amounts["shift"] * width)
    move_y = draws.either_side(5) * (amounts["shift"] * height)
    is_mirrored = (draws.uniform(6) < amounts["mirror"]) & may_mirror
    is_flipped = (draws.uniform(7) < amounts["flip"]) & may_mirror
    quarters = 1 + (draws.uniform(9) * 3.0).to(torch.int64)
    if height != width:
        quarters = torch.full_like(quarters, 2)
    quarters = torch.where(draws.uniform(8) < amounts["quarter_turn"], quarters, 0)
    cos, sin = angle.cos(), angle.sin()
    a, b = cos / (size * wider), sin / (size * wider)
    c, d = -sin / (size / wider), cos / (size / wider)
    for turned in range(3):
        again = quarters > turned
        a, b, c, d = (
            torch.where(again, new, old)
            for new, old in zip((c, d, -a, -b), (a, b, c, d), strict=True)
        )
    across = torch.where(is_mirrored, -1.0, 1.0)
    down = torch.where(is_flipped, -1.0, 1.0)
    a, b, c, d = a * across, b * across, c * down, d * down
    centre_x, centre_y = (width - 1) / 2.0, (height - 1) / 2.0
    e = centre_x - a * (centre_x + move_x) - b * (centre_y + move_y)
    f = centre_y - c * (centre_x + move_x) - d * (centre_y + move_y)
    return tuple(each[:, None, None] for each in (a, b, c, d, e, f))


def _sampled(images: torch.Tensor, warp: tuple[torch.Tensor, ...], is_ink: bool) -> torch.Tensor:
    """Each pixel from the four around its place, by their nearness."""
    n, channels, height, width = images.shape
    a, b, c, d, e, f = warp
    row = torch.arange(height, device=images.device, dtype=torch.float32)[None, :, None]
    column = torch.arange(width, device=images.device, dtype=torch.float32)[None, None, :]
    # In a frame of one pixel, of paper or of the image's own edge, and one more for looking ahead.
    x = (a * column + (b * row + e + 1.0)).clamp(0.0, width + 1.0)
    y = (c * column + (d * row + f + 1.0)).clamp(0.0, height + 1.0)
    left, top = x.to(torch.int64), y.to(torch.int64)
    share_x, share_y = ((x - left)[:, None], (y - top)[:, None])
    framed = images.to(torch.float32)
    if is_ink:
        framed = F.pad(framed, (1, 2, 1, 2))
    else:
        framed = F.pad(framed, (1, 2, 1, 2), mode="replicate")
    flat = framed.reshape(n, channels, -1)
    stride = width + 3

    def at(down: int, right: int) -> torch.Tensor:
        index = ((top + down) * stride + left + right).reshape(n, 1, -1).expand(-1, channels, -1)
        return flat.gather(2, index).reshape(images.shape)

    upper = at(0, 0)
    upper = upper + share_x * (at(0, 1) - upper)
    lower = at(1, 0)
    lower = lower + share_x * (at(1, 1) - lower)
    return (upper + share_y * (lower - upper) + 0.5).to(torch.uint8)


def _relit(
    images: torch.Tensor, amounts: dict[str, float], draws: Draws, drawn: int
) -> torch.Tensor:
    """Change the light, the contrast about the mean, and the saturation about grey."""
    light, depth, tint = (
        (1.0 + draws.either_side(drawn + number) * amounts[name])[:, None, None, None]
        for number, name in ((1, "brightness"), (2, "contrast"), (3, "colour"))
    )
    values = images.to(torch.float32)
    total = images.sum(dim=(1, 2, 3), keepdim=True, dtype=torch.int64)
    mean = (total / images[0].numel()).to(torch.float32) * light
    added = mean * (1.0 - depth) + 0.5
    if images.shape[1] == 3:
        own = light * depth * tint
        weights = values.new_tensor([_RED, _GREEN, _BLUE])[None, :, None, None]
        grey = (values * weights).sum(dim=1, keepdim=True)
        values = own * values + (light * depth - own) * grey + added
    else:
        values = light * depth * values + added
    return values.clamp(0.0, 255.0).to(torch.uint8)


def _erased(
    images: torch.Tensor, erase: float, draws: Draws, drawn: int, is_ink: bool
) -> torch.Tensor:
    """Hide a rectangle of up to this share of the area behind paper, or the photo's mean colour."""
    height, width = images.shape[2:]
    area = draws.uniform(drawn + 1) * erase
    shape = (draws.either_side(drawn + 2) * math.log(2.0)).exp()
    tall = ((area * shape).sqrt() * height + 0.5).to(torch.int64).clamp(max=height)
    wide = ((area / shape).sqrt() * width + 0.5).to(torch.int64).clamp(max=width)
    top = (draws.uniform(drawn + 3) * (height - tall + 1)).to(torch.int64)
    left = (draws.uniform(drawn + 4) * (width - wide + 1)).to(torch.int64)
    row = torch.arange(height, device=images.device)[None, :, None]
    column = torch.arange(width, device=images.device)[None, None, :]
    top, left, tall, wide = (each[:, None, None] for each in (top, left, tall, wide))
    is_hidden = (row >= top) & (row < top + tall) & (column >= left) & (column < left + wide)
    if is_ink:
        fill = images.new_zeros(1)
    else:
        fill = (images.to(torch.float32).mean(dim=(2, 3), keepdim=True) + 0.5).to(torch.uint8)
    return torch.where(is_hidden[:, None], fill, images)
