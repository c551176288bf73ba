"""What is not understood gets no certificate, and is told why; ties are never certified."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from securemnist.certify import certificates, certify
from securemnist.errors import MeasureError, NoCertificate


class Branching(nn.Module):
    """Looks at its input before it decides what to do."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(784, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x.flatten(1) if x.sum() > 0 else -x.flatten(1))


class Counting(nn.Module):
    """Answers every second call otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.calls = nn.Linear(784, 10), 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.layer(x.flatten(1)) * (1 + self.calls)


class Own(nn.ReLU):
    """Called ReLU, but not torch's."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.abs()


class Square(nn.Module):
    """A product of activations."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * x


class Sliced(nn.Module):
    """Adds a part of its input, which no rule follows."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + x[:, :, :1]


class Brightest(nn.Module):
    """Takes a number off that looks like a constant, but is the batch's largest."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x - torch.aminmax(x)[1]


class Mixed(nn.Module):
    """Lets digits of a batch look at each other."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x - x.flatten().sum()


class Overwriting(nn.Module):
    """ReLU in place on what is added afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x - 0.5
        return self.relu(y) + y


def hooked() -> nn.Module:
    """A ReLU whose output is changed from outside."""
    layer = nn.ReLU()
    layer.register_forward_hook(lambda _layer, _given, out: -out)
    return layer


def behind(layer: nn.Module) -> nn.Module:
    """The layer before a linear one."""
    return nn.Sequential(layer, nn.Flatten(), nn.Linear(784, 10))


REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "unknown layer": (lambda: behind(nn.GELU()), "GELU"),
    "softmax": (lambda: nn.Sequential(behind(nn.ReLU()), nn.Softmax(1)), "Softmax"),
    "own layer": (lambda: behind(Own()), "known bounds, got (Own|abs)"),
    "product": (lambda: behind(Square()), "mul of two activations"),
    "slice": (lambda: behind(Sliced()), "getitem"),
    "tuple": (lambda: behind(Brightest()), "aminmax"),
    "batch": (lambda: behind(Mixed()), "of each digit"),
    "hook": (lambda: behind(hooked()), "with a hook"),
    "in place": (lambda: behind(Overwriting()), "in place"),
    "branch": (Branching, "tracing raised"),
    "double": (lambda: behind(nn.ReLU()).double(), "float32 weights"),
    "steep": (lambda: behind(nn.LeakyReLU(2.0)), "slope from 0 to 1"),
    "no statistics": (
        lambda: behind(nn.BatchNorm2d(1, track_running_stats=False)),
        "running statistics",
    ),
    "mirrored padding": (
        lambda: behind(nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect")),
        "padding of zeros",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_known_is_refused_by_name(case: str) -> None:
    """A network with a step that has no bounds gets a sentence that names it, and no certificate."""
    make, named = REFUSED[case]
    model = make().eval().requires_grad_(False)
    with pytest.raises(NoCertificate, match=named):
        certify(model, torch.rand(2, 1, 28, 28), torch.zeros(2, dtype=torch.long), eps=0.01)


def test_training_mode_is_refused() -> None:
    """Dropout that still drops has no bounds."""
    with pytest.raises(NoCertificate, match="eval mode"):
        certify(behind(nn.Dropout()), torch.rand(2, 1, 28, 28), torch.zeros(2).long(), eps=0.01)


def test_a_model_with_a_memory_is_refused() -> None:
    """A graph that computes other logits than the model certifies nothing about it."""
    with pytest.raises(NoCertificate, match="depends on more than its input"):
        certify(Counting().eval(), torch.rand(2, 1, 28, 28), torch.zeros(2).long(), eps=0.01)


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


def test_a_bound_above_the_digits_own_margin_is_our_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound that the digit itself contradicts stops the measurement as an error of ours."""
    model = behind(nn.ReLU()).eval().requires_grad_(False)
    bounds = certificates.lower_bounds
    monkeypatch.setattr(certificates, "lower_bounds", lambda *a, **k: bounds(*a, **k) + 1)
    with pytest.raises(MeasureError, match="error of the certificates"):
        certify(model, torch.rand(2, 1, 28, 28), torch.zeros(2).long(), eps=0.001)
