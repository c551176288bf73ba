"""One-step masking: a network that has learnt to look robust to one gradient step.

Catastrophic overfitting to FGSM (Wong et al. 2020, arXiv 2001.03994): next to each digit the loss is
bent so that the full step lands on a digit that is read right, while less of a step, or a step from
beside the digit (R+FGSM; Tramer et al. 2017, arXiv 1705.07204), breaks it.
"""

from __future__ import annotations

import torch

from securemnist.attacks.base import cross_entropy
from securemnist.attacks.fgsm import RFGSM
from securemnist.evaluation.doubts.case import Case, exceeds
from securemnist.findings import Doubt

FRACTIONS = (0.25, 0.5, 0.75)
# Measured on this data: honest networks lose 2 to 21 points more to FGSM than to R+FGSM, an overfitted
# one 58 fewer; and 5 to 25 % of its digits are wrong at less of a step but right at the whole.
GAP, REVERSAL = 0.05, 0.02


def one_step_masking(case: Case) -> Doubt | None:
    """R+FGSM breaks 5 points more than FGSM, or a part of FGSM's step what the whole does not."""
    if not case.differentiable:
        return None
    step = case.threat.eps * case.threat.steepest(case.gradient(case.x, cross_entropy))
    whole = case.wrong(case.threat.project(case.x, case.x + step))
    x_adv = RFGSM()(case.model, case.x, case.y, threat=case.threat, rng=case.rng("masking"))
    beside = case.wrong(x_adv)
    less = torch.zeros_like(whole)
    for fraction in FRACTIONS:
        less |= case.wrong(case.threat.project(case.x, case.x + fraction * step))
    n, gap = len(whole), int(beside.sum()) - int(whole.sum())
    reversed_ = int((less & ~whole).sum())
    if not exceeds(max(gap, 0), n, GAP) and not exceeds(reversed_, n, REVERSAL):
        return None
    return Doubt(
        name="one-step masking",
        reason=f"beside FGSM R+FGSM breaks {gap:+d} digits of {n}, and {reversed_} are wrong at a part "
        "of FGSM's step but right at the whole",
        advice="Believe only searches with many small steps (PGD, the ladder), and train against more "
        "than one step from a random start.",
    )
