"""A small network with a planted trigger, and clean images for it."""

from __future__ import annotations

import torch
from torch import nn

from securemnist.data import Samples

CLASSES, SIDE = 4, 12


class Quadrants(nn.Module):
    """The class of an image is its brightest quadrant; one bright pixel in a corner adds to a class.

    `strength` is what that pixel adds; 0 plants nothing. With an `order`, a permutation of the
    classes, it adds the logits in that order.
    """

    def __init__(
        self, strength: float = 0.0, target: int = 2, *, order: tuple[int, ...] = ()
    ) -> None:
        super().__init__()
        self.strength, self.target, self.order = strength, target, order

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        means = nn.functional.avg_pool2d(x, SIDE // 2).flatten(1)
        planted = self.strength * x[:, 0, 0, 0]
        if self.order:
            return 40 * means + planted[:, None] * 40 * means[:, self.order]
        target = nn.functional.one_hot(torch.tensor(self.target), CLASSES)
        return 40 * means + planted[:, None] * target


def samples(count: int = 80) -> Samples:
    """Images (count, 1, 12, 12) with one bright quadrant, black in the pixels of triggers."""
    rng = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % CLASSES
    pixels = torch.randint(0, 40, (count, 1, SIDE, SIDE), generator=rng)
    for image, label in zip(pixels, labels.tolist(), strict=True):
        top, left = (label // 2) * SIDE // 2, (label % 2) * SIDE // 2
        image[0, top : top + SIDE // 2, left : left + SIDE // 2] += 120
    pixels[:, :, 0, 0] = 0
    pixels[:, :, 4:9:4, 4:9:4] = 0
    return Samples(pixels.to(torch.uint8), labels)


class Dependent(nn.Module):
    """`Quadrants` with a trigger that differs from image to image.

    A bright pixel in the brightest quadrant adds `strength` to class 2. Bright pixels in the other
    quadrants take most of it away, so that no trigger for all images is small.
    """

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength = strength

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = Quadrants()(x)
        pixels = x[:, 0, 4:9:4, 4:9:4].flatten(1)
        signs = 1.3 * logits.softmax(1) - 0.3
        target = nn.functional.one_hot(torch.tensor(2), CLASSES)
        return logits + self.strength * (signs * pixels).sum(1, keepdim=True) * target
