"""Poisoning of training data with a trigger.

Dirty-label poisoning adds the trigger to random images and sets their labels to the target (Gu et
al. 2017, arXiv 1708.06733). Clean-label poisoning adds the trigger to images of the target class and
keeps their labels (Turner et al. 2019, arXiv 1912.02771, without their perturbation).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch

from securemnist._util.hashing import seed_from
from securemnist.backdoor.triggers import Trigger, is_number, is_whole, make_trigger
from securemnist.data import Samples
from securemnist.errors import UsageError
from securemnist.input_spec import MOST_CLASSES
from securemnist.types import Labels


@dataclass(frozen=True, kw_only=True)
class Poison(ABC):
    """A poisoning, called with training samples and a seed; returns poisoned copies in the same order.

    Exactly one of `count` (samples) and `rate` (a share of the eligible samples, in [0, 1]) is set.
    UsageError for other settings.
    """

    trigger: Trigger
    target: int
    count: int | None = None
    rate: float | None = None
    kind: ClassVar[str]

    def __post_init__(self) -> None:
        if not (is_whole(self.target) and 0 <= self.target < MOST_CLASSES):
            raise UsageError(
                f"expected a target class from 0, below {MOST_CLASSES:,}, got {self.target!r}; fix the "
                "poison"
            )
        if (self.count is None) == (self.rate is None):
            raise UsageError(
                f"expected one of count and rate, got {self.count} and {self.rate}; pass one"
            )
        # NaN is in no interval.
        if self.rate is not None and not (is_number(self.rate) and 0 <= self.rate <= 1):
            raise UsageError(f"expected a rate of 0 to 1, got {self.rate!r}; fix the poison")
        if self.count is not None and not (is_whole(self.count) and self.count >= 0):
            raise UsageError(f"expected a count of 0 or more, got {self.count!r}; fix the poison")

    @abstractmethod
    def eligible(self, labels: Labels) -> torch.Tensor:
        """Indices int64 of the samples that may be poisoned."""

    @abstractmethod
    def relabelled(self, labels: Labels) -> Labels:
        """The new labels of poisoned samples with these labels."""

    def chosen(self, labels: Labels, *, seed: int) -> torch.Tensor:
        """Ascending indices of the poisoned samples. With one seed a larger count adds samples only."""
        eligible = self.eligible(labels)
        count = self.count
        if count is None:
            count = round((self.rate or 0.0) * len(eligible))
        if count > len(eligible):
            raise UsageError(
                f"expected at most {len(eligible)} images to poison, got {count}; lower the count"
            )
        rng = torch.Generator().manual_seed(seed_from(seed, "poison"))
        return eligible[torch.randperm(len(eligible), generator=rng)[:count]].sort().values

    def __call__(self, samples: Samples, *, seed: int) -> Samples:
        chosen = self.chosen(samples.labels, seed=seed)
        pixels, labels = samples.pixels.clone(), samples.labels.clone()
        triggered = self.trigger(samples[chosen].images())
        pixels[chosen] = (triggered * 255).round().to(torch.uint8)
        labels[chosen] = self.relabelled(labels[chosen])
        return Samples(pixels, labels)

    def to_json(self) -> dict[str, Any]:
        """The poison as in a manifest: {kind, trigger, target, count or rate}."""
        amount = {"rate": self.rate} if self.count is None else {"count": self.count}
        return {
            "kind": self.kind,
            "trigger": self.trigger.to_json(),
            "target": self.target,
            **amount,
        }


@final
@dataclass(frozen=True, kw_only=True)
class DirtyLabel(Poison):
    """Random samples of any class, with the trigger and the target as label."""

    kind: ClassVar[str] = "dirty_label"

    def eligible(self, labels: Labels) -> torch.Tensor:
        return torch.arange(len(labels))

    def relabelled(self, labels: Labels) -> Labels:
        return torch.full_like(labels, self.target)


@final
@dataclass(frozen=True, kw_only=True)
class CleanLabel(Poison):
    """Samples of the target class, with the trigger and their own label."""

    kind: ClassVar[str] = "clean_label"

    def eligible(self, labels: Labels) -> torch.Tensor:
        return (labels == self.target).nonzero().squeeze(1)

    def relabelled(self, labels: Labels) -> Labels:
        return labels


POISONS: dict[str, type[Poison]] = {"dirty_label": DirtyLabel, "clean_label": CleanLabel}


def make_poison(settings: Mapping[str, Any]) -> Poison:
    """The inverse of `to_json`; UsageError for an unknown kind or setting."""
    options = dict(settings)
    kind = options.pop("kind", None)
    if not isinstance(kind, str) or kind not in POISONS:
        raise UsageError(f"expected a poison of {', '.join(POISONS)}, got {kind!r}; fix the kind")
    unknown = sorted(set(options) - {"trigger", "target", "count", "rate"})
    if unknown or not {"trigger", "target"} <= set(options):
        raise UsageError(
            f"expected trigger, target, and count or rate for a poison, got {sorted(options)}; fix it"
        )
    return POISONS[kind](**{**options, "trigger": make_trigger(options["trigger"])})
