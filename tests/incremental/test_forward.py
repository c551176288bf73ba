"""The incremental forward pass gives the model's own logits, whatever changes and is kept."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from securemnist.incremental import IncrementalForward, forward
from securemnist.models.loading import Subject
from securemnist.models.probabilities import LogProbabilities
from tests.certificates.networks import FIRSTS, MIDDLES, SHAPE, batch_norm, network
from tests.incremental.changes import check


class Block(nn.Module):
    """A strided residual block whose skip is a 1x1 convolution, joined with a pooled map."""

    def __init__(self) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2, padding=1),
            batch_norm(nn.BatchNorm2d(4)),
            nn.ReLU(inplace=True),
            nn.Conv2d(4, 6, 3, padding=2, dilation=2),
        )
        self.skip, self.pool = nn.Conv2d(3, 6, 1, stride=2), nn.AvgPool2d(3, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.relu(self.path(x) + self.skip(x)), self.pool(x)], 1)


@settings(max_examples=5, deadline=None)
@given(
    first=st.sampled_from(sorted(FIRSTS)),
    middles=st.lists(st.sampled_from(sorted(MIDDLES)), max_size=3),
    functions=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_random_networks(first: str, middles: list[str], functions: bool, seed: int) -> None:
    """Sequences of layers, with functions before the linear layers that no rectangle follows."""
    check(network(first, middles, functions=functions, seed=seed), SHAPE, seed)


@pytest.mark.parametrize("shape", [(3, 32, 32), (3, 11, 24), (3, 5, 5)])
def test_residual_block(shape: tuple[int, int, int]) -> None:
    """Colour images of any form, a stride on the skip, and maps that are read twice."""
    torch.manual_seed(0)
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(9, 4))
    check(nn.Sequential(Block(), head).eval(), shape, seed=2)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 6, 9)])
def test_linear_network(shape: tuple[int, int, int]) -> None:
    """A network without convolutions has an incremental first layer."""
    torch.manual_seed(0)
    pixels = shape[0] * shape[1] * shape[2]
    layers = nn.Flatten(), nn.Linear(pixels, 20, bias=False), nn.ReLU(), nn.Linear(20, 10)
    check(nn.Sequential(*layers).eval(), shape, seed=3)


def test_wide_padding() -> None:
    """A convolution whose outer outputs read padding alone is computed whole."""
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 1, stride=4, padding=2), nn.Flatten()
    check(nn.Sequential(*layers, nn.Linear(128, 10)).eval(), (1, 28, 28), seed=7, changes=40)


def test_one_linear_layer_is_the_output() -> None:
    """Logits straight from the map of a convolution."""
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 26 * 26, 10)
    check(nn.Sequential(*layers).eval(), (1, 28, 28), seed=4)


def test_probabilities(baseline: Subject) -> None:
    """For a model that answers probabilities the pass gives their logarithms, as attacks read them."""
    model = LogProbabilities(nn.Sequential(baseline.model, nn.Softmax(1)))
    check(model.eval(), (1, 28, 28), seed=5)


class Noisy(nn.Module):
    """A model that adds noise to its answers."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(x)
        return logits + torch.randn_like(logits)


class Counting(Noisy):
    """A model whose answers depend on how often it was asked."""

    asked = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.asked += 1
        logits: torch.Tensor = self.model(x)
        return logits * self.asked


@pytest.mark.parametrize("kind", [Noisy, Counting])
def test_other_models_have_none(kind: type[Noisy], baseline: Subject) -> None:
    """A model whose answer depends on more than the image is asked itself, each time."""
    model = kind(baseline.model).eval()
    assert IncrementalForward.of(model, torch.rand(2, 1, 28, 28)) is None


def test_batch_fits_into_memory(baseline: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """The larger the maps, the fewer images at a time, and at least one."""
    small = IncrementalForward.of(baseline.model, torch.rand(2, 1, 28, 28))
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 2, 3, padding=1)
    wide = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    large = IncrementalForward.of(wide, torch.rand(1, 1, 100, 100))
    assert small is not None
    assert large is not None
    assert 1 < large.batch < small.batch
    monkeypatch.setattr(forward, "_MEMORY", 1)
    assert large.batch == 1


class Weighted(nn.Module):
    """A map, weighted by its mean over one window of all places: every output reads every input."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * F.avg_pool2d(x, x.shape[2:])


def test_map_that_is_broadcast() -> None:
    """A product with one value a channel is no local step: a change of it reaches all places."""
    torch.manual_seed(0)
    head = nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(3 * 7 * 7, 4))
    check(nn.Sequential(nn.Conv2d(3, 3, 3), Weighted(), head).eval(), (3, 16, 16), seed=5)


class OfPlaces(nn.Module):
    """Operations that treat the places of a map differently."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = [
            x * torch.linspace(1, 2, x.shape[3]),
            F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
            F.avg_pool2d(x, 3, 2, ceil_mode=True),
        ]
        return torch.cat([part.flatten(1) for part in parts], 1)


def test_operations_that_depend_on_the_place() -> None:
    """No window describes them, so that a change of their map computes all of them again."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), OfPlaces(), nn.LazyLinear(4))
    model(torch.zeros(2, 1, 12, 12))
    check(model.eval(), (1, 12, 12), seed=5)
