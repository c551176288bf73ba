"""Defences that smooth or coarsen the images (feature squeezing; Xu et al., arXiv 1704.01155)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
import torch.nn.functional as F

from securemnist.defences.base import InputDefence, check_number, check_whole
from securemnist.types import Images

# Largest step for which the dual iteration converges: 1/8 in two dimensions (Chambolle 2004).
_STEP = 0.125


@final
@dataclass(frozen=True, kw_only=True)
class BitDepth(InputDefence):
    """Pixels rounded to `bits` bits (Xu et al., arXiv 1704.01155)."""

    use: ClassVar[str] = "bit-depth"
    bits: int = 1

    def __post_init__(self) -> None:
        check_whole("bits", self.bits, 1, 8)

    def transform(self, x: Images) -> Images:
        levels = 2**self.bits - 1
        rounded: Images = (x * levels).round() / levels
        return rounded


@final
@dataclass(frozen=True, kw_only=True)
class Median(InputDefence):
    """The median of `size` x `size` pixels (Xu et al., arXiv 1704.01155); `size` is odd."""

    use: ClassVar[str] = "median"
    size: int = 3

    def __post_init__(self) -> None:
        check_whole("size", self.size, 3, 7)
        check_whole("the remainder of size by 2", self.size % 2, 1, 1)

    def transform(self, x: Images) -> Images:
        n, channels, height, width = x.shape
        windows = F.unfold(_bordered(x, self.size // 2), self.size)
        windows = windows.view(n, channels, self.size**2, height * width)
        return windows.median(2).values.view(x.shape)


@final
@dataclass(frozen=True, kw_only=True)
class Gaussian(InputDefence):
    """Gaussian blur with a standard deviation of `sigma` pixels."""

    use: ClassVar[str] = "gaussian"
    sigma: float = 1.0

    def __post_init__(self) -> None:
        check_number("sigma", self.sigma, 0, 4)

    def transform(self, x: Images) -> Images:
        radius = min(round(3 * self.sigma) or 1, min(x.shape[2:]) - 1)
        places = torch.arange(-radius, radius + 1, device=x.device, dtype=x.dtype)
        weights = (-0.5 * (places / self.sigma) ** 2).exp()
        weights = (weights / weights.sum()).expand(x.shape[1], 1, 1, -1)
        rows = F.conv2d(_bordered(x, radius), weights, groups=x.shape[1])
        return F.conv2d(rows, weights.transpose(2, 3), groups=x.shape[1])


@final
@dataclass(frozen=True, kw_only=True)
class TotalVariation(InputDefence):
    """Images of small total variation: the minimum of |u - x|^2 / 2 + `weight` TV(u).

    TV is the sum of absolute differences between neighbours. `steps` steps of projected gradient on the
    dual problem (Chambolle 2004; as a defence Guo et al., arXiv 1711.00117). Gradients go through
    all steps.
    """

    use: ClassVar[str] = "total-variation"
    weight: float = 0.1
    steps: int = 30

    def __post_init__(self) -> None:
        check_number("weight", self.weight, 0, 10)
        check_whole("steps", self.steps, 1, 200)

    def transform(self, x: Images) -> Images:
        down, right = torch.zeros_like(x[:, :, 1:]), torch.zeros_like(x[:, :, :, 1:])
        for _ in range(self.steps):
            u = x - _adjoint(down, right)
            down = (down + _STEP * u.diff(dim=2)).clamp(-self.weight, self.weight)
            right = (right + _STEP * u.diff(dim=3)).clamp(-self.weight, self.weight)
        return (x - _adjoint(down, right)).clamp(0, 1)


def _bordered(x: Images, width: int) -> Images:
    """The images with their border repeated, `width` pixels wide."""
    return F.pad(x, (width,) * 4, mode="replicate")


def _adjoint(down: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """The adjoint of the differences between neighbours, (n, C, H, W)."""
    rows = F.pad(down, (0, 0, 1, 1)).diff(dim=2)
    columns = F.pad(right, (1, 1)).diff(dim=3)
    return -(rows + columns)
