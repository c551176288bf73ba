"""ReLU written by hand has the bounds of ReLU, and clamps consist of it."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from securemnist.certificates.bounds.margin_bounds import CROWN
from securemnist.certificates.certificate import certify, network_of
from securemnist.certificates.operations.activations import LeakyReLU
from securemnist.certificates.proofs.proof import prove
from securemnist.errors import NoCertificate
from securemnist.evaluation.proof_stage import StartedAttack
from securemnist.threats import Linf

Function = Callable[[torch.Tensor], torch.Tensor]
FORMS: dict[str, Function] = {
    "clamp": lambda x: x.clamp(min=0),
    "maximum with zeros": lambda x: torch.maximum(x, torch.zeros_like(x)),
    "maximum with a number": lambda x: torch.maximum(torch.tensor(0.0), x),
    "threshold": lambda x: F.threshold(x, 0, 0),
}
CLAMPS = [(-0.1, None), (None, 0.2), (0.0, 0.3), (-0.2, 0.2)]
# Functions that look alike and are not ReLU.
OTHERS: dict[str, Function] = {
    "maximum with ones": lambda x: torch.maximum(x, torch.ones_like(x)),
    "minimum with zeros": lambda x: torch.minimum(x, torch.zeros_like(x)),
}


class Hidden(nn.Module):
    """Two linear layers with a function between them."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.function, self.first, self.last = function, nn.Linear(16, 20), nn.Linear(20, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.last(self.function(self.first(x.flatten(1))))
        return logits


def images() -> torch.Tensor:
    """Images (20, 1, 4, 4)."""
    return torch.rand(20, 1, 4, 4, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("form", FORMS)
def test_bounds_are_those_of_relu(form: str) -> None:
    """The margins of all samples are equal, and some samples are proved by CROWN alone."""
    x = images()
    written, layer = Hidden(FORMS[form]).eval(), Hidden(torch.relu).eval()
    y = layer(x).argmax(1)
    found, expected = (certify(model, x, y, eps=0.1) for model in (written, layer))
    assert torch.equal(found.margins, expected.margins)
    assert found.count(CROWN) > 0


@pytest.mark.parametrize("limits", CLAMPS)
def test_clamps_have_linear_bounds(limits: tuple[float | None, float | None]) -> None:
    """CROWN proves samples of an ordinary network, and branch and bound decides those that are left."""
    x = images()
    model = Hidden(lambda z: z.clamp(*limits)).eval()
    y = model(x).argmax(1)
    assert certify(model, x, y, eps=0.05).count(CROWN) > 0
    attack = StartedAttack(model, x, y, Linf(0.1))
    found = prove(model, x, y, eps=0.1, seconds=math.inf, attack=attack)
    assert (found.proved | found.broken).all()


@pytest.mark.parametrize("form", OTHERS)
def test_other_functions_are_no_relu(form: str) -> None:
    """A maximum with another constant and a minimum have bounds of their own."""
    network = network_of(Hidden(OTHERS[form]).eval(), images())
    assert not any(isinstance(step.rule, LeakyReLU) for step in network.steps)


def test_other_thresholds_have_no_bounds() -> None:
    """A threshold elsewhere than at 0 jumps."""
    with pytest.raises(NoCertificate, match="expected a threshold of 0"):
        network_of(Hidden(lambda x: F.threshold(x, 0.5, 0)).eval(), images())
