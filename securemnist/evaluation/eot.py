"""Models that answer at random on purpose: attacked by the mean of many answers, counted one by one.

Expectation over transformation (Athalye et al. 2017, arXiv 1707.07397): an attack that sees
one draw runs after its noise; the mean over draws has a gradient that leads somewhere.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import nn

from securemnist.evaluation.context import Lab
from securemnist.evaluation.ladder_run import Evaluation
from securemnist.models.predictions import exact, is_wrong
from securemnist.types import Images, Labels, Logits

# Answers whose mean an attack and the referee see, and answers that each digit is counted by.
MEAN_OF, COUNTED = 8, 20


class Expected(nn.Module):
    """The mean of several answers of a model."""

    def __init__(self, model: nn.Module, draws: int = MEAN_OF) -> None:
        super().__init__()
        self.model, self.draws = model, draws

    def forward(self, x: Images) -> Logits:
        total: Logits = exact(self.model(x))
        for _ in range(self.draws - 1):
            total = total + exact(self.model(x))
        return total / self.draws


def expected(lab: Lab) -> Lab:
    """The lab of the mean answer; made once."""
    if "expected" not in lab.memory:
        subject = dataclasses.replace(lab.subject, model=Expected(lab.target))
        lab.memory["expected"] = Lab(subject, lab.data, lab.progress, doubts=lab.doubts)
    made: Lab = lab.memory["expected"]
    return made


def standing_share(lab: Lab, found: Evaluation) -> float:
    """How often the attempted digits are read right, each as the attack left it, answer by answer."""
    attempted = found.outcomes.attempted
    x, y = found.x_adv[attempted], found.sample.y[attempted]
    return sum(_right(lab, x, y) for _ in range(COUNTED)) / (COUNTED * len(y))


def _right(lab: Lab, x: Images, y: Labels) -> int:
    return int(torch.count_nonzero(~is_wrong(lab.logits(x), y)))
