"""Threat: the set of perturbations an adversary may use, and its geometry.

A threat provides projection, random start and steepest step, so that one attack serves every norm.
Images are (n, C, H, W) in [0, 1]. eps is in these pixel units, never in normalised ones.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from securemnist.epsilon import epsilon_text, parse_epsilon
from securemnist.errors import UsageError
from securemnist.input_spec import LARGEST_SIZE
from securemnist.types import Images, per_image

# Maximum of Newton steps of a projection onto a plane: 4 to 8 are usual, more only with rounding.
_NEWTON_STEPS = 50


def max_norm(delta: torch.Tensor) -> torch.Tensor:
    """The largest absolute value of each image, (n, 1, 1, 1), never 0."""
    return per_image(delta.abs().flatten(1).amax(1).clamp_min(torch.finfo(delta.dtype).tiny))


def _sums(values: torch.Tensor) -> torch.Tensor:
    """The sum of each image's values, (n, 1, 1, 1)."""
    return per_image(values.flatten(1).sum(1))


@dataclass(frozen=True)
class Threat(ABC):
    """A ball of radius `eps` around each image, intersected with the pixel range [0, 1].

    A subclass has all properties of its norm, except for the referee's own definition. `norm`: its
    name in a policy. `planted`: the largest eps of planted examples (doubt `planted examples`), as a
    share of `span`. `art`: the norm as ART writes it. `square`: the kind of changes of the attack
    Square, a key of `attacks.square_changes.SAMPLERS`. `sparse`: the strongest perturbations change
    few values, so APGD takes sparse steps. `form`: what the set is; attacks state the forms that they
    work in. UsageError for an eps below 0, or above the span of the largest images.
    """

    eps: float
    norm: ClassVar[str]
    planted: ClassVar[float]
    art: ClassVar[float]
    square: ClassVar[str] = "flips"
    sparse: ClassVar[bool] = False
    form: ClassVar[Literal["ball", "pixels", "square"]] = "ball"

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "eps", parse_epsilon(self.eps))
        except ValueError as error:
            raise UsageError(str(error)) from error
        self.check_fits(LARGEST_SIZE)

    def check_fits(self, size: int) -> None:
        """UsageError where eps is above the span of images of `size` values."""
        largest = self.span(size)
        if not (math.isfinite(self.eps) and 0 <= self.eps <= largest):
            unit = {
                "ball": 'in [0, 1] pixel units: write 8 levels of 255 as "8/255"',
                "pixels": "a number of pixels",
                "square": "the side of a square, in pixels",
            }[self.form]
            raise UsageError(
                f"expected 0 <= eps <= {largest:g} for {self.norm}, got {self.eps}; eps is {unit}"
            )

    @staticmethod
    @abstractmethod
    def span(size: int) -> float:
        """The norm of a change of all `size` values of an image by 1: no larger eps has a meaning."""

    @property
    def certifiable(self) -> bool:
        """Whether certificates exist for this threat."""
        return False

    def at_grey(self, x: Images) -> Threat:
        """The smallest threat of this norm whose ball contains uniform grey for every image."""
        return type(self)(self.span(x[0].numel()) / 2)

    def for_planting(self, x: Images) -> Threat:
        """The threat itself, or the largest one with planted examples around images like `x`."""
        return type(self)(min(self.eps, self.planted * self.span(x[0].numel())))

    @abstractmethod
    def project(self, x: Images, x_adv: Images) -> Images:
        """The image of the threat set nearest to `x_adv` (for L2: ball first, then pixel range)."""

    @abstractmethod
    def random_start(self, x: Images, rng: torch.Generator) -> Images:
        """A random image of the threat set for each image of `x`, uniform in the ball before clipping."""

    @abstractmethod
    def steepest(self, gradient: torch.Tensor) -> torch.Tensor:
        """The step of norm 1 that increases a linear loss most."""

    def step(self, x: Images, gradient: torch.Tensor, size: float) -> torch.Tensor:
        """A step of FGSM or PGD from `x`, of norm `size`, that increases a linear loss most."""
        return size * self.steepest(gradient)

    def before_rounding(self, x: Images, step: float) -> Threat:
        """The threat within which proposals stay inside after rounding to multiples of `step`.

        Here what half a step of every value leaves, added at a right angle, as in L2.
        """
        rounding = self.span(x[0].numel()) * step / 2
        return type(self)(max(self.eps**2 - rounding**2, 0.0) ** 0.5)

    @abstractmethod
    def distance(self, x: Images, x_adv: Images) -> torch.Tensor:
        """The norm of each perturbation, (n,)."""

    def _rates(self, weights: torch.Tensor) -> torch.Tensor:
        """Rate of each pixel, or one for all, on the shortest path to a plane; `weights`: its normal.

        A norm whose pixels do not move at constant rates, such as L1, overrides `to_plane` instead.
        """
        raise NotImplementedError

    def to_plane(self, x: Images, normal: torch.Tensor, gap: torch.Tensor) -> torch.Tensor:
        """The shortest displacement d in this norm with <normal, d> = gap and x + d in [0, 1].

        `gap` is (n,). Every pixel moves at a constant rate until it reaches its limit, so <normal, d>
        is a concave, piecewise linear function of time. Newton's method from 0 is then exact after as
        many steps as there are pieces before the solution. If the plane does not meet the pixel
        range, every pixel moves to its limit.
        """
        scale = max_norm(normal)
        weights = normal.abs().div_(scale)
        distance = per_image(gap.abs() / scale.flatten())
        direction = normal.sign().mul_(per_image(gap.sign()))
        # Comparisons write numbers: on a CPU, `torch.where` and products with booleans take ten times
        # as long as the other operations here.
        upwards = torch.gt(direction, 0, out=torch.empty_like(x))
        limit = ((1 - x) * upwards).add_((1 - upwards).mul_(x))
        rates, memory = self._rates(weights), upwards
        growth = weights * rates
        time = torch.zeros_like(distance)
        for _ in range(_NEWTON_STEPS):
            moved = time * rates
            slope = _sums(torch.lt(moved, limit, out=memory).mul_(growth))
            covered = _sums(torch.minimum(moved, limit, out=memory).mul_(weights))
            remaining = distance - covered
            unfinished = (remaining > 1e-6 * distance) & (slope > 0)
            if not bool(unfinished.any()):
                break
            time = torch.where(unfinished, time + remaining / slope, time)
        return torch.minimum(time * rates, limit).mul_(direction)

    def to_json(self) -> dict[str, object]:
        """The threat as in a policy: {norm, eps}."""
        return {"norm": self.norm, "eps": self.eps}

    def __str__(self) -> str:
        return f"{self.norm} {epsilon_text(self.eps)}"
