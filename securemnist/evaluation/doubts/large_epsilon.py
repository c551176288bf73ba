"""Large-epsilon check: an attack has to succeed where every ball contains uniform grey.

An unbounded attack should reach a success rate of 100 % (Carlini et al. 2019, arXiv 1902.06705).
"""

from __future__ import annotations

import torch

from securemnist.evaluation.doubts.check_input import SearchCase
from securemnist.evaluation.doubts.rerun import shortened, surviving_after
from securemnist.results.findings import Doubt

IMAGES, LIMIT = 64, 0.1


def large_epsilon(case: SearchCase) -> Doubt | None:
    """More than 10 % of the images survive at an eps at which uniform grey lies in every ball.

    Only images whose class differs from the class of grey count, so each has an adversarial
    example.
    """
    grey = case.logits(torch.full_like(case.x[:1], 0.5)).argmax(1)
    others = (case.y != grey).nonzero().squeeze(1)
    cheap = all(attack.keeps_budget for attack in case.attacks) and case.subject.remote is None
    images = IMAGES if cheap else IMAGES // 4
    x, y = case.x[others[:images]], case.y[others[:images]]
    threat = case.threat.at_grey(case.x)
    if not len(y):
        return None
    runs = shortened(case.attacks, case.rng("known answer"), threat)
    surviving = surviving_after(runs, case.model, x, y, threat, judge=case.model, pool=case.pool)
    count = int(torch.count_nonzero(surviving))
    if not case.matters(count, len(y), case.limit("large epsilon", LIMIT)):
        return None
    return Doubt(
        name="large epsilon",
        reason=f"{count} of {len(y)} images survive at {threat}, where uniform grey breaks each of them",
        advice="The attack misses adversarial examples that exist: give it more steps, another loss, "
        "or use an attack without gradients.",
    )
