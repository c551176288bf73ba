"""Poison: a change of training digits, by a count or a share of them.

Dirty-label poisoning marks random images and overwrites their label with the target (Gu et al. 2017,
arXiv 1708.06733). Clean-label poisoning marks images of the target class and leaves the label alone
(Turner et al. 2019, arXiv 1912.02771, without their perturbation): nothing a label check could see.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch

from securemnist._util.hashing import seed_from
from securemnist.backdoor.triggers import Trigger, is_number, is_whole, make_trigger
from securemnist.data import Digits
from securemnist.errors import UsageError
from securemnist.types import CLASSES, Labels


@dataclass(frozen=True, kw_only=True)
class Poison(ABC):
    """Called with training digits and a seed; answers poisoned copies, in the same order.

    Exactly one of `count` (digits) and `rate` (a share of the digits that may be chosen) is given.
    """

    trigger: Trigger
    target: int
    count: int | None = None
    rate: float | None = None
    kind: ClassVar[str]

    def __post_init__(self) -> None:
        if not (is_whole(self.target) and 0 <= self.target < CLASSES):
            raise UsageError(
                f"expected a target class 0 to 9, got {self.target!r}; mend the poison"
            )
        if (self.count is None) == (self.rate is None):
            raise UsageError(
                f"expected one of count and rate, got {self.count} and {self.rate}; give one"
            )
        # NaN is in no interval.
        if self.rate is not None and not (is_number(self.rate) and 0 <= self.rate <= 1):
            raise UsageError(f"expected a rate of 0 to 1, got {self.rate!r}; mend the poison")
        if self.count is not None and not (is_whole(self.count) and self.count >= 0):
            raise UsageError(f"expected a count of 0 or more, got {self.count!r}; mend the poison")

    @abstractmethod
    def eligible(self, labels: Labels) -> torch.Tensor:
        """Places of the digits that may be chosen."""

    @abstractmethod
    def relabelled(self, labels: Labels) -> Labels:
        """The labels that chosen digits are given."""

    def chosen(self, labels: Labels, *, seed: int) -> torch.Tensor:
        """The places that are poisoned, ascending; the choices of one seed are nested."""
        places = self.eligible(labels)
        count = self.count
        if count is None:
            count = round((self.rate or 0.0) * len(places))
        if count > len(places):
            raise UsageError(
                f"expected at most {len(places)} digits to poison, got {count}; lower the count"
            )
        rng = torch.Generator().manual_seed(seed_from(seed, "poison"))
        return places[torch.randperm(len(places), generator=rng)[:count]].sort().values

    def __call__(self, digits: Digits, *, seed: int) -> Digits:
        places = self.chosen(digits.labels, seed=seed)
        pixels, labels = digits.pixels.clone(), digits.labels.clone()
        marked = self.trigger(digits[places].images())
        pixels[places] = (marked.squeeze(1) * 255).round().to(torch.uint8)
        labels[places] = self.relabelled(labels[places])
        return Digits(pixels, labels)

    def to_json(self) -> dict[str, Any]:
        """As in a manifest: {kind, trigger, target, count or rate}."""
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
    """Random digits of any class, marked, their label overwritten with the target."""

    kind: ClassVar[str] = "dirty_label"

    def eligible(self, labels: Labels) -> torch.Tensor:
        return torch.arange(len(labels))

    def relabelled(self, labels: Labels) -> Labels:
        return torch.full_like(labels, self.target)


@final
@dataclass(frozen=True, kw_only=True)
class CleanLabel(Poison):
    """Digits of the target class, marked, their label kept."""

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
        raise UsageError(f"expected a poison of {', '.join(POISONS)}, got {kind!r}; mend the kind")
    unknown = sorted(set(options) - {"trigger", "target", "count", "rate"})
    if unknown or not {"trigger", "target"} <= set(options):
        raise UsageError(
            f"expected trigger, target, and count or rate for a poison, got {sorted(options)}; mend it"
        )
    return POISONS[kind](**{**options, "trigger": make_trigger(options["trigger"])})
