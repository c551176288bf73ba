"""Obfuscated gradients: whether the gradient of the margin predicts the effect of a small step.

A backward pass may differ from the forward pass: zero, noise, reversed, of another image (Athalye
et al. 2018, arXiv 1802.00420). Gradient attacks then fail, and the network looks robust.
"""

from __future__ import annotations

import dataclasses

from securemnist.evaluation.doubts.check_input import Case, SearchCase, exceeds
from securemnist.evaluation.doubts.differences import gradient_errors
from securemnist.evaluation.doubts.draws import random_answers
from securemnist.evaluation.doubts.lines import jumps
from securemnist.evaluation.doubts.neighbours import agreement
from securemnist.results.findings import Doubt

# Limits of the share of images without a gradient, and with a false one.
SILENT, FALSE = 0.01, 0.003
# Smallest mean cosine of gradients at neighbouring points. Measured at eps .06 and .3: reference and
# untrained networks have 0.65 and more, steps x + a sin(w x) with a w of 6 to 100 have 0.11 and less.
AGREEMENT = 0.2
ADVICE = (
    "Let the backward pass be the derivative of the forward pass, or use attacks without "
    'gradients (use = "Square", art:HopSkipJump) and replay the adversarial examples of the '
    "network without that step."
)
# Limit of the share of images with a jump. Measured at linf .03 to .3, L2 1.5, L1 8, 5 pixels and
# patches of 7: at most 2 of 64 for reference and untrained networks, 16 and more behind a detector or a
# sawtooth.
JUMPING = 0.05
# Survivors of a search for which the check is repeated.
SURVIVORS = 64


def gradients(case: Case) -> Doubt | None:
    """The gradient of the margin is missing for more than 1 % of the images, or false for 0.3 %.

    Or gradients at neighbouring points have nothing in common. Or along a line they do not add up to
    the change of the margin, for more than 5 %. Or the mean of random answers misleads. The gradient
    of cross-entropy is not used: it underflows on confident, honest networks.
    """
    errors = gradient_errors(case)
    n = len(errors[0])
    silent, false = (int(kind.sum()) for kind in errors)
    most_silent, most_false = (case.limit("gradients", limit) for limit in (SILENT, FALSE))
    cosine = agreement(case)
    shattered = cosine < AGREEMENT
    jumping, compared = jumps(case)
    jumped = exceeds(jumping, compared, case.limit("gradients", JUMPING))
    reasons = random_answers(case)
    if not (
        reasons
        or shattered
        or jumped
        or exceeds(silent, n, most_silent)
        or exceeds(false, n, most_false)
    ):
        return None
    if shattered:
        reasons.append(
            f"gradients at neighbouring points have nothing in common (mean cosine at most {cosine:.2f})"
        )
    if silent:
        reasons.append(f"for {silent} of {n} images the gradient is zero, not finite or missing")
    if false:
        reasons.append(
            f"for {false} of {n} images the gradient does not predict the effect of a small step, or "
            "changes when computed again"
        )
    if jumped:
        reasons.append(
            f"for {jumping} of {compared} images the answer jumps: along a line the gradients do not add "
            "up to the change of the margin"
        )
    return Doubt(
        name="gradients",
        reason="; ".join(reasons),
        advice=ADVICE,
    )


def gradients_after(case: SearchCase) -> Doubt | None:
    """The same on survivors, after the search: a backward pass may become false with use."""
    few = dataclasses.replace(case, x=case.x[:SURVIVORS], y=case.y[:SURVIVORS])
    doubt = gradients(few)
    return doubt and dataclasses.replace(doubt, reason=f"after the search, {doubt.reason}")
