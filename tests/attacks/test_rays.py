"""RayS: labels only, the direction of the nearest boundary."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from securemnist.attacks.rays import RayS
from securemnist.data import DataSet
from securemnist.models.loading import Subject
from securemnist.threats import Linf
from tests.attacks.models import TwoClass, misclassified, run


class Labels(nn.Module):
    """Another model of which only the label is known."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(x)
        return torch.nn.functional.one_hot(logits.argmax(1), logits.shape[1]).double()


def test_labels_are_enough(baseline: Subject, mnist: DataSet) -> None:
    """With labels alone 200 queries break most images of an undefended network, as with logits."""
    samples = mnist.tuning[:40]
    x, y = samples.images(), samples.labels
    labels = Labels(baseline.model)
    attack = RayS(queries=200)
    x_adv = run(attack, labels, x, y, Linf(0.3))
    assert misclassified(baseline.model, x_adv, y).sum() >= 30
    assert torch.equal(x_adv, run(attack, baseline.model, x, y, Linf(0.3)))


@pytest.mark.parametrize("split", [1, 2, 4])
def test_direction_of_a_linear_model_is_found(split: int) -> None:
    """Signs that alternate between blocks of the image are found at little more than the distance."""
    block = torch.tensor([1.0, -1.0]).repeat(split).repeat_interleave(784 // (2 * split))
    model = TwoClass(block)
    x = torch.full((3, 1, 28, 28), 0.5) + 0.01 * block.view(1, 1, 28, 28)
    y = model(x).argmax(1)
    distance = 0.01  # w.(x - 1/2) over the sum of the absolute weights
    x_adv = run(RayS(queries=120), model, x, y, Linf(1.2 * distance))
    assert misclassified(model, x_adv, y).all()
    few = run(RayS(queries=3), model, x, y, Linf(1.2 * distance))
    assert not misclassified(model, few, y).any()
