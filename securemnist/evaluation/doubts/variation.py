"""Variation: the same digits, asked again, get other answers although the model is in eval mode."""

from __future__ import annotations

import torch

from securemnist.evaluation.doubts.check_input import Case
from securemnist.evaluation.doubts.precision import rounding
from securemnist.results.findings import Doubt
from securemnist.types import Logits

DIGITS, REPEATS = 128, 3
# A logit may differ by this share of the span of all: a batch of another size is summed in another order.
TOLERANCE = 1e-4
# Rounding errors of the model's own format by which a logit may differ, and by which a class may.
_ROUNDINGS, _OF_CLASSES = 4, 16


def variation(case: Case) -> Doubt | None:
    """Asked four times in all, labels or logits differ."""
    varying = varies(case)
    if not bool(varying.any()):
        return None
    return Doubt(
        name="variation",
        reason=f"{int(varying.sum())} of {len(varying)} digits got another answer when asked again",
        advice="Call eval() on the network: dropout, noise and statistics of the batch then end. "
        "Randomness that is meant is declared by randomised = true: attacks then work on the mean of "
        "many answers.",
    )


def varies(case: Case) -> torch.Tensor:
    """Boolean (n,): which of the first digits are answered otherwise when asked again."""
    x = case.x[:DIGITS]
    first = case.logits(x)
    varying = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    for _ in range(REPEATS):
        varying |= differs(case, first, case.logits(x))
    return varying


def differs(case: Case, first: Logits, second: Logits) -> torch.Tensor:
    """Boolean (n,): answers that are not the same up to the rounding of the model's own format."""
    change = (first - second).abs().amax(1)
    rounded = _OF_CLASSES * rounding(case.subject.model, case.x) * first.abs().amax(1)
    other_class = (first.argmax(1) != second.argmax(1)) & (change > rounded)
    return ~(change <= limit(case, first)) | other_class


def limit(case: Case, logits: Logits) -> torch.Tensor:
    """By how much logits may differ and still be the same answer, (n,)."""
    spread = logits.amax(1) - logits.amin(1)
    rounded = _ROUNDINGS * rounding(case.subject.model, case.x) * logits.abs().amax(1)
    return TOLERANCE * spread + rounded
