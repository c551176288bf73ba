"""PGD's batches: independence of samples, no cost for broken samples, full batches."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from securemnist.attacks.base import BATCH
from securemnist.attacks.pgd import PGD
from securemnist.threats import Linf, Threat
from tests.attacks.models import TwoClass, run, weight


def fixed_start(threat: Linf, x: torch.Tensor, _: torch.Generator) -> torch.Tensor:
    """A start that depends on the image alone, so that the order of the samples does not matter."""
    return threat.project(x, x + threat.eps * torch.sin(1e4 * x))


def pgd_on_one_sample(model: TwoClass, x: torch.Tensor, y: int, attack: PGD, threat: Threat) -> Any:
    """Textbook PGD on one sample: its last iterate and the step that broke it, or None."""
    point = threat.random_start(x, torch.Generator())
    for step in range(attack.steps + 1):
        if int(model(point).argmax(1)) != y:
            return point, step
        if step < attack.steps:
            direction = -model.weight if y else model.weight
            size = 2.5 * threat.eps / attack.steps
            point = threat.project(x, point + size * direction.sign().view_as(x))
    return point, None


def test_pgd_result_independent_of_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """With batches refilled, each sample ends exactly where textbook PGD on it alone ends."""
    monkeypatch.setattr(Linf, "random_start", fixed_start)
    rng = torch.Generator().manual_seed(0)
    x = (0.5 + 0.2 * torch.randn(2 * BATCH + 40, 1, 28, 28, generator=rng)).clamp(0, 1)
    w = weight(2)
    model, threat, attack = TwoClass(w, 0.1), Linf(0.01), PGD(steps=8)
    y = (model.score(x) > 0).long()
    found = run(attack, model, x, y, threat)
    ends = [
        pgd_on_one_sample(model, x[k : k + 1], int(y[k]), attack, threat) for k in range(len(x))
    ]
    assert torch.equal(found, torch.cat([end for end, _ in ends]))
    assert len({step for _, step in ends}) > 5, "samples must break at many steps, and some never"
    order = torch.randperm(len(x), generator=rng)
    assert torch.equal(run(attack, model, x[order], y[order], threat), found[order])


def test_pgd_evaluates_broken_sample_once() -> None:
    """Samples that are misclassified at the start are evaluated once, whatever the steps."""
    batches = []

    def wrong(x: torch.Tensor) -> torch.Tensor:
        batches.append(len(x))
        return torch.eye(10)[3].expand(len(x), 10) + 0 * x.flatten(1).sum(1, keepdim=True)

    x = torch.rand(150, 1, 28, 28)
    run(PGD(steps=40, restarts=5), wrong, x, torch.zeros(150, dtype=torch.long), Linf(0.1))
    assert sum(batches) == 150


def test_pgd_batches_stay_full() -> None:
    """While samples are queued, the rows of broken ones are refilled at once."""
    batches = []

    def zero(x: torch.Tensor) -> torch.Tensor:
        batches.append(len(x))
        return torch.eye(10)[0].expand(len(x), 10) + 0 * x.flatten(1).sum(1, keepdim=True)

    images, steps = 6 * BATCH, 4
    half_wrong = torch.arange(images) % 2
    run(PGD(steps=steps), zero, torch.rand(images, 1, 28, 28), half_wrong, Linf(0.1))
    assert sum(batches) == images // 2 * (steps + 1) + images // 2
    assert set(batches[: -(steps + 2)]) == {BATCH}
    assert len(batches) > 2 * steps
