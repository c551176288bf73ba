"""What an attack is: a frozen value, called with a model and digits, proposing adversarial images.

An attack proposes only; whether a proposal counts is decided by the referee, who shares no code with
it. Models are called in eval mode with frozen weights, on channels-last batches.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from securemnist.attacks.adversarial import AdversarialImages, attacked
from securemnist.errors import PolicyError
from securemnist.models.loading import Subject
from securemnist.models.predictions import exact
from securemnist.threats import Threat
from securemnist.types import Images, Labels, Logits, Model, Progress, silent

# Measured on two cores, network A, forward and backward of 10,000 digits in channels-last float32: 1.94 s
# in batches of 128, 2.27 of 64, 2.01 of 256.
BATCH = 128

Loss = Callable[[Logits, Labels], torch.Tensor]


@dataclass(frozen=True, kw_only=True)
class Attack(ABC):
    """Base of all attacks. Subclasses are final frozen dataclasses whose fields are the settings."""

    # An attack of ours stays inside the budget; proposals over it are our error.
    keeps_budget: ClassVar[bool] = True

    def __call__(
        self,
        model: nn.Module | Subject | str,
        x: Images | Any,
        y: Labels | Any,
        *,
        threat: Threat | Mapping[str, Any] | str,
        seed: int = 0,
        progress: Progress | bool = True,
    ) -> AdversarialImages:
        """Attack images and let the referee decide which proposals succeed.

        `model`: an nn.Module or a SPEC; it is left as it was. `x` float32 (n, 1, 28, 28) in [0, 1] and
        `y` integers (n,) from 0 to 9, tensors or NumPy arrays. `threat`: Linf(0.3), L2(1.5), a table as
        in a policy, or "linf:0.3". Images that the model misclassifies by themselves count as successes.
        One seed gives one result. `progress`: True, False, or a function. DataError, ModelError,
        UsageError or PolicyError for bad input, MeasureError where the attack itself fails.
        """
        return attacked(self, model, x, y, threat, seed, progress)

    @abstractmethod
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
        """Propose one image a digit, shaped like `x` (n, 1, 28, 28); failures may return `x`."""

    @property
    def chunk(self) -> int | None:
        """Digits proposed for at a time, so that a time budget can stop in between; None: all."""
        return None

    @property
    def one_step(self) -> bool:
        """Whether it is a single gradient step, whose accuracy is no robust accuracy."""
        return False

    @property
    def name(self) -> str:
        """As printed: `PGD-40`."""
        return type(self).__name__

    @abstractmethod
    def passes(self) -> float:
        """Forward-and-backward passes a surviving digit costs; for time estimates."""

    def to_json(self) -> dict[str, Any]:
        """As in the policy: {use, settings}."""
        return {"use": type(self).__name__, **dataclasses.asdict(self)}


def cross_entropy(logits: Logits, y: Labels) -> torch.Tensor:
    """The summed cross-entropy, so that each digit's gradient is its own."""
    return F.cross_entropy(exact(logits), y, reduction="sum")


def margin(logits: Logits, y: Labels) -> torch.Tensor:
    """Best wrong logit minus true logit, summed (Carlini & Wagner, arXiv 1608.04644).

    Unlike cross-entropy its gradient does not underflow on a confident network.
    """
    logits = exact(logits)
    true = logits.gather(1, y[:, None]).squeeze(1)
    wrong = logits.scatter(1, y[:, None], -torch.inf).amax(1)
    return (wrong - true).sum()


LOSSES: dict[str, Loss] = {"ce": cross_entropy, "margin": margin}


def gradient(model: Model, x: Images, y: Labels, loss: Loss) -> tuple[torch.Tensor, Logits]:
    """The gradient of the loss by the pixels, zero where there is none, and the logits it came from."""
    with torch.enable_grad():
        leaf = x.detach().requires_grad_(True)
        logits = model(leaf)
        grad = by_pixels(loss(logits, y), leaf)
    return grad, logits.detach()


def by_pixels(value: torch.Tensor, pixels: Images) -> torch.Tensor:
    """The gradient of a number by the pixels; zero where autograd finds no way to them (a comparison).

    That such a model shows attacks no way is what the doubts say.
    """
    if not value.requires_grad:
        return torch.zeros_like(pixels)
    # Materialised: weights have gradients (of a quantised network, say), and the pixels none.
    return torch.autograd.grad(value, pixels, materialize_grads=True)[0]


def channels_last(x: Images) -> Images:
    """The layout in which convolutions on a CPU are fastest; the values stay."""
    return x.contiguous(memory_format=torch.channels_last)


def demand(holds: bool, setting: str, expected: str, got: object) -> None:
    """PolicyError in one sentence where a setting of an attack is impossible."""
    if not holds:
        raise PolicyError(f"expected {setting} {expected}, got {got!r}; mend the attack's settings")
