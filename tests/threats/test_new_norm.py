"""A norm that is not in the table yet: one class for the threat, one function for the referee."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from securemnist import referee, threats
from securemnist.attacks.base import Attack
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from securemnist.referee import inside_budget
from securemnist.threats import Threat
from tests.attacks.examples import IN_BALLS
from tests.attacks.models import linear, run
from tests.small_network import small_network


@dataclass(frozen=True)
class L4(Threat):
    """The fourth root of the sum of the fourth powers of the perturbation."""

    norm: ClassVar[str] = "l4"
    planted: ClassVar[float] = 0.15
    art: ClassVar[float] = 4

    @staticmethod
    def span(size: int) -> float:
        return float(size**0.25)

    def project(self, x: Any, x_adv: Any) -> Any:
        size = self.distance(x, x_adv).clamp_min(1e-12).view(-1, 1, 1, 1)
        return (x + (x_adv - x) * (self.eps * (1 - 1e-6) / size).clamp_max(1)).clamp(0, 1)

    def random_start(self, x: Any, rng: torch.Generator) -> Any:
        return self.project(x, x + self.eps * torch.randn(x.shape, generator=rng))

    def steepest(self, gradient: Any) -> Any:
        gradient = gradient.nan_to_num(0.0)
        peak = gradient.abs().flatten(1).amax(1).clamp_min(1e-38).view(-1, 1, 1, 1)
        step = gradient.sign() * (gradient.abs() / peak) ** (1 / 3)
        return step / step.flatten(1).norm(4, dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)

    def distance(self, x: Any, x_adv: Any) -> Any:
        return (x_adv - x).flatten(1).norm(4, dim=1)

    def _rates(self, weights: Any) -> Any:
        return weights ** (1 / 3)


def l4(difference: np.ndarray) -> np.ndarray:
    """The size (n,) of perturbations (n, C, H, W)."""
    return (difference**4).sum(axis=(1, 2, 3)) ** 0.25


@pytest.fixture(autouse=True)
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two lines that add it."""
    monkeypatch.setitem(threats.THREATS, "l4", L4)
    monkeypatch.setitem(referee.SIZES, "l4", l4)


@pytest.mark.parametrize("attack", IN_BALLS, ids=lambda a: a.name)
def test_every_attack_works_in_it(attack: Attack) -> None:
    """Every attack of the table stays inside the new ball."""
    model, x, y, _ = linear("linf")
    x_adv = run(attack, model, x, y, L4(0.02))
    assert inside_budget(x, x_adv, "l4", 0.02).all()


def test_a_row_is_measured_in_it(mnist: DataSet) -> None:
    """A search with its doubts and its planted examples needs nothing else of the norm."""
    context = Context(loading.from_model(small_network(), name="tiny"), mnist)
    settings = {"threat": {"norm": "l4", "eps": 0.2}, "attack": {"use": "PGD", "steps": 3}}
    taken = take_measurement(
        context, "robust_accuracy", bind("robust_accuracy", {**settings, "images": 100}), 0
    )
    assert taken.evidence.waterfall[0].over_budget == 0
    assert taken.evidence.waterfall[0].fell > 0
    assert taken.evidence.sensitivity.planted > 0
