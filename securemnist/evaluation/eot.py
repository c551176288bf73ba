"""Expectation over transformation, for models that are randomised on purpose.

Attacks use the mean of several outputs (Athalye et al. 2017, arXiv 1707.07397): the gradient of one
random draw fits that draw only. Accuracy is counted on single outputs.
"""

from __future__ import annotations

import dataclasses

from torch import nn

from securemnist.evaluation.context import Context
from securemnist.evaluation.ladder_run import LadderRun
from securemnist.models.predictions import exact, is_wrong
from securemnist.types import Images, Logits

# Outputs averaged for attacks and the referee, and outputs counted for each image.
MEAN_DRAWS, COUNTED_DRAWS = 8, 20


class MeanModel(nn.Module):
    """The mean of several outputs of a randomised model."""

    def __init__(self, model: nn.Module, draws: int = MEAN_DRAWS) -> None:
        super().__init__()
        self.model, self.draws = model, draws

    def forward(self, x: Images) -> Logits:
        total: Logits = exact(self.model(x))
        for _ in range(self.draws - 1):
            total = total + exact(self.model(x))
        return total / self.draws


def mean_context(context: Context) -> Context:
    """A context whose model is the mean of several outputs; cached."""

    def mean() -> Context:
        subject = dataclasses.replace(context.subject, model=MeanModel(context.target))
        return Context(
            *(subject, context.data, context.progress),
            project=context.project,
            doubts=context.doubts,
            trial=context.trial,
        )

    return context.cached("mean of several outputs", mean)


def mean_accuracy(context: Context, run: LadderRun) -> float:
    """Accuracy over COUNTED_DRAWS single outputs of the attempted images, each as the attack left it."""
    attempted = run.outcomes.attempted
    x, y = run.x_adv[attempted], run.sample.y[attempted]
    correct = [int((~is_wrong(context.logits(x), y)).sum()) for _ in range(COUNTED_DRAWS)]
    return sum(correct) / (COUNTED_DRAWS * len(y))
