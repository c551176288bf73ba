"""Known answer: in a ball that holds a grey picture for every digit, an attack has to win."""

from __future__ import annotations

import torch

from securemnist.evaluation.doubts.check_input import SearchCase
from securemnist.evaluation.doubts.rerun import surviving_after
from securemnist.results.findings import Doubt
from securemnist.threats import L2, Linf, Threat

# The middle grey is at most this far from any picture: .5 a pixel, or .5 times the root of 784.
LARGE: dict[str, Threat] = {"linf": Linf(0.5), "l2": L2(14.0)}
DIGITS, LIMIT = 64, 0.1


def large_epsilon(case: SearchCase) -> Doubt | None:
    """More than a tenth of the digits that grey is no picture of survive where grey lies in every ball.

    Each of them has an adversarial example by construction; a search may miss a few.
    """
    grey = case.logits(torch.full_like(case.x[:1], 0.5)).argmax(1)
    others = (case.y != grey).nonzero().squeeze(1)
    digits = DIGITS if all(attack.keeps_budget for attack in case.attacks) else DIGITS // 4
    x, y, threat = case.x[others[:digits]], case.y[others[:digits]], LARGE[case.threat.norm]
    if not len(y):
        return None
    surviving = surviving_after(case.attacks, case.model, x, y, threat, case.rng("known answer"))
    count = int(torch.count_nonzero(surviving))
    if not case.matters(count, len(y), LIMIT):
        return None
    return Doubt(
        name="known answer",
        reason=f"{count} of {len(y)} digits survive at {threat}, where grey breaks every one of them",
        advice="The attack does not find what is surely there: give it more steps, another loss, or "
        "none of the model's gradients.",
    )
