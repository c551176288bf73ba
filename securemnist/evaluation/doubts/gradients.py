"""Gradients: whether the gradient of the margin predicts what a small step does.

A network can answer as another one does and have a backward pass of its own: zero, noise, reversed,
another image's (obfuscated gradients; Athalye et al. 2018, arXiv 1802.00420). Attacks by gradients then
fail, and the network looks robust. So the gradient is compared with finite differences.
"""

from __future__ import annotations

from securemnist.evaluation.doubts.check_input import Case, exceeds
from securemnist.evaluation.doubts.differences import gradient_errors
from securemnist.results.findings import Doubt

# Shares of the digits that may have no gradient, and a false one.
SILENT, FALSE = 0.01, 0.003


def gradients(case: Case) -> Doubt | None:
    """The gradient of the margin is missing for more than 1 % of the digits, or not the slope for .3 %.

    Of the margin: that of cross-entropy underflows on honest networks that are sure of themselves.
    """
    errors = gradient_errors(case)
    n = len(errors.false)
    silent, false = int(errors.silent.sum()), int(errors.false.sum())
    if not (exceeds(silent, n, SILENT) or exceeds(false, n, FALSE)):
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
