"""Properties of all iterative attacks: what breaks, independence of samples, cost, names."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from securemnist.attacks import active_batch
from securemnist.attacks.apgd import APGD, APGDT
from securemnist.attacks.apgd_restarts import NearestAPGD
from securemnist.attacks.base import Attack
from securemnist.attacks.boundary_fab import BoundaryFAB
from securemnist.attacks.fab import FAB
from securemnist.attacks.onward import OnwardPGD
from securemnist.attacks.pgd import PGD
from securemnist.attacks.square import Square
from securemnist.data import DataSet
from securemnist.models.loading import Subject
from securemnist.threats import L2, Linf, make_threat
from tests.attacks.examples import EXAMPLES
from tests.attacks.models import Recorder, broken, linear, misclassified, run

# Those that keep full batches by `active_batch`.
KINDS = ("APGD", "APGDT", "FAB", "BoundaryFAB", "NearestAPGD", "OnwardPGD", "Square")
ATTACKS = [attack for name in KINDS for attack in EXAMPLES[name]]
every = pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.name)
both_norms = pytest.mark.parametrize("norm", ["linf", "l2"])


# Attacks with the share of eps below which they break every image of a linear model.
EXACT: list[tuple[Attack, float]] = [
    (APGD(steps=40), 0.98),
    (APGD(steps=40, loss="dlr"), 0.98),
    (APGDT(steps=30), 0.98),
    (APGDT(steps=30, restarts=2, followed=3), 0.98),
    (FAB(steps=10), 0.99),
]


@pytest.mark.parametrize(("attack", "share"), EXACT, ids=str)
@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_linear_model_breaks_within_radius(attack: Attack, share: float, norm: str) -> None:
    """Samples with a radius clearly below eps are broken, and none with a radius above eps.

    The class that cross-entropy leads to need not be the nearest one in L1.
    """
    model, x, y, radius = linear(norm)
    threat = make_threat(norm, float(radius.median()) * 1.001)
    fell = broken(attack, model, x, y, threat)
    assert not fell[radius > threat.eps].any()
    exact = share if norm != "l1" or isinstance(attack, FAB) else 0.7
    assert fell[radius < exact * threat.eps].all()
    assert 6 < fell.sum() < 18


@pytest.mark.parametrize(
    ("attack", "norm"),
    [(FAB(steps=10), "linf"), (FAB(steps=10), "l2"), (FAB(steps=10), "l1")]
    + [(BoundaryFAB(steps=40, starts=8), norm) for norm in ("linf", "l2")],
    ids=str,
)
def test_survivors_stay_as_they_are(attack: Attack, norm: str) -> None:
    """An image that FAB does not break within eps is returned unchanged."""
    model, x, y, radius = linear(norm)
    threat = make_threat(norm, float(radius.median()) * 1.001)
    x_adv = run(attack, model, x, y, threat)
    fell = misclassified(model, x_adv, y)
    assert not fell[radius > threat.eps].any()
    assert fell[radius < 0.9 * threat.eps].float().mean() > 0.7
    assert torch.equal(x_adv[~fell], x[~fell])


@pytest.mark.parametrize("attack", [PGD(steps=3), APGD(steps=4)], ids=str)
def test_restarts_break_superset(attack: PGD | APGD, baseline: Subject, mnist: DataSet) -> None:
    """Restarts run on survivors only, so three break all samples that one breaks, and more."""
    samples = mnist.tuning[:200]
    data = baseline.model, samples.images(), samples.labels, Linf(0.1)
    once, thrice = (broken(dataclasses.replace(attack, restarts=k), *data) for k in (1, 3))
    assert 0 < once.sum() < thrice.sum()
    assert not (once & ~thrice).any()


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
