"""Flushing of denormal numbers: in all threads, only where it cannot change results."""

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
    """Two threads of torch, with a pool that has been used before."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.full((1_000_000,), 1.0).mul(0.5)
    yield
    torch.set_num_threads(before)


def nonzero_denormals() -> int:
    """The number of nonzero values among a million denormals after a multiplication by all threads."""
    product = torch.full((1_000_000,), TINY).mul(1.0)
    return int((product.view(torch.int32) != 0).sum())


def with_constant_tensor(model: nn.Module, name: str, value: float) -> nn.Module:
    """The model with all values of one tensor set to a number."""
    model.state_dict()[name].fill_(value)
    return model


def test_flushing_in_all_threads_and_restored(two_threads: object) -> None:
    """Inside the block all threads flush denormals; afterwards, also after an error, none does."""
    assert nonzero_denormals() == 1_000_000
    with denormals.flushed(True):
        assert nonzero_denormals() == 0
        with denormals.preserved():
            assert nonzero_denormals() == 1_000_000
        assert nonzero_denormals() == 0
    assert nonzero_denormals() == 1_000_000
    with pytest.raises(KeyboardInterrupt), denormals.flushed(True):
        raise KeyboardInterrupt
    assert nonzero_denormals() == 1_000_000
    with denormals.flushed(False):
        assert nonzero_denormals() == 1_000_000


@pytest.mark.parametrize("name", loading.reference_names())
def test_flushing_changes_no_reference_logits(name: str, mnist: DataSet) -> None:
    """Each bundled model may be flushed, and its logits are bit-identical."""
    context = Context(loading.resolve(name), mnist)
    assert context.flushes_denormals
    x = mnist.test[:200].images()
    kept = context.logits(x)
    with denormals.flushed(True):
        assert torch.equal(context.logits(x), kept)


def changed_network(change: Callable[[nn.Module], object]) -> nn.Module:
    """Network D with random weights and one change."""
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
def test_flushing_refused_where_it_could_matter(name: str, mnist: DataSet) -> None:
    """A network whose predictions may depend on denormal numbers is not flushed."""
    x = mnist.test[:32].images()
    assert denormals.harmless(changed_network(lambda _: None), x)
    assert not denormals.harmless(changed_network(HARMFUL[name]), x)


@pytest.mark.filterwarnings("ignore:Sparse CSR")
def test_sparse_weights_are_judged_as_dense_ones() -> None:
    """A sparse parameter or buffer has the gain of the same numbers without its layout."""
    for weight in (torch.tensor([[3.0, 0.0], [0.0, -4.0]]), torch.tensor([[2.0, 5.0]])):
        for layout in (torch.Tensor.to_sparse, torch.Tensor.to_sparse_csr, torch.Tensor.to_dense):
            module, buffered = nn.Module(), nn.Module()
            module.weight = nn.Parameter(layout(weight))
            buffered.register_buffer("weight", layout(weight))
            assert denormals.gain(module) == weight.abs().sum(1).max()
            assert denormals.gain(buffered) >= weight.abs().max()


def test_measurement_keeps_denormals_that_matter(mnist: DataSet) -> None:
    """Where flushing would change predictions, a measurement does not flush."""
    model = changed_network(HARMFUL["tiny and large"])
    few = dataclasses.replace(mnist, test=mnist.test[:20])  # sums of denormals take long
    context = Context(Subject(model, "hidden", "", "D"), few)
    x = few.test.images()
    kept = context.logits(x)
    with denormals.flushed(True):
        flushed = context.logits(x)
    assert not torch.equal(kept, flushed)  # flushing would have changed this network
    settings = bind("clean_accuracy", {"images": 20})
    measurement = take_measurement(context, "clean_accuracy", settings, 0)
    with mock.patch.object(denormals, "set_flushing", side_effect=AssertionError):
        assert take_measurement(context, "clean_accuracy", settings, 0).value == measurement.value


def test_flushing_check_keeps_random_state(mnist: DataSet) -> None:
    """The check leaves torch's random state unchanged; a model that raises is not flushed."""
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)

    class Noisy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.rand(len(x), 10)

    assert denormals.harmless(Noisy(), mnist.test[:4].images())
    assert torch.equal(torch.rand(4), expected)
    assert not denormals.harmless(nn.Linear(3, 3), mnist.test[:4].images())


def test_denormal_weights_run_at_full_speed(mnist: DataSet) -> None:
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


def test_certificates_and_latency_keep_denormals(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both measure the deployed network: flushing is off inside them and on again afterwards."""
    states: list[bool] = []
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # under it latency does not apply
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).eval()
    monkeypatch.setattr(
        latency, "_samples", lambda *_: (states.append(denormals.flushing()), 1 / 0)
    )
    model.register_forward_pre_hook(lambda *_: states.append(denormals.flushing()))
    samples = context.data.test[:2]
    with denormals.flushed(True):
        with contextlib.suppress(NoCertificate):  # bounds may not go through a hook
            certify(model, samples.images(), samples.labels, eps=0.01)
        assert denormals.flushing()
        with pytest.raises(ZeroDivisionError):
            latency.latency_ratio(context, bind("latency_ratio", {}), 0)
        assert denormals.flushing()
    assert len(states) >= 2
    assert not any(states)
