"""Model digests: changes that they detect, and state that they ignore."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from securemnist.errors import ModelError
from securemnist.models.architectures import Normalize
from securemnist.models.loading import Subject, from_model
from tests.error_form import one_sentence


def net(seed: int = 0) -> nn.Sequential:
    """A small network with a convolution, a constant and a buffer."""
    torch.manual_seed(seed)
    layers = nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(1352, 10), nn.BatchNorm1d(10)
    return nn.Sequential(Normalize(), *layers)


def digest(model: nn.Module) -> str:
    """The digest of a model."""
    return Subject(model, "net", "net", "net").digest


def nudge(model: nn.Sequential) -> nn.Sequential:
    """One weight moved to the next float32."""
    bias = model[4].bias.data
    bias[3] = torch.nextafter(bias[3], torch.tensor(torch.inf))
    return model


def replaced(place: int, layer: nn.Module) -> Callable[[nn.Sequential], nn.Sequential]:
    """One layer of the network replaced."""

    def change(model: nn.Sequential) -> nn.Sequential:
        model[place] = layer
        return model

    return change


def swapped(model: nn.Sequential) -> nn.Sequential:
    """Two tensors of the same shape exchanged."""
    norm = model[5]
    norm.weight.data, norm.bias.data = norm.bias.data, norm.weight.data
    return model


def buffered(model: nn.Sequential) -> nn.Sequential:
    """A running mean changed."""
    model[5].running_mean[0] += 1
    return model


def renamed(model: nn.Sequential) -> nn.Sequential:
    """A buffer under another name."""
    model[5].register_buffer("running_mean_", model[5]._buffers.pop("running_mean"))
    return model


@pytest.mark.parametrize(
    "change",
    [
        nudge,
        swapped,
        buffered,
        renamed,
        replaced(0, Normalize(0.5, 0.5)),
        replaced(2, nn.Tanh()),
        lambda model: nn.Sequential(*model, nn.Softmax(1)),
        lambda model: model.double(),
        lambda _: net(1),
    ],
    ids=[
        "a bit",
        "swap",
        "buffer",
        "name",
        "constant",
        "layer",
        "layer more",
        "dtype",
        "other weights",
    ],
)
def test_digest_changes_with_model(
    change: Callable[[nn.Sequential], nn.Sequential],
) -> None:
    """A changed weight, buffer, name, constant, dtype or layer gives another digest."""
    assert digest(change(net())) != digest(net())


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model,
        lambda model: model.to(memory_format=torch.channels_last),
        lambda model: model.requires_grad_(False),
        lambda model: from_model(model, name="other").model.train(),
    ],
    ids=["nothing", "layout", "gradients", "name and mode"],
)
def test_digest_ignores_irrelevant_state(
    change: Callable[[nn.Sequential], nn.Module],
) -> None:
    """Memory layout, gradients, mode and name do not change the digest."""
    assert digest(change(net())) == digest(net())


class Attribute(nn.Module):
    """Computes with a tensor that is neither parameter nor buffer."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.weight = torch.full((784, 10), value)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1) @ self.weight


class Rows(nn.Module):
    """A recurrent network over rows."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.out = nn.GRU(28, 8, batch_first=True), nn.Linear(8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.gru(x.squeeze(1))[0][:, -1])


def quantised(seed: int) -> nn.Module:
    """A network with packed 8-bit weights."""
    torch.manual_seed(seed)
    packed: nn.Module = torch.ao.quantization.quantize_dynamic(Rows(), {nn.GRU, nn.Linear})
    return packed


def sparse(value: float) -> nn.Module:
    """A network with a sparse buffer."""
    model = net()
    model.register_buffer("mask", (value * torch.eye(3)).to_sparse())
    return model


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*quantized tensor:UserWarning")
@pytest.mark.parametrize("make", [Attribute, quantised, sparse])
def test_digest_covers_unusual_tensors(make: Callable[[int], nn.Module]) -> None:
    """Plain attributes, packed and sparse tensors are part of the digest."""
    assert digest(make(1)) == digest(make(1))
    assert digest(make(1)) != digest(make(2))


def test_digest_counts_tied_weights_once() -> None:
    """A second name of the same weights is part of the structure, not a second tensor."""
    model = net()
    model.append(nn.Linear(10, 10)).append(nn.Linear(10, 10))
    model[7].weight = model[6].weight
    assert digest(from_model(model, name="tied").model) == digest(model)


def test_digest_refuses_lazy_weights() -> None:
    """A model with uninitialised weights is one sentence."""
    with pytest.raises(ModelError, match="expected readable tensors") as caught:
        digest(net().to("meta"))
    one_sentence(caught.value)


def test_digest_stable_when_model_writes_buffers() -> None:
    """Batch norm in train mode changes its statistics at each call, but not the subject's digest."""
    net = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(784, 10))
    subject = from_model(net, name="net")
    before = subject.digest
    net.train()(torch.rand(4, 1, 28, 28))
    assert subject.digest == before
    assert from_model(net, name="net").digest != before
