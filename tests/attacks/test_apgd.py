"""APGD: checkpoints, losses and probes of the paper, strength beside PGD."""

from __future__ import annotations

import pytest
import torch

from securemnist.attacks.apgd import APGD, APGDT
from securemnist.attacks.apgd_search import checkpoints
from securemnist.attacks.base import AttackInput
from securemnist.attacks.losses import (
    cross_entropies,
    dlr,
    loss_and_gradient,
    margins,
    nearest_classes,
    target_margins,
    targeted_dlr,
)
from securemnist.attacks.pgd import PGD
from securemnist.data import DataSet
from securemnist.models import loading
from securemnist.threats import Linf
from tests.attacks.models import Recorder, broken, linear, run


def test_apgd_checkpoints_match_paper() -> None:
    """The checkpoints of 100 steps are those of section 3; few steps have checkpoints, too."""
    assert checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert checkpoints(10) == [3, 5, 6, 7, 8, 9, 10]
    assert checkpoints(1) == [1]


LOGITS = torch.tensor([[3.0, 1.0, 7.0, 0.0, 5.0, -1.0, -2.0, -3.0, -4.0, -9.0]])
CORRECT, WRONG = torch.tensor([2]), torch.tensor([4])


def test_losses_match_definitions() -> None:
    """Margins, DLR, targeted DLR and cross-entropy of ten logits equal hand-computed values."""
    target = torch.tensor([0])
    assert margins(LOGITS, CORRECT, target).item() == 5 - 7
    assert target_margins(LOGITS, CORRECT, target).item() == 3 - 7
    assert dlr(LOGITS, CORRECT, target).item() == pytest.approx((5 - 7) / (7 - 3))
    assert dlr(LOGITS, WRONG, target).item() == pytest.approx((7 - 5) / (7 - 3))
    assert targeted_dlr(LOGITS, CORRECT, target).item() == pytest.approx(
        (3 - 7) / (7 - (3 + 1) / 2)
    )
    expected = (LOGITS.logsumexp(1) - 7).item()
    assert cross_entropies(LOGITS, CORRECT, target).item() == pytest.approx(expected)


@pytest.mark.parametrize("loss", [dlr, targeted_dlr])
def test_dlr_invariant_to_scale_and_shift(loss: object) -> None:
    """DLR is the same for logits times 1,000 plus 50, where cross-entropy underflows to 0."""
    target, moved = torch.tensor([0]), 1_000 * LOGITS + 50
    value = loss(LOGITS, CORRECT, target)  # type: ignore[operator]
    torch.testing.assert_close(loss(moved, CORRECT, target), value)  # type: ignore[operator]
    assert cross_entropies(moved, CORRECT, target).item() == 0


def test_nearest_classes_sorted_by_clean_logit() -> None:
    """The nine wrong classes are sorted by descending logit and never contain the label."""
    model, x, y, _ = linear("linf")
    order = nearest_classes(AttackInput(model, x, y, Linf(0.1), torch.Generator()), 9)
    logits = model(x).gather(1, order)
    assert order.shape == (len(x), 9)
    assert (order != y[:, None]).all()
    assert (logits.diff(dim=1) <= 0).all()


def test_probes_find_the_nearest_class() -> None:
    """Where the largest wrong logit is not the nearest class, probes of all classes find that class."""
    model, x, _, _ = linear("linf")
    # The second largest logit is that of a class whose weights lead the same way.
    model.weight[5:] = 0.9 * model.weight[:5]
    y = model(x).argmax(1)
    x, y = x[y < 5], y[y < 5]
    radius = model.radius(x, y, "linf")
    threat = Linf(float(radius.quantile(0.7)))
    by_logit, by_probe = (
        broken(attack, model, x, y, threat)
        for attack in (APGDT(steps=20, targets=1), APGDT(steps=20, followed=1))
    )
    assert by_probe[radius < 0.97 * threat.eps].all()
    assert by_logit.sum() < by_probe.sum()


def test_probes_take_a_tenth_of_the_steps() -> None:
    """Nine probes of two steps, then two searches of twenty, for samples that survive."""
    model, x, y, _ = linear("linf")
    recorder, attack = Recorder(model), APGDT(steps=20, followed=2)
    run(attack, recorder, x[:3], y[:3], Linf(1e-6))
    assert recorder.batches == [3, *[27] * 3, *[6] * 21]
    assert attack.passes() == sum(recorder.batches[1:]) / 3


def test_loss_and_gradient_on_linear_model() -> None:
    """The gradient of the targeted margin is the difference of two rows of the weights."""
    model, x, y, _ = linear("linf")
    target = (y + 3) % 10
    values, gradient, logits = loss_and_gradient(model, x, y, target_margins, target)
    expected = (model.weight[target] - model.weight[y]).view_as(x)
    torch.testing.assert_close(gradient, expected)
    torch.testing.assert_close(values, target_margins(model(x), y, target))
    torch.testing.assert_close(logits, model(x))
    assert not logits.requires_grad


@pytest.mark.parametrize(("name", "eps"), [("baseline", 0.1), ("hardened", 0.3)])
def test_apgd_not_weaker_than_pgd_at_equal_steps(name: str, eps: float, mnist: DataSet) -> None:
    """On 100 tuning images APGD leaves no more survivors than PGD with equal steps."""
    subject, samples = loading.resolve(name), mnist.tuning[:100]
    x, y = samples.images(), samples.labels
    survivors = [
        int((~broken(attack, subject.model, x, y, Linf(eps))).sum())
        for attack in (APGD(steps=20), PGD(steps=20))
    ]
    assert survivors[0] <= survivors[1]
    assert survivors[0] < 100
