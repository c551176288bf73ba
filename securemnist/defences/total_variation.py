"""Total variation denoising as a defence (Guo et al., arXiv 1711.00117)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch

from securemnist.defences.base import InputDefence, check_number, check_whole
from securemnist.types import Images

# Largest step for which the dual iteration converges: 1/8 in two dimensions (Chambolle 2004).
_STEP = 0.125


@final
@dataclass(frozen=True, kw_only=True)
class TotalVariation(InputDefence):
    """Images of small total variation: the minimum of |u - x|^2 / 2 + `weight` TV(u).

    TV is the sum of absolute differences between neighbours. `steps` steps of projected gradient on the
    dual problem (Chambolle 2004; as a defence Guo et al., arXiv 1711.00117). Gradients go through
    all steps.
    """

    use: ClassVar[str] = "total-variation"
    weight: float = 0.1
    steps: int = 30

    def __post_init__(self) -> None:
        check_number("weight", self.weight, 0, 10)
        check_whole("steps", self.steps, 1, 200)

    def transform(self, x: Images) -> Images:
        down, right = torch.zeros_like(x[:, :, 1:]), torch.zeros_like(x[:, :, :, 1:])
        for _ in range(self.steps):
            u = x - _adjoint(down, right)
            down = (down + _STEP * u.diff(dim=2)).clamp(-self.weight, self.weight)
            right = (right + _STEP * u.diff(dim=3)).clamp(-self.weight, self.weight)
        return (x - _adjoint(down, right)).clamp(0, 1)


def _adjoint(down: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """The adjoint of the differences between neighbours, (n, C, H, W)."""
    rows = torch.nn.functional.pad(down, (0, 0, 1, 1)).diff(dim=2)
    columns = torch.nn.functional.pad(right, (1, 1)).diff(dim=3)
    return -(rows + columns)
