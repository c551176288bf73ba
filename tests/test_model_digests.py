"""The digest of a model sees what it computes with, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from securemnist.models import Normalize
from securemnist.subjects import Subject, from_model


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
def test_the_digest_sees_every_change(
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
def test_the_digest_sees_nothing_else(
    change: Callable[[nn.Sequential], nn.Module],
) -> None:
    """Layout in memory, gradients, mode and name leave the digest as it is."""
    assert digest(change(net())) == digest(net())
