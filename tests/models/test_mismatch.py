"""A model that does not fit the data's spec: one sentence with the wrapper to use."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from securemnist.errors import ModelError
from securemnist.input_spec import MNIST, InputSpec
from securemnist.models import contract, select_classes
from securemnist.models.loading import from_model
from tests.error_form import one_sentence
from tests.stubs import FunctionModel

COLOUR = InputSpec(3, 32, 32, 10)
BINARY = InputSpec(1, 28, 28, 2)


def convolutional(channels: int, side: int, outputs: int = 10) -> nn.Module:
    """A network for images of one shape."""
    return nn.Sequential(
        nn.Conv2d(channels, 2, 3), nn.Flatten(), nn.Linear(2 * (side - 2) ** 2, outputs)
    )


class LastAxis(nn.Module):
    """A network for images (n, H, W, C)."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of the mean of all pixels."""
        return self.layer(x).mean((1, 2))


def outputs(*shape: int) -> nn.Module:
    """A network with outputs of this shape a sample."""
    return FunctionModel(lambda x: torch.zeros(len(x), *shape))


CASES: dict[str, tuple[nn.Module, InputSpec, str]] = {
    "colour network, grey data": (
        convolutional(3, 32),
        MNIST,
        "it takes images 3x32x32: name data of that shape (`--data`), or wrap the model with "
        "securemnist.models.resized(net, 3, 32, 32)",
    ),
    "three channels": (
        convolutional(3, 28),
        MNIST,
        "it takes images 3x28x28: name data of that shape (`--data`), or wrap the model with",
    ),
    "two sides of one pixel": (outputs(10, 1, 1), MNIST, "return logits.flatten(1)"),
    "larger": (convolutional(1, 64), MNIST, "securemnist.models.resized(net, 1, 64, 64)"),
    "colour network without convolutions, grey data": (
        nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 10)),
        MNIST,
        "it takes images 3x32x32: name data of that shape (`--data`), or wrap the model with",
    ),
    "grey network without convolutions, colour data": (
        nn.Sequential(nn.Flatten(), nn.Linear(784, 10)),
        COLOUR,
        "it takes images 1x28x28: use data of that shape",
    ),
    "grey network, colour data": (
        convolutional(1, 28),
        COLOUR,
        "it takes images 1x28x28: use data of that shape",
    ),
    "channels last": (
        LastAxis(),
        COLOUR,
        "it takes images (n, H, W, C): wrap the model with securemnist.models.nhwc(net)",
    ),
    "other pixels": (
        FunctionModel(lambda x: x[:, 0, :10, 0] if x.max() == 0 else x.unknown),
        MNIST,
        "it takes black images of this shape: fix the model, or wrap the model with "
        "securemnist.models.normalized, signed or bytes_scaled",
    ),
    "odd": (nn.Sequential(nn.Flatten(), nn.Linear(7, 10)), MNIST, "normalized, nhwc or resized"),
    "11 outputs": (
        outputs(11),
        MNIST,
        "securemnist.models.select_classes(net, classes=[...]), with the output of each class; data "
        "that lack their last classes need the number of all: `class_names` names them",
    ),
    "11 probabilities": (
        nn.Sequential(outputs(11), nn.Softmax(1)),
        MNIST,
        "securemnist.models.from_probabilities(select_classes(net, classes=[...]))",
    ),
    "9 outputs": (
        outputs(9),
        MNIST,
        "labels start at 0: if yours start at 1, subtract 1; otherwise fix the model, or",
    ),
    "8 outputs": (
        outputs(8),
        MNIST,
        "got (1, 8); fix the model, or use data of as many classes; `class_names` names them",
    ),
    "one output": (outputs(1), BINARY, "wrap the model with securemnist.models.binary_sigmoid"),
    "flat output": (outputs(), BINARY, "wrap the model with securemnist.models.binary_sigmoid"),
    "one output, ten classes": (outputs(1), MNIST, "use data of two, or name both"),
    "classes": (
        FunctionModel(lambda x: torch.zeros(len(x), dtype=torch.int64)),
        MNIST,
        "it returns the numbers of classes: return the logits, before `argmax`",
    ),
    "flat output, ten classes": (outputs(), MNIST, "use data of two, or name both"),
    "logits of the first image alone": (
        FunctionModel(lambda x: x.flatten(1)[0, :10]),
        MNIST,
        "got (10,); it drops the dimension of the images: return (n, K), also for one image",
    ),
    "float16": (
        nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).half(),
        MNIST,
        "it takes float16 images: wrap the model with securemnist.models.half_precision(net)",
    ),
    "float64": (
        nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).double(),
        MNIST,
        "return net.float() from the factory",
    ),
    "tuple": (
        FunctionModel(lambda x: (x, torch.zeros(len(x), 10))),
        MNIST,
        "securemnist.models.output(net, 1)",
    ),
    "dictionary": (
        FunctionModel(lambda x: {"loss": None, "logits": torch.zeros(len(x), 10)}),
        MNIST,
        "securemnist.models.output(net, 'logits')",
    ),
    "other parts": (FunctionModel(lambda x: [x]), MNIST, "securemnist.models.output(net, 0)"),
    "no parts": (FunctionModel(lambda _: ()), MNIST, "got tuple; fix the model"),
    "object": (FunctionModel(lambda _: object()), MNIST, "securemnist.models.output(net, NAME)"),
    "attributes": (
        FunctionModel(lambda x: SimpleNamespace(loss=None, logits=torch.zeros(len(x), 10))),
        MNIST,
        "got SimpleNamespace; wrap the model with securemnist.models.output(net, 'logits')",
    ),
    "array": (
        FunctionModel(lambda x: torch.zeros(len(x), 10).numpy()),
        MNIST,
        "got ndarray; return a tensor of torch, or",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_mismatch_names_the_wrapper(name: str) -> None:
    """A model that does not fit is refused in one sentence that names the wrapper."""
    model, spec, words = CASES[name]
    with pytest.raises(ModelError) as caught:
        check(model, spec)
    assert words in one_sentence(caught.value)


@pytest.mark.parametrize("spec", [COLOUR, BINARY, InputSpec(4, 8, 12, 1_000)], ids=str)
def test_fitting_model_passes(spec: InputSpec) -> None:
    """A model of the spec's channels, sides and classes passes."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(spec.size, spec.classes))
    assert check(net, spec) is None


def test_advice_of_a_wrapper_is_kept() -> None:
    """The sentence of a wrapper that refuses its network is not wrapped in another one."""
    with pytest.raises(ModelError) as caught:
        check(select_classes(outputs(9), range(10)), MNIST)
    assert str(caught.value) == "net: expected outputs below 9, got 9; list others"


class FlattensByView(nn.Module):
    """A colour network that fails in channels-last layout."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.out = nn.Conv2d(3, 8, 3), nn.Linear(8 * 30 * 30, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits."""
        return self.out(self.conv(x).view(len(x), -1))


def test_layout_is_tried_on_images_of_the_spec() -> None:
    """The layout of a colour network is chosen by images of its own shape."""
    viewing = from_model(FlattensByView(), name="net", input_spec=COLOUR).model
    assert viewing(torch.rand(2, 3, 32, 32)).shape == (2, 10)
    layer = from_model(convolutional(3, 32), name="net", input_spec=COLOUR).model[0]
    assert layer.weight.is_contiguous(memory_format=torch.channels_last)


def check(model: nn.Module, spec: InputSpec) -> Any:
    """The contract on eight images of noise."""
    x = torch.rand(8, *spec.shape, generator=torch.Generator().manual_seed(0))
    return contract.check(from_model(model, name="net", input_spec=spec), x, spec)
