"""Square: no gradients, the paper's schedule, squares in the image, the whole budget used."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from securemnist.attacks.square import Square, shares
from securemnist.attacks.square_changes import PROPOSALS, SIDE, Flips, Moves
from securemnist.data import DataSet
from securemnist.models.loading import Subject
from securemnist.threats import L2, Linf, make_threat
from tests.attacks.searches import Stepwise, Witness, fallen, linear, run

both_norms = pytest.mark.parametrize("norm", ["linf", "l2"])


@both_norms
def test_it_asks_for_answers_only(norm: str) -> None:
    """It runs on a model that has no gradient, and never turns gradients on."""
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(6, 1, 28, 28, generator=rng)
    witness = Witness(Stepwise())
    y = Stepwise()(x).argmax(1)
    x_adv = run(Square(queries=20), witness, x, y, make_threat(norm, 0.2))
    assert not witness.gradients
    assert not x_adv.requires_grad


def test_the_schedule_is_that_of_the_paper() -> None:
    """With 10,000 queries squares shrink after 10, 50, 200, 500, ... of them; else in proportion."""
    table = shares(10_000, 0.8)
    falls = (table.diff() != 0).nonzero().squeeze(1).tolist()
    assert falls == [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000]
    assert table[0] == pytest.approx(0.8)
    assert table[-1] == pytest.approx(0.8 / 512)
    assert torch.equal(shares(1_000, 0.8), table[::10])


@both_norms
def test_queries_are_counted(norm: str) -> None:
    """A digit that survives costs exactly its queries, one pass forward each."""
    model, x, y, _ = linear(norm)
    witness = Witness(model)
    run(Square(queries=7), witness, x, y, make_threat(norm, 1e-7))
    assert witness.batches == [len(x)] * 7


@both_norms
def test_more_queries_break_more(norm: str, baseline: Subject, mnist: DataSet) -> None:
    """Ten times the queries break more digits of an undefended network, and some fall at once."""
    digits = mnist.tuning[:64]
    x, y = digits.images(), digits.labels
    threat = make_threat(norm, {"linf": 0.25, "l2": 3.0}[norm])
    few, many = (
        int(fallen(baseline.model, run(Square(queries=q), baseline.model, x, y, threat), y).sum())
        for q in (15, 150)
    )
    assert 0 < few < many


@both_norms
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32), share=st.floats(0.001, 1))
def test_one_square_is_changed(norm: str, seed: int, share: float) -> None:
    """A change touches one square (in L2 two, and what keeps the length), never the rest."""
    rng = torch.Generator().manual_seed(seed)
    x = 0.5 + 0.01 * torch.randn(5, 1, 28, 28, generator=rng)
    threat = make_threat(norm, {"linf": 0.1, "l2": 0.5}[norm])
    proposal = PROPOSALS[threat.square](threat)
    point = proposal.begin(x, torch.rand(5, SIDE, generator=rng))
    draws = torch.rand(5, proposal.draws, generator=rng)
    tried = proposal.change(x, point, torch.full((5,), share), draws)
    if norm == "linf":
        size = max(1, round(SIDE * share**0.5))
        changed = (tried != point)[:, 0]
        assert changed.any(1).sum(1).le(size).all()
        assert changed.any(2).sum(1).le(size).all()
    sizes = threat.distance(x, tried)
    torch.testing.assert_close(sizes, torch.full((5,), threat.eps), rtol=1e-4, atol=0)


def test_corners_are_reached() -> None:
    """The smallest and the largest draws put squares of every size into the image's corners."""
    flips, x = Flips(Linf(0.1)), torch.full((1, 1, 28, 28), 0.5)
    for share in (0.001, 0.3, 1.0):
        for low, corner in ((0.0, (0, 0)), (1 - 1e-7, (-1, -1))):
            draws = torch.tensor([[low, low, 0.9]])
            tried = flips.change(x, x, torch.tensor([share]), draws)
            assert tried[0, 0][corner] != 0.5


def test_a_square_gains_what_another_gives_up() -> None:
    """In L2 the length stays the whole budget, and the square that gives is left without change."""
    moves = Moves(L2(1.0))
    x = torch.full((1, 1, 28, 28), 0.5)
    point = moves.begin(x, torch.rand(1, SIDE, generator=torch.Generator().manual_seed(0)))
    draws = torch.tensor([[0.0, 0.0, 1 - 1e-7, 1 - 1e-7, 0.9, 0.9]])
    tried = moves.change(x, point, torch.tensor([0.05]), draws)
    size = round(SIDE * 0.05**0.5) // 2 * 2 + 1
    assert (tried - x)[0, 0, -size:, -size:].abs().max() < 1e-6
    assert (tried - x)[0, 0, :size, :size].abs().max() > 0
    assert L2(1.0).distance(x, tried).item() == pytest.approx(1, rel=1e-5)
