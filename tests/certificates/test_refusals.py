"""Refusal of unsupported networks, ties and invalid arguments."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from securemnist.certificates import certify
from securemnist.certificates.bounds import margin_bounds
from securemnist.errors import MeasureError, NoCertificate, NoGraph
from tests.certificates.batch_mixing import MIXING
from tests.certificates.in_place import OVERWRITING
from tests.certificates.networks import behind
from tests.certificates.unsupported import REFUSED, Counting

CASES = {**REFUSED, **MIXING, **OVERWRITING}


@pytest.mark.parametrize("case", CASES)
def test_unsupported_network_refused(case: str) -> None:
    """A network with an unsupported operation gets no certificate, and the sentence names it.

    Where it cannot be read at all, the sentence also says what to do.
    """
    make, named = CASES[case]
    model = make().eval()
    if any(isinstance(p, nn.UninitializedParameter) for p in model.parameters()):
        model(torch.rand(2, 1, 28, 28))
    model.requires_grad_(False)
    with pytest.raises(NoCertificate, match=named) as caught:
        certify(model, torch.rand(2, 1, 28, 28), torch.zeros(2, dtype=torch.long), eps=0.01)
    assert not isinstance(caught.value, NoGraph) or "; " in str(caught.value)


def test_export_leaves_model_unchanged() -> None:
    """A model that counts its samples still has an int counter after the export."""

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


class Called(nn.Module):
    """Counts its calls in a buffer, and answers otherwise after 1,000 of them."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(784, 10)
        self.register_buffer("calls", torch.tensor(0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        logits = self.layer(x.flatten(1))
        return -logits if self.calls.item() > 1_000 else logits


class Average(nn.Module):
    """Keeps the mean of its images in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(784, 10)
        self.register_buffer("mean", torch.tensor(0.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.mean.mul_(0.9).add_(0.1 * x.mean())
        return self.layer(x.flatten(1))


@pytest.mark.parametrize(("model", "name"), [(Called, "calls"), (Average, "mean")])
def test_written_buffers_refused(model: type[nn.Module], name: str) -> None:
    """A buffer that the forward pass writes is refused, also where no operation on logits reads it."""
    x = torch.rand(2, 1, 28, 28)
    with pytest.raises(NoCertificate, match=f"to stay, got {name} written"):
        certify(model().eval(), x, torch.zeros(2).long(), eps=0.01)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_torchscript_named() -> None:
    """A traced network is refused as what it is."""
    model = torch.jit.trace(behind(nn.ReLU()).eval(), torch.rand(2, 1, 28, 28))
    with pytest.raises(NoCertificate, match="got TorchScript"):
        certify(model, torch.rand(2, 1, 28, 28), torch.zeros(2).long(), eps=0.01)


def test_training_mode_refused() -> None:
    """A model in training mode has no bounds."""
    with pytest.raises(NoCertificate, match="eval mode"):
        certify(behind(nn.Dropout()), torch.rand(2, 1, 28, 28), torch.zeros(2).long(), eps=0.01)


def test_stateful_model_refused() -> None:
    """A graph with other logits than the model certifies nothing."""
    with pytest.raises(NoCertificate, match="depends on more than its input"):
        certify(Counting().eval(), torch.rand(2, 1, 28, 28), torch.zeros(2).long(), eps=0.01)


def test_nan_logits_refused() -> None:
    """A network with NaN weights is refused with that reason."""
    model = behind(nn.ReLU()).eval().requires_grad_(False)
    model[2].weight.fill_(torch.nan)  # type: ignore[index]
    with pytest.raises(NoCertificate, match="got NaN"):
        certify(model, torch.rand(2, 1, 28, 28), torch.zeros(2).long(), eps=0.01)


@pytest.mark.parametrize(("shift", "eps"), [(-0.5, 0.1), (0.0, -0.1), (torch.nan, 0.1)])
def test_invalid_images_or_eps_refused(shift: float, eps: float) -> None:
    """Pixels outside [0, 1] and a negative eps are a MeasureError."""
    x = torch.rand(2, 1, 28, 28) + shift
    with pytest.raises(MeasureError, match=r"expected (images from 0|an eps of 0)"):
        certify(behind(nn.ReLU()).eval(), x, torch.zeros(2).long(), eps=eps)


def test_ties_not_certified() -> None:
    """Two logits that are always equal give a margin of zero, which is no certificate even for eps 0."""
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


def test_bound_above_clean_margin_is_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound above the sample's own margin raises MeasureError."""
    model = behind(nn.ReLU()).eval().requires_grad_(False)
    bounds = margin_bounds.lower_bounds
    monkeypatch.setattr(margin_bounds, "lower_bounds", lambda *a, **k: bounds(*a, **k) + 1)
    with pytest.raises(MeasureError, match="error of the certificates"):
        certify(model, torch.rand(2, 1, 28, 28), torch.zeros(2).long(), eps=0.001)
