"""Parts of networks that move, resize and multiply activations."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from tests.certificates.functional import CHANNELS


class Moved(nn.Module):
    """Activations mirrored, shifted, shuffled and divided, in every way that torch has for it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        order = torch.tensor([2, 0, 1])
        larger = F.pixel_shuffle(torch.cat([x, -x, 0.5 * x, x.relu()], 1), 2)
        parts = [
            x.flip((2, 3)),
            x.roll((1, 2), (2, -1)),
            x[:, [2, 1, 0]],
            x.index_select(1, order),
            F.pixel_unshuffle(larger.flip(3), 2),
            torch.channel_shuffle(torch.cat([x, -x], 1), CHANNELS),
            F.pad(x, (1, 0, 0, 1), mode="reflect")[..., 1:, :-1],
            F.pad(x, (1, 0, 1, 0), mode="replicate")[..., :-1, :-1],
            x.split(2, 1)[1],
            x.split([1, 2], 1)[1] * 0.5,
            x.unbind(1)[2].unsqueeze(1),
        ]
        return torch.cat(parts, 1)


class Resized(nn.Module):
    """Larger and smaller maps by each kind of resizing, and both sizes by the nearest pixels."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        size = (int(x.shape[2]), int(x.shape[3]))
        parts = [
            F.interpolate(F.interpolate(x, (7, 4), mode="bilinear"), size, mode="bicubic"),
            F.interpolate(
                F.interpolate(x, scale_factor=1.5, mode="bilinear", align_corners=True),
                size,
                mode="nearest-exact",
            ),
            F.interpolate(F.interpolate(x, (5, 9)), size),
        ]
        return torch.cat(parts, 1)


class Gates(nn.Module):
    """Squeeze and excite (Hu et al. 2018, arXiv 1709.01507), less the mean of the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Sequential(nn.Conv2d(CHANNELS, 2, 1), nn.ReLU(), nn.Conv2d(2, CHANNELS, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gated = x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True)))
        return gated - x.mean(1, keepdim=True) * x


class OtherConvolutions(nn.Module):
    """Transposed convolutions, and those of one dimension and of three."""

    def __init__(self) -> None:
        super().__init__()
        self.larger = nn.ConvTranspose2d(
            CHANNELS, 2 * CHANNELS, 3, stride=2, padding=1, output_padding=1, groups=CHANNELS
        )
        self.lines = nn.Conv1d(2 * CHANNELS, 4, 3, padding=2, dilation=2)
        self.space = nn.Conv3d(1, 2, 3, padding=1, stride=(1, 2, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.larger(x)
        y = self.lines(y.flatten(2)).view(-1, 1, 4, *y.shape[2:])
        return self.space(y).flatten(1, 2)


class Broadcast(nn.Module):
    """One channel as three, by arithmetic with a number a channel."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        grey, level = x.mean(1, keepdim=True), torch.linspace(0.2, 0.7, 3).view(-1, 1, 1)
        parts = [
            (grey - level) / (level + 0.5),
            level - grey,
            (grey > level).float() * level,
            torch.where(grey > 0.1, level, 0.5 * level),
            level / (1 + grey.abs()),
            torch.maximum(grey, level),
        ]
        return torch.cat(parts, 1)
