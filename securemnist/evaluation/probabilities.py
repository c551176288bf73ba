"""Probabilities instead of logits: how they are told, and what attacks make of them."""

from __future__ import annotations

import torch
from torch import nn

from securemnist.types import Images, Logits


def are_probabilities(answers: Logits) -> bool:
    """Whether every row lies in [0, 1] and sums to 1."""
    inside = bool(((answers >= 0) & (answers <= 1)).all())
    return inside and bool(((answers.sum(1) - 1).abs() < 1e-4).all())


class LogProbabilities(nn.Module):
    """The logarithm of a model's probabilities, which has the gradient of its logits."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Images) -> Logits:
        answers: Logits = self.model(x)
        return answers.clamp_min(torch.finfo(answers.dtype).tiny).log()
