"""First layers of wrapped networks: images in [0, 1] as the inputs that the network expects."""

from __future__ import annotations

from typing import final

import torch
import torch.nn.functional as F
from torch import nn

from securemnist.errors import ModelError
from securemnist.types import Images


@final
class Scale(nn.Module):
    """factor * x + shift."""

    def __init__(self, factor: float, shift: float) -> None:
        super().__init__()
        self.factor, self.shift = factor, shift

    def forward(self, x: Images) -> torch.Tensor:
        return x * self.factor + self.shift

    def extra_repr(self) -> str:
        return f"{self.factor}, {self.shift}"


@final
class ChannelsLast(nn.Module):
    """Images (n, C, H, W) as (n, H, W, C)."""

    def forward(self, x: Images) -> torch.Tensor:
        return x.permute(0, 2, 3, 1).contiguous()


@final
class Resize(nn.Module):
    """Bilinear resizing, and a single channel repeated."""

    def __init__(self, channels: int, height: int, width: int) -> None:
        super().__init__()
        self.channels, self.size = channels, (height, width)

    def forward(self, x: Images) -> torch.Tensor:
        if x.shape[1] not in (1, self.channels):
            raise ModelError(
                f"expected images of 1 or {self.channels} channels, got {x.shape[1]}; use other data"
            )
        if tuple(x.shape[2:]) != self.size:
            x = F.interpolate(x, self.size, mode="bilinear", align_corners=False)
        return x.expand(-1, self.channels, -1, -1)

    def extra_repr(self) -> str:
        return f"{self.channels}, {self.size}"
