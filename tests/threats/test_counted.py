"""Threats that count pixels, L0 and patches, and the projection of L1."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from securemnist.errors import UsageError
from securemnist.referee import inside_budget
from securemnist.threats import L0, L1, Patch, as_threats, make_threat, parse_threat
from securemnist.threats.counted import Counted

KINDS: list[type[Counted]] = [L0, Patch]
counted = st.one_of(st.builds(L0, st.integers(0, 200)), st.builds(Patch, st.integers(0, 14)))
seeds = st.integers(0, 2**32)
few = settings(max_examples=40)


def images(seed: int, channels: int = 1) -> torch.Tensor:
    """Random images of 12x20 pixels, half of their values black or white."""
    noise = torch.rand(4, channels, 12, 20, generator=torch.Generator().manual_seed(seed))
    return (noise * 3 - 1).clamp(0, 1)


def noise(x: torch.Tensor, seed: int) -> torch.Tensor:
    """Standard normal numbers in the form of the images."""
    return torch.randn(x.shape, generator=torch.Generator().manual_seed(seed + 1))


def accepted(threat: Counted, x: torch.Tensor, x_adv: torch.Tensor) -> bool:
    """Whether the referee accepts every image."""
    return bool(inside_budget(x, x_adv, threat.norm, threat.eps).all())


@few
@given(threat=counted, seed=seeds, channels=st.sampled_from([1, 3]))
def test_all_points_of_a_threat_are_inside(threat: Counted, seed: int, channels: int) -> None:
    """Projections, random starts and steps of FGSM are images that the referee accepts."""
    x = images(seed, channels)
    projected = threat.project(x, x + noise(x, seed))
    start = threat.random_start(x, torch.Generator().manual_seed(seed))
    step = x + threat.step(x, noise(x, seed), threat.eps)
    for point in (projected, start, step):
        assert accepted(threat, x, point)
        assert ((point >= 0) & (point <= 1)).all()
        torch.testing.assert_close(threat.project(x, point), point, atol=0, rtol=0)


@few
@given(seed=seeds, eps=st.integers(1, 100))
def test_distance_agrees_with_the_referee(seed: int, eps: int) -> None:
    """The number of changed pixels, and the side of their square, are those that the referee counts."""
    x = images(seed)
    x_adv = L0(eps).project(x, x + noise(x, seed))
    for kind in KINDS:
        for image, moved, size in zip(x, x_adv, kind(1).distance(x, x_adv), strict=True):
            inside = inside_budget(image[None], moved[None], kind.norm, float(size))
            smaller = inside_budget(image[None], moved[None], kind.norm, float(size) - 1)
            assert inside.all()
            assert not smaller.any()


@few
@given(seed=seeds, side=st.integers(1, 12))
def test_a_patch_is_at_the_place_of_the_largest_gain(seed: int, side: int) -> None:
    """No other place of the patch gives a linear loss a larger gain; places are compared one by one."""
    x, gradient = images(seed)[:1], noise(images(seed)[:1], seed)
    gain = (gradient * ((gradient > 0).float() - x))[0, 0]
    best = max(
        float(gain[top : top + side, left : left + side].sum())
        for top in range(12 - side + 1)
        for left in range(20 - side + 1)
    )
    step = Patch(side).step(x, gradient, side)
    assert float((step * gradient).sum()) == pytest.approx(best, rel=1e-4)


def test_channels_of_a_pixel_count_as_one() -> None:
    """A pixel with three changed channels is one pixel in L0."""
    x = torch.full((1, 3, 12, 20), 0.5)
    x_adv = x.clone()
    x_adv[0, :, 3, 4] = 1.0
    assert inside_budget(x, x_adv, "l0", 1).all()
    x_adv[0, 0, 0, 0] = 1.0
    assert not inside_budget(x, x_adv, "l0", 1).any()


def test_two_far_pixels_are_no_patch() -> None:
    """Two changed pixels at a distance of six rows need a square with a side of seven."""
    x = torch.full((1, 1, 12, 20), 0.5)
    x_adv = x.clone()
    x_adv[0, 0, 2, 3] = x_adv[0, 0, 8, 5] = 1.0
    assert not inside_budget(x, x_adv, "patch", 6).any()
    assert inside_budget(x, x_adv, "patch", 7).all()


@pytest.mark.parametrize("kind", KINDS)
def test_grey_needs_every_pixel(kind: type[Counted]) -> None:
    """The threat of `at_grey` contains grey around black images, and no smaller one does."""
    x = torch.zeros(2, 1, 12, 20)
    eps = kind(0).at_grey(x).eps
    assert inside_budget(x, x + 0.5, kind.norm, eps).all()
    assert not inside_budget(x, x + 0.5, kind.norm, eps - 1).any()


@pytest.mark.parametrize("kind", KINDS)
def test_a_fraction_of_a_pixel_is_refused(kind: type[Counted]) -> None:
    """An eps between two whole numbers is an error: it would be read as fewer pixels, perhaps none."""
    with pytest.raises(UsageError, match="expected a whole number of pixels"):
        kind(2.5)
    assert parse_threat(f"{kind.norm}:3") == kind(3) == make_threat(kind.norm, 3)


def test_a_patch_is_made_by_its_side() -> None:
    """`Patch(side=5)` is the threat `patch` with eps 5, and has a place for each corner it fits."""
    threat = Patch(side=5)
    assert threat.to_json() == {"norm": "patch", "eps": 5.0}
    assert threat.gains(torch.zeros(1, 28, 28))[0].numel() == 576


@few
@given(seed=seeds, eps=st.floats(0, 300), scale=st.sampled_from([0.01, 0.3, 3.0]))
def test_l1_projection_is_nearest(seed: int, eps: float, scale: float) -> None:
    """The projection is that of a bisection in float64 over the common shrinkage of all changes."""
    x = images(seed)
    point = x + scale * noise(x, seed)
    change = (point - x).double()
    size, limit = change.abs(), torch.where(change > 0, 1 - x, x).double()
    low, high = np.zeros(len(x)), size.flatten(1).amax(1).numpy()
    for _ in range(60):
        middle = (low + high) / 2
        shrunk = (size - torch.from_numpy(middle).view(-1, 1, 1, 1)).clamp_min(0)
        above = (torch.minimum(shrunk, limit).flatten(1).sum(1) > eps).numpy()
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    inside = (torch.minimum(size, limit).flatten(1).sum(1) <= eps).numpy()
    common = torch.from_numpy(np.where(inside, 0.0, high)).view(-1, 1, 1, 1)
    nearest = x + change.sign() * torch.minimum((size - common).clamp_min(0), limit)
    torch.testing.assert_close(L1(eps).project(x, point).double(), nearest, atol=2e-5, rtol=0)


@few
@given(seed=seeds, eps=st.floats(0.1, 100))
def test_l1_step_spends_the_budget_on_the_largest_gradients(seed: int, eps: float) -> None:
    """FGSM's step in L1 costs eps, and moves no value while one of larger gradient could move."""
    x = images(seed)
    gradient = noise(x, seed)
    step = L1(eps).step(x, gradient, eps)
    limit = torch.where(gradient > 0, 1 - x, x)
    total = limit.flatten(1).sum(1).clamp_max(eps)
    torch.testing.assert_close(step.abs().flatten(1).sum(1), total, rtol=1e-4, atol=1e-5)
    for k in range(len(x)):
        room = (limit[k] - step[k].abs() > 1e-4) & (limit[k] > 0)
        moved = gradient[k].abs()[step[k].abs() > 1e-4]
        if bool(room.any()) and len(moved):
            assert gradient[k].abs()[room].max() <= moved.min() + 1e-6


def test_a_comma_in_a_number_is_named() -> None:
    """A comma separates threats, so that the whole text is shown where one stands in a number."""
    with pytest.raises(UsageError, match=r"got 'linf:0,03'; .* a point in a number"):
        as_threats("linf:0,03")
