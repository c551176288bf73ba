"""Predictions: the class that logits stand for, decided in the precision that the model answers in.

A softmax, or a cast to a coarser format, rounds small differences of logits away. A class is therefore
read off the logits themselves. A tie of the true class with another one counts against the model.
"""

from __future__ import annotations

import torch

from securemnist.types import Labels, Logits


def exact(logits: Logits) -> Logits:
    """The same numbers in float32 or float64: nothing is rounded, and arithmetic has room."""
    return logits if logits.dtype == torch.float64 else logits.float()


def is_wrong(logits: Logits, y: Labels) -> torch.Tensor:
    """Boolean (n,): the true logit is not above all others, or a logit is not finite."""
    logits = exact(logits)
    true = logits.gather(1, y[:, None]).squeeze(1)
    return ~(true > _others(logits, y).amax(1)) | ~torch.isfinite(logits).all(1)


def predicted(logits: Logits, y: Labels) -> torch.Tensor:
    """Classes int64 (n,): the largest logit; of a tie with the true class the other one."""
    logits = exact(logits)
    other = _others(logits, y).argmax(1)
    return torch.where(is_wrong(logits, y), other, y)


def tied(logits: Logits, y: Labels) -> torch.Tensor:
    """Boolean (n,): the true class and another one share the largest logit."""
    logits = exact(logits)
    return logits.gather(1, y[:, None]).squeeze(1) == _others(logits, y).amax(1)


def _others(logits: Logits, y: Labels) -> Logits:
    return logits.scatter(1, y[:, None], -torch.inf)
