"""Square: the paper's schedule, squares inside the image, the whole budget used."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from securemnist.attacks.square import Square
from securemnist.attacks.square_changes import SAMPLERS, L2Sampler, LinfSampler
from securemnist.attacks.square_search import square_fractions
from securemnist.data import DataSet
from securemnist.models.loading import Subject
from securemnist.threats import L2, Linf, make_threat
from tests.attacks.models import Rounded, broken, run

norms = pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
SIDE = 28
SHAPE = (1, 1, SIDE, SIDE)


def test_square_schedule_matches_paper() -> None:
    """With 10,000 queries squares shrink after 10, 50, 200, 500, ... of them; else in proportion."""
    table = square_fractions(10_000, 0.8)
    changes = (table.diff() != 0).nonzero().squeeze(1).tolist()
    assert changes == [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000]
    assert table[0] == pytest.approx(0.8)
    assert table[-1] == pytest.approx(0.8 / 512)
    assert torch.equal(square_fractions(1_000, 0.8), table[::10])


def test_square_leaves_saturated_scores(baseline: Subject, mnist: DataSet) -> None:
    """Where the label's rounded probability is 1.000, patterns break more samples than squares do."""
    samples = mnist.tuning[:300]
    x, y = samples.images(), samples.labels
    threat = Linf(0.3)
    lowest = Rounded(baseline.model)(run(Square(queries=1), baseline.model, x, y, threat))
    saturated = lowest.gather(1, y[:, None])[:, 0] == 0
    x, y = x[saturated][:32], y[saturated][:32]
    found = {}
    for said in (True, False):
        model = Rounded(baseline.model, said=said)
        found[said] = int(broken(Square(queries=100), model, x, y, threat).sum())
    assert found[True] > found[False] + 3 > 3


@norms
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32), share=st.floats(0.001, 1))
def test_square_change_limited_to_squares(norm: str, seed: int, share: float) -> None:
    """A change touches one square (two in L2) and uses the whole budget."""
    rng = torch.Generator().manual_seed(seed)
    x = 0.5 + 0.01 * torch.randn(5, 1, 28, 28, generator=rng)
    threat = make_threat(norm, {"linf": 0.1, "l2": 0.5, "l1": 10.0}[norm])
    sampler = SAMPLERS[threat.square](threat, SHAPE, torch.tensor([share]))
    best = sampler.initial(x, torch.rand(5, sampler.initial_draws, generator=rng))
    draws = torch.rand(5, sampler.draws, generator=rng)
    candidates = sampler.change(x, best, torch.full((5,), share), draws)
    if norm == "linf":
        size = max(1, round(SIDE * share**0.5))
        changed = (candidates != best)[:, 0]
        assert changed.any(1).sum(1).le(size).all()
        assert changed.any(2).sum(1).le(size).all()
    sizes = threat.distance(x, candidates)
    torch.testing.assert_close(sizes, torch.full((5,), threat.eps), rtol=1e-4, atol=0)


def test_square_reaches_corners() -> None:
    """The smallest and largest draws place squares of every size in the image's corners."""
    shares = (0.001, 0.3, 1.0)
    sampler, x = LinfSampler(Linf(0.1), SHAPE, torch.tensor(shares)), torch.full(SHAPE, 0.5)
    for share in shares:
        for low, corner in ((0.0, (0, 0)), (1 - 1e-7, (-1, -1))):
            draws = torch.tensor([[low, low, 0.9]])
            candidates = sampler.change(x, x, torch.tensor([share]), draws)
            assert candidates[0, 0][corner] != 0.5


def test_square_l2_sampler_perturbation() -> None:
    """In L2 the donor square becomes unperturbed, and the norm stays eps."""
    sampler = L2Sampler(L2(1.0), SHAPE, torch.tensor([0.05]))
    x = torch.full(SHAPE, 0.5)
    best = sampler.initial(x, torch.rand(1, SIDE, generator=torch.Generator().manual_seed(0)))
    draws = torch.tensor([[0.0, 0.0, 1 - 1e-7, 1 - 1e-7, 0.9, 0.9]])
    candidates = sampler.change(x, best, torch.tensor([0.05]), draws)
    size = round(SIDE * 0.05**0.5) // 2 * 2 + 1
    assert (candidates - x)[0, 0, -size:, -size:].abs().max() < 1e-6
    assert (candidates - x)[0, 0, :size, :size].abs().max() > 0
    assert L2(1.0).distance(x, candidates).item() == pytest.approx(1, rel=1e-5)
