"""Variation: the same digits, asked again, get other answers although the model is in eval mode."""

from __future__ import annotations

import torch

from securemnist.evaluation.doubts.case import Case
from securemnist.findings import Doubt
from securemnist.types import Logits

DIGITS, REPEATS = 128, 3
# A logit may differ by this share of the largest one: a batch of another size is summed in another order.
TOLERANCE = 1e-4


def variation(case: Case) -> Doubt | None:
    """Asked four times in all, labels or logits differ."""
    x = case.x[:DIGITS]
    first = case.answers(x)
    odd = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    for _ in range(REPEATS):
        odd |= differs(first, case.answers(x))
    if not bool(odd.any()):
        return None
    return Doubt(
        name="variation",
        reason=f"{int(odd.sum())} of {len(x)} digits got another answer when asked again",
        advice="Switch off dropout and noise for the assessment, or declare them with "
        "randomised = true: attacks then work on the mean of many answers.",
    )


def differs(one: Logits, other: Logits) -> torch.Tensor:
    """Boolean (n,): answers that are not the same up to rounding."""
    size = 1 + one.abs().amax(1)
    moved = (one - other).abs().amax(1)
    return ~(moved <= TOLERANCE * size) | (one.argmax(1) != other.argmax(1))
