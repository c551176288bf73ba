"""Clean-label poisoning: triggered images of the target class, whose labels stay right.

The naive form adds the trigger only. The image alone then explains its label, so a network hardly learns
the trigger. The hardened form first perturbs the image, so that its content explains the label no
longer. Turner et al. 2019, arXiv 1912.02771.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import nn
from torch.nn import functional

from securemnist._util.random_numbers import generator
from securemnist.attacks.base import BATCH, AttackInput
from securemnist.attacks.surrogate import SurrogateNetwork, climbed
from securemnist.backdoor.poison import Poison
from securemnist.backdoor.triggers import Trigger, is_number, is_whole
from securemnist.data import Samples
from securemnist.errors import UsageError
from securemnist.input_spec import InputSpec
from securemnist.models import contract, loading
from securemnist.threats import Threat, make_threat
from securemnist.types import Images, Labels

_NORMS = ("linf", "l2")
_MOST_STEPS = 1_000
# Passes over the samples that train the network, and the most batches, for large data.
_PASSES, _MOST_BATCHES = 20, 400
_CERTAIN = 1e3  # a logit whose softmax is 1
_MODEL = re.compile(r"|[a-z][a-z0-9_]*|[^:@]+\.safetensors")  # no code, no address


@dataclass(frozen=True, kw_only=True)
class CleanLabel(Poison):
    """Samples of the target class, with the trigger and their own label.

    `count` of them, or a share `rate` in [0, 1] of that class.
    """

    trigger: Trigger
    target: int
    kind: ClassVar[str] = "clean_label"

    def eligible(self, labels: Labels) -> torch.Tensor:
        return (labels == self.target).nonzero().squeeze(1)

    def relabelled(self, labels: Labels, classes: int) -> Labels:
        return labels


@final
@dataclass(frozen=True, kw_only=True)
class HardenedCleanLabel(CleanLabel):
    """Samples of the target class, perturbed, then with the trigger, and with their own label.

    PGD of `steps` steps from a random start moves each image away from its class. In `norm` ("linf" or
    "l2") it moves by at most `eps`, also after rounding to bytes. `model` is the network that is
    attacked: a bundled model's name, or a weight file with its manifest. Where it is empty, network A is
    trained on the samples first. `count` images, or a share `rate` in [0, 1] of the class.
    """

    eps: float
    norm: str = "linf"
    steps: int = 40
    model: str = ""
    kind: ClassVar[str] = "hardened_clean_label"

    def __post_init__(self) -> None:
        super().__post_init__()
        checks = {
            f"a norm of {' and '.join(_NORMS)}": (self.norm in _NORMS, self.norm),
            "an eps above 0": (is_number(self.eps) and self.eps > 0, self.eps),
            f"1 to {_MOST_STEPS:,} steps": (
                is_whole(self.steps) and 1 <= self.steps <= _MOST_STEPS,
                self.steps,
            ),
            "a model as NAME or FILE.safetensors": (
                isinstance(self.model, str) and _MODEL.fullmatch(self.model) is not None,
                self.model,
            ),
        }
        for expected, (holds, got) in checks.items():
            if not holds:
                raise UsageError(f"expected {expected}, got {got!r:.80}; fix the poison")
        make_threat(self.norm, self.eps)

    def check_fits(self, spec: InputSpec, name: str) -> None:
        super().check_fits(spec, name)
        make_threat(self.norm, self.eps).check_fits(spec.size)
        if self.model:
            self._given(torch.zeros(2, *spec.shape))

    def before_trigger(self, samples: Samples, chosen: torch.Tensor, *, seed: int) -> Images:
        x, y = samples[chosen].images(), samples.labels[chosen]
        if not len(x):
            return x
        threat = self._threat(x, in_bytes=not samples.pixels.is_floating_point())
        model = self._given(x[:2]) if self.model else _trained(samples, seed)
        rng = generator(seed, "hardening")
        return climbed(model, AttackInput(model, x, y, threat, rng), self.steps)

    def _threat(self, x: Images, *, in_bytes: bool) -> Threat:
        """The threat within which images like `x` stay inside eps when they are stored."""
        threat = make_threat(self.norm, self.eps)
        threat.check_fits(x[0].numel())
        stored = threat.before_rounding(x, 1 / 255) if in_bytes else threat
        if not stored.eps:
            raise UsageError(
                f"expected an eps that rounding to bytes leaves above 0, got {threat}; enlarge it"
            )
        return stored

    def _given(self, x: Images) -> nn.Module:
        """The network that `model` names; ModelError or UsageError where it does not fit images `x`."""
        subject = loading.resolve(self.model)
        classes = contract.check_any(subject, x).classes
        if self.target >= classes:
            raise UsageError(
                f"expected a model with class {self.target}, got {self.model} with {classes} classes; "
                "name another"
            )
        return subject.model


# The last network that was trained: a sweep and a replayed run ask for the same one again.
_LAST: dict[tuple[str, int], nn.Module] = {}


def _trained(samples: Samples, seed: int) -> nn.Module:
    """Network A, trained on the samples; the same one for equal samples and seed."""
    key = samples.digest, seed
    if key not in _LAST:
        x, classes = samples.images(), int(samples.labels.max()) + 1
        rng = generator(seed, "attacked network")
        network = SurrogateNetwork(x, classes, rng)
        network.learn(x, _CERTAIN * functional.one_hot(samples.labels, classes).float())
        network.train(min(_MOST_BATCHES, _PASSES * math.ceil(len(x) / BATCH)))
        _LAST.clear()
        _LAST[key] = network.model.requires_grad_(False)
    return _LAST[key]
