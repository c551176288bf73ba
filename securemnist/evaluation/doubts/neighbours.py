"""Gradients at neighbouring points: those of a shattered loss surface have nothing in common.

A step such as x + a sin(w x) has a true derivative, which changes sign over a fraction of an attack's
step (shattered gradients; Athalye et al. 2018, arXiv 1802.00420). Finite differences agree with it.
"""

from __future__ import annotations

import dataclasses

import torch

from securemnist.evaluation.doubts.check_input import Case
from securemnist.evaluation.doubts.probe import Probe
from securemnist.models.predictions import best_wrong
from securemnist.types import Images

# Number of images, and the distance of neighbours in units of eps: about one step of a search.
IMAGES, DISTANCE = 64, 0.25
# Fewer images decide nothing; a mean counts with this many standard errors in the model's favour.
FEWEST, ERRORS = 8, 2.33


def agreement(case: Case) -> float:
    """Mean cosine between gradients at two neighbours of a point; 1 where fewer than 8 are compared.

    The upper end of its one-sided 99 % interval is returned. Neighbours of the images and of random
    points of their balls; the larger mean counts. Honest networks bend in one place, not in both.
    """
    probe, rng = Probe(case.model, case.x), case.rng("neighbours")
    if not probe.repeats:  # gradients of other random draws differ anyway
        return 1.0
    case = dataclasses.replace(case, x=case.x[:IMAGES], y=case.y[:IMAGES])
    target = best_wrong(probe.logits(case.x), case.y)
    means = [
        mean_cosine(*(probe.gradient(near, case.y, target) for near in _pair(case, start, rng)))
        for start in (case.x, case.dense_threat.random_start(case.x, rng))
    ]
    return max(means)


def _pair(case: Case, start: Images, rng: torch.Generator) -> tuple[Images, Images]:
    """Two random neighbours (n, C, H, W) of each point."""
    grey = torch.full_like(start, 0.5)

    def near() -> Images:
        moved = start + DISTANCE * (case.dense_threat.random_start(grey, rng) - grey)
        # Reflected at black and white: cut off, both neighbours would share these pixels.
        return (1 - (1 - moved.abs()).abs()).clamp(0, 1)

    return near(), near()


def mean_cosine(first: torch.Tensor, second: torch.Tensor) -> float:
    """Upper bound of the mean over the images where both gradients are finite and not zero."""
    units = []
    for gradient in (first, second):
        flat = gradient.flatten(1)
        flat = flat / flat.abs().amax(1, keepdim=True)  # against underflow; NaN where it is zero
        units.append(flat / flat.norm(dim=1, keepdim=True))
    cosines = (units[0] * units[1]).sum(1)
    cosines = cosines[torch.isfinite(cosines)]
    if len(cosines) < FEWEST:
        return 1.0
    return float(cosines.mean() + ERRORS * cosines.std() / len(cosines) ** 0.5)
