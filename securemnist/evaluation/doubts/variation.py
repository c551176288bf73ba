"""Variation: repeated predictions for the same images differ although the model is in eval mode."""

from __future__ import annotations

import torch

from securemnist.evaluation.doubts.check_input import Case
from securemnist.evaluation.doubts.precision import rounding
from securemnist.results.findings import Doubt
from securemnist.types import Logits

IMAGES, REPEATS = 128, 3
# Allowed difference of a logit, relative to the spread of all: batches of other sizes sum in
# another order.
TOLERANCE = 1e-4
# Rounding errors of the model's own format by which a logit may differ, and by which a class may
# change.
_ROUNDINGS, _OF_CLASSES = 4, 16
# A logit so far below the largest is a mask, in units of that one and of 1. The others may differ by so
# many of these units times the tolerance at least: they may come from a difference of large numbers.
_FAR, _LEAST = 1000, 100


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
    change, far = (first - second).abs(), _far(first)
    rounded = _OF_CLASSES * rounding(case.subject.model, case.x) * _largest(first.abs(), far)
    other_class = (first.argmax(1) != second.argmax(1)) & (_largest(change, far) > rounded)
    return ~(change <= limit(case, first)).all(1) | other_class


def limit(case: Case, logits: Logits) -> torch.Tensor:
    """The difference (n, K) by which logits of equal predictions may differ.

    Logits far below the others are left out: -1e9 for a class would hide every change of the others.
    """
    below, far = logits.amax(1, keepdim=True) - logits, _far(logits)
    least = torch.where(far.any(1), _LEAST * _unit(logits), 0)
    spread = torch.maximum(_largest(below, far), least)[:, None]
    size = torch.where(far, logits.abs(), _largest(logits.abs(), far)[:, None])
    rounded = _ROUNDINGS * rounding(case.subject.model, case.x) * size
    return TOLERANCE * torch.where(far, below, spread) + rounded


def _unit(logits: Logits) -> torch.Tensor:
    """The largest logit (n,) without its sign, or 1."""
    return logits.amax(1).abs().clamp_min(1)


def _far(logits: Logits) -> torch.Tensor:
    """Boolean (n, K): logits far below the largest one."""
    return logits.amax(1, keepdim=True) - logits > _FAR * _unit(logits)[:, None]


def _largest(values: torch.Tensor, far: torch.Tensor) -> torch.Tensor:
    return values.masked_fill(far, 0).amax(1)
