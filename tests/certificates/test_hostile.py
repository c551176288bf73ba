"""Networks of `hostile` that hide an operation are not certified."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from securemnist.certificates import certify
from securemnist.certificates.proofs.proof import prove
from securemnist.errors import NoCertificate
from tests.certificates.hostile import SPRINGS, Spring, trap
from tests.certificates.networks import behind
from tests.certificates.trap_network import LOW

EPS = 0.1
BUILT = pytest.mark.parametrize("spring", SPRINGS, ids=lambda spring: spring.__name__)


def certified(model: nn.Module, norm: str = "linf") -> bool:
    """Whether a grey image with label 0 gets a certificate."""
    x, y = torch.full((2, 1, 28, 28), 0.5), torch.zeros(2, dtype=torch.long)
    return bool(certify(model, x, y, eps=EPS, norm=norm).proved.any())


def proved(model: nn.Module) -> bool:
    """Whether branch and bound proves a grey image with label 0."""
    x, y = torch.full((1, 1, 28, 28), 0.5), torch.zeros(1, dtype=torch.long)
    return bool(prove(model, x, y, eps=EPS, seconds=5).proved)


def test_trap_without_hiding_is_bounded() -> None:
    """The harmless network is certified and proved; with a visible hidden part it is not certified."""
    harmless = trap(lambda _net, t: t * 1.0)
    assert certified(harmless)
    assert certified(harmless, "l2")
    assert proved(harmless)
    assert not certified(trap(lambda _net, t: t * LOW))


@BUILT
def test_trap_misclassifies_image(spring: Spring) -> None:
    """An image of the ball is misclassified: in a batch of 64, in some gradient mode, within 60 calls."""
    net, x = trap(spring), torch.full((64, 1, 28, 28), 0.5)
    assert not net(x).argmax(1).any()
    x[:, 0, 0, 0] = 0.55
    misclassified = [bool(net(x.requires_grad_(True)).argmax(1).any()) for _ in range(60)]
    with torch.inference_mode():
        misclassified.append(bool(net(x.detach().clone()).argmax(1).any()))
    assert any(misclassified)


@BUILT
def test_trap_not_certified(spring: Spring) -> None:
    """No network with a hidden part is certified, nor proved by splits; the reason is the stated one."""
    reason = SPRINGS[spring]
    if reason is None:
        model = trap(spring)
        assert not certified(model)
        assert not certified(model, "l2")
        assert not proved(model)
        return
    with pytest.raises(NoCertificate, match=reason):
        certified(trap(spring))


@pytest.mark.parametrize(
    ("var", "eps", "weight"), [(-1.0, 1.0000001, 1.0), (0.0, 1e-45, 1.0), (1e-36, 0.0, 1e21)]
)
def test_batch_norm_outside_float32_not_certified(var: float, eps: float, weight: float) -> None:
    """Batch norm with a scale that float32 cannot represent has no bounds."""
    layer = nn.BatchNorm2d(1, eps=eps)
    layer.running_var.fill_(var)  # type: ignore[union-attr]
    layer.weight.data.fill_(weight)
    with pytest.raises(NoCertificate, match="batch norm"):
        certified(behind(layer).eval().requires_grad_(False))
