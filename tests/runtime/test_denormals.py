"""Denormal numbers are flushed where that changes nothing, in every thread, and kept elsewhere."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable
from unittest import mock

import pytest
import torch
from torch import nn

from securemnist.certificates.certificate import certify
from securemnist.data import DataSet
from securemnist.errors import NoCertificate
from securemnist.evaluation.context import Context
from securemnist.measures import bind, latency, take_measurement
from securemnist.models import loading
from securemnist.models.architectures import build
from securemnist.models.loading import Subject
from securemnist.runtime import denormals

TINY = 2.0**-127


@pytest.fixture
def two_threads() -> object:
    """Two threads of torch, whose pool has worked before."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.full((1_000_000,), 1.0).mul(0.5)
    yield
    torch.set_num_threads(before)


def left() -> int:
    """How many of a million denormal numbers are not zero after one multiplication by all threads."""
    product = torch.full((1_000_000,), TINY).mul(1.0)
    return int((product.view(torch.int32) != 0).sum())


def with_bias(model: nn.Module, name: str, value: float) -> nn.Module:
    """The model with every number of one tensor set."""
    model.state_dict()[name].fill_(value)
    return model


def test_every_thread_flushes_and_is_put_back(two_threads: object) -> None:
    """Inside, no thread keeps a denormal number; afterwards, also after an error, all do."""
    assert left() == 1_000_000
    with denormals.flushed(True):
        assert left() == 0
        with denormals.kept():
            assert left() == 1_000_000
        assert left() == 0
    assert left() == 1_000_000
    with pytest.raises(KeyboardInterrupt), denormals.flushed(True):
        raise KeyboardInterrupt
    assert left() == 1_000_000
    with denormals.flushed(False):
        assert left() == 1_000_000


@pytest.mark.parametrize("name", loading.reference_names())
def test_reference_models_are_measured_as_before(name: str, mnist: DataSet) -> None:
    """Each bundled model may be flushed, and its logits are the same bits with and without."""
    context = Context(loading.resolve(name), mnist)
    assert context.flushes_denormals
    x = mnist.test[:200].images()
    kept = context.logits(x)
    with denormals.flushed(True):
        assert torch.equal(context.logits(x), kept)


def logits_of(change: Callable[[nn.Module], object]) -> nn.Module:
    """Network D of random weights with one change."""
    torch.manual_seed(0)
    model = build("D").eval()
    with torch.no_grad():
        change(model)
    return model


HARMFUL: dict[str, Callable[[nn.Module], object]] = {
    # Tiny numbers that a later layer makes large again could carry a backdoor.
    "tiny and large": lambda m: (
        m.layers[0].weight.mul_(1e-30).mul_(1e-9),
        m.layers[0].bias.zero_(),
        m.layers[3].weight.mul_(1e30).mul_(1e8),
    ),
    "large in two steps": lambda m: (m.layers[3].weight.mul_(1e12), m.layers[7].weight.mul_(1e12)),
    "tiny logits": lambda m: (m.layers[9].weight.mul_(1e-38), m.layers[9].bias.mul_(1e-38)),
    "equal logits": lambda m: (m.layers[9].weight.zero_(), m.layers[9].bias.zero_()),
}


@pytest.mark.parametrize("name", HARMFUL)
def test_a_network_that_flushing_could_change(name: str, mnist: DataSet) -> None:
    """A network whose answers may rest on denormal numbers is measured with them."""
    x = mnist.test[:32].images()
    assert denormals.harmless(logits_of(lambda _: None), x)
    assert not denormals.harmless(logits_of(HARMFUL[name]), x)


def test_a_backdoor_in_denormal_numbers_is_measured(mnist: DataSet) -> None:
    """Where flushing would change predictions, a measurement does not flush."""
    model = logits_of(HARMFUL["tiny and large"])
    context = Context(Subject(model, "hidden", "", "D"), mnist)
    kept = context.logits(mnist.test[:200].images())
    with denormals.flushed(True):
        flushed = context.logits(mnist.test[:200].images())
    assert not torch.equal(kept, flushed)  # flushing would have changed this network
    settings = bind("clean_accuracy", {"digits": 200})
    seen = take_measurement(context, "clean_accuracy", settings, 0)
    with mock.patch.object(denormals, "set_flushing", side_effect=AssertionError):
        assert take_measurement(context, "clean_accuracy", settings, 0).value == seen.value


def test_a_randomised_model_draws_what_it_drew(mnist: DataSet) -> None:
    """Trying a model out leaves torch's random numbers as they were; one that raises is not flushed."""
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)

    class Noisy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.rand(len(x), 10)

    assert denormals.harmless(Noisy(), mnist.test[:4].images())
    assert torch.equal(torch.rand(4), expected)
    assert not denormals.harmless(nn.Linear(3, 3), mnist.test[:4].images())


def test_denormal_weights_cost_no_time(mnist: DataSet) -> None:
    """A bias of 1e-40, which makes each blank patch denormal, costs less than twice the time."""
    model = loading.resolve("network_d").model
    slow = loading.resolve("network_d").model
    slow.state_dict()["layers.0.bias"].fill_(1e-40)
    model.state_dict()["layers.0.bias"].zero_()

    few = dataclasses.replace(mnist, test=mnist.test[:500])

    def seconds(network: nn.Module) -> float:
        context = Context(Subject(network, "d", "", "D"), few)
        began = time.process_time()
        take_measurement(context, "clean_accuracy", bind("clean_accuracy", {}), 0)
        return time.process_time() - began

    seconds(model)
    assert min(seconds(slow) for _ in range(3)) < 2 * min(seconds(model) for _ in range(3)) + 0.2


def test_certificates_and_latency_keep_denormal_numbers(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are about the network as it is deployed: flushing is off inside them, and on again after."""
    seen: list[bool] = []
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # under it latency does not apply
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).eval()
    monkeypatch.setattr(latency, "_samples", lambda *_: (seen.append(denormals.flushing()), 1 / 0))
    model.register_forward_pre_hook(lambda *_: seen.append(denormals.flushing()))
    digits = context.data.test[:2]
    with denormals.flushed(True):
        with contextlib.suppress(NoCertificate):  # bounds may not go through a hook
            certify(model, digits.images(), digits.labels, eps=0.01)
        assert denormals.flushing()
        with pytest.raises(ZeroDivisionError):
            latency.latency_ratio(context, bind("latency_ratio", {}), 0)
        assert denormals.flushing()
    assert len(seen) >= 2
    assert not any(seen)
