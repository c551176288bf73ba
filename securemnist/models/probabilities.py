"""Models that output probabilities: how they are recognised, and their logarithm for attacks."""

from __future__ import annotations

import torch
from torch import nn

from securemnist.models.predictions import exact
from securemnist.types import Images, Logits


def are_probabilities(outputs: Logits) -> bool:
    """Whether every row lies in [0, 1] and sums to 1, within the rounding of bfloat16."""
    outputs = exact(outputs)
    inside = bool(((outputs >= 0) & (outputs <= 1)).all())
    return inside and bool(((outputs.sum(1) - 1).abs() < _SUM_TOLERANCE).all())


# Ten bfloat16 numbers are each off by at most 2**-9 of their value, and their sum by as much again.
_SUM_TOLERANCE = 2.0**-8


def probabilities_of(outputs: Logits) -> torch.Tensor:
    """Probabilities float64 (n, K): the outputs where they are that already, else their softmax."""
    outputs = outputs.double()
    return outputs if are_probabilities(outputs) else outputs.softmax(1)


def with_gradients(model: nn.Module, answers: Logits) -> nn.Module:
    """The model that attacks run against: itself, or where it answers probabilities their logarithm."""
    return LogProbabilities(model) if are_probabilities(answers) else model


class LogProbabilities(nn.Module):
    """The logarithm of a model's probabilities, which has the gradient of the logits up to a constant."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Images) -> Logits:
        return self.logarithm(self.model(x))

    @staticmethod
    def logarithm(outputs: Logits) -> Logits:
        """The logarithm; float64 keeps those of different float32 probabilities apart."""
        return outputs.clamp_min(torch.finfo(outputs.dtype).tiny).double().log()
