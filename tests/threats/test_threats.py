"""Threats: projection, random start and steepest step, compared with the referee's arithmetic."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

import securemnist
from securemnist._util import resources
from securemnist.attacks.square_changes import SAMPLERS
from securemnist.errors import UsageError
from securemnist.evaluation.ladders import COUNTED_BUDGETS
from securemnist.referee import SIZES, inside_budget
from securemnist.threats import L1, L2, THREATS, Linf, Threat, make_threat, parse_threat
from securemnist.view.row_words import NORMS
from tests.error_form import one_sentence
from tests.threats.norms import ORDERS, dual_order

EVASION = (resources.ROOT / "docs" / "evasion.md").read_text()

KINDS = [THREATS[norm] for norm in ORDERS]
# Of every norm in the table a small, a usual and a large ball.
SIZE = 28 * 28
USUAL = [kind(share * kind.span(SIZE)) for kind in KINDS for share in (0.05, 0.3)]
threats = st.one_of(
    *(st.builds(kind, st.floats(0, kind.span(SIZE))) for kind in KINDS),
    st.sampled_from([*USUAL, *(kind(eps) for kind in KINDS for eps in (0, kind.span(SIZE)))]),
)
seeds = st.integers(0, 2**32)
# From far inside a ball to far outside every one.
scales = st.sampled_from([0.0, 1e-7, 1e-3, 0.05, 0.3, 1.0, 10.0])
few = settings(max_examples=60)


def images(seed: int, n: int = 4) -> torch.Tensor:
    """Random images: half of them mostly exact 0 and 1, as in MNIST, half of them in middle greys."""
    noise = torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(seed))
    return torch.cat([(noise[::2] * 3 - 1).clamp(0, 1), 0.4 + 0.2 * noise[1::2]])


def perturbed(x: torch.Tensor, scale: float) -> torch.Tensor:
    """The images with noise of this scale, not clipped to the pixel range."""
    return x + scale * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))


def test_every_norm_is_known_to_all_that_need_it() -> None:
    """A norm that is added to the table has a definition of the referee's own, and one in these tests."""
    assert set(THREATS) == set(SIZES) == set(NORMS)
    assert set(ORDERS) == {name for name, kind in THREATS.items() if kind.form == "ball"}
    for name, kind in THREATS.items():
        assert kind.norm == name
        assert 0 < kind.planted < 0.5
        assert kind.form != "ball" or kind.square in SAMPLERS
        assert kind.form == "ball" or kind.form in COUNTED_BUDGETS
        assert getattr(securemnist, kind.__name__) is kind
        assert f"`{name}`" in EVASION


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 12, 20)])
def test_grey_lies_in_every_wide_ball(kind: type[Threat], shape: tuple[int, ...]) -> None:
    """The ball of `at_grey` around black and white images, the farthest, contains grey, barely."""
    x = torch.stack([torch.zeros(shape), torch.ones(shape)])
    grey = torch.full_like(x, 0.5)
    eps = kind(0.0).at_grey(x).eps
    assert inside_budget(x, grey, kind.norm, eps).all()
    assert not inside_budget(x, grey, kind.norm, 0.99 * eps).any()


def test_largest_eps_follows_the_image_size() -> None:
    """An L2 radius of 30 fits colour images of 32x32, and is refused for grey ones of 28x28."""
    L2(30).check_fits(3 * 32 * 32)
    with pytest.raises(UsageError, match="0 <= eps <= 28 for l2"):
        L2(30).check_fits(SIZE)


def accepted(threat: Threat, x: torch.Tensor, x_adv: torch.Tensor) -> bool:
    """Whether the referee accepts every image, and every pixel is in [0, 1] exactly."""
    valid = inside_budget(x, x_adv, threat.norm, threat.eps)
    return bool(valid.all()) and bool(((x_adv >= 0) & (x_adv <= 1)).all())


@few
@given(threat=threats, seed=seeds, scale=scales)
@example(threat=L1(0.5), seed=0, scale=0.001)  # rounding of 784 small changes
def test_projection_within_threat(threat: Threat, seed: int, scale: float) -> None:
    """A projection is in the threat set, wherever the point is."""
    x = images(seed)
    assert accepted(threat, x, threat.project(x, perturbed(x, scale)))


@few
@given(threat=threats, seed=seeds, scale=scales)
def test_projection_idempotent(threat: Threat, seed: int, scale: float) -> None:
    """A second projection changes a point by float32 rounding at most."""
    x = images(seed)
    once = threat.project(x, perturbed(x, scale))
    torch.testing.assert_close(threat.project(x, once), once, atol=1e-6, rtol=0)


@few
@given(threat=threats, seed=seeds, share=st.floats(0, 0.999))
def test_projection_keeps_members(threat: Threat, seed: int, share: float) -> None:
    """An image well inside the threat set is its own projection."""
    x = images(seed)
    member = x + share * (threat.project(x, perturbed(x, 1.0)) - x)
    torch.testing.assert_close(threat.project(x, member), member, atol=1e-7, rtol=0)


