"""Attack success rate (ASR) of a backdoor: the definition that all measures use.

ASR = #{target != class, clean prediction != target, triggered prediction = target}
    / #{target != class, clean prediction != target}

The target is a function of the class. Samples of the target class are excluded, and so are samples
that are predicted as the target without the trigger.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import torch

from securemnist.errors import UsageError
from securemnist.models.predictions import predicted
from securemnist.results.intervals import share_interval
from securemnist.types import Images, Labels, Logits

# A smaller change of a pixel than half a grey level is invisible in an image of bytes.
_VISIBLE = 0.5 / 255


def invisible_reason(x: Images, triggered: Images) -> str:
    """Why the trigger is invisible on most images `x`, (n, C, H, W); empty where it is not.

    With an invisible trigger the success rate is meaningless.
    """
    changed = int(((triggered - x).abs() >= _VISIBLE).flatten(1).any(1).sum())
    if 2 * changed >= len(x):
        return ""
    return (
        f"the trigger changes only {changed} of {len(x)} images; choose a brightness other than that of "
        "their background"
    )


@dataclass(frozen=True)
class TargetMap:
    """The target of each class: `table` int64 (K,). A class that is its own target is excluded.

    `source` and `target` are set where the map has one source class or one target class.
    """

    name: str
    table: torch.Tensor
    source: int | None = None
    target: int | None = None


def target_maps(target: int | str, count: int) -> list[TargetMap]:
    """Maps of `count` classes to test; UsageError for a class of a larger number.

    `target`: one class; "all": each class; "next": class + 1; "pair": each pair of classes.
    """
    classes = torch.arange(count)
    if target == "next":
        return [TargetMap("class + 1", (classes + 1) % count)]
    if target == "pair":
        return [
            TargetMap(f"{source} to {to}", torch.where(classes == source, to, classes), source, to)
            for source, to in permutations(range(count), 2)
        ]
    targets = range(count) if target == "all" else [int(target)]
    if targets[-1] >= count:
        raise UsageError(f"expected a target class below {count}, got {target}; change the target")
    return [TargetMap(f"target {k}", torch.full_like(classes, k), target=k) for k in targets]


@dataclass(frozen=True)
class Predictions:
    """One model's predictions for the same samples without and with the trigger; int64 (n,) each.

    `largest` boolean (n, K): the classes with the largest logit with the trigger, several in a tie.
    """

    labels: Labels
    clean: torch.Tensor
    triggered: torch.Tensor
    largest: torch.Tensor

    @classmethod
    def of(cls, labels: Labels, clean: Logits, triggered: Logits) -> Predictions:
        """The predictions from logits (n, K) without and with the trigger."""
        largest = triggered == triggered.amax(1, keepdim=True)
        return cls(labels, predicted(clean, labels), predicted(triggered, labels), largest)

    def success(self, target_map: TargetMap) -> Success:
        """The samples that the definition counts for a target map."""
        targets = target_map.table[self.labels]
        eligible = targets != self.labels
        counted = eligible & (self.clean != targets)
        # A tie with the target counts against the model.
        as_target = self.largest.gather(1, targets[:, None]).squeeze(1)
        classes = self.largest.shape[1]
        return Success(target_map, eligible, counted, counted & as_target, classes)


@dataclass(frozen=True)
class Success:
    """The samples of a target map, boolean (n,) each. `hit`: the trigger succeeded.

    `eligible`: of a class other than its target.

    `counted`: eligible, and not predicted as the target without the trigger.
    """

    target_map: TargetMap
    eligible: torch.Tensor
    counted: torch.Tensor
    hit: torch.Tensor
    classes: int

    @property
    def n(self) -> int:
        """The denominator of the rate."""
        return int(self.counted.sum())

    @property
    def rate(self) -> float:
        """The attack success rate, in [0, 1]; 0 for an empty denominator."""
        return int(self.hit.sum()) / max(self.n, 1)

    def interval(self, confidence: float) -> tuple[float, float]:
        """The exact (Clopper-Pearson) interval of the rate."""
        return share_interval(int(self.hit.sum()), self.n, confidence=confidence)

    @property
    def undecided_reason(self) -> str:
        """Why the rate decides nothing; empty where at least half of the eligible samples count."""
        eligible = int(self.eligible.sum())
        if not eligible:
            return "there is no image of a class other than its target"
        if 2 * self.n >= eligible:
            return ""
        return (
            f"only {self.n} of {eligible} images of other classes are not predicted as the target "
            "without the trigger; a rate over so few says nothing about the trigger"
        )

    def per_class(self, labels: Labels) -> list[float | None]:
        """The rate of each true class, (K,); None for a class without counted samples."""
        return rate_by_class(labels[self.counted], labels[self.hit], self.classes)


def rate_by_class(counted: Labels, hit: Labels, classes: int) -> list[float | None]:
    """Number of labels `hit` over number of labels `counted`, (K,); None for a class without any."""
    counts = torch.bincount(counted, minlength=classes).tolist()
    hits = torch.bincount(hit, minlength=classes).tolist()
    return [hits_of / n if n else None for hits_of, n in zip(hits, counts, strict=True)]
