"""What the searches in full batches keep: a digit's independence and its cost; impossible settings."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from securemnist.attacks import active_batch, make_attack
from securemnist.attacks.apgd import APGD, APGDT
from securemnist.attacks.apgd_restarts import NearestAPGD
from securemnist.attacks.base import Attack
from securemnist.attacks.boundary_fab import BoundaryFAB
from securemnist.attacks.fab import FAB
from securemnist.attacks.square import Square
from securemnist.errors import PolicyError
from securemnist.threats import L2, Linf, make_threat
from tests.attacks.examples import EXAMPLES
from tests.attacks.searches import Witness, fallen, linear, run
from tests.error_form import one_sentence

# Those that keep full batches by `active_batch`.
KINDS = ("APGD", "APGDT", "FAB", "BoundaryFAB", "NearestAPGD", "Square")
SEARCHES = [attack for name in KINDS for attack in EXAMPLES[name]]
every = pytest.mark.parametrize("attack", SEARCHES, ids=lambda a: a.name)
both_norms = pytest.mark.parametrize("norm", ["linf", "l2"])


@pytest.mark.parametrize(
    "attack", [APGD(steps=9), FAB(steps=9, targets=1), Square(queries=60)], ids=str
)
def test_chance_is_not_the_same_for_another_seed(attack: Attack) -> None:
    """Another seed finds other images, unless the search draws nothing: FAB starts at the digit."""
    model, x, y, radius = linear("linf")
    threat = Linf(2 * float(radius.median()))
    one, other = (run(attack, model, x, y, threat, seed) for seed in (0, 1))
    assert torch.equal(one, other) == isinstance(attack, FAB)


@every
@both_norms
def test_batch_mates_do_not_matter(
    attack: Attack, norm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who falls does not depend on the batch; nor, where a digit has one turn, does its image."""
    model, x, y, radius = linear(norm)
    threat = make_threat(norm, float(radius.median()))
    together = run(attack, model, x, y, threat)
    monkeypatch.setattr(active_batch, "BATCH", 5)
    apart = run(attack, model, x, y, threat)
    assert torch.equal(fallen(model, together, y), fallen(model, apart, y))
    if attack in (APGD(steps=6), Square(queries=12)):
        torch.testing.assert_close(apart, together, atol=1e-5, rtol=0)


# FAB from outside looks for boundaries first, whatever the digit is read as.
@pytest.mark.parametrize(
    "attack", [a for a in SEARCHES if not isinstance(a, BoundaryFAB)], ids=lambda a: a.name
)
def test_a_digit_that_has_fallen_costs_nothing_more(attack: Attack) -> None:
    """Where every digit is wrong at the first look, there is no second batch."""
    model, x, y, _ = linear("linf")
    witness, others = Witness(model), (y + 1) % 10
    x_adv = run(attack, witness, x, others, Linf(1e-9))
    sorts = 1 if isinstance(attack, APGDT | FAB) else 0
    assert len(witness.batches) == sorts + 1
    assert fallen(model, x_adv, others).all()


@pytest.mark.parametrize("attack", [APGDT(steps=2), FAB(steps=2)], ids=str)
def test_few_survivors_fill_a_batch_with_their_targets(attack: Attack) -> None:
    """Three digits in nine turns each are one batch of 27, not nine of 3."""
    model, x, y, _ = linear("linf")
    witness = Witness(model)
    run(attack, witness, x[:3], y[:3], Linf(1e-6))
    assert witness.batches == [3, 27, 27, 27]


@pytest.mark.parametrize(
    "row",
    [
        {"use": "APGD", "steps": 0},
        {"use": "APGD", "restarts": True},
        {"use": "APGD", "loss": "cw"},
        {"use": "APGDT", "targets": 10},
        {"use": "APGDT", "targets": 2.0},
        {"use": "FAB", "steps": "many"},
        {"use": "FAB", "targets": 0},
        {"use": "BoundaryFAB", "starts": 0},
        {"use": "NearestAPGD", "restarts": 0},
        {"use": "NearestAPGD", "share": 0},
        {"use": "NearestAPGD", "share": "all"},
        {"use": "NearestAPGD", "share": float("nan")},
        {"use": "Square", "queries": -5},
        {"use": "Square", "start": 0},
        {"use": "Square", "start": float("nan")},
        {"use": "Square", "p_init": 0.8},
    ],
    ids=str,
)
def test_an_impossible_setting(row: dict[str, Any]) -> None:
    """A setting that cannot be is a PolicyError of one sentence."""
    with pytest.raises(PolicyError) as caught:
        make_attack(row)
    one_sentence(caught.value)


def test_names() -> None:
    """A search is printed with what it is and how long it was."""
    named = {
        APGD(): "APGD-CE-100",
        APGD(loss="dlr", restarts=3): "APGD-DLR-100x3",
        APGDT(steps=20): "APGD-DLR-T-20",
        FAB(): "FAB-T-100",
        NearestAPGD(steps=50): "APGD-N-50x40",
        Square(): "Square-5000",
    }
    assert [attack.name for attack in named] == list(named.values())


def test_costs() -> None:
    """A surviving digit costs its steps in every turn; a query is cheaper than a pass."""
    assert APGD(steps=10, restarts=2).passes() == 22
    assert APGDT(steps=10, targets=3).passes() == FAB(steps=10, targets=3).passes() == 33
    assert NearestAPGD(steps=10, restarts=20, share=0.1).passes() == 33
    assert Square(queries=100).passes() < 100


def test_l2_is_l2() -> None:
    """A threat of another norm is searched in that norm: L2 moves few pixels far."""
    model, x, y, radius = linear("l2")
    x_adv = run(Square(queries=60), model, x, y, L2(3 * float(radius.median())))
    found = fallen(model, x_adv, y)
    delta = (x_adv - x)[found].flatten(1)
    assert found.sum() > 3
    assert (delta.abs().amax(1) > 3 * delta.abs().mean(1)).all()
