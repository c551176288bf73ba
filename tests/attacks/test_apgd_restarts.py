"""Restarts for the nearest digits: who gets them, and what they find that one start does not."""

from __future__ import annotations

import torch

from securemnist.attacks.apgd import APGD
from securemnist.attacks.apgd_restarts import NearestAPGD
from securemnist.data import DataSet
from securemnist.models import loading
from securemnist.threats import Linf
from tests.attacks.searches import Witness, fallen, linear, run

# Test digits of network D at eps .1: the last falls from about every tenth start, the others from none.
DIGITS = [0, 1, 2, 3, 5]


def test_it_finds_the_rugged_digit_among_others(mnist: DataSet) -> None:
    """The digit that falls from few starts is the nearest of five, and its restarts break it."""
    model = loading.resolve("network_d").model
    digits = mnist.test[DIGITS]
    x, y, threat = digits.images(), digits.labels, Linf(0.1)
    often = fallen(model, run(NearestAPGD(restarts=100), model, x, y, threat), y)
    assert often.tolist() == [False, False, False, False, True]
    once = [fallen(model, run(APGD(loss="dlr"), model, x, y, threat, k), y)[-1] for k in range(8)]
    assert sum(once) < len(once) / 2


def test_only_the_nearest_share_is_restarted() -> None:
    """Of 24 digits that stand a tenth are three: they alone make the further steps, all at once."""
    model, x, y, _ = linear("linf")
    witness = Witness(model)
    run(NearestAPGD(steps=2, restarts=5), witness, x, y, Linf(1e-6))
    assert witness.batches == [24] * 3 + [15] * 3


def test_the_nearest_come_first() -> None:
    """On a linear model they are those with the least margin over what eps can do."""
    model, x, y, radius = linear("linf")
    asked: list[torch.Tensor] = []

    class Listener(Witness):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            asked.append(images.detach())
            return super().forward(images)

    run(NearestAPGD(steps=1, restarts=1, share=0.2), Listener(model), x, y, Linf(1e-6))
    away = torch.cdist(asked[-1].flatten(1), x.flatten(1), p=torch.inf)
    chosen = away.argmin(1)
    assert len(chosen) == 5
    assert radius[chosen].max() <= radius.sort().values[9]
