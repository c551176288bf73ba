"""The base class of attacks: a frozen value that proposes adversarial images for a model.

An attack proposes only. The referee decides whether a proposal counts, and shares no code with it.
Models are called in eval mode with frozen weights, on channels-last batches.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F

from securemnist.errors import PolicyError
from securemnist.models.predictions import exact
from securemnist.threats import Threat
from securemnist.types import Images, Labels, Logits, Model, Progress, silent

# Measured on two cores, network A, forward and backward of 10,000 digits in channels-last float32: 1.94 s
# in batches of 128, 2.27 of 64, 2.01 of 256.
BATCH = 128

Loss = Callable[[Logits, Labels], torch.Tensor]


@dataclass(frozen=True, kw_only=True)
class Attack(ABC):
    """Base of all attacks. A subclass is a frozen dataclass; its fields are the settings of a row.

    `keeps_budget`: a proposal outside the threat is an error of the attack. Where it is False, such a
    proposal does not count.
    """

    keeps_budget: ClassVar[bool] = True

    @abstractmethod
    def __call__(
        self,
        model: Model,
        x: Images,
        y: Labels,
        *,
        threat: Threat,
        rng: torch.Generator,
        progress: Progress = silent,
    ) -> Images:
        """One proposal an image, float32 like `x` (n, 1, 28, 28) in [0, 1]; `y` int64 (n,) are labels.

        Where no adversarial image is found, the image itself may be returned. `rng` is the only source
        of random numbers, `progress(name, done, total)` reports the work.
        """

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

    def passes(self) -> float:
        """Forward-and-backward passes for an image that survives; for time estimates."""
        return 100.0

    def longer(self) -> Attack | None:
        """The attack with twice its effort, for the doubt `convergence`: by default twice the `steps`.

        None where there is no such setting; then this doubt is not checked.
        """
        steps = getattr(self, "steps", None)
        more = {"steps": 2 * steps} if type(steps) is int else {}
        return dataclasses.replace(self, **more) if more else None

    def to_json(self) -> dict[str, Any]:
        """As in a policy: {use, settings}."""
        kind = type(self)
        ours = kind.__module__.startswith("securemnist.")
        use = kind.__name__ if ours else f"{kind.__module__}:{kind.__qualname__}"
        return {"use": use, **dataclasses.asdict(self)}


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
