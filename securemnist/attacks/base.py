"""Interface of all attacks.

An attack is a frozen value, called with a model and labelled images. It returns candidates; the
referee, which shares no code with it, decides which of them count. Models are called in eval mode
with frozen weights, on channels-last batches.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import nn

from securemnist.attacks.adversarial import AdversarialImages, attacked
from securemnist.batches import batch_size
from securemnist.errors import PolicyError
from securemnist.models.loading import Subject
from securemnist.threats import Threat
from securemnist.types import Images, Labels, Model, Progress, silent

# Measured on two cores, network A, forward and backward of 10,000 images in channels-last float32:
# 1.94 s in batches of 128, 2.27 s of 64, 2.01 s of 256.
BATCH = 128


@dataclass(frozen=True, kw_only=True)
class Attack(ABC):
    """Base of all attacks. A subclass is a frozen dataclass; its fields are the settings of a row.

    `keeps_budget`: a candidate outside the threat is an error of the attack. Where it is False, such a
    candidate does not count. `uses_pool`: `propose` takes `pool`, other images of the data set.
    `black_box`: it uses the model's answers only, so that it runs on an endpoint, too. `forms`: the
    forms of threats that it works in, as `Threat.form` names them. `later_settings`: those that came
    later; `to_json` has them only where they are set, since seeds depend on it.
    """

    keeps_budget: ClassVar[bool] = True
    uses_pool: ClassVar[bool] = False
    black_box: ClassVar[bool] = False
    later_settings: ClassVar[tuple[str, ...]] = ()
    forms: ClassVar[tuple[str, ...]] = ("ball", "pixels", "square")

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

        `model`: an nn.Module or a SPEC; it is left as it was. `x` float32 (n, C, H, W) in [0, 1] and
        `y` integers (n,) from 0 to K - 1, tensors or NumPy arrays. `threat`: Linf(0.3), L2(1.5),
        a table as in a policy, or "linf:0.3". Images that the model misclassifies by themselves count as
        successes. One seed gives one result. `progress`: True, False, or a function. DataError,
        ModelError, UsageError or PolicyError for bad input, MeasureError where the attack itself fails.
        """
        return attacked(self, model, x, y, threat, seed, progress)

    def check_form(self, threat: Threat) -> None:
        """PolicyError for a threat of a form that the attack does not work in."""
        if threat.form not in self.forms:
            raise PolicyError(
                f"expected an attack that works in {threat.norm}, got {self.name}; use the ladder, or "
                f"{'SparseRS' if threat.form != 'ball' else 'PGD'}"
            )

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
        """Adversarial candidates, one per image, float32 like `x` (n, C, H, W) in [0, 1].

        `y` int64 (n,) are the labels. Where the attack finds nothing it may return the image itself.
        `rng` is the only source of random numbers, `progress(name, done, total)` reports the work.
        """

    @property
    def chunk(self) -> int | None:
        """Images attacked per call, so that a time budget can stop in between; None: all at once."""
        return None

    @property
    def one_step(self) -> bool:
        """Whether this is a single gradient step, whose accuracy is not a robust accuracy."""
        return False

    @property
    def name(self) -> str:
        """The printed name, for instance `PGD-40`."""
        return type(self).__name__

    def passes(self) -> float:
        """Forward and backward passes per surviving image, for time estimates."""
        return 100.0

    @property
    def queries_per_image(self) -> int:
        """Most answers of the model for one image; 0 where the attack does not count them."""
        queries = getattr(self, "queries", 0)
        return queries if type(queries) is int else 0

    @property
    def shared_queries(self) -> int:
        """Most answers of the model for images other than those of the call."""
        return 0

    def longer(self) -> Attack | None:
        """The attack with twice its effort, for the doubt `convergence`: by default twice the `steps`.

        None where there is no such setting; then this doubt is not checked.
        """
        steps = getattr(self, "steps", None)
        more = {"steps": 2 * steps} if type(steps) is int else {}
        return dataclasses.replace(self, **more) if more else None

    def to_json(self) -> dict[str, Any]:
        """The attack as in a policy: {use, settings}."""
        kind = type(self)
        bundled = kind.__module__.startswith("securemnist.")
        use = kind.__name__ if bundled else f"{kind.__module__}:{kind.__qualname__}"
        settings = dataclasses.asdict(self)
        later = {key for key in self.later_settings if not settings[key]}
        return {"use": use, **{k: v for k, v in settings.items() if k not in later}}


@dataclass(frozen=True)
class AttackInput:
    """The arguments of one call of an attack."""

    model: Model
    x: Images
    y: Labels
    threat: Threat
    rng: torch.Generator
    pool: Images | None = None

    def of(self, indices: torch.Tensor) -> AttackInput:
        """The input with the images at `indices`, int64 (k,), alone."""
        return dataclasses.replace(self, x=self.x[indices], y=self.y[indices])

    def batches(self) -> Iterator[tuple[Images, Labels]]:
        """The images and labels in their order, in batches that fit into memory."""
        size = batch_size(self.x, BATCH)
        return zip(self.x.split(size), self.y.split(size), strict=True)


@dataclass(frozen=True, kw_only=True)
class NativeAttack(Attack):
    """An attack implemented in this package: `propose` with its arguments as one value."""

    @final
    def propose(
        self,
        model: Model,
        x: Images,
        y: Labels,
        *,
        threat: Threat,
        rng: torch.Generator,
        progress: Progress = silent,
        pool: Images | None = None,
    ) -> Images:
        self.check_form(threat)
        return self._run(AttackInput(model, x, y, threat, rng, pool), progress)

    @abstractmethod
    def _run(self, inputs: AttackInput, progress: Progress) -> Images:
        """Adversarial candidates, as from `propose`."""