@few
@given(eps=st.floats(0, 1), seed=seeds, scale=scales)
def test_linf_projection_is_nearest(eps: float, seed: int, scale: float) -> None:
    """Under L-inf each pixel becomes the nearest allowed value, computed in float64."""
    x = images(seed)
    point = perturbed(x, scale)
    low, high = (x.double() - eps).clamp_min(0), (x.double() + eps).clamp_max(1)
    nearest = torch.maximum(torch.minimum(point.double(), high), low)
    found = Linf(eps).project(x, point).double()
    torch.testing.assert_close(found, nearest, atol=1e-7, rtol=0)


@few
@given(threat=threats, seed=seeds)
def test_random_start_within_threat(threat: Threat, seed: int) -> None:
    """A random start is in the threat set."""
    x = images(seed)
    assert accepted(threat, x, threat.random_start(x, torch.Generator().manual_seed(seed)))


@pytest.mark.parametrize("threat", [Linf(0.3), L2(2.0)], ids=str)
def test_random_starts_fill_ball(threat: Threat) -> None:
    """Starts reach nearly to eps on both sides, differ between images and draws, and repeat by seed."""
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


def test_linf_random_start_uniform() -> None:
    """An L-inf start is uniform: a quarter of the pixels lies in each quarter of the ball."""
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
def test_steepest_step_norm_and_gain(threat: Threat, seed: int, power: int) -> None:
    """The steepest step has norm 1 and gains the dual norm, for gradients of any scale."""
    gradient = torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(seed))
    step = threat.steepest(gradient * 10.0**power).double()
    own, dual = ORDERS[threat.norm], dual_order(threat.norm)
    ones = torch.ones(4, dtype=torch.float64)
    torch.testing.assert_close(step.flatten(1).norm(own, dim=1), ones, atol=1e-5, rtol=0)
    gain = (step * gradient.double()).flatten(1).sum(1)
    torch.testing.assert_close(
        gain, gradient.double().flatten(1).norm(dual, dim=1), rtol=1e-3, atol=0
    )


@pytest.mark.parametrize("threat", USUAL, ids=str)
def test_steepest_step_of_zero_or_nan_gradient(threat: Threat) -> None:
    """Where the gradient is zero or NaN the step is zero, never NaN."""
    gradient = torch.zeros(3, 1, 28, 28)
    gradient[1, 0, 0, 0] = torch.nan
    gradient[2, 0, 0, 0] = torch.inf
    step = threat.steepest(gradient)
    assert torch.isfinite(step).all()
    assert not step[:2].any()
    assert step[2, 0, 0, 0] == 1


@few
@given(threat=threats, seed=seeds, scale=scales)
def test_distance_matches_python_arithmetic(threat: Threat, seed: int, scale: float) -> None:
    """The distance equals the norm of the perturbation in Python's float arithmetic."""
    x = images(seed, 2)
    x_adv = perturbed(x, scale)
    for found, change in zip(threat.distance(x, x_adv), x_adv - x, strict=True):
        values = change.flatten().tolist()
        order = ORDERS[threat.norm]
        sizes = list(map(abs, values))
        true = max(sizes) if order == math.inf else sum(s**order for s in sizes) ** (1 / order)
        assert math.isclose(float(found), true, rel_tol=1e-5, abs_tol=1e-9)


def test_threat_on_empty_batch() -> None:
    """Projection and random start work on a batch of zero images."""
    none = torch.empty(0, 1, 28, 28)
    for threat in USUAL:
        assert threat.random_start(none, torch.Generator()).shape == none.shape
        assert threat.project(none, none).shape == none.shape


@few
@given(threat=threats)
def test_threat_round_trip(threat: Threat) -> None:
    """Norm and eps give the same threat again, from JSON and from text."""
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
        ("l7:0.1", f"expected a norm of {', '.join(THREATS)}"),
        ("Linf:0.1", f"expected a norm of {', '.join(THREATS)}"),
        ("linf:-0.1", "expected 0 <= eps <= 1 for linf"),
        ("linf:1.01", "expected 0 <= eps <= 1 for linf"),
        ("linf:nan", "expected 0 <= eps <= 1 for linf"),
        ("linf:inf", "expected 0 <= eps <= 1 for linf"),
        ("l2:1025", "expected 0 <= eps <= 1024 for l2"),
    ],
)
def test_invalid_threat_text(text: str, words: str) -> None:
    """A text other than NORM:EPS, or with an invalid eps, is one UsageError."""
    with pytest.raises(UsageError) as caught:
        parse_threat(text)
    assert words in one_sentence(caught.value)


@pytest.mark.parametrize("kind", THREATS.values())
@pytest.mark.parametrize("eps", [True, "0.1", None])
def test_eps_must_be_number(kind: type[Threat], eps: object) -> None:
    """A truth value or text as eps is a UsageError."""
    with pytest.raises(UsageError, match="expected eps as a number"):
        kind(eps)  # type: ignore[arg-type]
