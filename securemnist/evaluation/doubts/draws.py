"""Random answers: whether the gradient of their mean points towards an error.

Attacks follow the gradient of a mean of several answers (expectation over transformation, arXiv
1707.07397). Where one answer is a thousand times as large as the others, the mean is that answer. Where
gradients of two means have nothing in common, an attack follows chance.
"""

from __future__ import annotations

import dataclasses

import torch

from securemnist.attacks.losses import target_margins
from securemnist.evaluation.doubts.check_input import Case, exceeds
from securemnist.evaluation.doubts.neighbours import mean_cosine
from securemnist.evaluation.doubts.probe import Probe
from securemnist.evaluation.mean_model import MeanModel
from securemnist.models.predictions import best_wrong
from securemnist.types import Labels

# Images, and answers to each of them whose sizes are compared.
IMAGES, ANSWERS = 64, 16
# Largest spread of an answer in units of the lower quartile, and the share of images that may exceed it.
LARGEST, SHARE = 10.0, 0.05
# The same of the margin, which noise can bring near 0. One logit far below the others hides the change
# of the spread, not that of the margin.
LARGEST_MARGIN = 30.0
# Smallest mean cosine of the gradients of two means. Networks behind noise of up to 1 have 0.07 and more;
# small waves in random directions have less (tests/evaluation/doubts/test_draws.py).
AGREEMENT = 0.06


def random_answers(case: Case) -> list[str]:
    """Reasons why the mean of random answers misleads attacks; none for a model that repeats itself."""
    mean = case.model
    if not isinstance(mean, MeanModel):  # before the forward passes of a probe
        return []
    case = dataclasses.replace(case, x=case.x[:IMAGES], y=case.y[:IMAGES])
    probe = Probe(mean, case.x)
    if not probe.varies:
        return []
    reasons = []
    target = best_wrong(probe.logits(case.x), case.y)
    unequal = _unequal(case, mean, target)
    if exceeds(unequal, len(case.y), case.limit("gradients", SHARE)):
        reasons.append(
            f"for {unequal} of {len(case.y)} images random answers differ more than {LARGEST:g} times in "
            f"size or {LARGEST_MARGIN:g} times in margin, so that few of them decide their mean"
        )
    cosine = agreement(case, probe, target)
    if cosine < AGREEMENT:
        reasons.append(
            "gradients of two means of random answers have nothing in common (mean cosine at most "
            f"{cosine:.2f})"
        )
    return reasons


def _unequal(case: Case, mean: MeanModel, target: Labels) -> int:
    """The number of images of which one answer has a much larger spread or margin than another."""
    single = Probe(mean.model, case.x)
    spreads, margins = [], []
    for seed in range(ANSWERS):
        single.seed = seed
        logits = single.logits(case.x).double()
        spreads.append(logits.amax(1) - logits.amin(1))
        margins.append(target_margins(logits, case.y, target).abs())
    larger = _exceeds_quartile(spreads, LARGEST) | _exceeds_quartile(margins, LARGEST_MARGIN)
    return int(larger.sum())


def _exceeds_quartile(sizes: list[torch.Tensor], times: float) -> torch.Tensor:
    """Boolean (n,): the largest size of an image is more than `times` its lower quartile."""
    every = torch.stack(sizes)
    return every.amax(0) > times * every.quantile(0.25, 0)


def agreement(case: Case, probe: Probe, target: Labels) -> float:
    """Upper bound of the mean cosine between the gradients of two means at the same images."""
    drawn = []
    for seed in (1, 2):
        probe.seed = 1_000 * seed
        drawn.append(probe.gradient(case.x, case.y, target))
    return mean_cosine(*drawn)
