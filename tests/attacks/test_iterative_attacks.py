"""Properties of all iterative attacks: independence of samples, cost, seeds, invalid settings."""

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
from securemnist.attacks.onward import OnwardPGD
from securemnist.attacks.square import Square
from securemnist.errors import PolicyError
from securemnist.threats import L2, Linf, make_threat
from tests.attacks.examples import EXAMPLES
from tests.attacks.models import Recorder, linear, misclassified, run
from tests.error_form import one_sentence

# Those that keep full batches by `active_batch`.
KINDS = ("APGD", "APGDT", "FAB", "BoundaryFAB", "NearestAPGD", "OnwardPGD", "Square")
ATTACKS = [attack for name in KINDS for attack in EXAMPLES[name]]
every = pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.name)
both_norms = pytest.mark.parametrize("norm", ["linf", "l2"])


@pytest.mark.parametrize(
    "attack", [APGD(steps=9), FAB(steps=9, targets=1), Square(queries=60)], ids=str
)
def test_iterative_attack_uses_seed(attack: Attack) -> None:
    """Another seed gives other candidates, except for FAB without restarts."""
    model, x, y, radius = linear("linf")
    threat = Linf(2 * float(radius.median()))
    one, other = (run(attack, model, x, y, threat, seed) for seed in (0, 1))
    assert torch.equal(one, other) == isinstance(attack, FAB)


@every
@both_norms
def test_iterative_result_independent_of_batch(
    attack: Attack, norm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which samples break does not depend on the batch size; with one round, neither do candidates."""
    model, x, y, radius = linear(norm)
    threat = make_threat(norm, float(radius.median()))
    together = run(attack, model, x, y, threat)
    monkeypatch.setattr(active_batch, "BATCH", 5)
    apart = run(attack, model, x, y, threat)
    assert torch.equal(misclassified(model, together, y), misclassified(model, apart, y))
    if attack in (APGD(steps=6), Square(queries=12)):
        torch.testing.assert_close(apart, together, atol=1e-5, rtol=0)


# BoundaryFAB evaluates boundary points first, also for misclassified samples.
@pytest.mark.parametrize(
    "attack", [a for a in ATTACKS if not isinstance(a, BoundaryFAB)], ids=lambda a: a.name
)
def test_iterative_attack_stops_on_misclassified_samples(attack: Attack) -> None:
    """Where every sample is misclassified at first, there is no second batch."""
    model, x, y, _ = linear("linf")
    recorder, wrong = Recorder(model), (y + 1) % 10
    x_adv = run(attack, recorder, x, wrong, Linf(1e-9))
    passes_before = 1 if isinstance(attack, APGDT | FAB | OnwardPGD) else 0
    assert len(recorder.batches) == passes_before + 1
    assert misclassified(model, x_adv, wrong).all()


@pytest.mark.parametrize("attack", [APGDT(steps=2), FAB(steps=2)], ids=str)
def test_rounds_of_few_survivors_share_batch(attack: Attack) -> None:
    """Three samples with nine target classes each are one batch of 27, not nine of 3."""
    model, x, y, _ = linear("linf")
    recorder = Recorder(model)
    run(attack, recorder, x[:3], y[:3], Linf(1e-6))
    assert recorder.batches == [3, 27, 27, 27]


@pytest.mark.parametrize(
    "row",
    [
        {"use": "APGD", "steps": 0},
        {"use": "APGD", "restarts": True},
        {"use": "APGD", "loss": "cw"},
        {"use": "APGDT", "targets": 1000},
        {"use": "APGDT", "targets": 2.0},
        {"use": "APGDT", "targets": 3, "followed": 4},
        {"use": "APGDT", "followed": -1},
        {"use": "APGDT", "followed": 1.0},
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
def test_invalid_iterative_settings(row: dict[str, Any]) -> None:
    """An invalid setting is a PolicyError of one sentence."""
    with pytest.raises(PolicyError) as caught:
        make_attack(row)
    one_sentence(caught.value)


def test_iterative_attack_names() -> None:
    """The printed name states the attack, its steps and its restarts."""
    names = {
        APGD(): "APGD-CE-100",
        APGD(loss="dlr", restarts=3): "APGD-DLR-100x3",
        APGDT(steps=20): "APGD-DLR-T-20",
        FAB(): "FAB-T-100",
        NearestAPGD(steps=50): "APGD-N-50x40",
        Square(): "Square-5000",
    }
    assert [attack.name for attack in names] == list(names.values())


def test_iterative_attack_costs() -> None:
    """The cost is steps plus one per round; a query costs less than a pass."""
    assert APGD(steps=10, restarts=2).passes() == 22
    assert APGDT(steps=10, targets=3).passes() == FAB(steps=10, targets=3).passes() == 33
    assert NearestAPGD(steps=10, restarts=20, share=0.1).passes() == 33
    assert Square(queries=100).passes() < 100


def test_square_l2_concentrates_perturbation() -> None:
    """In L2, Square moves few pixels far."""
    model, x, y, radius = linear("l2")
    x_adv = run(Square(queries=60), model, x, y, L2(3 * float(radius.median())))
    broken = misclassified(model, x_adv, y)
    delta = (x_adv - x)[broken].flatten(1)
    assert broken.sum() > 3
    assert (delta.abs().amax(1) > 3 * delta.abs().mean(1)).all()
