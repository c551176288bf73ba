"""Gradients: whether the gradient of the margin predicts what a small step does.

A network can answer as another one does and have a backward pass of its own: zero, noise, reversed,
another image's (obfuscated gradients; Athalye et al. 2018, arXiv 1802.00420). Attacks by gradients then
fail, and the network looks robust. So the gradient is compared with finite differences.
"""

from __future__ import annotations

import torch

from securemnist.evaluation.doubts.case import Case, exceeds
from securemnist.evaluation.doubts.differences import examine
from securemnist.findings import Doubt

LIMIT = 0.01


def gradients(case: Case) -> Doubt | None:
    """For more than 1 % of the digits the gradient of the margin is missing or not the slope.

    Of the margin: that of cross-entropy underflows on honest networks that are sure of themselves.
    """
    found = examine(case)
    silent, false = int(found.silent.sum()), int(found.false.sum())
    n, either = len(case.y), int((found.silent | found.false).sum())
    if not exceeds(either, n, LIMIT):
        return None
    reasons = []
    if silent:
        reasons.append(
            f"for {silent} of {n} digits no gradient shows the way: it is zero, no number or not there"
        )
    if false:
        reasons.append(
            f"for {false} of {n} digits the gradient does not predict what a small step does, or "
            "changes when asked again"
        )
    return Doubt(
        name="gradients",
        reason="; ".join(reasons),
        advice="Let the backward pass be the derivative of the forward pass, or use attacks without "
        'gradients (use = "Square", art:HopSkipJump) and replay the adversarial examples of the '
        "network without that step.",
    )
