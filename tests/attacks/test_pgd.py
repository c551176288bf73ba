"""PGD's batches: digits do not disturb each other, and one that fell costs nothing more."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from securemnist.attacks.base import BATCH
from securemnist.attacks.pgd import PGD
from securemnist.data import DataSet
from securemnist.models.loading import Subject
from securemnist.threats import Linf, Threat
from tests.attacks.two_class import TwoClass, run, weight


@pytest.fixture(scope="module")
def digits(mnist: DataSet) -> tuple[torch.Tensor, torch.Tensor]:
    """300 tuning digits."""
    return mnist.tuning[:300].images(), mnist.tuning[:300].labels


def fixed_start(threat: Linf, x: torch.Tensor, _: torch.Generator) -> torch.Tensor:
    """A start that depends on the image alone, so that the order of the digits cannot matter."""
    return threat.project(x, x + threat.eps * torch.sin(1e4 * x))


def alone(model: TwoClass, x: torch.Tensor, y: int, attack: PGD, threat: Threat) -> Any:
    """PGD as it is written in a textbook, for one digit: its end, and the step at which it fell."""
    point = threat.random_start(x, torch.Generator())
    for step in range(attack.steps + 1):
        if int(model(point).argmax(1)) != y:
            return point, step
        if step < attack.steps:
            ascent = -model.weight if y else model.weight
            size = 2.5 * threat.eps / attack.steps
            point = threat.project(x, point + size * ascent.sign().view_as(x))
    return point, None


def test_digits_do_not_disturb_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """With places refilled as digits fall, each ends exactly where it would end alone."""
    monkeypatch.setattr(Linf, "random_start", fixed_start)
    rng = torch.Generator().manual_seed(0)
    x = (0.5 + 0.2 * torch.randn(2 * BATCH + 40, 1, 28, 28, generator=rng)).clamp(0, 1)
    w = weight(2)
    model, threat, attack = TwoClass(w, 0.1), Linf(0.01), PGD(steps=8)
    y = (model.score(x) > 0).long()
    found = run(attack, model, x, y, threat)
    ends = [alone(model, x[k : k + 1], int(y[k]), attack, threat) for k in range(len(x))]
    assert torch.equal(found, torch.cat([end for end, _ in ends]))
    assert len({fell for _, fell in ends}) > 5, "digits must fall at many steps, and some never"
    order = torch.randperm(len(x), generator=rng)
    assert torch.equal(run(attack, model, x[order], y[order], threat), found[order])


def test_a_digit_that_fell_stays_fallen(
    baseline: Subject, digits: tuple[torch.Tensor, torch.Tensor]
) -> None:
    """More restarts only add to what one breaks: they run on the digits that still stand."""
    x, y = (part[:200] for part in digits)
    fallen = []
    for restarts in (1, 3):
        x_adv = run(PGD(steps=3, restarts=restarts), baseline.model, x, y, Linf(0.1))
        fallen.append(baseline.model(x_adv).argmax(1) != y)
    assert 0 < fallen[0].sum() < fallen[1].sum()
    assert not (fallen[0] & ~fallen[1]).any()


def test_a_fallen_digit_costs_nothing_more() -> None:
    """Digits that fall at their start are looked at once, whatever the number of steps."""
    looked = []

    def wrong(x: torch.Tensor) -> torch.Tensor:
        looked.append(len(x))
        return torch.eye(10)[3].expand(len(x), 10) + 0 * x.flatten(1).sum(1, keepdim=True)

    x = torch.rand(150, 1, 28, 28)
    run(PGD(steps=40, restarts=5), wrong, x, torch.zeros(150, dtype=torch.long), Linf(0.1))
    assert sum(looked) == 150


def test_batches_stay_full() -> None:
    """While digits wait, the places of fallen ones are taken at once: no call is made half empty."""
    looked = []

    def zero(x: torch.Tensor) -> torch.Tensor:
        looked.append(len(x))
        return torch.eye(10)[0].expand(len(x), 10) + 0 * x.flatten(1).sum(1, keepdim=True)

    digits, steps = 6 * BATCH, 4
    every_other_falls = torch.arange(digits) % 2
    run(PGD(steps=steps), zero, torch.rand(digits, 1, 28, 28), every_other_falls, Linf(0.1))
    assert sum(looked) == digits // 2 * (steps + 1) + digits // 2
    assert set(looked[: -(steps + 2)]) == {BATCH}
    assert len(looked) > 2 * steps
