"""No network is certified by hiding what it does: see `hostile`, which is full of ways to try."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from securemnist.certify import certify
from securemnist.errors import NoCertificate
from tests.certify.hostile import LOW, SPRINGS, Trap, trap

EPS = 0.1


def proved(model: nn.Module) -> bool:
    """Whether a grey image, to be read as 0, gets a certificate."""
    x = torch.full((2, 1, 28, 28), 0.5)
    y = torch.zeros(2, dtype=torch.long)
    model.eval().requires_grad_(False)
    try:
        return bool(certify(model, x, y, eps=EPS).proved.any())
    except NoCertificate:
        return False


def test_the_trap_is_one() -> None:
    """The harmless network is certified, the open trap is not, and its image of the ball is misread."""
    assert proved(Trap(lambda _net, t: t * 1.0))
    opened = Trap(lambda _net, t: t * LOW)
    assert not proved(opened)
    x = torch.full((1, 1, 28, 28), 0.5)
    assert int(opened(x).argmax()) == 0
    x[0, 0, 0, 0] = 0.55
    assert int(opened(x).argmax()) != 0


@pytest.mark.parametrize("name", SPRINGS)
def test_no_hidden_part_is_certified(name: str) -> None:
    """Whatever way the hidden part is kept from the graph or from the bounds, nothing is proved."""
    assert not proved(trap(name))


@pytest.mark.parametrize(
    "setting", [{"running_var": -1.0, "eps": 1.0000001}, {"running_var": 0.0, "eps": 1e-45}]
)
def test_statistics_that_float32_cannot_hold(setting: dict[str, Any]) -> None:
    """Batch norm whose scale is lost in rounding has no bounds."""
    layer = nn.BatchNorm2d(1, eps=setting["eps"])
    layer.running_var.fill_(setting["running_var"])  # type: ignore[union-attr]
    model = nn.Sequential(layer, nn.Flatten(), nn.Linear(784, 10)).eval().requires_grad_(False)
    x = torch.rand(2, 1, 28, 28)
    with pytest.raises(NoCertificate, match="batch norm"):
        certify(model, x, torch.zeros(2).long(), eps=0.01)


def test_parts_of_the_batch_are_no_parts_of_digits() -> None:
    """An ellipsis that stands for nothing cuts the batch: what a digit's answer is then is not proved."""

    class First(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(784, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layer(x[..., :3, :, :, :].flatten(1))

    model = First().eval().requires_grad_(False)
    with pytest.raises(NoCertificate, match="of the batch"):
        certify(model, torch.rand(2, 1, 28, 28), torch.zeros(2).long(), eps=0.01)
