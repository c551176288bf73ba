"""Planted examples: adversarial examples that are surely there, for the attack to find.

The idea is the binarization test (Zimmermann et al. 2022, arXiv 2206.13991): around each digit the
model's answers are read by a linear rule that separates one point of the ball's surface from the
rest of the ball. Ours reads the logits, not hidden features, so that whatever stands between pixels
and answers stands in the way here, too; and the rule is Fisher's discriminant, not trained.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from securemnist.attacks.base import BATCH, channels_last
from securemnist.evaluation.doubts.check_input import SearchCase
from securemnist.evaluation.doubts.rerun import left_by
from securemnist.results.findings import Doubt
from securemnist.types import CLASSES, Images, Logits

PLANTED, INSIDE, SURFACE = 64, 30, 8
SHARE = 0.95
# Part of the way to the planted point that is free of inner points; less could be a matter of rounding.
_CLEAR = 0.05
_RIDGE = 0.1


@dataclass(frozen=True)
class Sensitivity:
    """How many of the planted adversarial examples the attack has found."""

    found: int
    planted: int

    def to_json(self) -> dict[str, int]:
        return dict(self.__dict__)


def sensitivity(case: SearchCase) -> Sensitivity:
    """Plant one example for each of at most 64 digits, and let the row's attack look for them."""
    # A ball so small that the digit nearest to a point is the one it belongs to.
    threat = type(case.threat)(min(case.threat.eps, case.threat.planted))
    case = SearchCase(**{**case.__dict__, "threat": threat})
    # Other people's attacks may take a second a digit.
    few = PLANTED if all(attack.keeps_budget for attack in case.attacks) else PLANTED // 4
    model, x = plant(case, few, case.rng("planted"))
    if not len(x):
        return Sensitivity(0, 0)
    nobody = torch.zeros(len(x), dtype=torch.long, device=x.device)
    left = left_by(case.attacks, model, x, nobody, threat, case.rng("look for planted"))
    return Sensitivity(int((~left).sum()), len(x))


def planted_examples(seen: Sensitivity) -> Doubt | None:
    """The attack finds fewer than 95 % of the planted examples."""
    if seen.found >= SHARE * seen.planted:
        return None
    return Doubt(
        name="planted examples",
        reason=f"the attack found {seen.found} of {seen.planted} planted adversarial examples",
        advice="The attack is blind to examples that are surely there: give it more steps, another "
        "loss, or attack through the part of the model that misleads it.",
    )


@torch.no_grad()
def plant(case: SearchCase, planted: int, rng: torch.Generator) -> tuple[Planted, Images]:
    """A model of two answers with one planted example a digit, and the digits it could be done for."""
    x, threat = case.x[:planted], case.threat
    inner = [x, *(threat.random_start(x, rng) for _ in range(INSIDE))]
    noise = (torch.randn(x.shape, generator=rng).to(x.device) for _ in range(SURFACE))
    surface = [threat.project(x, x + threat.eps * threat.steepest(step)) for step in noise]
    inside = torch.stack([_read(case.model, points) for points in inner], 1).double()
    outside = torch.stack([_read(case.model, points) for points in surface], 1).double()
    middle = inside.mean(1, keepdim=True)
    # In units of the logits' own spread, so that small logits are planted in as large ones are.
    scale = (inside - middle).abs().amax((1, 2), keepdim=True).clamp_min(1e-300)
    inside, outside = (inside - middle) / scale, (outside - middle) / scale
    spread = inside.transpose(1, 2) @ inside / inside.shape[1]
    ridge = _RIDGE * spread.diagonal(dim1=1, dim2=2).mean(1).clamp_min(1e-12)
    spread = spread + ridge[:, None, None] * torch.eye(CLASSES, dtype=spread.dtype, device=x.device)
    # One rule for each point of the surface (n, s, 10); the clearest is taken.
    rules = torch.linalg.solve(spread, outside.transpose(1, 2)).transpose(1, 2)
    height = (rules * outside).sum(2)
    ground = (rules @ inside.transpose(1, 2)).amax(2)
    clear = (height - ground) / height.clamp_min(1e-12)
    best = clear.argmax(1)
    row = torch.arange(len(x), device=x.device)
    good = clear[row, best] > _CLEAR
    top, bottom = height[row, best], ground[row, best]
    slope = rules[row, best] / (top - bottom)[:, None] / scale[:, 0]
    start = (slope * middle[:, 0]).sum(1) + (top + bottom) / (2 * (top - bottom))
    return Planted(case.model, x[good], slope[good], start[good]), x[good]


class Planted(nn.Module):
    """Class 1 where the rule of the digit nearest to an image says so, else class 0."""

    def __init__(
        self, model: nn.Module, digits: Images, slope: torch.Tensor, start: torch.Tensor
    ) -> None:
        super().__init__()
        self.model, self.digits = model, digits.flatten(1)
        self.slope, self.start = slope, start

    def forward(self, x: Images) -> Logits:
        with torch.no_grad():
            owner = torch.cdist(x.flatten(1), self.digits).argmin(1)
        score = (self.model(x).double() * self.slope[owner]).sum(1) - self.start[owner]
        others = (-10 - score.detach().abs())[:, None].expand(-1, CLASSES - 2)
        return torch.cat([-score[:, None], score[:, None], others], 1)


def _read(model: nn.Module, x: Images) -> Logits:
    return torch.cat([model(channels_last(part)).double() for part in x.split(BATCH)])
