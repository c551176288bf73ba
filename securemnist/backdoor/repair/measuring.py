"""What a repair did: accuracy without a trigger, and success of triggers, before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from securemnist.attacks.losses import answers
from securemnist.backdoor.repair.trigger_unlearning import ImageChange
from securemnist.backdoor.success_rate import Predictions, invisible_reason, target_maps
from securemnist.backdoor.triggers import Trigger
from securemnist.data import Samples
from securemnist.models.predictions import predicted
from securemnist.results.intervals import share_interval
from securemnist.types import Images, Logits

_BATCH = 500


@dataclass(frozen=True)
class Share:
    """A share of images, `hits` of `n`."""

    hits: int
    n: int

    @property
    def value(self) -> float:
        """The share in [0, 1]; 0 of no images, whose interval is (0, 1)."""
        return self.hits / max(self.n, 1)

    @property
    def interval(self) -> tuple[float, float]:
        """The exact 95 % interval."""
        return share_interval(self.hits, self.n)

    def __str__(self) -> str:
        if not self.n:
            return "not measured (no images)"
        low, high = (100 * bound for bound in self.interval)
        return f"{100 * self.value:.2f} % ({low:.2f}-{high:.2f})"

    def to_json(self) -> dict[str, Any]:
        """The share with its interval; null of no images."""
        low, high = (round(bound, 6) for bound in self.interval)
        value = round(self.value, 6) if self.n else None
        return {"value": value, "n": self.n, "low": low, "high": high}


@dataclass(frozen=True)
class TriggerEffect:
    """What one network does with triggered images.

    `success`: the attack success rate. `recovered`: triggered images that get their true class.
    `undecided` says why the success rate says nothing; it is empty where it does.
    """

    success: Share
    recovered: Share
    undecided: str


def logits_of(model: nn.Module, x: Images) -> Logits:
    """The logits (n, K) of images, in batches."""
    return answers(model, x, _BATCH)


def accuracy(model: nn.Module, test: Samples) -> Share:
    """The share of test images that are classified correctly; a tie is wrong."""
    labels = predicted(logits_of(model, test.images()), test.labels)
    return Share(int((labels == test.labels).sum()), len(test))


def favoured_target(model: nn.Module, trigger: Trigger, test: Samples) -> int:
    """The class that the trigger turns most images of other classes into."""
    x = test.images()
    before = predicted(logits_of(model, x), test.labels)
    after = predicted(logits_of(model, trigger(x)), test.labels)
    moved = after[(after != test.labels) & (before == test.labels)]
    return int(torch.bincount(moved, minlength=1).argmax())


def effect(
    model: nn.Module, trigger: ImageChange, target: int | str, test: Samples
) -> TriggerEffect:
    """The effect of a trigger with this target, a class or "next", on the test images."""
    x, y = test.images(), test.labels
    triggered = trigger(x)
    clean, other = logits_of(model, x), logits_of(model, triggered)
    (target_map,) = target_maps(target, clean.shape[1])
    success = Predictions.of(y, clean, other).success(target_map)
    right = predicted(other, y) == y
    return TriggerEffect(
        Share(int(success.hit.sum()), success.n),
        Share(int(right.sum()), len(y)),
        invisible_reason(x, triggered) or success.undecided_reason,
    )
