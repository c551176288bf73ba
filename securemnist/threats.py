"""Threat: the set of perturbations an adversary may use, and its geometry.

A threat owns projection, random start and steepest step, so that an attack is written once for
every norm. Images are (n, 1, 28, 28) in [0, 1]; eps is in these pixel units, never in
normalised ones.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

import torch

from securemnist.errors import UsageError
from securemnist.types import Images

# Newton steps of a projection onto a plane: 4 to 8 are usual, the last cover rounding.
_PIECES = 50


def _flat_norm(delta: torch.Tensor) -> torch.Tensor:
    norms: torch.Tensor = delta.flatten(1).norm(dim=1).clamp_min(1e-12)
    return norms.view(-1, 1, 1, 1)


def _peak(delta: torch.Tensor) -> torch.Tensor:
    return delta.abs().flatten(1).amax(1).clamp_min(torch.finfo(delta.dtype).tiny).view(-1, 1, 1, 1)


@dataclass(frozen=True)
class Threat(ABC):
    """A ball of radius `eps` around each image, cut with the pixel range [0, 1].

    A subclass holds all that is known of its norm, apart from the referee's own definition. `norm`: its
    name in a policy. `largest`: the largest `eps`. `grey`: the `eps` at which every ball holds the grey
    image (doubt `large epsilon`). `planted`: the largest `eps` of planted examples (doubt `planted
    examples`). `art`: the norm as ART writes it. `square`: the kind of changes of the attack Square,
    a key of `attacks.square_changes.PROPOSALS`. `certifiable`: certificates exist for it.
    """

    eps: float
    norm: ClassVar[str]
    largest: ClassVar[float]
    grey: ClassVar[float]
    planted: ClassVar[float]
    art: ClassVar[float]
    square: ClassVar[str] = "flips"
    certifiable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if isinstance(self.eps, bool) or not isinstance(self.eps, int | float):
            raise UsageError(f"expected eps as a number, got {self.eps!r}; write eps = 0.1")
        if not (math.isfinite(self.eps) and 0 <= self.eps <= self.largest):
            raise UsageError(
                f"expected 0 <= eps <= {self.largest:g} for {self.norm}, got {self.eps}; eps is in "
                "[0, 1] pixel units"
            )

    @abstractmethod
    def project(self, x: Images, x_adv: Images) -> Images:
        """The nearest image of the threat set (for L2: after the ball, the pixel range)."""

    @abstractmethod
    def random_start(self, x: Images, rng: torch.Generator) -> Images:
        """A uniformly random member of the set, one an image."""

    @abstractmethod
    def steepest(self, gradient: torch.Tensor) -> torch.Tensor:
        """The step of norm 1 along which a linear loss grows fastest."""

    @abstractmethod
    def distance(self, x: Images, x_adv: Images) -> torch.Tensor:
        """The norm of the perturbation, one number an image."""

    @abstractmethod
    def _rates(self, weights: torch.Tensor) -> torch.Tensor:
        """How fast each pixel moves on the cheapest way across a plane of these |weights|."""

    def to_plane(self, x: Images, normal: torch.Tensor, gap: torch.Tensor) -> torch.Tensor:
        """The shortest displacement d in this norm with <normal, d> = gap and x + d in [0, 1].

        `gap` has one number an image. Every pixel moves at its own rate until its range ends, so the
        gap that is covered grows with the time as a concave, piecewise linear function: Newton's
        method from 0 ends exactly, after as many steps as it crosses pieces. Where the plane does
        not meet the pixel range, d goes as far towards it as pixels can.
        """
        peak = _peak(normal)
        weights = normal.abs() / peak
        need = (gap.abs() / peak.flatten()).view(-1, 1, 1, 1)
        toward = normal.sign() * gap.sign().view(-1, 1, 1, 1)
        room = torch.where(toward > 0, 1 - x, x)
        rates = self._rates(weights)
        growth = weights * rates
        time = torch.zeros_like(need)
        for _ in range(_PIECES):
            way = time * rates
            slope = (growth * (way < room)).flatten(1).sum(1).view_as(need)
            short = need - (weights * torch.minimum(way, room)).flatten(1).sum(1).view_as(need)
            behind = (short > 1e-6 * need) & (slope > 0)
            if not bool(behind.any()):
                break
            time = torch.where(behind, time + short / slope, time)
        return toward * torch.minimum(time * rates, room)

    def to_json(self) -> dict[str, object]:
        """As in the policy: {norm, eps}."""
        return {"norm": self.norm, "eps": self.eps}

    def __str__(self) -> str:
        return f"{self.norm} {self.eps:g}"


@final
@dataclass(frozen=True)
class Linf(Threat):
    """Every pixel may move by eps."""

    norm: ClassVar[str] = "linf"
    largest: ClassVar[float] = 1.0
    grey: ClassVar[float] = 0.5
    planted: ClassVar[float] = 0.4
    art: ClassVar[float] = math.inf
    certifiable: ClassVar[bool] = True

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
    """The Euclidean length of the perturbation is at most eps (28 is the longest there is)."""

    norm: ClassVar[str] = "l2"
    largest: ClassVar[float] = 28.0
    grey: ClassVar[float] = 14.0  # half of a pixel, times the root of 784 pixels
    planted: ClassVar[float] = 2.0
    art: ClassVar[float] = 2
    square: ClassVar[str] = "moves"

    def project(self, x: Images, x_adv: Images) -> Images:
        delta = x_adv - x
        # A hair inside, so that float32 rounding does not carry the referee's float64 norm outside.
        scale = (self.eps * (1 - 1e-6) / _flat_norm(delta)).clamp_max_(1)
        return (x + delta * scale).clamp_(0, 1)

    def random_start(self, x: Images, rng: torch.Generator) -> Images:
        direction = torch.randn(x.shape, generator=rng).to(x.device)
        dimensions = x.shape[1:].numel()
        radius = torch.rand((len(x), 1, 1, 1), generator=rng).to(x.device).pow_(1 / dimensions)
        return self.project(x, x + self.eps * radius * direction / _flat_norm(direction))

    def steepest(self, gradient: torch.Tensor) -> torch.Tensor:
        # First by the largest entry: on a confident network the squares of a gradient underflow.
        gradient = gradient.nan_to_num(0.0)
        scaled = gradient / _peak(gradient)
        return scaled / _flat_norm(scaled)

    def distance(self, x: Images, x_adv: Images) -> torch.Tensor:
        norms: torch.Tensor = (x_adv - x).flatten(1).norm(dim=1)
        return norms

    def _rates(self, weights: torch.Tensor) -> torch.Tensor:
        return weights


THREATS: dict[str, type[Threat]] = {"linf": Linf, "l2": L2}


def make_threat(norm: str, eps: float) -> Threat:
    """The threat of this norm; UsageError for an unknown norm or an impossible eps."""
    if not isinstance(norm, str) or norm not in THREATS:
        raise UsageError(f"expected a norm of {', '.join(THREATS)}, got {norm!r}; mend the threat")
    return THREATS[norm](eps)


def parse_threat(text: str) -> Threat:
    """`linf:0.3` -> Linf(0.3); UsageError where it does not read so."""
    norm, _, eps = text.partition(":")
    try:
        return make_threat(norm, float(eps))
    except ValueError:
        raise UsageError(f"expected a threat like linf:0.3, got {text!r}; write NORM:EPS") from None
