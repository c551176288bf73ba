"""Known answer: in a ball that holds a grey picture for every digit, an attack has to win."""

from __future__ import annotations

import torch

from securemnist.evaluation.doubts.case import SearchCase
from securemnist.evaluation.doubts.search import left_by
from securemnist.findings import Doubt
from securemnist.threats import L2, Linf, Threat

# The middle grey is at most this far from any picture: .5 a pixel, or .5 times the root of 784.
WIDE: dict[str, Threat] = {"linf": Linf(0.5), "l2": L2(14.0)}
DIGITS, LIMIT = 64, 0.2


def known_answer(case: SearchCase) -> Doubt | None:
    """More than 20 % of the digits survive although grey lies in every ball.

    Grey is read as one class, so about nine of ten digits have an adversarial example by construction.
    """
    digits = DIGITS if all(attack.keeps_budget for attack in case.attacks) else DIGITS // 4
    x, y, threat = case.x[:digits], case.y[:digits], WIDE[case.threat.norm]
    left = left_by(case.attacks, case.model, x, y, threat, case.rng("known answer"))
    standing = int(torch.count_nonzero(left))
    if standing <= LIMIT * len(y):
        return None
    return Doubt(
        name="known answer",
        reason=f"{standing} of {len(y)} digits survive at {threat}, where every digit can be made grey",
        advice="The attack does not find what is surely there: give it more steps, another loss, or "
        "none of the model's gradients.",
    )
