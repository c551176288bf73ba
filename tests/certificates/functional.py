"""Parts of networks written with functions, methods and operators."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

CHANNELS = 3


class Functions(nn.Module):
    """The same as some layers, written as functions and methods."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.leaky_relu(torch.relu(x - 0.1) / 0.7, 0.2)
        x = F.max_pool2d(x, 2, stride=1).clamp(-1.5, 1.5)
        x = F.dropout(torch.sigmoid(x), 0.3, self.training) + torch.tanh(x)
        return x.view(x.size(0), x.shape[1], -1).reshape(x.size(0), CHANNELS, 1, -1)


class Halves(nn.Module):
    """Means over windows whose size is taken from the image, as float32 that it is already."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(x.to(torch.float32), x.shape[2] // 2, stride=1)


class MeanOfPositions(nn.Module):
    """The mean of all positions in channels-last layout, whose strides torch then writes anew."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.adaptive_avg_pool2d(x.contiguous(memory_format=torch.channels_last), 1)


class InPlace(nn.Module):
    """A residual block as it is often written: values that are not read again are overwritten."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.last = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = x.clone()
        kept += 0.1
        y = F.leaky_relu(self.first(kept), 0.3, True)
        y = self.last(y.contiguous())
        y += x
        y *= 0.9
        return self.relu(y.sub_(0.1)).view(x.shape)


class Copies(nn.Module):
    """The mean of the channels three times, framed by zeros that are cut off, plus the same."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one = x.mean(1, keepdim=True)
        framed = F.pad(one.expand(x.size(0), 3, -1, -1), (1, 2, 0, 1))
        cut = F.pad(framed, (-1, -2, 0, -1), "constant", 0.0)
        return cut + one.repeat(1, 3, 1, 1)


class Curves(nn.Module):
    """Curved functions of torch, side by side with what they are made of."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rising = torch.cat([F.elu(x, 0.5), F.selu(x), F.softplus(x, beta=2), F.relu6(x)], dim=1)
        dipping = torch.cat((F.gelu(x), F.gelu(x, approximate="tanh"), F.silu(x), F.mish(x)), -3)
        return torch.cat([rising, dipping, F.hardswish(x), F.hardtanh(x, -0.5, 0.5)], 1)


class Means(nn.Module):
    """The largest pixels, the mean of each channel and that of all, one beside the other."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        every = F.adaptive_avg_pool2d(x, 2).mean((2, 3)).unsqueeze(2).unsqueeze(3)
        four = torch.cat([torch.cat([every, every], -1)] * 2, dim=2)
        return torch.cat([F.adaptive_max_pool2d(x, 2), four, torch.mean(four, 1, True)], 1)


class Extremes(nn.Module):
    """The largest and smallest of channels, rows and planes, and of two tensors, side by side."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        whole = torch.maximum(x.amax((2, 3), keepdim=True), x)
        rows = torch.minimum(x, x.min(2, keepdim=True).values + 0.3)
        channels = x.max(1, keepdim=True)[0] - x.amin(1, keepdim=True)
        limited = torch.maximum(torch.minimum(x, torch.tensor(0.1)), torch.full((1, 1, 1), -0.2))
        return torch.cat([whole, rows, channels, limited], 1)


class Weights(nn.Module):
    """Convolution, batch norm and linear layers as functions of weights."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(4, CHANNELS, 3, 3) / 5)
        self.bias, self.turn = (nn.Parameter(torch.randn(4) / 2) for _ in range(2))
        self.register_buffer("mean", torch.linspace(-1, 1, 4))
        self.matrix = nn.Parameter(torch.randn(CHANNELS, 4) / 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.conv2d(x, self.kernel, self.bias, padding="same")
        y = F.batch_norm(y, self.mean, self.mean.abs() + 0.5, self.turn, eps=0.01)
        y = F.linear(y.permute(0, 2, 3, 1), self.matrix, 0.1 * self.bias[:CHANNELS])
        return (y @ -self.matrix @ self.matrix.t()).permute((0, 3, 1, 2))


class Turns(nn.Module):
    """Planes turned and cut, without sign, less the sum of their rows."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        turned = -x.transpose(2, 3).abs()
        first = turned[:, :1, ..., 1:].repeat(1, CHANNELS, 1, 1) * 0.5
        return (
            first
            + torch.neg(x[..., 1:, :].transpose(-1, 2))
            - 0.1 * first.sum(2, True).expand(first.shape)
        )


class Sizes(nn.Module):
    """Decides by sizes, as networks do that take single images, too."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert x.dim() == len(x.shape) == 4
        if x.ndim == 3 or x.shape[1:] == (1, 28, 28):
            x = x.unsqueeze(1)
        assert x.shape[1:].numel() > 0
        x = x.to(x.dtype) * np.float32(0.7) + torch.full((1,), 0.1, device=x.device)
        flat = x.reshape(*x.size()[:1], -1)
        return flat.view(x.size(0), x.size(1), *x.shape[2:]) if x.size(-1) > 1 else x


class Numbers(nn.Module):
    """Reads its own constants as Python numbers, and branches on them."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(0.5))
        self.register_buffer("pad", torch.tensor(1))
        self.enabled = torch.tensor(True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x * float(self.scale) + self.scale.item() * float(torch.ones(1))
        x = F.pad(x, (int(self.pad), 0)) if self.scale > 0 else x * 100
        return x * 2 if self.enabled else -x


class Steps(nn.Module):
    """Activations compared with thresholds, and rounded to eight levels."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        sides = [(x > 0.1).float(), 1 - (x <= self.level()).to(torch.float32), x.ge(0.0).float()]
        whole = torch.round(x * 7) / 7 + torch.floor(x) - x.ceil() * 0.3
        return 0.2 * (sides[0] + sides[1] - sides[2] * 0.5) + whole + (x < -0.1).float().sign()

    def level(self) -> torch.Tensor:
        """A threshold a channel."""
        return torch.linspace(-0.2, 0.2, CHANNELS, dtype=torch.float64).view(-1, 1, 1)


class ReLUs(nn.Module):
    """ReLU as it is written by hand: with extremes, comparisons and thresholds."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        zeros = torch.zeros_like(x)
        parts = [
            x.clamp(min=0),
            torch.maximum(x, zeros),
            torch.maximum(torch.tensor(0.0), x),
            x * (x > 0),
            F.threshold(x, 0, 0),
            torch.maximum(x, 0.1 * torch.ones_like(x)),
        ]
        return torch.cat(parts, 1)
