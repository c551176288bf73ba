"""Outputs with the classes of a network and true gradients, which lead away from every error."""

from __future__ import annotations

import pytest
import torch

from securemnist.attacks.pgd import PGD
from securemnist.data import DataSet
from securemnist.evaluation.doubts import SearchCase
from securemnist.evaluation.doubts.gradients import gradients
from securemnist.evaluation.doubts.other_attacks import weak_attack
from securemnist.threats import Linf
from tests.attacks.models import misclassified, run
from tests.evaluation.doubts.impostors import Around
from tests.evaluation.doubts.test_gradients import case, network

IMAGES = 48


class GrowingMargin(Around):
    """The largest logit lies the higher above the next one, the nearer the network is to an error."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = self.network(x)
        two = logits.topk(2, 1).values
        margin = two[:, :1] - two[:, 1:]
        largest = (logits == two[:, :1]).to(logits.dtype)
        return logits + largest * ((60 - margin).clamp_min(0.01) - margin)


class ReversedOrder(Around):
    """Of the other classes the nearest has the lowest output."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = self.network(x)
        below = logits.amax(1, keepdim=True) - logits
        return torch.where(below == 0, 0.0, -20 / (below + 1e-3))


@pytest.mark.parametrize(
    ("kind", "loss"), [(GrowingMargin, "reversed"), (ReversedOrder, "negated")]
)
def test_outputs_that_mislead_are_doubted(kind: type[Around], loss: str, mnist: DataSet) -> None:
    """Their gradients are true, and a loss that goes the other way breaks what the margin leaves."""
    found = case(kind(network()).eval(), mnist, Linf(0.1), IMAGES)
    assert gradients(found) is None
    doubt = weak_attack(SearchCase(**found.__dict__, transfer=False))
    assert doubt is not None
    assert "(reversed)" in doubt.reason or "(negated)" in doubt.reason
    broken = []
    for one in ("margin", loss):
        x_adv = run(PGD(steps=20, loss=one), found.model, found.x, found.y, Linf(0.1))
        broken.append(int(misclassified(found.model, x_adv, found.y).sum()))
    assert broken[0] + len(found.y) / 16 < broken[1]


@pytest.mark.parametrize("loss", ["reversed", "negated"])
def test_an_honest_network_is_not_broken_by_them(loss: str, mnist: DataSet) -> None:
    """There these attacks make the true class more certain."""
    found = case(network(), mnist, Linf(0.1), IMAGES)
    x_adv = run(PGD(steps=20, loss=loss), found.model, found.x, found.y, Linf(0.1))
    assert not misclassified(found.model, x_adv, found.y).any()
