"""Gradients that are not there: zero or not finite wherever one looks."""

from __future__ import annotations

import torch

from securemnist.attacks.base import margin
from securemnist.evaluation.doubts.case import Case, exceeds
from securemnist.findings import Doubt

POINTS, LIMIT = 3, 0.01


def gradients(case: Case) -> Doubt | None:
    """The gradient of the margin is zero, no number or not there, at a digit and three random points.

    Of the margin: that of cross-entropy underflows on honest networks that are sure of themselves.
    """
    rng = case.rng("gradients")
    points = [case.x, *(case.threat.random_start(case.x, rng) for _ in range(POINTS))]
    dead = torch.ones(len(case.x), dtype=torch.bool, device=case.x.device)
    odd = torch.zeros_like(dead)
    for x in points:
        found = case.gradient(x, margin).flatten(1)
        finite = torch.isfinite(found).all(1)
        odd |= ~finite
        dead &= ~finite | (found == 0).all(1)
    blind = int((dead | odd).sum())
    if not exceeds(blind, len(dead), LIMIT):
        return None
    return Doubt(
        name="gradients",
        reason=f"for {blind} of {len(dead)} digits no gradient shows the way: it is zero, no "
        "number or not there",
        advice="Attack through the step that stops the gradient: replace it by the identity in the "
        'backward pass, or use attacks without gradients (use = "Square", art:HopSkipJump).',
    )
