"""The minimum of linear forms over the intersection of an L2 ball and a box."""

from __future__ import annotations

import math

import pytest
import torch

from securemnist.certificates.bounds import euclidean
from securemnist.certificates.bounds.euclidean import L2Ball, l2_ball


def _ball_and_weights(seed: int, eps: float) -> tuple[L2Ball, torch.Tensor]:
    """A ball around an image with black and white pixels, and five rows of weights."""
    rng = torch.Generator().manual_seed(seed)
    x = (torch.rand(1, 1, 4, 4, generator=rng) * 1.5 - 0.25).clamp(0, 1)
    return l2_ball(x, eps), torch.randn(5, 1, 4, 4, generator=rng, dtype=torch.float64)


def _lowest_point(ball: L2Ball, weights: torch.Tensor) -> torch.Tensor:
    """The point of the ball and the box where sum(weights * point) is lowest, by bisection."""

    def point(multiplier: float) -> torch.Tensor:
        return (ball.sample - weights / multiplier).clamp(ball.lower, ball.upper)

    few, many = 1e-9, 1e9
    for _ in range(200):
        between = math.sqrt(few * many)
        inside = bool((point(between) - ball.sample).norm() <= ball.eps)
        few, many = (few, between) if inside else (between, many)
    return point(many)


@pytest.mark.parametrize("eps", [0.0, 0.01, 0.3, 0.8, 1.5, 4.0])
@pytest.mark.parametrize("seed", range(3))
def test_minimum_over_ball_and_box_is_attained(seed: int, eps: float) -> None:
    """The bound is that of a point in the ball and the box, and no random point has a lower value."""
    ball, weights = _ball_and_weights(seed, eps)
    bounds = ball.minimum(weights)
    for row, bound in zip(weights, bounds, strict=True):
        least = float((row * _lowest_point(ball, row)).sum())
        assert float(bound) <= least
        assert float(bound) == pytest.approx(least, abs=1e-6)
    steps = torch.randn(2000, 1, 4, 4, dtype=torch.float64)
    length = steps.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    points = (ball.sample + eps * steps / length).clamp(0, 1)
    assert (points.flatten(1) @ weights.flatten(1).T >= bounds).all()


@pytest.mark.parametrize("eps", [0.8, 1.5])
def test_a_multiplier_that_is_not_the_best_gives_a_lower_bound(
    eps: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the search for the multiplier ends early, no point of the ball is below the bound."""
    monkeypatch.setattr(euclidean, "_ROUNDS", 1)
    for seed in range(3):
        ball, weights = _ball_and_weights(seed, eps)
        least = torch.stack([(row * _lowest_point(ball, row)).sum() for row in weights])
        assert (ball.minimum(weights) <= least).all()
        assert (ball.minimum(weights) < least - 1e-3).any()


@pytest.mark.parametrize("eps", [0.01, 0.3, 0.8, 4.0])
@pytest.mark.parametrize("seed", range(3))
def test_minimisers_lie_in_the_ball_and_have_the_minimum(seed: int, eps: float) -> None:
    """Points of minima are in the ball and in the box; minima of columns are those of rows."""
    ball, weights = _ball_and_weights(seed, eps)
    columns = weights.flatten(1).T
    points = ball.minimisers(columns)
    assert ((points - ball.sample.view(-1, 1)).norm(dim=0) <= eps * (1 + 1e-6)).all()
    assert ((points >= ball.lower.view(-1, 1)) & (points <= ball.upper.view(-1, 1))).all()
    torch.testing.assert_close(ball.minimum_of_columns(columns), ball.minimum(weights))
    torch.testing.assert_close(
        (points * columns).sum(0), ball.minimum(weights), atol=1e-6, rtol=1e-6
    )


def test_a_linear_bound_is_attained_and_a_wrong_norm_is_caught() -> None:
    """Far from the ends of the box, the minimum is that of the dual norm.

    A smaller norm would exceed a value in the ball.
    """
    x, weights = torch.full((1, 1, 4, 4), 0.5), torch.randn(1, 1, 4, 4, dtype=torch.float64)
    ball = l2_ball(x, 0.1)
    worst = (weights * (ball.sample - 0.1 * weights / weights.norm())).sum()
    assert ball.minimum(weights).item() == pytest.approx(worst.item(), abs=1e-8)
    assert ball.minimum(weights) <= worst
    wrong = L2Ball(
        ball.lower, ball.upper, ball.sample, 0.1 * (weights.abs().max() / weights.norm())
    )
    assert wrong.minimum(weights) > worst
