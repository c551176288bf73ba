"""Nearest adversarial image: the smallest L-infinity perturbation that attacks find in some seconds.

The epsilon is bisected. At each one several attacks run until one succeeds by the referee's ruling in
float64. A success is then moved towards the image as far as the model's class stays wrong. The result
is an upper limit of the smallest perturbation; that no attack succeeds proves nothing.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import nn

from securemnist._util.random_numbers import generator
from securemnist.attacks.apgd import APGD
from securemnist.attacks.base import Attack
from securemnist.attacks.fab import FAB
from securemnist.attacks.pgd import PGD
from securemnist.attacks.refereed import attempt
from securemnist.errors import MeasureError
from securemnist.evaluation.context import Context
from securemnist.referee import SIZES, rule
from securemnist.serve.page.certified_radius import LARGEST
from securemnist.threats import Linf
from securemnist.types import Images, Logits

ATTACKS: tuple[Attack, ...] = (
    PGD(steps=20, loss="margin"),
    FAB(steps=20, targets=3),
    APGD(steps=30),
)
_PRECISION = 0.02  # of the bisection, as a share of epsilon
_SHARES = 64  # positions tried between the image and an adversarial one


@dataclass(frozen=True)
class Nearest:
    """An adversarial image (1, C, H, W), its L-infinity distance in float64, and the predicted class."""

    image: Images
    distance: float
    prediction: int


class OutOfTime(Exception):
    """The end of the time for attacks."""


class _Timed(nn.Module):
    """The model, until its time is over: processor time, so that a busy machine finds as much."""

    def __init__(self, model: nn.Module, seconds: float) -> None:
        super().__init__()
        self.model, self.end = model, time.thread_time() + seconds

    def forward(self, x: Images) -> Logits:
        if time.thread_time() > self.end:
            raise OutOfTime
        logits: Logits = self.model(x)
        return logits


def nearest(
    context: Context, image: Images, label: int, seconds: float
) -> Generator[None, None, Nearest | None]:
    """The nearest image of another class found around `image` (1, C, H, W); None where none was.

    `label` is the class to change. It yields between the attacks, and ends after
    `seconds` of processor time of its thread.
    """
    attacked = _Timed(context.target, seconds)
    best, failed, eps = None, 0.0, LARGEST
    try:
        while best is None or best.distance - failed > _PRECISION * best.distance:
            found = yield from _within(context, attacked, image, label, eps)
            if found is not None:
                best = found
            elif best is None:
                return None
            else:
                failed = eps
            eps = (failed + best.distance) / 2
    except OutOfTime:
        pass
    return best


def _within(
    context: Context, attacked: nn.Module, image: Images, label: int, eps: float
) -> Generator[None, None, Nearest | None]:
    """A success of the first attack that has one within `eps`."""
    y = torch.tensor([label])
    for attack in ATTACKS:
        yield
        rng = generator(0, attack.to_json())
        model = context.subject.model
        found, ruling = attempt(attack, attacked, model, image, y, threat=Linf(eps), rng=rng)
        if bool(ruling.fooled[0]):
            return _moved_closer(model, image, found.detach(), y)
    return None


def _moved_closer(model: nn.Module, image: Images, found: Images, y: torch.Tensor) -> Nearest:
    """The point nearest to the image on the line to `found` that the referee accepts, judged alone."""
    shares = torch.linspace(1 / _SHARES, 1, _SHARES).view(-1, 1, 1, 1)
    points = torch.cat([image + shares[:-1] * (found - image), found]).clamp(0, 1)
    clean = image.expand_as(points)
    ruling = rule(model, clean, y.expand(len(points)), points, norm="linf", eps=LARGEST)
    for place in [*ruling.fooled.nonzero().flatten().tolist(), len(points) - 1]:
        point = points[place : place + 1]
        (size,) = SIZES["linf"]((point.double() - image.double()).cpu().numpy())
        alone = rule(model, image, y, point, norm="linf", eps=float(size))
        if bool(alone.fooled[0]):
            return Nearest(point, float(size), int(alone.predictions[0]))
    raise MeasureError("expected one ruling for one image, got two; the model's answers vary")
