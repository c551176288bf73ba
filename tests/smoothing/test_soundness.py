"""Certificates of classifiers whose exact radius is known, over many seeds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from scipy.special import bdtrc
from torch import nn

from securemnist.smoothing import Smoothing, bounds, certification, certify
from securemnist.smoothing.draws import noise_blocks

SEEDS = 300
# Few draws and a large alpha, so that failures are frequent enough to be counted.
ROUGH = Smoothing(sigma=0.5, n0=1, n=150, alpha=0.05)
# A binomial count of SEEDS draws at alpha is below it in all but one of a million experiments.
ALLOWED = 35


class Plane(nn.Module):
    """Two classes on the sides of a plane through grey: the smoothed radius is the distance to it."""

    normal = torch.tensor([3.0, -4.0, 12.0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        side = (x.flatten(1) - 0.5) @ self.normal
        return torch.stack([side, -side], 1)

    def radii(self, x: torch.Tensor) -> torch.Tensor:
        """The exact radius (n,) of class 0; below 0 on the other side."""
        return ((x.flatten(1) - 0.5) @ self.normal / self.normal.norm()).double()


class Pixels(nn.Module):
    """Two classes by one pixel of an image, which its first value chooses: failures are independent.

    All images get the same draws, and each of them looks at another pixel of the noise.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        flat = x.flatten(1)
        chosen = (flat[:, :1] / 100).round().long().clamp(0, 4) + 1
        side = flat.gather(1, chosen) - 0.5
        return torch.cat([side, -side], 1)


X = torch.tensor([0.55, 0.6, 0.7, 0.8, 0.95]).view(5, 1, 1, 1).expand(5, 3, 1, 1).contiguous()
Y = torch.zeros(5, dtype=torch.long)


def wrong_runs(smoothing: Smoothing = ROUGH) -> int:
    """Number of seeds of which any certificate of the five images exceeds the exact radius."""
    plane = Plane()
    exact = plane.radii(X)
    runs = (certify(plane, X, Y, smoothing, seed=seed).radii for seed in range(SEEDS))
    return sum(bool((radii > exact).any()) for radii in runs)


def test_failures_stay_below_alpha() -> None:
    """A certificate of any image exceeds the exact radius for no more than alpha of the seeds."""
    assert bdtrc(ALLOWED, SEEDS, ROUGH.alpha) < 1e-5
    assert wrong_runs() <= ALLOWED


def test_failures_of_independent_images_stay_below_alpha() -> None:
    """Where images fail independently, any of them still fails for no more than alpha of the seeds."""
    assert independent_failures() <= ALLOWED


def independent_failures() -> int:
    """Number of seeds of which any certificate exceeds the exact radius, for five other pixels."""
    x = torch.full((5, 6, 1, 1), 0.7)
    x[:, 0, 0, 0] = 100 * torch.arange(5)
    runs = (certify(Pixels(), x, Y, ROUGH, seed=seed).radii for seed in range(SEEDS))
    return sum(bool((radii > 0.2).any()) for radii in runs)


def test_alpha_that_is_not_divided_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The count of failures catches a certificate of each image with the whole of alpha."""
    monkeypatch.setattr(bounds, "alpha_of_image", lambda smoothing, _: smoothing.alpha)
    assert independent_failures() > ALLOWED


def test_ignored_alpha_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The count of failures catches an estimate of the share instead of its lower bound."""
    monkeypatch.setattr(bounds, "alpha_of_image", lambda *_: 0.5)
    assert wrong_runs() > 2 * ALLOWED


def test_dependent_draws_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The count of failures catches draws that repeat within an image."""

    def repeated(x: torch.Tensor, sigma: float, draws: int, **how: Any) -> Iterator[torch.Tensor]:
        few = next(iter(noise_blocks(x, sigma, min(draws, 10), **how)))
        for _ in range(draws // len(few)):
            yield few

    monkeypatch.setattr(certification, "noise_blocks", repeated)
    assert wrong_runs() > 2 * ALLOWED


def test_certificates_come_close_to_the_exact_radius() -> None:
    """With many draws a radius is more than five sixths of the exact one, and not above it."""
    radii = certify(Plane(), X, Y, Smoothing(sigma=0.5, n=20_000), seed=1).radii
    exact = Plane().radii(X)
    assert bool((radii <= exact).all())
    assert bool((radii[1:] > 5 / 6 * exact[1:]).all())


@pytest.mark.parametrize(("hits", "n"), [(1, 1), (60, 100), (100, 100), (9_990, 10_000)])
@pytest.mark.parametrize("alpha", [0.05, 1e-3, 1e-7])
def test_lower_bound_is_exact(hits: int, n: int, alpha: float) -> None:
    """At the bound, as many hits have a probability of at most alpha, and of hardly less."""
    low = bounds.lower_bound(hits, n, alpha)
    probability = float(bdtrc(hits - 1, n, low)) if hits > 1 else 1 - (1 - low) ** n
    assert 0.999 * alpha < probability <= alpha * (1 + 1e-9)


def test_no_hits_have_no_bound() -> None:
    """No hit gives the bound 0, and a share of one half no radius."""
    assert bounds.lower_bound(0, 100, 0.001) == 0
    assert bounds.radius(0.5, 1.0) == bounds.radius(0.2, 1.0) == 0
    assert bounds.radius(0.9772498680518208, 0.5) == pytest.approx(1.0, abs=1e-6)


def test_needed_hits_are_the_fewest() -> None:
    """One hit less does not certify the radius, and n + 1 says that no number of hits does."""
    smoothing = Smoothing(sigma=0.25, n=1_000)
    for least in (0.0, 0.1, 0.4):
        hits = bounds.needed_hits(least, smoothing, 10)
        assert bounds.certified_radius(hits, smoothing, 10) >= least
        fewer = bounds.certified_radius(hits - 1, smoothing, 10)
        assert fewer < least or fewer == 0
    assert bounds.needed_hits(1.0, smoothing, 10) == smoothing.n + 1


def test_stopping_early_changes_no_answer() -> None:
    """At the radius of interest the same images are certified with and without early stops."""
    smoothing = Smoothing(sigma=0.5, n=2_000)
    whole = certify(Plane(), X, Y, smoothing, seed=3)
    early = certify(Plane(), X, Y, smoothing, seed=3, least=0.15)
    assert early.at(0.15).tolist() == whole.at(0.15).tolist() == [False, False, False, True, True]
    assert early.stopped.tolist() == [True, True, True, False, False]
