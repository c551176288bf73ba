"""What a search climbs: one number a digit, from its logits, label and target class.

Higher is nearer to a wrong answer. `target` is ignored where an objective has none.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

from securemnist.attacks.base import BATCH, by_pixels, channels_last
from securemnist.models.predictions import exact
from securemnist.types import Images, Labels, Logits, Model

# (logits (n, 10), label (n,), target (n,)) -> (n,)
Objective = Callable[[Logits, Labels, Labels], torch.Tensor]

_TINY = 1e-12


def cross_entropies(logits: Logits, y: Labels, _target: Labels) -> torch.Tensor:
    """The cross-entropy of each digit."""
    return F.cross_entropy(logits, y, reduction="none")


def gaps(logits: Logits, y: Labels, target: Labels) -> torch.Tensor:
    """Target logit minus true logit: above 0 the target has won over the truth."""
    return (_of(logits, target) - _of(logits, y)).squeeze(1)


def margins(logits: Logits, y: Labels, _target: Labels) -> torch.Tensor:
    """Best wrong logit minus true logit: above 0 the digit has fallen."""
    return (_without(logits, y).amax(1, keepdim=True) - _of(logits, y)).squeeze(1)


def logit_ratios(logits: Logits, y: Labels, target: Labels) -> torch.Tensor:
    """The margin over the span of the three largest logits (DLR; arXiv 2003.01690, section 4).

    Unlike cross-entropy it does not change when the logits are scaled or shifted.
    """
    largest = logits.topk(3, dim=1).values
    return margins(logits, y, target) / (largest[:, 0] - largest[:, 2] + _TINY)


def targeted_ratios(logits: Logits, y: Labels, target: Labels) -> torch.Tensor:
    """The gap to the target over the span of the four largest logits (same paper, section 4.1)."""
    largest = logits.topk(4, dim=1).values
    span = largest[:, 0] - (largest[:, 2] + largest[:, 3]) / 2
    return gaps(logits, y, target) / (span + _TINY)


def ascent(
    model: Model, x: Images, y: Labels, target: Labels, objective: Objective
) -> tuple[torch.Tensor, torch.Tensor, Logits]:
    """Values (n,), their gradient by the pixels, and the logits: one pass forward, one back.

    Where there is no gradient, or an entry of it is no number, it is read as 0.
    """
    with torch.enable_grad():
        leaf = channels_last(x).detach().requires_grad_(True)
        logits = exact(model(leaf))
        values = objective(logits, y, target)
        grad = by_pixels(values.sum(), leaf)
    # Not in place: autograd may hand out one number in the place of many.
    # Differences were taken in the precision of the logits; what is left fits float32.
    return values.detach().float(), grad.nan_to_num(0.0), logits.detach()


@torch.no_grad()
def nearest_classes(model: Model, x: Images, y: Labels) -> torch.Tensor:
    """The nine wrong classes of each digit, int64 (n, 9), the largest clean logit first."""
    logits = torch.cat([exact(model(channels_last(part))) for part in x.split(BATCH)])
    return _without(logits, y).argsort(1, descending=True)[:, :-1]


def _of(logits: Logits, classes: Labels) -> torch.Tensor:
    return logits.gather(1, classes[:, None])


def _without(logits: Logits, classes: Labels) -> torch.Tensor:
    return logits.scatter(1, classes[:, None], -torch.inf)
