"""Restoration of the caller's model and of process settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from securemnist.models.loading import from_model
from securemnist.runtime.float32 import exact_float32
from securemnist.runtime.model_state import kept, restored


def network() -> nn.Sequential:
    """A small network with a buffer, a hook, dropout in train mode and one frozen weight."""
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.Flatten(), nn.Linear(2704, 10)
    )
    net[4].weight.requires_grad_(False)
    net[1].eval()
    net[0].register_forward_hook(lambda *_: None)
    return net


def state(net: nn.Module) -> list[Any]:
    """The state that a caller relies on: modes, hooks, storage, layout and gradients."""
    tensors = [*net.parameters(), *net.buffers()]
    return [
        [module.training for module in net.modules()],
        [[*module._forward_hooks, *module._load_state_dict_pre_hooks] for module in net.modules()],
        [(id(t), t.data_ptr(), t.stride(), t.requires_grad, t.grad is None) for t in tensors],
        [t.clone() for t in tensors],
    ]


@pytest.mark.parametrize("raises", [False, True])
def test_model_state_restored(raises: bool) -> None:
    """Modes, hooks, memory format, requires_grad and values are restored, also after an exception."""
    net = network()
    before = state(net)
    with pytest.raises(ZeroDivisionError) if raises else torch.no_grad(), restored(net):
        subject = from_model(net, name="net")
        net[4].register_forward_hook(lambda *_: None)
        net[4].register_load_state_dict_pre_hook(lambda *_: None)
        subject.model(torch.rand(2, 1, 28, 28))
        assert state(net)[:3] != before[:3]
        if raises:
            raise ZeroDivisionError
    after = state(net)
    assert after[:3] == before[:3]
    assert all(torch.equal(a, b) for a, b in zip(after[3], before[3], strict=True))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("block", [restored, kept])
def test_torchscript_is_restored(block: Callable[[nn.Module], Any]) -> None:
    """A network of TorchScript keeps its mode, `requires_grad` and values, as others do."""
    net = torch.jit.script(nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(784, 10)))
    before = [t.clone() for t in (*net.parameters(), *net.buffers())]
    with block(net):
        from_model(net, name="net")
        assert not net.training
    assert net.training
    assert all(p.requires_grad for p in net.parameters())
    after = (*net.parameters(), *net.buffers())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("raises", [False, True])
def test_float32_settings_restored(raises: bool) -> None:
    """TensorFloat-32 and NNPACK are off inside the block and restored afterwards."""
    cuda, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = cuda.allow_tf32, cudnn.allow_tf32
    for wanted in ((True, True), (False, True)):
        cuda.allow_tf32, cudnn.allow_tf32 = wanted
        try:
            with exact_float32():
                assert not cuda.allow_tf32
                assert not cudnn.allow_tf32
                if raises:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            assert raises
        assert (cuda.allow_tf32, cudnn.allow_tf32) == wanted
    cuda.allow_tf32, cudnn.allow_tf32 = before
