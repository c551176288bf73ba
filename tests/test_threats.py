"""Threats: the geometry that every attack relies on, held against the referee's own arithmetic."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from securemnist.attacks.square_changes import PROPOSALS
from securemnist.errors import UsageError
from securemnist.referee import SIZES, inside_budget
from securemnist.threats import L2, THREATS, Linf, Threat, make_threat, parse_threat
from tests.error_form import one_sentence

# The exponent of each norm: of a perturbation's size, in the arithmetic of these tests.
ORDERS = {"linf": math.inf, "l2": 2.0}
KINDS = list(THREATS.values())
# Of every norm in the table a small, a usual and a large ball.
USUAL = [kind(share * kind.largest) for kind in KINDS for share in (0.05, 0.3)]
threats = st.one_of(
    *(st.builds(kind, st.floats(0, kind.largest)) for kind in KINDS),
    st.sampled_from([*USUAL, *(kind(eps) for kind in KINDS for eps in (0, kind.largest))]),
)
seeds = st.integers(0, 2**32)
# From far inside a ball to far outside every one.
scales = st.sampled_from([0.0, 1e-7, 1e-3, 0.05, 0.3, 1.0, 10.0])
few = settings(max_examples=60)


def images(seed: int, n: int = 4) -> torch.Tensor:
    """Random images: half of them mostly exact 0 and 1, as in MNIST, half of them in middle greys."""
    noise = torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(seed))
    return torch.cat([(noise[::2] * 3 - 1).clamp(0, 1), 0.4 + 0.2 * noise[1::2]])


def moved(x: torch.Tensor, scale: float) -> torch.Tensor:
    """The images with noise of this size, no longer in the pixel range."""
    return x + scale * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))


def test_every_norm_is_known_to_all_that_need_it() -> None:
    """A norm that is added to the table has a definition of the referee's own, and one in these tests."""
    assert set(THREATS) == set(SIZES) == set(ORDERS)
    for name, kind in THREATS.items():
        assert kind.norm == name
        assert 0 < kind.planted < kind.grey <= kind.largest
        assert kind.square in PROPOSALS


@pytest.mark.parametrize("kind", KINDS)
def test_grey_lies_in_every_wide_ball(kind: type[Threat]) -> None:
    """The ball of `grey` around the farthest images, black and white, holds the middle grey, barely."""
    x = torch.stack([torch.zeros(1, 28, 28), torch.ones(1, 28, 28)])
    grey = torch.full_like(x, 0.5)
    assert inside_budget(x, grey, kind.norm, kind.grey).all()
    assert not inside_budget(x, grey, kind.norm, 0.99 * kind.grey).any()


def inside(threat: Threat, x: torch.Tensor, x_adv: torch.Tensor) -> bool:
    """Whether the referee accepts every image, and every pixel is in the range to the last bit."""
    valid = inside_budget(x, x_adv, threat.norm, threat.eps)
    return bool(valid.all()) and bool(((x_adv >= 0) & (x_adv <= 1)).all())


@few
@given(threat=threats, seed=seeds, scale=scales)
def test_a_projection_lands_inside(threat: Threat, seed: int, scale: float) -> None:
    """Wherever a point comes from, its projection is within budget and pixel range."""
    x = images(seed)
    assert inside(threat, x, threat.project(x, moved(x, scale)))


@few
@given(threat=threats, seed=seeds, scale=scales)
def test_projecting_again_changes_nothing(threat: Threat, seed: int, scale: float) -> None:
    """A projected point stays where it is, up to float32 rounding, however often it is projected."""
    x = images(seed)
    once = threat.project(x, moved(x, scale))
    torch.testing.assert_close(threat.project(x, once), once, atol=1e-6, rtol=0)


@few
@given(threat=threats, seed=seeds, share=st.floats(0, 0.999))
def test_members_are_left_alone(threat: Threat, seed: int, share: float) -> None:
    """An image that is well inside the threat set is its own projection."""
    x = images(seed)
    member = x + share * (threat.project(x, moved(x, 1.0)) - x)
    torch.testing.assert_close(threat.project(x, member), member, atol=1e-7, rtol=0)


@few
@given(eps=st.floats(0, 1), seed=seeds, scale=scales)
def test_the_linf_projection_is_the_nearest(eps: float, seed: int, scale: float) -> None:
    """Under Linf each pixel goes to the nearest allowed value, computed here in float64."""
    x = images(seed)
    point = moved(x, scale)
    low, high = (x.double() - eps).clamp_min(0), (x.double() + eps).clamp_max(1)
    nearest = torch.maximum(torch.minimum(point.double(), high), low)
    found = Linf(eps).project(x, point).double()
    torch.testing.assert_close(found, nearest, atol=1e-7, rtol=0)


@few
@given(threat=threats, seed=seeds)
def test_a_random_start_is_inside(threat: Threat, seed: int) -> None:
    """A random start is within budget and pixel range."""
    x = images(seed)
    assert inside(threat, x, threat.random_start(x, torch.Generator().manual_seed(seed)))


