"""No network is certified by hiding an operation: `hostile` holds the ways to try."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from securemnist.certificates import certify
from securemnist.errors import NoCertificate
from tests.certificates.hostile import LOW, SPRINGS, Spring, trap
from tests.certificates.networks import behind

EPS = 0.1
BUILT = pytest.mark.parametrize("spring", SPRINGS, ids=lambda spring: spring.__name__)


def proved(model: nn.Module) -> bool:
    """Whether a grey image, to be read as 0, gets a certificate."""
    x, y = torch.full((2, 1, 28, 28), 0.5), torch.zeros(2, dtype=torch.long)
    return bool(certify(model, x, y, eps=EPS).proved.any())


def test_the_open_trap_has_bounds() -> None:
    """The harmless network is certified, and the one that hides nothing is not."""
    assert proved(trap(lambda _net, t: t * 1.0))
    assert not proved(trap(lambda _net, t: t * LOW))


@BUILT
def test_every_trap_misclassifies_an_image(spring: Spring) -> None:
    """An image of the ball is misclassified: in a batch of 64, in some gradient mode, within 60 calls."""
    net, x = trap(spring), torch.full((64, 1, 28, 28), 0.5)
    assert not net(x).argmax(1).any()
    x[:, 0, 0, 0] = 0.55
    misclassified = [bool(net(x.requires_grad_(True)).argmax(1).any()) for _ in range(60)]
    with torch.inference_mode():
        misclassified.append(bool(net(x.detach().clone()).argmax(1).any()))
    assert any(misclassified)


@BUILT
def test_no_trap_is_certified(spring: Spring) -> None:
    """Whatever keeps the hidden part from graph and bounds, nothing is proved, for the stated reason."""
    reason = SPRINGS[spring]
    if reason is None:
        assert not proved(trap(spring))
        return
    with pytest.raises(NoCertificate, match=reason):
        proved(trap(spring))


@pytest.mark.parametrize(
    ("var", "eps", "weight"), [(-1.0, 1.0000001, 1.0), (0.0, 1e-45, 1.0), (1e-36, 0.0, 1e21)]
)
def test_statistics_that_float32_cannot_hold(var: float, eps: float, weight: float) -> None:
    """Batch norm whose scale is lost in rounding has no bounds."""
    layer = nn.BatchNorm2d(1, eps=eps)
    layer.running_var.fill_(var)  # type: ignore[union-attr]
    layer.weight.data.fill_(weight)
    with pytest.raises(NoCertificate, match="batch norm"):
        proved(behind(layer).eval().requires_grad_(False))
