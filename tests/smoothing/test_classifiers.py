"""Smoothed classifiers of special kinds: constant, destroyed by noise, tied, of any form."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from securemnist.errors import UsageError
from securemnist.smoothing import Smoothing, certify, largest_radius

FEW = Smoothing(sigma=0.5, n0=20, n=400)


class Constant(nn.Module):
    """The same logits for every image."""

    def __init__(self, *logits: float) -> None:
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.logits.expand(len(x), -1)


class Parity(nn.Module):
    """Even or odd by a fine stripe pattern of brightness: noise makes both classes equally frequent."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        stripe = torch.sin(1_000 * x.flatten(1).sum(1))
        return torch.stack([stripe, -stripe], 1)


def images(n: int, *shape: int) -> torch.Tensor:
    return torch.rand((n, *shape), generator=torch.Generator().manual_seed(0))


def test_a_constant_classifier_has_the_largest_radius() -> None:
    """Images of the constant class get the radius of n hits, all others none."""
    y = torch.tensor([0, 1, 2, 1])
    found = certify(Constant(0, 1, 0), images(4, 1, 3, 3), y, FEW, seed=0)
    assert found.classes.tolist() == [1, 1, 1, 1]
    assert found.radii.tolist() == [0, largest_radius(FEW, 4), 0, largest_radius(FEW, 4)]


def test_more_images_have_smaller_radii() -> None:
    """The failure probability is shared among the images, so that more of them cost radius."""
    assert largest_radius(FEW, 1) > largest_radius(FEW, 100) > largest_radius(FEW, 10_000) > 0


def test_a_classifier_that_noise_destroys_has_no_certificate() -> None:
    """Where noise makes classes equally frequent, nothing is certified."""
    x = images(6, 1, 4, 4)
    y = Parity()(x).argmax(1)
    assert not certify(Parity(), x, y, FEW, seed=0).at(0).any()


@pytest.mark.parametrize("logits", [(1.0, 1.0), (float("nan"), 0.0), (float("inf"), 0.0)])
def test_ties_and_numbers_that_are_none_certify_nothing(logits: tuple[float, float]) -> None:
    """A tie counts as no hit of the class, and so does a logit that is no finite number."""
    found = certify(Constant(*logits), images(2, 1, 2, 2), torch.tensor([0, 1]), FEW, seed=0)
    assert not found.at(0).any()


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 8, 8), (1, 1, 5), (4, 3, 7)])
def test_any_form_of_images(shape: tuple[int, ...]) -> None:
    """Images of any form and any number of classes are certified."""
    classes = 2 + shape[0]
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(images(1, *shape).numel(), classes))
    x = images(3, *shape)
    found = certify(model, x, model(x).argmax(1), Smoothing(sigma=0.01, n=200), seed=0)
    assert found.radii.shape == (3,)
    assert bool((found.radii > 0).any())


def test_an_image_is_certified_alike_among_others() -> None:
    """The radius of an image does not depend on the other images, and a seed repeats it."""

    class Bright(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            mean = x.flatten(1).mean(1) - 0.25
            return torch.stack([mean, -mean], 1)

    x, y = images(4, 1, 3, 3), torch.zeros(4, dtype=torch.long)
    one, four = (Smoothing(sigma=0.5, n=300, alpha=alpha) for alpha in (0.001, 0.004))
    alone = [certify(Bright(), x[k : k + 1], y[:1], one, seed=5) for k in range(4)]
    together = certify(Bright(), x, y, four, seed=5)  # as large an alpha for each image
    assert 0 < float(together.radii.max()) < largest_radius(four, 4)
    assert together.radii.tolist() == [float(each.radii) for each in alone]
    assert certify(Bright(), x, y, four, seed=6).radii.tolist() != together.radii.tolist()


def test_hopeless_images_cost_few_draws() -> None:
    """Images that cannot be certified any more are not asked for the rest of the draws."""
    asked = 0

    class Counted(Constant):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            nonlocal asked
            asked += len(x)
            return super().forward(x)

    smoothing = Smoothing(sigma=0.5, n0=10, n=5_000)
    certify(Counted(0, 1), images(3, 1, 2, 2), torch.tensor([0, 0, 0]), smoothing, seed=0)
    assert asked == 3 * 10
    asked = 0
    certify(Counted(1, 1), images(3, 1, 2, 2), torch.tensor([0, 0, 0]), smoothing, seed=0)
    assert asked < 3 * 5_000


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sigma": 0.0}, "0 < sigma <= 4"),
        ({"sigma": float("nan")}, "0 < sigma <= 4"),
        ({"sigma": 0.5, "alpha": 0.5}, "0 < alpha <= 0.05"),
        ({"sigma": 0.5, "n": 0}, "n from 1 to 1000000"),
        ({"sigma": 0.5, "n0": 1.5}, "n0 from 1"),
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any], message: str) -> None:
    """A deviation, a probability or a number of draws out of range is a UsageError."""
    with pytest.raises(UsageError, match=message):
        Smoothing(**wrong)
