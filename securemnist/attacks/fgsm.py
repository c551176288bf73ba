"""FGSM (Goodfellow et al. 2014, arXiv 1412.6572) and R+FGSM (Tramer et al. 2017, arXiv 1705.07204).

One-step attacks: accuracy under them is not a robust accuracy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch

from securemnist.attacks.base import AttackInput, NativeAttack
from securemnist.attacks.losses import cross_entropies, loss_and_gradient
from securemnist.attacks.validation import check_setting
from securemnist.types import Images, Progress


@final
@dataclass(frozen=True, kw_only=True)
class FGSM(NativeAttack):
    """One gradient step of length eps on the cross-entropy (Goodfellow et al., arXiv 1412.6572)."""

    one_step: ClassVar[bool] = True

    def _run(self, inputs: AttackInput, progress: Progress) -> Images:
        return _gradient_step(inputs, inputs.x, inputs.threat.eps, progress)

    def passes(self) -> float:
        return 1


@final
@dataclass(frozen=True, kw_only=True)
class RFGSM(NativeAttack):
    """A random step of length `start` * eps, then a gradient step of length (1 - `start`) * eps."""

    start: float = 0.5
    one_step: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_setting(0 < self.start < 1, "start", "between 0 and 1", self.start)

    def _run(self, inputs: AttackInput, progress: Progress) -> Images:
        x, threat = inputs.x, inputs.threat
        noise = torch.randn(x.shape, generator=inputs.rng).to(x.device)
        start = threat.project(x, x + threat.step(x, noise, self.start * threat.eps))
        return _gradient_step(inputs, start, (1 - self.start) * threat.eps, progress)

    def passes(self) -> float:
        return 1


def _gradient_step(inputs: AttackInput, start: Images, size: float, progress: Progress) -> Images:
    """A step of length `size` from `start`, projected onto the threat set around `inputs.x`."""
    threat, x_adv, done = inputs.threat, torch.empty_like(inputs.x), 0
    for x, y in inputs.batches():
        part = slice(done, done + len(y))
        _, gradient, _ = loss_and_gradient(inputs.model, start[part], y, cross_entropies)
        step = threat.step(start[part], gradient, size)
        x_adv[part] = threat.project(x, start[part] + step)
        done += len(y)
        progress("FGSM", done, len(x_adv))
    return x_adv
