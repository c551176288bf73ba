"""One-step masking: a network that only looks robust to a single gradient step.

Catastrophic overfitting to FGSM (Wong et al. 2020, arXiv 2001.03994): the loss surface is bent so
that the full step fails. A shorter step, a step from a random start (R+FGSM; Tramer et al. 2017,
arXiv 1705.07204) or many small steps succeed.
"""

from __future__ import annotations

import torch

from securemnist.attacks.fgsm import RFGSM
from securemnist.attacks.pgd import PGD
from securemnist.evaluation.doubts.check_input import Case, exceeds
from securemnist.models.predictions import is_wrong
from securemnist.results.findings import Doubt

FRACTIONS = (0.25, 0.5, 0.75)
# Measured on MNIST: honest networks lose 2 to 21 points more to FGSM than to R+FGSM, an overfitted
# one 58 points fewer. It misclassifies 5 to 25 % of the images at a shorter step only.
GAP, REVERSAL = 0.05, 0.02
# PGD-10 breaks up to half of the images beyond FGSM on an undefended network, at some eps, and
# three quarters on an overfitted one. Few images show that.
SEARCH, FAR, FEW = PGD(steps=10), 0.5, 128


def one_step_masking(case: Case) -> Doubt | None:
    """R+FGSM, a part of FGSM's step or PGD-10 breaks many images that FGSM does not."""
    step = case.threat.step(case.x, case.gradient(case.x), case.threat.eps)
    full_step = case.wrong(case.threat.project(case.x, case.x + step))
    x_adv = RFGSM().propose(case.model, case.x, case.y, threat=case.threat, rng=case.rng("masking"))
    random_start = case.wrong(x_adv)
    partial_step = torch.zeros_like(full_step)
    for fraction in FRACTIONS:
        partial_step |= case.wrong(case.threat.project(case.x, case.x + fraction * step))
    n, gap = len(full_step), int(random_start.sum()) - int(full_step.sum())
    reversed_ = int((partial_step & ~full_step).sum())
    search_gap, few = _search_gap(case, full_step), min(FEW, n)
    if not (
        exceeds(max(gap, 0), n, case.limit("one-step masking", GAP))
        or exceeds(reversed_, n, case.limit("one-step masking", REVERSAL))
        or exceeds(max(search_gap, 0), few, FAR)
    ):
        return None
    return Doubt(
        name="one-step masking",
        reason=f"compared with FGSM, R+FGSM breaks {_fewer_or_more(gap)} of {n} images and "
        f"{SEARCH.name} {_fewer_or_more(search_gap)} of {few}; {reversed_} are wrong at a part of FGSM's "
        "step but right at the full step",
        advice="Use searches with many small steps (PGD, the ladder), and train against more than one "
        "step from a random start.",
    )


def _fewer_or_more(count: int) -> str:
    return f"{abs(count)} {'fewer' if count < 0 else 'more'}"


def _search_gap(case: Case, full_step: torch.Tensor) -> int:
    """Number of the first images that PGD-10 breaks, minus the number that FGSM breaks."""
    x, y = case.x[:FEW], case.y[:FEW]
    x_adv = SEARCH.propose(case.model, x, y, threat=case.threat, rng=case.rng("many steps"))
    broken = is_wrong(case.logits(x_adv), y)
    return int(broken.sum()) - int(full_step[:FEW].sum())
