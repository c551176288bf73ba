"""FGSM (Goodfellow et al. 2014, arXiv 1412.6572) and R+FGSM (Tramer et al. 2017, arXiv 1705.07204).

One-step attacks: their accuracy is an attack accuracy, never a robust accuracy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch

from securemnist.attacks.base import BATCH, Attack, channels_last, cross_entropy, demand, gradient
from securemnist.threats import Threat
from securemnist.types import Images, Labels, Model, Progress, silent


@final
@dataclass(frozen=True, kw_only=True)
class FGSM(Attack):
    """One steepest step of length eps on the cross-entropy (Goodfellow et al., arXiv 1412.6572)."""

    one_step: ClassVar[bool] = True

    def propose(
        self,
        model: Model,
        x: Images,
        y: Labels,
        *,
        threat: Threat,
        rng: torch.Generator,
        progress: Progress = silent,
    ) -> Images:
        return _one_step(model, x, x, y, length=threat.eps, threat=threat, progress=progress)

    def passes(self) -> float:
        return 1


@final
@dataclass(frozen=True, kw_only=True)
class RFGSM(Attack):
    """A step of `start` x eps in a random direction, then a gradient step of the rest of eps."""

    start: float = 0.5
    one_step: ClassVar[bool] = True

    def __post_init__(self) -> None:
        demand(0 < self.start < 1, "start", "between 0 and 1", self.start)

    def propose(
        self,
        model: Model,
        x: Images,
        y: Labels,
        *,
        threat: Threat,
        rng: torch.Generator,
        progress: Progress = silent,
    ) -> Images:
        noise = torch.randn(x.shape, generator=rng).to(x.device)
        begin = threat.project(x, x + self.start * threat.eps * threat.steepest(noise))
        length = (1 - self.start) * threat.eps
        return _one_step(model, x, begin, y, length=length, threat=threat, progress=progress)

    def passes(self) -> float:
        return 1


def _one_step(
    model: Model,
    x: Images,
    begin: Images,
    y: Labels,
    *,
    length: float,
    threat: Threat,
    progress: Progress,
) -> Images:
    """A steepest step of `length` from `begin`, projected into the threat set around `x`."""
    x_adv = torch.empty_like(x)
    for low in range(0, len(x), BATCH):
        part = slice(low, low + BATCH)
        grad, _ = gradient(model, channels_last(begin[part]), y[part], cross_entropy)
        x_adv[part] = threat.project(x[part], begin[part] + length * threat.steepest(grad))
        progress("FGSM", min(low + BATCH, len(x)), len(x))
    return x_adv
