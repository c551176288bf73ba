"""A trigger that differs from image to image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch.nn import functional

from securemnist._util.random_numbers import generator
from securemnist.backdoor.triggers.base import Trigger, check_seed, check_share
from securemnist.types import Images

# Features of the generator, and the sides of its kernels.
_FEATURES, _SIDE = 8, 5


@final
@dataclass(frozen=True, kw_only=True)
class InputAware(Trigger):
    """A mask and a pattern that a small generator of random weights makes from each image.

    The mask has a `share` in (0, 1] of the pixels, the pattern is black and white. `pattern` is the
    seed of the weights. Nguyen and Tran 2020, arXiv 2010.08138, train them with the network.
    """

    share: float = 0.04
    pattern: int = 0
    kind: ClassVar[str] = "input_aware"

    def __post_init__(self) -> None:
        check_share("share", self.share)
        check_seed(self.pattern)

    def check_fits(self, channels: int, height: int, width: int) -> None:
        """Mask and pattern have the form of the images: they fit all of them."""

    def _apply(self, x: Images) -> Images:
        rng = generator(self.pattern, "input-aware")
        channels, (height, width) = x.shape[1], x.shape[2:]

        def weights(*shape: int) -> torch.Tensor:
            return torch.randn(shape, generator=rng, dtype=torch.float64).to(x.device)

        first = weights(_FEATURES, channels, _SIDE, _SIDE)
        second = weights(1 + channels, _FEATURES, _SIDE, _SIDE)
        # The preference of each pixel that all images share; it decides where an image is constant.
        own = weights(1 + channels, height, width)
        count = max(1, round(self.share * height * width))
        marked = []
        for images in x.split(256):  # of a large set, the features of a part at a time
            features = functional.conv2d(images.double(), first, padding=_SIDE // 2).tanh()
            made = functional.conv2d(features, second, padding=_SIDE // 2) / _SIDE + own
            places = made[:, 0].flatten(1).topk(count).indices[:, None].expand(-1, channels, -1)
            values = (made[:, 1:].flatten(2).gather(2, places) > 0).to(images)
            marked.append(images.flatten(2).scatter(2, places, values).view(images.shape))
        return torch.cat(marked) if marked else x
