"""Surrogate: learns from answers only, asks as often as it says, leaves global generators alone."""

from __future__ import annotations

import pytest
import torch

from securemnist.attacks.surrogate import Surrogate, SurrogateNetwork
from securemnist.threats import Linf
from tests.attacks.models import Recorder, misclassified

SIDE, IMAGES, POOL = 8, 20, 60
SMALL = Surrogate(examples=60, rounds=2, updates=20, steps=5)


class Halves(torch.nn.Module):
    """The label alone: which of the four quarters of the image is the brightest."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        quarters = torch.nn.functional.avg_pool2d(x, SIDE // 2).flatten(1)
        return torch.nn.functional.one_hot(quarters.argmax(1), 4) * 20.0


def images(count: int, seed: int) -> torch.Tensor:
    """Grey images of which one quarter is brighter by 0.2."""
    rng = torch.Generator().manual_seed(seed)
    x = 0.4 + 0.05 * torch.rand(count, 1, SIDE, SIDE, generator=rng)
    bright = torch.zeros(count, 1, 2, 2)
    bright.view(count, 4)[torch.arange(count), torch.arange(count) % 4] = 0.2
    return x + bright.repeat_interleave(SIDE // 2, 2).repeat_interleave(SIDE // 2, 3)


def found(model: torch.nn.Module, attack: Surrogate, eps: float = 0.15) -> torch.Tensor:
    """The candidates of an attack on 20 images, with others to learn from."""
    x = images(IMAGES, 0)
    rng = torch.Generator().manual_seed(0)
    return attack.propose(
        model, x, Halves()(x).argmax(1), threat=Linf(eps), rng=rng, pool=images(POOL, 1)
    )


def test_labels_alone_train_a_surrogate() -> None:
    """From labels the surrogate finds what random signs of the same size never find."""
    x, model = images(IMAGES, 0), Halves()
    y = model(x).argmax(1)
    rng = torch.Generator().manual_seed(0)
    signs = [torch.randn(x.shape, generator=rng).sign() for _ in range(20)]
    assert not any(misclassified(model, x + 0.15 * sign, y).any() for sign in signs)
    assert misclassified(model, found(model, SMALL), y).sum() >= 15


def test_queries_are_those_that_it_states() -> None:
    """Where no image falls, the queries are exactly those of the images and the shared ones."""
    recorder = Recorder(Halves())
    found(recorder, SMALL, eps=1e-4)
    stated = IMAGES * SMALL.queries_per_image + SMALL.shared_queries
    assert sum(recorder.batches) == stated
    assert not recorder.gradients


def test_answers_that_are_no_numbers_teach_nothing() -> None:
    """Without one finite answer the surrogate stays as it is."""
    x = images(4, 0)
    network = SurrogateNetwork(x, 4, torch.Generator().manual_seed(0))
    before = network.model(x)
    network.learn(x, torch.full((4, 4), torch.nan))
    network.train(3)
    assert torch.equal(network.model(x), before)
    network.learn(x, Halves()(x))
    network.train(3)
    assert not torch.equal(network.model(x), before)


def test_global_generator_is_left_alone() -> None:
    """The global generator has the same state after the attack as before it."""
    torch.manual_seed(5)
    state = torch.get_rng_state()
    found(Halves(), Surrogate(examples=5, rounds=1, updates=1, steps=1))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 17, 9), (4, 64, 64)], ids=str)
def test_any_form_of_images(shape: tuple[int, int, int]) -> None:
    """The surrogate takes images of other sides and channels, and other numbers of classes."""
    x = torch.rand(3, *shape, generator=torch.Generator().manual_seed(0))
    network = SurrogateNetwork(x, 13, torch.Generator().manual_seed(0))
    network.learn(x, torch.zeros(3, 13))
    network.train(1)
    assert network.model(x).shape == (3, 13)
