"""Batch sizes by image size."""

from __future__ import annotations

import pytest
import torch

from securemnist.attacks import FGSM
from securemnist.attacks.art import ARTAttack
from securemnist.attacks.base import Attack
from securemnist.batches import batch_size
from securemnist.threats import Linf


@pytest.mark.parametrize(
    ("shape", "size"),
    [((1, 28, 28), 128), ((3, 64, 64), 128), ((3, 224, 224), 10), ((4, 512, 512), 1)],
)
def test_batches_of_large_images_are_smaller(shape: tuple[int, int, int], size: int) -> None:
    """128 images up to 3x64x64; fewer above, at least one."""
    assert batch_size(torch.empty(500, *shape), 128) == size


class Recorder(torch.nn.Module):
    """A linear network that records the largest batch."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(3, 2))
        self.largest = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.largest = max(self.largest, len(x))
        return x.mean((2, 3)) @ self.weight


@pytest.mark.parametrize("attack", [FGSM(), ARTAttack(kind="FastGradientMethod")])
def test_attack_and_referee_use_small_batches_of_large_images(attack: Attack) -> None:
    """No call of the model gets more images of 3x224x224 than a batch has, also from ART."""
    model, x = Recorder(), torch.rand(24, 3, 224, 224)
    attack(model, x, model(x[:10]).argmax(1)[0].repeat(24), threat=Linf(0.01), progress=False)
    assert model.largest == 10
