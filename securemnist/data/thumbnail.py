"""Thumbnail: an image of a data set as a picture of a report."""

from __future__ import annotations

import torch

from securemnist.results.evidence.images import Picture
from securemnist.results.value_types import PICTURE_SIDE


def thumbnail(image: torch.Tensor) -> Picture:
    """An image (C, H, W) in [0, 1]; one of more than 64 pixels a side is reduced by area means."""
    image = image.detach().cpu()
    sides = image.shape[1], image.shape[2]
    reduced = max(sides) > PICTURE_SIDE
    if reduced:
        scale = PICTURE_SIDE / max(sides)
        size = [max(1, round(scale * side)) for side in sides]
        image = torch.nn.functional.interpolate(image[None], size, mode="area")[0]
    values = (image.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0)
    height, width, channels = values.shape
    return Picture(
        height=height,
        width=width,
        channels=channels,
        pixels=values.contiguous().numpy().tobytes(),
        original=sides if reduced else None,
    )
