"""Stub networks and attacks with given behaviour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import nn

from securemnist.attacks.base import Attack

Images = torch.Tensor


@final
class FunctionModel(nn.Module):
    """A network whose output is that of a function."""

    def __init__(self, answer: Callable[[Images], Any]) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, x: Images) -> Any:
        return self.answer(x)


@final
@dataclass(frozen=True, kw_only=True)
class GreyAttack(Attack):
    """Proposes uniform grey for the first `share` of the images, and the clean image for others."""

    grey: float = 0.0
    share: float = 1.0
    keeps_budget: ClassVar[bool] = True

    def propose(self, model: Any, x: Images, y: Any, **_: Any) -> Images:
        proposals = x.clone()
        proposals[: round(self.share * len(x))] = self.grey
        return proposals

    def passes(self) -> float:
        return 0
