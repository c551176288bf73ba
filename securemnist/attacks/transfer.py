"""Transfer: adversarial images of bundled reference models, tried on the model under assessment.

Gradients are those of the reference models, so the model itself answers one question for each of them.
Papernot et al. 2016 (arXiv 1605.07277).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import nn

from securemnist.attacks.base import Attack, AttackInput, NativeAttack
from securemnist.attacks.losses import answers
from securemnist.attacks.pgd import PGD
from securemnist.attacks.validation import check_counts
from securemnist.input_spec import MNIST
from securemnist.models import loading
from securemnist.models.predictions import is_wrong
from securemnist.types import Images, Progress


@final
@dataclass(frozen=True, kw_only=True)
class Transfer(NativeAttack):
    """PGD with `steps` on the gradients of reference models (Papernot et al., arXiv 1605.07277).

    The bundled models are of MNIST: for images of another form nothing is found.
    """

    black_box: ClassVar[bool] = True
    steps: int = 20

    def __post_init__(self) -> None:
        check_counts(steps=self.steps)

    def _run(self, inputs: AttackInput, progress: Progress) -> Images:
        found = inputs.x.clone()
        if tuple(inputs.x.shape[1:]) != MNIST.shape or bool((inputs.y >= MNIST.classes).any()):
            return found
        search = PGD(steps=self.steps, loss="margin")
        surviving = torch.arange(len(inputs.x), device=inputs.x.device)
        names = loading.with_role("transfer")
        for number, name in enumerate(names):
            progress(self.name, number, len(names))
            if not len(surviving):
                break
            x, y = inputs.x[surviving], inputs.y[surviving]
            source = source_model(name, x.device)
            candidates = search.propose(source, x, y, threat=inputs.threat, rng=inputs.rng)
            wrong = is_wrong(answers(inputs.model, candidates), y)
            found[surviving[wrong]] = candidates[wrong]
            surviving = surviving[~wrong]
        return found

    @property
    def name(self) -> str:
        return f"transfer-{self.steps}"

    @property
    def queries_per_image(self) -> int:
        return len(loading.with_role("transfer"))

    def passes(self) -> float:
        return 2.0 * self.steps

    def longer(self) -> Attack | None:
        return None


@functools.cache
def source_model(name: str, device: torch.device) -> nn.Module:
    """A reference model whose gradients are used."""
    return loading.resolve(name, device=str(device)).model
