"""Outputs with the classes of a network and true gradients, which lead away from every error."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from securemnist.attacks.base import Attack
from securemnist.attacks.onward import OnwardPGD
from securemnist.attacks.pgd import PGD
from securemnist.data import DataSet
from securemnist.evaluation.doubts import SearchCase
from securemnist.evaluation.doubts.check_input import Case
from securemnist.evaluation.doubts.gradients import gradients
from securemnist.evaluation.doubts.other_attacks import weak_attack
from securemnist.threats import L2, Linf, Threat
from tests.attacks.models import misclassified, run
from tests.evaluation.doubts.impostors import Around
from tests.evaluation.doubts.test_gradients import case, network

IMAGES = 48


class OfMargin(Around):
    """Moves the largest logit: its distance to the next one becomes a function of that distance."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = self.network(x)
        two = logits.topk(2, 1).values
        margin = two[:, :1] - two[:, 1:]
        largest = (logits == two[:, :1]).to(logits.dtype)
        return logits + largest * (self.shown(margin) - margin)

    def shown(self, margin: torch.Tensor) -> torch.Tensor:
        """The margin that the output shows, above 0 as the `margin` (n, 1)."""
        raise NotImplementedError


class Growing(OfMargin):
    """The nearer the network is to an error, the larger is the margin."""

    def shown(self, margin: torch.Tensor) -> torch.Tensor:
        return (60 - margin).clamp_min(0.01)


class Hill(OfMargin):
    """The margin grows towards an error until it is 2, and falls only then."""

    def shown(self, margin: torch.Tensor) -> torch.Tensor:
        return margin * (1 - margin / 2).exp()


class Waves(OfMargin):
    """The margin rises and falls at every scale, as that of AAA does (arXiv 2205.12134)."""

    def shown(self, margin: torch.Tensor) -> torch.Tensor:
        margin = margin.clamp_min(1e-6)
        return margin * (1 + 0.6 * torch.sin(5 * margin.log()))


class ReversedOrder(Around):
    """Of the other classes the nearest has the lowest output."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = self.network(x)
        below = logits.amax(1, keepdim=True) - logits
        return torch.where(below == 0, 0.0, -20 / (below + 1e-3))


class ReverseSigmoid(Around):
    """Probabilities less a sigmoid of their logits, beta 1 and gamma 0.2 (arXiv 1806.00054).

    Logits are doubled, as those of a network that is surer of its classes.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = 2 * self.network(x).double()
        itself = torch.eye(logits.shape[1], dtype=torch.bool, device=x.device)
        others = logits[:, None].masked_fill(itself, -torch.inf).logsumexp(2)
        moved = logits.softmax(1) - torch.sigmoid(0.2 * (logits - others)) + 0.5
        return (moved / moved.sum(1, keepdim=True)).float()


KINDS = (Growing, Hill, Waves, ReversedOrder, ReverseSigmoid)


def broken(attack: Attack, model: nn.Module, found: Case) -> torch.Tensor:
    """Boolean (n,): images of the case that the attack on `model` breaks."""
    return misclassified(model, run(attack, model, found.x, found.y, found.threat), found.y)


@pytest.mark.parametrize(
    ("kind", "threat"), [*((kind, Linf(0.1)) for kind in KINDS), (Waves, L2(1.2))], ids=str
)
def test_outputs_that_mislead_are_attacked_as_the_network_behind_them(
    kind: type[Around], threat: Threat, mnist: DataSet
) -> None:
    """PGD on their margin breaks few images. A search that never turns back breaks the others."""
    found = case(kind(network()).eval(), mnist, threat, IMAGES)
    margin, onward = (
        int(broken(attack, found.model, found).sum())
        for attack in (PGD(steps=20, loss="margin"), OnwardPGD())
    )
    behind = int(broken(OnwardPGD(), network(), found).sum())
    assert margin + 4 < onward
    assert onward >= behind - 2


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_that_mislead_are_doubted(kind: type[Around], mnist: DataSet) -> None:
    """Their gradients are true, so that only an attack on survivors shows what they hide."""
    found = case(kind(network()).eval(), mnist, Linf(0.1), IMAGES)
    assert gradients(found) is None
    left = ~broken(PGD(steps=20, restarts=4, loss="margin"), found.model, found)
    survivors = found.__dict__ | {"x": found.x[left], "y": found.y[left]}
    doubt = weak_attack(SearchCase(**survivors, transfer=False))
    assert doubt is not None
    assert "OnwardPGD" in doubt.reason


def test_an_honest_network_loses_no_more_to_it(mnist: DataSet) -> None:
    """There its first way is a short PGD, and the second only makes the class more certain."""
    found = case(network(), mnist, Linf(0.1), IMAGES)
    search = broken(PGD(steps=40, loss="margin"), found.model, found)
    assert int((broken(OnwardPGD(), found.model, found) & ~search).sum()) <= 1
