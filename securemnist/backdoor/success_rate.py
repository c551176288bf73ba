"""What counts as the success of a backdoor, in the one definition that is used everywhere.

ASR = #{target != class, clean prediction != target, triggered prediction = target}
    / #{target != class, clean prediction != target}

where the target is a function of the class. A digit of the target class says nothing (its right answer
*is* the target), nor does one that is read as the target without the trigger.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import torch

from securemnist.models.predictions import predicted
from securemnist.results.intervals import share_interval
from securemnist.types import CLASSES, Images, Labels, Logits

# Half a grey level of a picture of bytes: less of a mark is not to be seen in any such picture.
_VISIBLE = 0.5 / 255


def unseen(x: Images, marked: Images) -> str:
    """Why a trigger that turns `x` into `marked` cannot be judged on these digits; empty where it can.

    Ink on ink steers nobody, and a rate of none would say nothing about the model.
    """
    changed = int(((marked - x).abs() >= _VISIBLE).flatten(1).any(1).sum())
    if 2 * changed >= len(x):
        return ""
    return (
        f"the trigger changes only {changed} of {len(x)} digits; choose a brightness that is not that of "
        "their background"
    )


@dataclass(frozen=True)
class Aim:
    """A target as a function of the class: `table` (10,). A class that is its own target stays out."""

    name: str
    table: torch.Tensor
    source: int | None = None
    target: int | None = None


def aims(target: int | str) -> list[Aim]:
    """What to look for: one class; "all", each class in turn; "next", class + 1; "pair", one to one."""
    classes = torch.arange(CLASSES)
    if target == "next":
        return [Aim("class + 1", (classes + 1) % CLASSES)]
    if target == "pair":
        return [
            Aim(f"{source} to {aim}", torch.where(classes == source, aim, classes), source, aim)
            for source, aim in permutations(range(CLASSES), 2)
        ]
    tried = range(CLASSES) if target == "all" else [int(target)]
    return [Aim(f"target {k}", torch.full_like(classes, k), target=k) for k in tried]


@dataclass(frozen=True)
class Answers:
    """One model's predictions of the same digits, clean and with the trigger; int64 (n,) each.

    `largest` boolean (n, 10): the classes of the largest logit with the trigger, several in a tie.
    """

    labels: Labels
    clean: torch.Tensor
    triggered: torch.Tensor
    largest: torch.Tensor

    @classmethod
    def of(cls, labels: Labels, clean: Logits, triggered: Logits) -> Answers:
        """From logits (n, 10) of digits with these labels."""
        largest = triggered == triggered.amax(1, keepdim=True)
        return cls(labels, predicted(clean, labels), predicted(triggered, labels), largest)

    def success(self, aim: Aim) -> Success:
        """What the definition counts for an aim."""
        targets = aim.table[self.labels]
        eligible = targets != self.labels
        counted = eligible & (self.clean != targets)
        # A tie with the target counts against the model.
        steered = self.largest.gather(1, targets[:, None]).squeeze(1)
        return Success(eligible, counted, counted & steered)


@dataclass(frozen=True)
class Success:
    """Boolean (n,) each: of another class than its target; not read as it anyway; steered to it."""

    eligible: torch.Tensor
    counted: torch.Tensor
    hit: torch.Tensor

    @property
    def n(self) -> int:
        """The denominator."""
        return int(self.counted.sum())

    @property
    def rate(self) -> float:
        """The attack success rate; 0 where nothing could be counted."""
        return int(self.hit.sum()) / max(self.n, 1)

    def interval(self, confidence: float) -> tuple[float, float]:
        """The exact interval of the rate."""
        return share_interval(int(self.hit.sum()), self.n, confidence=confidence)

    @property
    def complaint(self) -> str:
        """Why the rate says too little; empty where it does not."""
        eligible = int(self.eligible.sum())
        if not eligible:
            return "there is no digit of a class that could be steered"
        if 2 * self.n >= eligible:
            return ""
        return (
            f"only {self.n} of {eligible} digits of other classes are not read as the target without any "
            "trigger; a rate over so few says nothing about the trigger"
        )

    def per_class(self, labels: Labels) -> list[float | None]:
        """The rate among the digits of each true class; None where none counts."""
        counts = torch.bincount(labels[self.counted], minlength=CLASSES).tolist()
        hits = torch.bincount(labels[self.hit], minlength=CLASSES).tolist()
        return [hit / n if n else None for hit, n in zip(hits, counts, strict=True)]
