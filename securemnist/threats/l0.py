"""L0: at most eps pixels change, each to any value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, final

import torch

from securemnist.threats.counted import Counted
from securemnist.types import Images


@final
@dataclass(frozen=True)
class L0(Counted):
    """L0: at most eps pixels change, to any values; all channels of a pixel count as one."""

    norm: ClassVar[str] = "l0"
    planted: ClassVar[float] = 1 / 49  # 16 for images of 1x28x28
    art: ClassVar[float] = 0
    sparse: ClassVar[bool] = True
    form: ClassVar[Literal["ball", "pixels", "square"]] = "pixels"

    @staticmethod
    def span(size: int) -> float:
        return float(size)

    @property
    def certifiable(self) -> bool:
        """One pixel is a patch of one pixel."""
        return self.count == 1

    def at_grey(self, x: Images) -> L0:
        return L0(x[0, 0].numel())

    def chosen(self, size: torch.Tensor) -> torch.Tensor:
        flat = size.flatten(1)
        largest = flat.topk(min(self.count, flat.shape[1]), dim=1).indices
        return torch.zeros_like(flat, dtype=torch.bool).scatter_(1, largest, True).view_as(size)

    def steepest(self, gradient: torch.Tensor) -> torch.Tensor:
        """The pixel with the largest gradient, by 1 in every channel."""
        gradient = gradient.nan_to_num(0.0)
        return gradient.sign() * L0(1).chosen(gradient.abs().sum(1))[:, None]

    def distance(self, x: Images, x_adv: Images) -> torch.Tensor:
        return self._changed(x, x_adv).flatten(1).sum(1).to(x.dtype)
