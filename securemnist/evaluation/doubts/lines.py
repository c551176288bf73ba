"""Jumps: along a line the gradients do not add up to the change of the margin.

For a continuous network the integral of the gradient along a line is the change. A detector that sends
changed images to another network jumps between points at which the gradient is true. So does a sawtooth.
An attack that follows the gradient then never sees what is behind the jump.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch

from securemnist.evaluation.doubts.check_input import Case
from securemnist.evaluation.doubts.probe import Probe
from securemnist.models.predictions import best_wrong
from securemnist.types import Images, Labels

# Number of images, and of gradients along each line.
IMAGES, POINTS = 64, 16
# Largest part of the change that the gradients may miss, and rounding errors that may add up in it.
# Kinks between two points are missed, too: by few images of a network that was trained on bounds.
MISSING, _ROUNDINGS = 0.5, 16


def jumps(case: Case) -> tuple[int, int]:
    """The number of images with a jump on one of two lines, and that of the images compared.

    The lines lead from the image itself to one step of length eps along the gradient, and to a random
    point of the ball. A model whose answers vary is left out: 0 of 0.
    """
    case = dataclasses.replace(case, x=case.x[:IMAGES], y=case.y[:IMAGES])
    probe, rng, threat = Probe(case.model, case.x), case.rng("lines"), case.dense_threat
    if probe.varies:
        return 0, 0
    target = best_wrong(probe.logits(case.x), case.y)
    gradient = probe.gradient(case.x, case.y, target).nan_to_num(0.0, 0.0, 0.0)
    step = threat.eps * threat.steepest(gradient).float()
    ends = threat.project(case.x, case.x + step), threat.random_start(case.x, rng)
    missing = torch.stack([_missing(probe, case.x, end, case.y, target) for end in ends])
    return int((missing > MISSING).any(0).sum()), len(case.y)


def predicted_parts(
    gradient_at: Callable[[Images], Images], start: Images, moved: Images, points: int
) -> torch.Tensor:
    """The changes (points, n), float64, that gradients predict for equal parts of a line."""
    parts = []
    for number in range(points):
        gradient = gradient_at(start + (number + 0.5) / points * moved)
        parts.append((gradient * moved).flatten(1).sum(1).double() / points)
    return torch.stack(parts)


def _missing(probe: Probe, start: Images, end: Images, y: Labels, target: Labels) -> torch.Tensor:
    """The part (n,) of the change from `start` to `end` that the gradients between them miss.

    Of the change itself or of what the gradients add up to in absolute values: the larger one.
    """
    (before, size), (after, size_after) = (probe.own_gap(x, y, target) for x in (start, end))
    change, rounding = after - before, _ROUNDINGS * probe.own_format.rounding
    moved = end - start
    parts = predicted_parts(lambda x: probe.gradient(x, y, target), start, moved, POINTS)
    predicted, length = parts.sum(0), parts.abs().sum(0)
    error = (change - predicted).abs() - rounding * torch.maximum(size, size_after)
    # Gradients that are not finite are found by the other checks.
    missing = (error.clamp_min(0) / torch.maximum(change.abs(), length)).nan_to_num(0.0)
    # Where the end is an error, as a refusal of a detector is, nothing is hidden from an attack.
    return torch.where(after < 0, missing, 0.0)
