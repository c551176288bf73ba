"""Threat: the set of perturbations an adversary may use, and its geometry.

A threat provides projection, random start and steepest step, so that one attack serves every norm.
Images are (n, C, H, W) in [0, 1]. eps is in these pixel units, never in normalised ones.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch

from securemnist.epsilon import epsilon_text, parse_epsilon
from securemnist.errors import UsageError
from securemnist.input_spec import LARGEST_SIZE
from securemnist.types import Images, per_image

# Maximum of Newton steps of a projection onto a plane: 4 to 8 are usual, more only with rounding.
_NEWTON_STEPS = 50


def _l2_norm(delta: torch.Tensor) -> torch.Tensor:
    return per_image(delta.flatten(1).norm(dim=1).clamp_min(1e-12))


def _max_norm(delta: torch.Tensor) -> torch.Tensor:
    return per_image(delta.abs().flatten(1).amax(1).clamp_min(torch.finfo(delta.dtype).tiny))


@dataclass(frozen=True)
class Threat(ABC):
    """A ball of radius `eps` around each image, intersected with the pixel range [0, 1].

    A subclass has all properties of its norm, except for the referee's own definition. `norm`: its
    name in a policy. `planted`: the largest eps of planted examples (doubt `planted examples`), as a
    share of `span`. `art`: the norm as ART writes it. `square`: the kind of changes of the attack
    Square, a key of `attacks.square_changes.SAMPLERS`. `certifiable`: certificates exist for it.
    UsageError for an eps below 0, or above the span of the largest images.
    """

    eps: float
    norm: ClassVar[str]
    planted: ClassVar[float]
    art: ClassVar[float]
    square: ClassVar[str] = "flips"
    certifiable: ClassVar[bool] = False

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
            raise UsageError(
                f"expected 0 <= eps <= {largest:g} for {self.norm}, got {self.eps}; eps is in "
                "[0, 1] pixel units"
            )

    @staticmethod
    @abstractmethod
    def span(size: int) -> float:
        """The norm of a change of all `size` values of an image by 1: no larger eps has a meaning."""

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

    @abstractmethod
    def distance(self, x: Images, x_adv: Images) -> torch.Tensor:
        """The norm of each perturbation, (n,)."""

    @abstractmethod
    def _rates(self, weights: torch.Tensor) -> torch.Tensor:
        """Rate of each pixel on the shortest path to a plane whose normal has these absolute values."""

    def to_plane(self, x: Images, normal: torch.Tensor, gap: torch.Tensor) -> torch.Tensor:
        """The shortest displacement d in this norm with <normal, d> = gap and x + d in [0, 1].

        `gap` is (n,). Every pixel moves at a constant rate until it reaches its limit, so <normal, d>
        is a concave, piecewise linear function of time. Newton's method from 0 is then exact after as
        many steps as there are pieces before the solution. If the plane does not meet the pixel
        range, every pixel moves to its limit.
        """
        scale = _max_norm(normal)
        weights = normal.abs() / scale
        distance = per_image(gap.abs() / scale.flatten())
        direction = normal.sign() * per_image(gap.sign())
        limit = torch.where(direction > 0, 1 - x, x)
        rates = self._rates(weights)
        growth = weights * rates
        time = torch.zeros_like(distance)
        for _ in range(_NEWTON_STEPS):
            moved = time * rates
            slope = (growth * (moved < limit)).flatten(1).sum(1).view_as(distance)
            covered = (weights * torch.minimum(moved, limit)).flatten(1).sum(1).view_as(distance)
            remaining = distance - covered
            unfinished = (remaining > 1e-6 * distance) & (slope > 0)
            if not bool(unfinished.any()):
                break
            time = torch.where(unfinished, time + remaining / slope, time)
        return direction * torch.minimum(time * rates, limit)

    def to_json(self) -> dict[str, object]:
        """The threat as in a policy: {norm, eps}."""
        return {"norm": self.norm, "eps": self.eps}

    def __str__(self) -> str:
        return f"{self.norm} {epsilon_text(self.eps)}"


@final
@dataclass(frozen=True)
class Linf(Threat):
    """L-infinity: every pixel may change by at most eps."""

    norm: ClassVar[str] = "linf"
    planted: ClassVar[float] = 0.4
    art: ClassVar[float] = math.inf
    certifiable: ClassVar[bool] = True

    @staticmethod
    def span(size: int) -> float:  # noqa: ARG004
        return 1.0

    def project(self, x: Images, x_adv: Images) -> Images:
        return torch.clamp(x_adv, (x - self.eps).clamp_min_(0), (x + self.eps).clamp_max_(1))

    def random_start(self, x: Images, rng: torch.Generator) -> Images:
        noise = torch.rand(x.shape, generator=rng).to(x.device).mul_(2).sub_(1)
        return self.project(x, x + self.eps * noise)

    def steepest(self, gradient: torch.Tensor) -> torch.Tensor:
        return gradient.sign()

    def distance(self, x: Images, x_adv: Images) -> torch.Tensor:
        return (x_adv - x).abs().flatten(1).amax(1)

    def _rates(self, weights: torch.Tensor) -> torch.Tensor:
        return torch.ones_like(weights)


@final
@dataclass(frozen=True)
class L2(Threat):
    """L2: the Euclidean norm of the perturbation is at most eps (28 for images of 1x28x28)."""

    norm: ClassVar[str] = "l2"
    planted: ClassVar[float] = 1 / 14  # 2.0 for images of 1x28x28
    art: ClassVar[float] = 2
    square: ClassVar[str] = "moves"

    @staticmethod
    def span(size: int) -> float:
        return math.sqrt(size)

    def project(self, x: Images, x_adv: Images) -> Images:
        delta = x_adv - x
        # Slightly smaller than eps, so that float32 rounding does not exceed it in the referee's float64.
        scale = (self.eps * (1 - 1e-6) / _l2_norm(delta)).clamp_max_(1)
        return (x + delta * scale).clamp_(0, 1)

    def random_start(self, x: Images, rng: torch.Generator) -> Images:
        direction = torch.randn(x.shape, generator=rng).to(x.device)
        dimensions = x.shape[1:].numel()
        radius = torch.rand((len(x), 1, 1, 1), generator=rng).to(x.device).pow_(1 / dimensions)
        return self.project(x, x + self.eps * radius * direction / _l2_norm(direction))

    def steepest(self, gradient: torch.Tensor) -> torch.Tensor:
        # Divided by the largest entry first: squares of a confident network's gradient underflow.
        gradient = gradient.nan_to_num(0.0)
        scaled = gradient / _max_norm(gradient)
        return scaled / _l2_norm(scaled)

    def distance(self, x: Images, x_adv: Images) -> torch.Tensor:
        norms: torch.Tensor = (x_adv - x).flatten(1).norm(dim=1)
        return norms

    def _rates(self, weights: torch.Tensor) -> torch.Tensor:
        return weights


THREATS: dict[str, type[Threat]] = {"linf": Linf, "l2": L2}


def make_threat(norm: str, eps: float | str) -> Threat:
    """The threat of a norm "linf" or "l2", with an eps like 0.3 or "8/255".

    UsageError for another norm, or an eps out of range.
    """
    if not isinstance(norm, str) or norm not in THREATS:
        raise UsageError(f"expected a norm of {', '.join(THREATS)}, got {norm!r}; fix the threat")
    return THREATS[norm](eps)  # type: ignore[arg-type] # a text is converted


def as_threat(value: Threat | Mapping[str, Any] | str) -> Threat:
    """The threat of a value, a table {norm, eps} as in a policy, or a text like linf:0.3."""
    if isinstance(value, Threat):
        return value
    if isinstance(value, str):
        return parse_threat(value)
    if not isinstance(value, Mapping) or set(value) != {"norm", "eps"}:
        raise UsageError(f"expected a threat like Linf(0.3), got {value!r:.80}; pass one")
    return make_threat(value["norm"], value["eps"])


def parse_threat(text: str) -> Threat:
    """The threat of a text like `linf:0.3`; UsageError for any other text."""
    norm, _, eps = text.partition(":")
    try:
        number = parse_epsilon(eps) if "/" in eps else float(eps)
    except ValueError:
        raise UsageError(
            f"expected a threat like linf:0.3 or linf:8/255, got {text!r}; write NORM:EPS"
        ) from None
    return make_threat(norm, number)
