"""L1: the absolute changes of all pixels add up to at most eps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch

from securemnist.threats.base import Threat
from securemnist.types import Images, per_image

# Maximum of Newton steps of the projection: 5 to 15 are usual.
_STEPS = 60


@final
@dataclass(frozen=True)
class L1(Threat):
    """L1: the absolute changes of all values add up to at most eps (784 for images of 1x28x28)."""

    norm: ClassVar[str] = "l1"
    planted: ClassVar[float] = 1 / 49  # 16 for images of 1x28x28
    art: ClassVar[float] = 1
    square: ClassVar[str] = "moves in L1"
    sparse: ClassVar[bool] = True

    @staticmethod
    def span(size: int) -> float:
        return float(size)

    def project(self, x: Images, x_adv: Images) -> Images:
        return nearest(x, x_adv, torch.full((len(x), 1, 1, 1), self.eps, device=x.device))

    def random_start(self, x: Images, rng: torch.Generator) -> Images:
        # Exponential sizes with random signs, divided by their sum, are uniform on the sphere.
        draws = torch.rand(x.shape, generator=rng).to(x.device).mul_(2).sub_(1)
        direction = draws.sign() * -torch.log1p(-draws.abs()).clamp_max_(0)
        total = per_image(direction.abs().flatten(1).sum(1).clamp_min(1e-12))
        radius = torch.rand((len(x), 1, 1, 1), generator=rng).to(x.device)
        radius = radius.pow_(1 / x.shape[1:].numel())
        return (x + self.eps * (1 - 1e-6) * radius * direction / total).clamp_(0, 1)

    def steepest(self, gradient: torch.Tensor) -> torch.Tensor:
        flat = gradient.nan_to_num(0.0).flatten(1)
        largest = flat.abs().argmax(1, keepdim=True) if flat.numel() else flat[:, :1].long()
        sign = flat.gather(1, largest).sign()
        return torch.zeros_like(flat).scatter_(1, largest, sign).view_as(gradient)

    def step(self, x: Images, gradient: torch.Tensor, size: float) -> torch.Tensor:
        """The values with the largest gradients move to their limits, as many as `size` pays for."""
        direction, limit = toward_limit(x, gradient)
        order = (
            gradient.nan_to_num(0.0).abs().flatten(1).argsort(dim=1, descending=True, stable=True)
        )
        cost = limit.flatten(1).gather(1, order)
        before = cost.cumsum(1) - cost
        moved = torch.minimum((size * (1 - 1e-6) - before).clamp_min(0), cost)
        return direction * torch.zeros_like(cost).scatter_(1, order, moved).view_as(x)

    def before_rounding(self, x: Images, step: float) -> Threat:
        """The threat itself: few values change, so few are rounded."""
        return self

    def distance(self, x: Images, x_adv: Images) -> torch.Tensor:
        return (x_adv - x).abs().flatten(1).sum(1)

    def to_plane(self, x: Images, normal: torch.Tensor, gap: torch.Tensor) -> torch.Tensor:
        """Values move to their limits in order of their weights, until the plane is reached."""
        return greedily(x, normal, gap, normal.abs())


def toward_limit(x: Images, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The sign of each value's move along the gradient, and how far it can move in [0, 1]."""
    direction = gradient.nan_to_num(0.0).sign()
    return direction, torch.where(direction > 0, 1 - x, x)


def greedily(
    x: Images, normal: torch.Tensor, gap: torch.Tensor, priority: torch.Tensor
) -> torch.Tensor:
    """Displacement d with <normal, d> = gap (n,): values move to their limits by `priority`."""
    direction, limit = toward_limit(x, normal * per_image(gap.sign()))
    order = priority.flatten(1).argsort(dim=1, descending=True, stable=True)
    weights = normal.abs().flatten(1).gather(1, order)
    gain = weights * limit.flatten(1).gather(1, order)
    missing = (gap.abs()[:, None] - (gain.cumsum(1) - gain)).clamp_min(0)
    sizes = torch.where(weights > 0, torch.minimum(missing, gain) / weights, 0.0)
    return direction * torch.zeros_like(sizes).scatter_(1, order, sizes).view_as(x)


def nearest(x: Images, x_adv: Images, eps: torch.Tensor) -> Images:
    """The image nearest in L2 to `x_adv` within eps (n, 1, 1, 1) in L1 and in [0, 1].

    The exact projection onto the intersection (Croce and Hein 2021, arXiv 2103.01208): each change
    shrinks by one number for the whole image and stops at its limit. That number is the root of a
    falling, piecewise linear function, found by Newton steps within a bracket.
    """
    change = x_adv - x
    direction, limit = toward_limit(x, change)
    size = change.abs()
    low = torch.zeros_like(eps)
    high = per_image(size.flatten(1).amax(1)) if size.numel() else low
    shrunk, allowed = low, eps * (1 - 1e-6)
    for _ in range(_STEPS):
        moved = torch.minimum((size - shrunk).clamp_min(0), limit)
        excess = per_image(moved.flatten(1).sum(1)) - allowed
        # Once within eps by a millionth an image is done.
        unfinished = (excess > 0) | ((shrunk > 0) & (excess < -1e-6 * allowed))
        if not bool(unfinished.any()):
            break
        low, high = torch.where(excess > 0, shrunk, low), torch.where(excess > 0, high, shrunk)
        falling = per_image(((moved > 0) & (moved < limit)).flatten(1).sum(1))
        newton = shrunk + excess / falling
        inside = (newton > low) & (newton < high)
        shrunk = torch.where(unfinished, torch.where(inside, newton, (low + high) / 2), shrunk)
    moved = torch.minimum((size - shrunk).clamp_min(0), limit)
    total = per_image(moved.flatten(1).sum(1)).clamp_min(1e-12)
    step = direction * moved * (allowed / total).clamp_max(1)
    result = (x + step).clamp_(0, 1)
    # Rounded towards `x`: the rounding of many small changes would add up to more than the tolerance.
    return torch.where((result - x).abs() > step.abs(), result.nextafter(x), result)
