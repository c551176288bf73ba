"""Predicted classes from logits, in the precision of the logits.

Softmax, or a cast to a coarser format, can round two different logits to equal values. So classes
are read from the logits directly. A tie of the true class with another counts against the model.
"""

from __future__ import annotations

import torch

from securemnist.types import Labels, Logits


def exact(logits: Logits) -> Logits:
    """The logits as float32 or float64: no value is rounded, and arithmetic does not overflow."""
    return logits if logits.dtype == torch.float64 else logits.float()


def true_and_best_wrong(logits: Logits, y: Labels) -> tuple[torch.Tensor, torch.Tensor]:
    """The true logit and the largest wrong logit of each sample, (n,) each."""
    logits = exact(logits)
    return logits.gather(1, y[:, None]).squeeze(1), without_true(logits, y).amax(1)


def margin(logits: Logits, y: Labels) -> torch.Tensor:
    """True logit minus the largest wrong logit, (n,); below 0 the sample is misclassified."""
    true, wrong = true_and_best_wrong(logits, y)
    return true - wrong


def without_true(logits: Logits, y: Labels) -> Logits:
    """The logits, minus infinity at the true class."""
    return logits.scatter(1, y[:, None], -torch.inf)


def best_wrong(logits: Logits, y: Labels) -> Labels:
    """The wrong class of the largest logit, int64 (n,)."""
    return without_true(logits, y).argmax(1)


def is_wrong(logits: Logits, y: Labels) -> torch.Tensor:
    """Boolean (n,): the true logit is not above all others, or a logit is not finite."""
    true, wrong = true_and_best_wrong(logits, y)
    return ~(true > wrong) | ~torch.isfinite(logits).all(1)


def predicted(logits: Logits, y: Labels) -> torch.Tensor:
    """Classes int64 (n,) of the largest logit; in a tie with the true class, the other class."""
    return torch.where(is_wrong(logits, y), best_wrong(exact(logits), y), y)


def tied(logits: Logits, y: Labels) -> torch.Tensor:
    """Boolean (n,): the true class and another class share the largest logit."""
    true, wrong = true_and_best_wrong(logits, y)
    return true == wrong
