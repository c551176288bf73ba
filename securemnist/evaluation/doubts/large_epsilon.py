"""Known answer: in a ball that holds a grey picture for every digit, an attack has to win."""

from __future__ import annotations

import torch

from securemnist.evaluation.doubts.check_input import SearchCase
from securemnist.evaluation.doubts.rerun import left_by
from securemnist.results.findings import Doubt

DIGITS, LIMIT = 64, 0.1


def known_answer(case: SearchCase) -> Doubt | None:
    """More than a tenth of the digits that grey is no picture of survive where grey lies in every ball.

    Each of them has an adversarial example by construction; a search may miss a few.
    """
    grey = case.answers(torch.full_like(case.x[:1], 0.5)).argmax(1)
    others = (case.y != grey).nonzero().squeeze(1)
    digits = DIGITS if all(attack.keeps_budget for attack in case.attacks) else DIGITS // 4
    x, y = case.x[others[:digits]], case.y[others[:digits]]
    threat = type(case.threat)(case.threat.grey)
    if not len(y):
        return None
    left = left_by(case.attacks, case.model, x, y, threat, case.rng("known answer"))
    standing = int(torch.count_nonzero(left))
    if not case.matters(standing, len(y), LIMIT):
        return None
    return Doubt(
        name="known answer",
        reason=f"{standing} of {len(y)} digits survive at {threat}, where grey breaks every one of them",
        advice="The attack does not find what is surely there: give it more steps, another loss, or "
        "none of the model's gradients.",
    )
