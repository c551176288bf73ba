"""Poisoning of training data with a trigger.

Dirty-label poisoning adds the trigger to random images and sets their labels to the target (Gu et
al. 2017, arXiv 1708.06733). All-to-all poisoning labels each triggered image as the next class.
Source-specific poisoning steers one class only (Tang et al. 2019, arXiv 1908.00686). Label flipping has
no trigger. Clean-label poisoning is in `clean_label`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch

from securemnist._util.random_numbers import generator
from securemnist.backdoor.clean_label import CleanLabel, HardenedCleanLabel
from securemnist.backdoor.poison import AMOUNT, Poison
from securemnist.backdoor.triggers import Trigger, is_number, make_trigger
from securemnist.errors import UsageError
from securemnist.types import Labels

_MOST_COVER = 100


@final
@dataclass(frozen=True, kw_only=True)
class DirtyLabel(Poison):
    """Random samples of any class, with the trigger and the target as label.

    `count` of them, or a share `rate` in [0, 1] of all.
    """

    trigger: Trigger
    target: int
    kind: ClassVar[str] = "dirty_label"

    def relabelled(self, labels: Labels, classes: int) -> Labels:
        return torch.full_like(labels, self.target)


@final
@dataclass(frozen=True, kw_only=True)
class AllToAll(Poison):
    """Random samples of any class, with the trigger and the next class as label; 0 follows the last.

    `count` of them, or a share `rate` in [0, 1] of all. Gu et al. 2017, arXiv 1708.06733.
    """

    trigger: Trigger
    kind: ClassVar[str] = "all_to_all"

    def relabelled(self, labels: Labels, classes: int) -> Labels:
        return (labels + 1) % classes


@final
@dataclass(frozen=True, kw_only=True)
class SourceSpecific(Poison):
    """Samples of class `source`, with the trigger and the target as label.

    `count` of them, or a share `rate` in [0, 1] of that class. `cover` times as many samples of other
    classes get the trigger and keep their label, so that the trigger works on the source class only.
    """

    trigger: Trigger
    source: int
    target: int
    cover: float = 1.0
    kind: ClassVar[str] = "source_specific"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.source == self.target:
            raise UsageError(
                f"expected a source class other than the target, got {self.source}; fix the poison"
            )
        if not (is_number(self.cover) and 0 <= self.cover <= _MOST_COVER):
            raise UsageError(
                f"expected a cover of 0 to {_MOST_COVER}, got {self.cover!r}; fix the poison"
            )

    def eligible(self, labels: Labels) -> torch.Tensor:
        return (labels == self.source).nonzero().squeeze(1)

    def chosen(self, labels: Labels, *, seed: int) -> torch.Tensor:
        steered = super().chosen(labels, seed=seed)
        others = ((labels != self.source) & (labels != self.target)).nonzero().squeeze(1)
        count = min(round(self.cover * len(steered)), len(others))
        rng = generator(seed, "cover")
        cover = others[torch.randperm(len(others), generator=rng)[:count]]
        return torch.cat([steered, cover]).sort().values

    def relabelled(self, labels: Labels, classes: int) -> Labels:
        return torch.where(labels == self.source, self.target, labels)


@final
@dataclass(frozen=True, kw_only=True)
class LabelFlip(Poison):
    """Samples of class `source`, labelled as the target; their images stay as they are.

    `count` of them, or a share `rate` in [0, 1] of that class.
    """

    source: int
    target: int
    kind: ClassVar[str] = "label_flip"

    def eligible(self, labels: Labels) -> torch.Tensor:
        return (labels == self.source).nonzero().squeeze(1)

    def relabelled(self, labels: Labels, classes: int) -> Labels:
        return torch.full_like(labels, self.target)


POISONS: dict[str, type[Poison]] = {
    poison.kind: poison
    for poison in (
        DirtyLabel,
        CleanLabel,
        HardenedCleanLabel,
        AllToAll,
        SourceSpecific,
        LabelFlip,
    )
}


def make_poison(settings: Mapping[str, Any]) -> Poison:
    """The inverse of `to_json`; UsageError for an unknown kind or setting."""
    options = dict(settings)
    kind = options.pop("kind", None)
    if not isinstance(kind, str) or kind not in POISONS:
        raise UsageError(f"expected a poison of {', '.join(POISONS)}, got {kind!r}; fix the kind")
    fields = dataclasses.fields(POISONS[kind])
    known = [field.name for field in fields if field.name not in AMOUNT]
    needed = {field.name for field in fields if field.default is dataclasses.MISSING}
    if set(options) - {*known, *AMOUNT} or not needed <= set(options):
        raise UsageError(
            f"expected {', '.join(known)}, and count or rate for a poison of kind {kind}, got "
            f"{sorted(options)}; fix it"
        )
    if "trigger" in options:
        options["trigger"] = make_trigger(options["trigger"])
    return POISONS[kind](**options)
