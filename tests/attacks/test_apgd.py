"""APGD: known answers on a linear model, the paper's checkpoints, and never weaker than PGD."""

from __future__ import annotations

import pytest
import torch

from securemnist.attacks.apgd import APGD, APGDT, checkpoints
from securemnist.attacks.base import Attack
from securemnist.attacks.losses import (
    ascent,
    cross_entropies,
    gaps,
    logit_ratios,
    margins,
    nearest_classes,
    targeted_ratios,
)
from securemnist.attacks.pgd import PGD
from securemnist.data import DataSet
from securemnist.models import loading
from securemnist.threats import Linf, make_threat
from tests.attacks.searches import fallen, linear, run

ALL = [APGD(steps=40), APGD(steps=40, loss="dlr"), APGDT(steps=30)]


@pytest.mark.parametrize("attack", ALL, ids=lambda a: a.name)
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_linear_model_falls_at_its_margin(attack: Attack, norm: str) -> None:
    """Digits nearer than eps to another class fall, by 2 % at least, and no digit beyond eps does."""
    model, x, y, radius = linear(norm)
    threat = make_threat(norm, float(radius.median()) * 1.001)
    fell = fallen(model, run(attack, model, x, y, threat), y)
    assert not fell[radius > threat.eps].any()
    assert fell[radius < 0.98 * threat.eps].all()
    assert 6 < fell.sum() < 18


def test_checkpoints_are_those_of_the_paper() -> None:
    """100 steps look back where the paper says (section 3); few steps look back at least twice."""
    assert checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert checkpoints(10) == [3, 5, 6, 7, 8, 9, 10]
    assert checkpoints(1) == [1]


LOGITS = torch.tensor([[3.0, 1.0, 7.0, 0.0, 5.0, -1.0, -2.0, -3.0, -4.0, -9.0]])
YES, NO = torch.tensor([2]), torch.tensor([4])


def test_objectives_worked_out_by_hand() -> None:
    """Margin, gap, DLR and targeted DLR of ten logits, against numbers from the definitions."""
    target = torch.tensor([0])
    assert margins(LOGITS, YES, target).item() == 5 - 7
    assert gaps(LOGITS, YES, target).item() == 3 - 7
    assert logit_ratios(LOGITS, YES, target).item() == pytest.approx((5 - 7) / (7 - 3))
    assert logit_ratios(LOGITS, NO, target).item() == pytest.approx((7 - 5) / (7 - 3))
    assert targeted_ratios(LOGITS, YES, target).item() == pytest.approx((3 - 7) / (7 - (3 + 1) / 2))
    expected = (LOGITS.logsumexp(1) - 7).item()
    assert cross_entropies(LOGITS, YES, target).item() == pytest.approx(expected)


@pytest.mark.parametrize("objective", [logit_ratios, targeted_ratios])
def test_dlr_does_not_see_scale_or_shift(objective: object) -> None:
    """DLR is the same for logits times 1,000 plus 50, where cross-entropy underflows to 0."""
    target, moved = torch.tensor([0]), 1_000 * LOGITS + 50
    value = objective(LOGITS, YES, target)  # type: ignore[operator]
    torch.testing.assert_close(objective(moved, YES, target), value)  # type: ignore[operator]
    assert cross_entropies(moved, YES, target).item() == 0


def test_targets_come_by_the_clean_gap() -> None:
    """The nine wrong classes, the one with the largest logit first, never the true one."""
    model, x, y, _ = linear("linf")
    order = nearest_classes(model, x, y)
    logits = model(x).gather(1, order)
    assert order.shape == (len(x), 9)
    assert (order != y[:, None]).all()
    assert (logits.diff(dim=1) <= 0).all()


def test_one_pass_gives_value_gradient_and_logits() -> None:
    """The gradient of the gap is the difference of two rows of a linear model's weights."""
    model, x, y, _ = linear("linf")
    target = (y + 3) % 10
    values, gradient, logits = ascent(model, x, y, target, gaps)
    expected = (model.weight[target] - model.weight[y]).view_as(x)
    torch.testing.assert_close(gradient, expected)
    torch.testing.assert_close(values, gaps(model(x), y, target))
    torch.testing.assert_close(logits, model(x))
    assert not logits.requires_grad


@pytest.mark.parametrize(("name", "eps"), [("baseline", 0.1), ("hardened", 0.3)])
def test_never_weaker_than_pgd_at_equal_steps(name: str, eps: float, mnist: DataSet) -> None:
    """On 300 tuning digits and equal steps APGD leaves no more standing than PGD does."""
    subject, digits = loading.resolve(name), mnist.tuning[:300]
    x, y = digits.images(), digits.labels
    left = [
        int((~fallen(subject.model, run(attack, subject.model, x, y, Linf(eps)), y)).sum())
        for attack in (APGD(steps=20), PGD(steps=20))
    ]
    assert left[0] <= left[1]
    assert left[0] < 300


def test_restarts_only_add(mnist: DataSet) -> None:
    """The first of three starts is that of one alone, so that more starts never leave more."""
    model = loading.resolve("baseline").model
    digits = mnist.tuning[:64]
    x, y = digits.images(), digits.labels
    once, thrice = (
        fallen(model, run(APGD(steps=4, restarts=k), model, x, y, Linf(0.12)), y) for k in (1, 3)
    )
    assert (thrice | ~once).all()
    assert thrice.sum() >= once.sum() > 0
