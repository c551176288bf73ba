"""One-step masking: a network that has learnt to look robust to one gradient step.

Catastrophic overfitting to FGSM (Wong et al. 2020, arXiv 2001.03994): next to each digit the loss is
bent so that the full step lands on a digit that is read right, while less of a step, a step from
beside the digit (R+FGSM; Tramer et al. 2017, arXiv 1705.07204), or many small steps break it.
"""

from __future__ import annotations

import torch

from securemnist.attacks.base import cross_entropy
from securemnist.attacks.fgsm import RFGSM
from securemnist.attacks.pgd import PGD
from securemnist.evaluation.doubts.check_input import Case, exceeds
from securemnist.models.predictions import is_wrong
from securemnist.results.findings import Doubt

FRACTIONS = (0.25, 0.5, 0.75)
# Measured on this data: honest networks lose 2 to 21 points more to FGSM than to R+FGSM, an overfitted
# one 58 fewer; and 5 to 25 % of its digits are wrong at less of a step but right at the whole.
GAP, REVERSAL = 0.05, 0.02
# An undefended network loses up to half of its digits more to ten steps than to one, at some eps; an
# overfitted one three quarters. Few digits show that.
SEARCH, FAR, FEW = PGD(steps=10), 0.5, 128


def one_step_masking(case: Case) -> Doubt | None:
    """R+FGSM breaks 5 points more than FGSM, a part of its step what the whole does not, or PGD half."""
    step = case.threat.eps * case.threat.steepest(case.gradient(case.x, cross_entropy))
    whole = case.wrong(case.threat.project(case.x, case.x + step))
    x_adv = RFGSM().propose(case.model, case.x, case.y, threat=case.threat, rng=case.rng("masking"))
    beside = case.wrong(x_adv)
    less = torch.zeros_like(whole)
    for fraction in FRACTIONS:
        less |= case.wrong(case.threat.project(case.x, case.x + fraction * step))
    n, gap = len(whole), int(beside.sum()) - int(whole.sum())
    reversed_ = int((less & ~whole).sum())
    far, few = _broken_by_a_search(case, whole), min(FEW, n)
    if not (
        exceeds(max(gap, 0), n, GAP)
        or exceeds(reversed_, n, REVERSAL)
        or exceeds(max(far, 0), few, FAR)
    ):
        return None
    return Doubt(
        name="one-step masking",
        reason=f"R+FGSM breaks {_beside(gap)} of {n} digits than FGSM, {SEARCH.name} {_beside(far)} of "
        f"{few}, and {reversed_} are wrong at a part of FGSM's step but right at the whole",
        advice="Believe only searches with many small steps (PGD, the ladder), and train against more "
        "than one step from a random start.",
    )


def _beside(count: int) -> str:
    return f"{abs(count)} {'fewer' if count < 0 else 'more'}"


def _broken_by_a_search(case: Case, whole: torch.Tensor) -> int:
    """How many of the first few digits ten steps break beyond what FGSM does."""
    x, y = case.x[:FEW], case.y[:FEW]
    x_adv = SEARCH.propose(case.model, x, y, threat=case.threat, rng=case.rng("many steps"))
    broken = is_wrong(case.answers(x_adv), y)
    return int(broken.sum()) - int(whole[:FEW].sum())
