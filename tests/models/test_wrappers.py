"""Wrappers of networks with other inputs and outputs."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from securemnist import models
from securemnist.attacks import FGSM, Square
from securemnist.certificates import certify
from securemnist.data import DataSet
from securemnist.errors import ModelError, NoCertificate
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts.check_input import Case
from securemnist.evaluation.doubts.precision import rounding
from securemnist.evaluation.doubts.probabilities import probabilities
from securemnist.models.loading import from_model
from securemnist.models.probabilities import LogProbabilities, are_probabilities
from securemnist.threats import Linf
from tests.error_form import one_sentence
from tests.models.wrapped import OneLogit, Twice, X, linear, softmaxed
from tests.stubs import FunctionModel

# Wrapped network, the outputs that it should have, and the reason that it has no certificates.
CASES: dict[str, tuple[Callable[[], nn.Module], Callable[[], torch.Tensor], str | None]] = {
    "normalized": (
        lambda: models.normalized(linear(), 0.5, 0.25),
        lambda: linear()((X - 0.5) / 0.25),
        None,
    ),
    "normalized by channel": (
        lambda: models.normalized(linear(), [0.5], [0.25]),
        lambda: linear()((X - 0.5) / 0.25),
        None,
    ),
    "signed": (lambda: models.signed(linear()), lambda: linear()(2 * X - 1), None),
    "bytes": (lambda: models.bytes_scaled(linear()), lambda: linear()(255 * X), None),
    "nhwc": (lambda: models.nhwc(linear()), lambda: linear()(X), None),
    "resized": (
        lambda: models.resized(nn.Sequential(nn.Conv2d(3, 1, 5, bias=False), linear()), 3, 32, 32),
        lambda: torch.empty(4, 10),
        None,
    ),
    "one logit": (
        lambda: models.binary_sigmoid(OneLogit(flat=False, probability=False)),
        lambda: torch.cat((torch.zeros(4, 1), linear(1)(X)), 1),
        None,
    ),
    "one flat logit": (
        lambda: models.binary_sigmoid(OneLogit(flat=True, probability=False)),
        lambda: torch.cat((torch.zeros(4, 1), linear(1)(X)), 1),
        None,
    ),
    "one flat probability": (
        lambda: models.binary_sigmoid(OneLogit(flat=True, probability=True), probability=True),
        lambda: torch.cat((1 - linear(1)(X).sigmoid(), linear(1)(X).sigmoid()), 1),
        "do not depend on pixel values",
    ),
    "one probability": (
        lambda: models.binary_sigmoid(OneLogit(flat=False, probability=True), probability=True),
        lambda: torch.cat((1 - linear(1)(X).sigmoid(), linear(1)(X).sigmoid()), 1),
        "do not depend on pixel values",
    ),
    "tuple": (lambda: models.output(Twice("tuple"), 1), lambda: linear()(X), None),
    "dictionary": (lambda: models.output(Twice("dict"), "logits"), lambda: linear()(X), None),
    "object": (lambda: models.output(Twice("object"), "logits"), lambda: linear()(X), None),
    "probabilities": (
        lambda: models.from_probabilities(softmaxed()),
        lambda: softmaxed()(X),
        "do not depend on pixel values",
    ),
    "log-probabilities": (
        lambda: models.from_log_probabilities(nn.Sequential(linear(), nn.LogSoftmax(1))),
        lambda: linear()(X).log_softmax(1),
        None,
    ),
    "selected": (
        lambda: models.select_classes(linear(12), [11, 0, 1]),
        lambda: linear(12)(X)[:, [11, 0, 1]],
        None,
    ),
    "half": (
        lambda: models.half_precision(linear()),
        lambda: linear().half()(X.half()).float(),
        "float32 weights",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_wrapper_values(name: str) -> None:
    """A wrapped network has the outputs of the network on converted inputs, and gradients."""
    make, expected, _ = CASES[name]
    x = X.clone().requires_grad_(True)
    logits = make().eval()(x)
    if name != "resized":
        torch.testing.assert_close(logits.float(), expected(), rtol=1e-5, atol=1e-5)
    assert logits.shape == expected().shape
    (gradient,) = torch.autograd.grad(logits[:, -1].sum(), x)
    assert gradient.abs().max() > 0


@pytest.mark.parametrize("name", CASES)
def test_wrapper_certificates(name: str) -> None:
    """A wrapper has certificates, or the reason why not, as its docstring says."""
    make, _, reason = CASES[name]
    model = make().eval().requires_grad_(False)
    y = model(X).argmax(1)
    if reason is None:
        assert certify(model, X, y, eps=1e-6).proved.any()
        return
    with pytest.raises(NoCertificate, match=reason):
        certify(model, X, y, eps=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_wrapper_under_attack(name: str) -> None:
    """FGSM breaks images of every wrapped network that it classifies right, and Square runs on it."""
    make, _, _ = CASES[name]
    model = make().eval()
    x = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    y = model(x).argmax(1)
    threat = Linf(0.6)
    assert FGSM()(model, x, y, threat=threat, progress=False).success.any()
    x_adv = Square(queries=5)(model, x, y, threat=threat, progress=False).images
    assert x_adv.shape == x.shape
    assert 0 < (x_adv - x).abs().max() <= threat.eps + 1e-6


def test_single_image_of_a_network_that_squeezes() -> None:
    """A network that squeezes all dimensions, also that of a single image, has logits (1, 2)."""
    model = models.binary_sigmoid(FunctionModel(lambda x: linear(1)(x).squeeze()))
    torch.testing.assert_close(model(X[:1]), model(X)[:1])
    with pytest.raises(ModelError, match="one output a sample") as caught:
        models.binary_sigmoid(FunctionModel(lambda x: x.mean()))(X)
    one_sentence(caught.value)


def test_resized_keeps_the_side_of_its_images() -> None:
    """Resizing to the same size repeats the channel, and images of two channels are refused."""
    model = models.resized(nn.Identity(), 3, 28, 28)
    assert torch.equal(model(X), X.expand(-1, 3, -1, -1))
    larger = models.resized(nn.Identity(), 1, 32, 30)
    assert torch.equal(larger(X), F.interpolate(X, (32, 30), mode="bilinear"))
    with pytest.raises(ModelError, match="1 or 3 channels") as caught:
        model(torch.rand(1, 2, 28, 28))
    one_sentence(caught.value)


def test_half_precision_leaves_the_network_and_is_doubted_as_float16() -> None:
    """The network keeps its float32 weights; doubts find the rounding of float16."""
    net = linear()
    before = copy.deepcopy(net.state_dict())
    wrapped = models.half_precision(net).eval()
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert rounding(wrapped, X) == torch.finfo(torch.float16).eps


@pytest.mark.parametrize("wrap", [models.from_probabilities, nn.Sequential])
def test_saturated_probabilities_stay_doubted(
    wrap: Callable[[nn.Module], nn.Module], mnist: DataSet
) -> None:
    """Saturated probabilities raise the doubt with and without the wrapper."""
    sharp = nn.Sequential(models.bytes_scaled(models.bytes_scaled(linear())), nn.Softmax(1))
    subject = from_model(wrap(sharp), name="sharp")
    context = Context(subject, mnist)
    x, y = mnist.test[:64].images(), mnist.test[:64].labels
    assert isinstance(context.target, LogProbabilities)
    doubt = probabilities(Case(subject, context.target, Linf(0.1), x, y))
    assert doubt is not None
    assert "exactly 1" in doubt.reason


def test_probabilities_of_other_wrappers_are_recognised() -> None:
    """Two probabilities of one, and selected ones, sum to 1, so that their logarithm is attacked."""
    one = models.binary_sigmoid(OneLogit(flat=True, probability=True), probability=True)
    assert are_probabilities(one(X))
    selected = models.from_probabilities(models.select_classes(softmaxed(12), range(10)))
    assert are_probabilities(selected(X))
    assert torch.equal(selected(X).argmax(1), softmaxed(12)(X)[:, :10].argmax(1))
    assert are_probabilities(models.from_probabilities(FunctionModel(lambda x: x[:, 0, 0] + 1))(X))
