"""The mean of several outputs of a randomised model, which attacks and the referee use."""

from __future__ import annotations

from torch import nn

from securemnist.models.predictions import exact
from securemnist.types import Images, Logits

MEAN_DRAWS = 8


class MeanModel(nn.Module):
    """The mean of MEAN_DRAWS outputs of a randomised model."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Images) -> Logits:
        total: Logits = exact(self.model(x))
        for _ in range(MEAN_DRAWS - 1):
            total = total + exact(self.model(x))
        return total / MEAN_DRAWS
