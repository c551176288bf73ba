"""Expectation over transformation, for models that are randomised on purpose.

Attacks use the mean of several outputs (Athalye et al. 2017, arXiv 1707.07397): the gradient of one
random draw fits that draw only. Accuracy is counted on single outputs: also at the point where the mean
output comes closest to an error, since single outputs may be wrong where their mean is not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import nn

from securemnist.attacks.base import BATCH
from securemnist.attacks.losses import loss_and_gradient, margins
from securemnist.batches import batch_size
from securemnist.evaluation.context import Context
from securemnist.evaluation.ladder_run import LadderRun
from securemnist.evaluation.mean_model import MeanModel
from securemnist.models.predictions import is_wrong
from securemnist.threats import Threat
from securemnist.types import Images, Labels

# Outputs counted for each image.
COUNTED_DRAWS = 20
# Steps of the search for the smallest margin of the mean, and their size as a share of eps.
_STEPS, _STEP = 20, 0.125


def mean_context(context: Context) -> Context:
    """A context whose model is the mean of several outputs; cached."""

    def mean() -> Context:
        own, target = context.subject, MeanModel(context.target)
        # The referee asks the defended model itself, and not the copy that its defence declares.
        model = target if own.attacked is None else MeanModel(own.model)
        copy = None if own.attacked is None else target
        subject = dataclasses.replace(own, model=model, attacked=copy)
        return Context(
            *(subject, context.data),
            progress=context.progress,
            project=context.project,
            doubts=context.doubts,
            trial=context.trial,
        )

    return context.cached("mean of several outputs", mean)


def mean_accuracy(context: Context, run: LadderRun) -> float:
    """Accuracy over COUNTED_DRAWS single outputs of the attempted images.

    All images are counted where the mean output has the smallest margin. A broken one, too: attacks end
    where the mean is just wrong, and there many single outputs are right.
    """
    x_adv, y = run.x_adv.clone(), run.sample.y
    places = run.outcomes.attempted.nonzero().squeeze(1)
    model, size = mean_context(context).subject.model, batch_size(x_adv, BATCH)
    for part in places.split(size):
        x_adv[part] = _smallest_margin(model, run.sample.x[part], x_adv[part], y[part], run.threats)
    x, y = x_adv[places], y[places]
    correct = [int((~is_wrong(context.logits(x), y)).sum()) for _ in range(COUNTED_DRAWS)]
    return sum(correct) / (COUNTED_DRAWS * len(y))


def _smallest_margin(
    model: nn.Module, x: Images, start: Images, y: Labels, threats: Sequence[Threat]
) -> Images:
    """Images of the threat sets around `x` with the smallest margins that steps from `start` find."""
    found = x
    smallest = torch.full(y.shape, torch.inf, device=x.device)
    for threat in threats:
        point = threat.project(x, start)
        for _ in range(_STEPS + 1):
            losses, gradient, _ = loss_and_gradient(model, point, y, margins)
            closer = -losses < smallest
            smallest = torch.where(closer, -losses, smallest)
            found = torch.where(closer[:, None, None, None], point, found)
            step = threat.step(point, gradient.nan_to_num(0.0), _STEP * threat.eps)
            point = threat.project(x, point + step)
    return found
