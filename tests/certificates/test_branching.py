"""Parts of a domain: their first multipliers, and how the search improves them."""

from __future__ import annotations

import pytest
import torch

from securemnist.certificates.certificate import network_of
from securemnist.certificates.operations.intervals import ball
from securemnist.certificates.relaxations.branching import children, ranked
from securemnist.certificates.relaxations.minimum import Minimum
from securemnist.certificates.relaxations.optimisation import MULTIPLIER_RATE, optimised
from securemnist.certificates.relaxations.relaxation import Relaxation
from securemnist.certificates.relaxations.tightening import refined, tightened
from tests.certificates.networks import SHAPE, network

LAYERS = ["convolution", "relu", "convolution", "relu", "mean", "relu"]
DOMAINS = 24


def domains() -> tuple[Relaxation, torch.Tensor, torch.Tensor, torch.Tensor, Minimum]:
    """Domains of few signs: relaxation, signs, duals, weights and minima."""
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(1, *SHAPE, generator=rng)
    net = network_of(network("normalised", LAYERS, functions=False, seed=4), x)
    relaxation = Relaxation(net, refined(net, tightened(net, ball(x, 0.05))))
    signs = torch.randint(-1, 2, (DOMAINS, relaxation.units), generator=rng)
    signs = (signs * (torch.rand(signs.shape, generator=rng) < 0.1)).to(torch.int8)
    duals = torch.rand(signs.shape, generator=rng)
    eye = torch.eye(net.classes)
    weights = eye[0] - eye[1 + torch.arange(DOMAINS) % (net.classes - 1)]
    found = relaxation.estimates(signs).minimum(duals, weights)
    return relaxation, signs, duals, weights, found


@pytest.mark.parametrize("steps", [0, 3])
def test_no_part_has_a_lower_bound_than_its_domain(steps: int) -> None:
    """Both parts start at the bound of their domain or above; with multipliers of 0 some start below."""
    relaxation, signs, duals, weights, found = domains()
    parts, started = children(relaxation, signs, duals, weights, found, steps=steps)
    estimates = relaxation.estimates(parts)
    gained = estimates.lower_bounds(started, weights.repeat(2, 1)) - found.bounds.repeat(2)
    assert float(gained.min()) > -1e-4
    assert float(gained.max()) > 1e-2
    without = duals.repeat(2, 1).masked_fill((parts != 0) & (signs.repeat(2, 1) == 0), 0)
    lost = estimates.lower_bounds(without, weights.repeat(2, 1)) - found.bounds.repeat(2)
    assert float(lost.min()) < -1e-3


def test_trial_with_ascent_finds_parts_of_higher_bounds() -> None:
    """More candidates, whose parts are bounded after steps of ascent, give higher worse bounds."""
    relaxation, signs, duals, weights, found = domains()

    def worse(**trial: int) -> float:
        parts, started = children(relaxation, signs, duals, weights, found, **trial)
        bounds = relaxation.estimates(parts).lower_bounds(started, weights.repeat(2, 1))
        return float(bounds.view(2, -1).amin(0).mean())

    assert worse(candidates=24, steps=8) > worse(candidates=4, steps=8) > worse(candidates=4)


@pytest.mark.parametrize(("lower", "upper"), [(-1e-13, 1e-13), (-1e-7, 1.0), (-1e-3, 1e6)])
def test_every_free_unit_can_be_split(
    lower: float, upper: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rounding gives no unit without a sign a rank below 0, however close to 0 its bounds are."""
    relaxation, signs, duals, _, found = domains()
    ends = (torch.full((relaxation.units,), end) for end in (lower, upper))
    monkeypatch.setattr(type(relaxation), "ends", tuple(ends))
    ranks = ranked(relaxation, signs, duals, found)
    assert bool((ranks[signs == 0] >= 0).all())
    assert bool((ranks[signs != 0] == -1).all())


def test_ascent_goes_on_up_to_its_goal() -> None:
    """Bounds that rounding could undo are not enough: slopes are optimised until all are above a goal."""
    relaxation, signs, duals, weights, found = domains()
    estimates = relaxation.estimates(signs)
    lowest = (found.bounds.min() - 1).item()
    (_, ended), (_, best) = (
        optimised(estimates, duals, weights, steps=40, goal=goal) for goal in (lowest, torch.inf)
    )
    assert torch.equal(ended, found.bounds)
    assert (best >= ended).all()
    assert float((best - ended).mean()) > 1e-2


def test_steps_of_multipliers_have_a_pace() -> None:
    """Multipliers move by at most the first step times the pace; slopes do not depend on it."""
    relaxation, signs, duals, weights, _ = domains()
    pace = torch.full((DOMAINS, 1), 0.1)
    slow, fast = (
        optimised(
            *(relaxation.estimates(signs), duals, weights),
            steps=1,
            goal=torch.inf,
            pace=each,
        )[0]
        for each in (pace, 1.0)
    )
    signed = signs != 0
    moved = (slow - duals)[signed].abs().max(), (fast - duals)[signed].abs().max()
    assert float(moved[0]) <= 0.1 * MULTIPLIER_RATE < float(moved[1])


def test_multipliers_stop_where_the_bound_has_its_kink() -> None:
    """From 0 a multiplier moves only where its bound rises, and it does not jump over 0."""
    relaxation, signs, duals, weights, _ = domains()
    signed = signs != 0
    duals = duals.masked_fill(signed, 0)
    first, _ = optimised(
        *(relaxation.estimates(signs), duals, weights),
        steps=1,
        rate=1e-3,
        goal=torch.inf,
        pace=5e-3,
    )
    kept = (first != duals).any(1)  # the step made these domains better
    domain, unit = (signed & kept[:, None]).nonzero()[:200].T
    exact = relaxation.domains(signs[domain])
    start, rows = duals[domain].double(), weights[domain].double()
    bound = exact.lower_bounds(start, rows)
    up, down = (
        exact.lower_bounds(start.scatter(1, unit[:, None], step), rows) > bound + 1e-9
        for step in (1e-4, -1e-4)
    )
    agree = first[domain, unit].sign() == up.float() - down.float()
    assert float(agree.float().mean()) > 0.9  # a pixel without weight may have either end
    assert up.any()
    assert (~up & ~down).any()
    near, _ = optimised(
        *(relaxation.estimates(signs), duals.masked_fill(signed, 1e-3), weights),
        steps=1,
        goal=torch.inf,
    )
    assert float(near[signed].min()) == 0