@pytest.mark.parametrize("threat", [Linf(0.3), L2(2.0)], ids=str)
def test_random_starts_fill_the_ball(threat: Threat) -> None:
    """Starts reach nearly to eps on both sides, differ between images and draws, and obey their seed."""
    x = torch.full((6, 1, 28, 28), 0.5)
    rng = torch.Generator().manual_seed(0)
    first, second = threat.random_start(x, rng), threat.random_start(x, rng)
    assert (threat.distance(x, first) > 0.95 * threat.eps).all()
    for part in (first - x, second - x):
        assert 0.4 < (part > 0).float().mean() < 0.6
        assert len({tuple(image.flatten().tolist()) for image in part}) == 6
    assert not torch.equal(first, second)
    again = threat.random_start(x, torch.Generator().manual_seed(0))
    assert torch.equal(first, again)


def test_linf_starts_are_uniform() -> None:
    """Under Linf a start is uniform in the ball: a quarter of the pixels lies in each quarter of it."""
    x = torch.full((20, 1, 28, 28), 0.5)
    noise = (Linf(0.4).random_start(x, torch.Generator().manual_seed(0)) - x) / 0.4
    shares = torch.histc(noise, bins=4, min=-1, max=1) / noise.numel()
    assert (shares - 0.25).abs().max() < 0.02


@few
@given(
    threat=st.sampled_from(USUAL),
    seed=seeds,
    power=st.integers(-38, 30),
)
def test_the_steepest_step(threat: Threat, seed: int, power: int) -> None:
    """The steepest step has norm 1 and gains the dual norm, for gradients of any size."""
    gradient = torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(seed))
    step = threat.steepest(gradient * 10.0**power).double()
    own = ORDERS[threat.norm]
    dual = 1 / (1 - 1 / own) if own > 1 else math.inf
    ones = torch.ones(4, dtype=torch.float64)
    torch.testing.assert_close(step.flatten(1).norm(own, dim=1), ones, atol=1e-5, rtol=0)
    gain = (step * gradient.double()).flatten(1).sum(1)
    torch.testing.assert_close(
        gain, gradient.double().flatten(1).norm(dual, dim=1), rtol=1e-3, atol=0
    )


@pytest.mark.parametrize("threat", USUAL, ids=str)
def test_a_flat_loss_gives_no_step(threat: Threat) -> None:
    """Where the gradient is zero or no number the step is zero there, never NaN."""
    gradient = torch.zeros(3, 1, 28, 28)
    gradient[1, 0, 0, 0] = torch.nan
    gradient[2, 0, 0, 0] = torch.inf
    step = threat.steepest(gradient)
    assert torch.isfinite(step).all()
    assert not step[:2].any()
    assert step[2, 0, 0, 0] == 1


@few
@given(threat=threats, seed=seeds, scale=scales)
def test_the_distance_is_the_norm(threat: Threat, seed: int, scale: float) -> None:
    """The distance is the norm of the perturbation, as numbers of Python add it up."""
    x = images(seed, 2)
    x_adv = moved(x, scale)
    for found, change in zip(threat.distance(x, x_adv), x_adv - x, strict=True):
        values = change.flatten().tolist()
        order = ORDERS[threat.norm]
        sizes = list(map(abs, values))
        true = max(sizes) if order == math.inf else sum(s**order for s in sizes) ** (1 / order)
        assert math.isclose(float(found), true, rel_tol=1e-5, abs_tol=1e-9)


def test_no_images_are_no_error() -> None:
    """A batch of none is projected and started from like any other."""
    none = torch.empty(0, 1, 28, 28)
    for threat in USUAL:
        assert threat.random_start(none, torch.Generator()).shape == none.shape
        assert threat.project(none, none).shape == none.shape


@few
@given(threat=threats)
def test_a_threat_is_told_and_read_back(threat: Threat) -> None:
    """Norm and eps make the same threat again, from JSON and from the command line."""
    data = threat.to_json()
    assert make_threat(str(data["norm"]), threat.eps) == threat
    assert parse_threat(f"{threat.norm}:{threat.eps!r}") == threat


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected a threat like linf:0.3"),
        ("linf", "expected a threat like linf:0.3"),
        ("linf:", "expected a threat like linf:0.3"),
        ("linf:much", "expected a threat like linf:0.3"),
        ("linf:0.1:2", "expected a threat like linf:0.3"),
        ("l7:0.1", "expected a norm of linf, l2"),
        ("Linf:0.1", "expected a norm of linf, l2"),
        ("linf:-0.1", "expected 0 <= eps <= 1 for linf"),
        ("linf:1.01", "expected 0 <= eps <= 1 for linf"),
        ("linf:nan", "expected 0 <= eps <= 1 for linf"),
        ("linf:inf", "expected 0 <= eps <= 1 for linf"),
        ("l2:28.1", "expected 0 <= eps <= 28 for l2"),
    ],
)
def test_what_is_no_threat(text: str, words: str) -> None:
    """A threat that does not read NORM:EPS, or has an impossible eps, is one UsageError."""
    with pytest.raises(UsageError) as caught:
        parse_threat(text)
    assert words in one_sentence(caught.value)


@pytest.mark.parametrize("kind", THREATS.values())
@pytest.mark.parametrize("eps", [True, "0.1", None])
def test_eps_is_a_number(kind: type[Threat], eps: object) -> None:
    """Truth values and texts are no radius."""
    with pytest.raises(UsageError, match="expected eps as a number"):
        kind(eps)  # type: ignore[arg-type]
