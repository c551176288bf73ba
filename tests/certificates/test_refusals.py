"""Unknown operations get no certificate but a sentence; ties are never certified."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from securemnist.certificates import certificate, certify
from securemnist.errors import MeasureError, NoCertificate
from tests.certificates.mixing import MIXING
from tests.certificates.networks import behind
from tests.certificates.overwriting import OVERWRITING
from tests.certificates.refused import REFUSED, Counting

CASES = {**REFUSED, **MIXING, **OVERWRITING}


@pytest.mark.parametrize("case", CASES)
def test_what_is_not_known_is_refused_by_name(case: str) -> None:
    """A network with a step that has no bounds gets a sentence that names it, and no certificate."""
    make, named = CASES[case]
    model = make().eval()
    if any(isinstance(p, nn.UninitializedParameter) for p in model.parameters()):
        model(torch.rand(2, 1, 28, 28))
    model.requires_grad_(False)
    with pytest.raises(NoCertificate, match=named):
        certify(model, torch.rand(2, 1, 28, 28), torch.zeros(2, dtype=torch.long), eps=0.01)


def test_export_leaves_the_model_as_it_was() -> None:
    """A model that counts its samples has an int as its counter after it was exported."""

    class Counter(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.count = nn.Linear(784, 10), 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.count += x.shape[0]
            return self.layer(x.flatten(1))

    model = Counter().eval().requires_grad_(False)
    certify(model, torch.rand(2, 1, 28, 28), torch.zeros(2).long(), eps=0.01)
    assert isinstance(model.count, int)


def test_training_mode_is_refused() -> None:
    """Dropout that still drops has no bounds."""
    with pytest.raises(NoCertificate, match="eval mode"):
        certify(behind(nn.Dropout()), torch.rand(2, 1, 28, 28), torch.zeros(2).long(), eps=0.01)


def test_a_model_with_a_memory_is_refused() -> None:
    """A graph that computes other logits than the model certifies nothing about it."""
    with pytest.raises(NoCertificate, match="depends on more than its input"):
        certify(Counting().eval(), torch.rand(2, 1, 28, 28), torch.zeros(2).long(), eps=0.01)


def test_logits_that_are_no_numbers() -> None:
    """A network whose weights are NaN is refused with that reason."""
    model = behind(nn.ReLU()).eval().requires_grad_(False)
    model[2].weight.fill_(torch.nan)  # type: ignore[index]
    with pytest.raises(NoCertificate, match="got NaN"):
        certify(model, torch.rand(2, 1, 28, 28), torch.zeros(2).long(), eps=0.01)


@pytest.mark.parametrize(("shift", "eps"), [(-0.5, 0.1), (0.0, -0.1), (torch.nan, 0.1)])
def test_what_is_no_image(shift: float, eps: float) -> None:
    """Pixels outside of 0 to 1 and a radius below 0 are the caller's error, not the certificates'."""
    x = torch.rand(2, 1, 28, 28) + shift
    with pytest.raises(MeasureError, match="fix the call"):
        certify(behind(nn.ReLU()).eval(), x, torch.zeros(2).long(), eps=eps)


def test_ties_are_never_certified() -> None:
    """Two logits that are always equal: a margin of zero is no proof, even of a ball of one image."""
    layer = nn.Linear(784, 10)
    with torch.no_grad():
        layer.weight[1] = layer.weight[0]
        layer.bias[:] = torch.tensor([9.0, 9.0, *[0.0] * 8])
    model = nn.Sequential(nn.Flatten(), layer).eval().requires_grad_(False)
    x, y = torch.rand(4, 1, 28, 28) / 100, torch.zeros(4, dtype=torch.long)
    for crown in (False, True):
        found = certify(model, x, y, eps=0.0, crown=crown)
        assert not found.proved.any()
        assert (found.margins <= 0).all()


def test_a_bound_above_the_own_margin_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound above the sample's own margin raises MeasureError, an error of the certificates."""
    model = behind(nn.ReLU()).eval().requires_grad_(False)
    bounds = certificate.lower_bounds
    monkeypatch.setattr(certificate, "lower_bounds", lambda *a, **k: bounds(*a, **k) + 1)
    with pytest.raises(MeasureError, match="error of the certificates"):
        certify(model, torch.rand(2, 1, 28, 28), torch.zeros(2).long(), eps=0.001)
