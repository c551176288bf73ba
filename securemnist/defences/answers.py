"""Defences that change the answers: hidden confidence, and inputs that are refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
import torch.nn.functional as F
from torch import nn

from securemnist.defences.base import Defence, Defended, check, check_number, check_whole
from securemnist.defences.filters import BitDepth, Median
from securemnist.types import Images, Logits

SQUEEZERS = {"bit-depth": BitDepth(bits=1), "median": Median(size=3)}


@final
@dataclass(frozen=True, kw_only=True)
class LabelOnly(Defence):
    """The class alone: its logit is 1, all others 0 (Papernot et al., arXiv 1602.02697)."""

    use: ClassVar[str] = "label-only"

    def wrap(self, model: nn.Module) -> nn.Module:
        return _LabelOnly(model, self)


class _LabelOnly(Defended):
    def forward(self, x: Images) -> Logits:
        logits: Logits = self.model(x)
        return F.one_hot(logits.argmax(1), logits.shape[1]).to(logits.dtype)


@final
@dataclass(frozen=True, kw_only=True)
class ConfidenceMask(Defence):
    """Logits rounded to `decimals` decimals, so that small changes of the image do not show."""

    use: ClassVar[str] = "confidence-mask"
    decimals: int = 0

    def __post_init__(self) -> None:
        check_whole("decimals", self.decimals, 0, 6)

    def wrap(self, model: nn.Module) -> nn.Module:
        return _Masked(model, self)


class _Masked(Defended):
    defence: ConfidenceMask

    def forward(self, x: Images) -> Logits:
        logits: Logits = self.model(x)
        scale = 10.0**self.defence.decimals
        return (logits * scale).round() / scale


@final
@dataclass(frozen=True, kw_only=True)
class Detector(Defence):
    """Refuses images on which a squeezer changes the probabilities by more than `threshold`.

    The change is the sum of absolute differences, 0 to 2 (Xu et al., arXiv 1704.01155); `squeezer` is
    "bit-depth" or "median". A refused image counts as wrong: all its logits are equal.
    """

    use: ClassVar[str] = "detector"
    threshold: float = 1.0
    squeezer: str = "median"

    def __post_init__(self) -> None:
        check_number("threshold", self.threshold, 0, 2)
        known = isinstance(self.squeezer, str) and self.squeezer in SQUEEZERS
        check(known, "squeezer", f"of {', '.join(SQUEEZERS)}", self.squeezer)

    def wrap(self, model: nn.Module) -> nn.Module:
        return _Detecting(model, self)


class _Detecting(Defended):
    defence: Detector

    def forward(self, x: Images) -> Logits:
        logits: Logits = self.model(x)
        squeezed = self.model(SQUEEZERS[self.defence.squeezer].transform(x))
        change = (logits.softmax(1) - squeezed.softmax(1)).abs().sum(1)
        refused = change > self.defence.threshold
        # A tie of the true class counts as wrong, so that a refusal is never right.
        return torch.where(refused[:, None], torch.zeros_like(logits), logits)
