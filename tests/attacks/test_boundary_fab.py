"""FAB from boundary points: their position, and samples that only this attack breaks."""

from __future__ import annotations

import torch
from torch import nn

from securemnist.attacks.apgd import APGD
from securemnist.attacks.boundary_fab import BoundaryFAB, boundary_points
from securemnist.attacks.fab import FAB
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from securemnist.models.loading import Subject
from securemnist.threats import L2
from tests.attacks.models import broken, run

SAMPLES = 24


class Constant(nn.Module):
    """Predicts class 0 for every image, with a margin that depends on the image."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x.flatten(1).mean(1, keepdim=True) + 9, x.flatten(1)[:, :9]], 1)


def test_boundary_points_just_beyond_boundary(baseline: Subject, mnist: DataSet) -> None:
    """A point is predicted as its target, 1/128 back on the line as the label; nearest come first."""
    samples = mnist.tuning[:SAMPLES]
    x, y, model = samples.images(), samples.labels, baseline.model
    pool = mnist.train[:500].images()
    points = boundary_points(model, x, y, pool, 3)
    lengths = []
    for k in range(3):
        line = pool[points.pool_index[:, k]] - x
        fraction = points.fraction[:, k].view(-1, 1, 1, 1)
        beyond, before = x + fraction * line, x + (fraction - 2.0**-7) * line
        assert torch.equal(model(beyond).argmax(1), points.target[:, k])
        assert (points.target[:, k] != y).all()
        assert torch.equal(model(before).argmax(1), y)
        lengths.append((fraction * line).flatten(1).norm(dim=1))
    assert (lengths[0] <= lengths[1]).all()
    assert (lengths[1] <= lengths[2]).all()


def test_boundary_fab_breaks_more_than_fab_and_apgd(mnist: DataSet) -> None:
    """On a network trained on L-inf bounds it breaks more samples in L2 than FAB and APGD."""
    model = loading.resolve("certified").model
    samples = mnist.tuning[:SAMPLES]
    x, y = samples.images(), samples.labels
    from_boundary, *from_image = (
        int(broken(attack, model, x, y, L2(1.0)).sum())
        for attack in (BoundaryFAB(), FAB(steps=50, targets=3), APGD(steps=100))
    )
    assert from_boundary >= max(from_image) + SAMPLES // 4


def test_boundary_fab_returns_image_without_boundary(mnist: DataSet) -> None:
    """On a constant model there is no boundary point, and the candidates are the images."""
    x = mnist.tuning[:4].images()
    y = torch.zeros(4, dtype=torch.long)
    x_adv = run(BoundaryFAB(steps=3, starts=20), Constant(), x, y, L2(2.0))
    assert torch.equal(x_adv, x)


def test_weak_pgd_result_doubted_by_boundary_fab(mnist: DataSet) -> None:
    """A PGD result on such a network is doubted, because BoundaryFAB breaks its survivors."""
    row = {"attack": {"use": "PGD", "steps": 20}, "threat": {"norm": "l2", "eps": 1.0}}
    context = Context(loading.resolve("certified"), mnist)
    measurement = take_measurement(
        context, "robust_accuracy", bind("robust_accuracy", {**row, "images": 16}), 0
    )
    doubt = next(doubt for doubt in measurement.doubts if doubt.name == "weak attack")
    assert "FAB-B-30x2" in doubt.reason
