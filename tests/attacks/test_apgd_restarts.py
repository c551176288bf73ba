"""APGD restarts for the nearest samples: which samples get them, and what they add."""

from __future__ import annotations

import torch

from securemnist.attacks.apgd import APGD
from securemnist.attacks.apgd_restarts import NearestAPGD
from securemnist.data import DataSet
from securemnist.models import loading
from securemnist.threats import Linf
from tests.attacks.models import Recorder, linear, misclassified, run

# Test images of network D at eps 0.1: about one start in ten breaks the last, none breaks the others.
INDICES = [0, 1, 2, 3, 5]


def test_nearest_apgd_restarts_break_rugged_sample(mnist: DataSet) -> None:
    """The sample that breaks from few starts is broken by restarts; single starts mostly fail."""
    model = loading.resolve("network_d").model
    samples = mnist.test[INDICES]
    x, y, threat = samples.images(), samples.labels, Linf(0.1)
    many = misclassified(model, run(NearestAPGD(restarts=40), model, x, y, threat), y)
    assert many.tolist() == [False, False, False, False, True]
    once = [
        misclassified(model, run(APGD(loss="dlr"), model, x, y, threat, k), y)[-1] for k in range(8)
    ]
    assert sum(once) < len(once) / 2


def test_nearest_apgd_restarts_only_share() -> None:
    """Of 24 survivors a tenth, rounded up to three, get all five restarts in one batch."""
    model, x, y, _ = linear("linf")
    recorder = Recorder(model)
    run(NearestAPGD(steps=2, restarts=5), recorder, x, y, Linf(1e-6))
    assert recorder.batches == [24] * 3 + [15] * 3


def test_nearest_apgd_chooses_smallest_radius() -> None:
    """On a linear model the restarted samples are among those with the smallest radius."""
    model, x, y, radius = linear("linf")
    batches: list[torch.Tensor] = []

    class Keeper(Recorder):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            batches.append(images.detach())
            return super().forward(images)

    run(NearestAPGD(steps=1, restarts=1, share=0.2), Keeper(model), x, y, Linf(1e-6))
    distances = torch.cdist(batches[-1].flatten(1), x.flatten(1), p=torch.inf)
    chosen = distances.argmin(1)
    assert len(chosen) == 5
    assert radius[chosen].max() <= radius.sort().values[9]
