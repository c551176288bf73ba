"""Layout: the place of the channels in an array of images."""

from __future__ import annotations

from typing import Literal

import torch

from securemnist.errors import DataError
from securemnist.input_spec import MOST_CHANNELS

Layout = Literal["hw", "hwc", "chw"]
_DIMENSIONS = {3: ("hw",), 4: ("hwc", "chw")}


def channels_first(images: torch.Tensor, layout: Layout | None, where: str) -> torch.Tensor:
    """A view (n, C, H, W) of images (n, H, W), (n, H, W, C) or (n, C, H, W).

    Channels are the axis of 1 to 4 values. DataError where both axes may be, or none, or where the
    `layout` that was named does not fit.
    """
    shape = tuple(images.shape)
    fitting = [each for each in _DIMENSIONS.get(len(shape), ()) if _fits(shape, each)]
    if layout is not None:
        if layout not in fitting:
            raise DataError(
                f"{where}: expected images of layout {layout!r}, got shape {shape}; change `layout`"
            )
    elif not fitting:
        raise DataError(
            f"{where}: expected images (n, H, W), (n, H, W, C) or (n, C, H, W) of 1 to "
            f"{MOST_CHANNELS} channels, got shape {shape}; reshape them"
        )
    elif len(fitting) > 1:
        raise DataError(
            f"{where}: expected one axis of channels, got shape {shape}, which may be HWC or CHW; name "
            "it: layout = 'hwc' or 'chw' in a description (docs/data.md)"
        )
    chosen = layout or fitting[0]
    if chosen == "hw":
        return images.unsqueeze(1)
    return images.permute(0, 3, 1, 2) if chosen == "hwc" else images


def _fits(shape: tuple[int, ...], layout: str) -> bool:
    return layout == "hw" or shape[-1 if layout == "hwc" else 1] <= MOST_CHANNELS
