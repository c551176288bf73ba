"""Variation: repeated predictions for the same images differ although the model is in eval mode."""

from __future__ import annotations

import torch

from securemnist.evaluation.doubts.check_input import Case
from securemnist.evaluation.doubts.precision import rounding
from securemnist.masked_scores import spread
from securemnist.results.findings import Doubt
from securemnist.types import Logits

IMAGES, REPEATS = 128, 3
# Allowed difference of a logit, relative to the spread of all: batches of other sizes sum in
# another order.
TOLERANCE = 1e-4
# Rounding errors of the model's own format by which a logit may differ, and by which a class may
# change.
_ROUNDINGS, _OF_CLASSES = 4, 16


def variation(case: Case) -> Doubt | None:
    """Labels or logits differ among four predictions."""
    varying = varies(case)
    if not bool(varying.any()):
        return None
    return Doubt(
        name="variation",
        reason=f"{int(varying.sum())} of {len(varying)} images got other logits in a repeated prediction",
        advice="Call eval() on the network: it ends dropout and batch statistics. Declare intended "
        "randomness by randomised = true: attacks then use the mean of several outputs.",
    )


def varies(case: Case) -> torch.Tensor:
    """Boolean (n,): the first images whose logits differ in a repeated prediction."""
    x = case.x[:IMAGES]
    first = case.logits(x)
    varying = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    for _ in range(REPEATS):
        varying |= differs(case, first, case.logits(x))
    return varying


def differs(case: Case, first: Logits, second: Logits) -> torch.Tensor:
    """Boolean (n,): logits that differ by more than the rounding of the model's own format."""
    change, unmasked = (first - second).abs(), spread(first)
    rounded = _OF_CLASSES * rounding(case.subject.model, case.x) * unmasked.largest(first.abs())
    other_class = (first.argmax(1) != second.argmax(1)) & (unmasked.largest(change) > rounded)
    return ~(change <= limit(case, first)).all(1) | other_class


def limit(case: Case, logits: Logits) -> torch.Tensor:
    """The difference (n, K) by which logits of equal predictions may differ.

    Logits far below the others are left out: -1e9 for a class would hide every change of the others.
    """
    found = spread(logits)
    size = torch.where(found.far, logits.abs(), found.largest(logits.abs())[:, None])
    rounded = _ROUNDINGS * rounding(case.subject.model, case.x) * size
    return TOLERANCE * torch.where(found.far, found.below, found.others[:, None]) + rounded
