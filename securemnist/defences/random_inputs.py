"""Defences that change the images at random, anew for each answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
import torch.nn.functional as F

from securemnist.defences.base import InputDefence, check_number, check_whole
from securemnist.types import Images


@final
@dataclass(frozen=True, kw_only=True)
class RandomNoise(InputDefence):
    """Gaussian noise with a standard deviation of `sigma` on each pixel (Cohen et al., arXiv 1902.02918).

    Without the vote over many draws, and so without a certificate.
    """

    use: ClassVar[str] = "random-noise"
    randomised: ClassVar[bool] = True
    sigma: float = 0.25

    def __post_init__(self) -> None:
        check_number("sigma", self.sigma, 0, 2)

    def transform(self, x: Images) -> Images:
        return x + self.sigma * torch.randn_like(x)


@final
@dataclass(frozen=True, kw_only=True)
class RandomResize(InputDefence):
    """Images up to `pixels` smaller, at a random place of a frame (Xie et al., arXiv 1711.01991).

    The frame is black. Each image has its own size and place.
    """

    use: ClassVar[str] = "random-resize"
    randomised: ClassVar[bool] = True
    pixels: int = 4

    def __post_init__(self) -> None:
        check_whole("pixels", self.pixels, 1, 7)

    def transform(self, x: Images) -> Images:
        n, _, height, width = x.shape
        if not n:  # a grid of no image is refused
            return x
        smaller = torch.randint(0, self.pixels + 1, (n,), device=x.device).to(x.dtype)
        places = torch.rand(n, 2, device=x.device, dtype=x.dtype) * 2 - 1
        scale = torch.stack([width / (width - smaller), height / (height - smaller)], 1)
        # An image of the size 1 / scale of the frame may move by its margin, scale - 1.
        shift = places * (scale - 1)
        grid = torch.cat([torch.diag_embed(scale), shift[:, :, None]], 2)
        points = F.affine_grid(grid, list(x.shape), align_corners=False)
        return F.grid_sample(x, points, align_corners=False)
