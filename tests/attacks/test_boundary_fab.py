"""FAB from outside: it starts at boundaries, and finds what searches from the digit do not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from securemnist.attacks.apgd import APGD
from securemnist.attacks.boundary_fab import BoundaryFAB, crossings, outsiders
from securemnist.attacks.fab import FAB
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from securemnist.models.loading import Subject
from securemnist.threats import L2, make_threat
from tests.attacks.searches import fallen, linear, run

DIGITS = 24


class Constant(nn.Module):
    """Reads every image as the same class, by a margin that depends on it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x.flatten(1).mean(1, keepdim=True) + 9, x.flatten(1)[:, :9]], 1)


def test_a_start_lies_just_beyond_a_boundary(baseline: Subject, mnist: DataSet) -> None:
    """The point is read as its target, 1/128 of the way back as the digit; the shortest comes first."""
    digits = mnist.tuning[:DIGITS]
    x, y, model = digits.images(), digits.labels, baseline.model
    ways = crossings(model, x, y, 3)
    lengths = []
    for k in range(3):
        line = outsiders()[ways.outsider[:, k]] - x
        share = ways.share[:, k].view(-1, 1, 1, 1)
        beyond, before = x + share * line, x + (share - 2.0**-7) * line
        assert torch.equal(model(beyond).argmax(1), ways.target[:, k])
        assert (ways.target[:, k] != y).all()
        assert torch.equal(model(before).argmax(1), y)
        lengths.append((share * line).flatten(1).norm(dim=1))
    assert (lengths[0] <= lengths[1]).all()
    assert (lengths[1] <= lengths[2]).all()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_linear_model_falls_at_its_margin(norm: str) -> None:
    """Most digits that are nearer than eps to another class fall, and no digit beyond eps does."""
    model, x, y, radius = linear(norm)
    threat = make_threat(norm, float(radius.median()) * 1.001)
    x_adv = run(BoundaryFAB(steps=40, starts=8), model, x, y, threat)
    fell = fallen(model, x_adv, y)
    assert not fell[radius > threat.eps].any()
    assert fell[radius < 0.9 * threat.eps].float().mean() > 0.7
    assert torch.equal(x_adv[~fell], x[~fell])


def test_it_finds_what_searches_from_the_digit_do_not(mnist: DataSet) -> None:
    """A network trained on L-inf bounds has gradients that mislead in L2; at its boundaries they lead."""
    model = loading.resolve("certified").model
    digits = mnist.tuning[:DIGITS]
    x, y = digits.images(), digits.labels
    outside, *inside = (
        int(fallen(model, run(attack, model, x, y, L2(1.0)), y).sum())
        for attack in (BoundaryFAB(), FAB(steps=50, targets=3), APGD(steps=100))
    )
    assert outside >= max(inside) + DIGITS // 4


def test_a_digit_without_a_way_out_stays(mnist: DataSet) -> None:
    """Where every image is read as the digit is, there is no start, and nothing is proposed."""
    x = mnist.tuning[:4].images()
    y = torch.zeros(4, dtype=torch.long)
    x_adv = run(BoundaryFAB(steps=3, starts=20), Constant(), x, y, L2(2.0))
    assert torch.equal(x_adv, x)


def test_a_network_that_misleads_from_the_digit_is_doubted(mnist: DataSet) -> None:
    """What PGD leaves of it in L2 does not pass: FAB from outside, a cheap attack, takes it."""
    row = {"attack": {"use": "PGD", "steps": 20}, "threat": {"norm": "l2", "eps": 1.0}}
    context = Context(loading.resolve("certified"), mnist)
    seen = take_measurement(
        context, "robust_accuracy", bind("robust_accuracy", {**row, "digits": 48}), 0
    )
    doubt = next(found for found in seen.doubts if found.name == "weak attack")
    assert "FAB-B-30x2" in doubt.reason
