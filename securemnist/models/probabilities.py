"""Probabilities instead of logits: how they are told, and what attacks make of them."""

from __future__ import annotations

import torch
from torch import nn

from securemnist.models.predictions import exact
from securemnist.types import Images, Logits


def are_probabilities(answers: Logits) -> bool:
    """Whether every row lies in [0, 1] and sums to 1, as far as a format of 8 bits can tell."""
    answers = exact(answers)
    inside = bool(((answers >= 0) & (answers <= 1)).all())
    return inside and bool(((answers.sum(1) - 1).abs() < _SUM).all())


# Ten numbers in bfloat16, each off by at most 2**-9 of itself, and of their sum at most as much.
_SUM = 2.0**-8


def with_gradients(model: nn.Module, answers: Logits) -> nn.Module:
    """The model that attacks run against: itself, or where it answers probabilities their logarithm."""
    return LogProbabilities(model) if are_probabilities(answers) else model


class LogProbabilities(nn.Module):
    """The logarithm of a model's probabilities, which has the gradient of its logits."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Images) -> Logits:
        answers: Logits = self.model(x)
        # In float64 no two float32 probabilities have the same logarithm.
        return answers.clamp_min(torch.finfo(answers.dtype).tiny).double().log()
