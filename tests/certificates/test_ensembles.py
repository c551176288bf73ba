"""Certificates of an ensemble: bounds of the mean of logits hold, and an attack breaks none."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import nn

from securemnist.attacks.pgd import PGD
from securemnist.certificates import certify
from securemnist.data import DataSet
from securemnist.defences import make_defence
from securemnist.errors import NoCertificate
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from securemnist.models.predictions import is_wrong
from securemnist.threats import Linf

EPS, IMAGES = 0.3, 6
OTHERS = {"use": "ensemble", "others": "certified_mnist"}


@functools.cache
def ensemble(**settings: str) -> nn.Module:
    """The two certified networks together; one network for all tests, which is read once."""
    return make_defence(OTHERS | settings).wrap(loading.resolve("certified").model).eval()


def margin(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The true logit minus the best other one, float64 (n,)."""
    with torch.no_grad():
        logits = model(x).double()
    others = logits.scatter(1, y[:, None], -torch.inf).amax(1)
    return logits.gather(1, y[:, None]).squeeze(1) - others


def test_bounds_hold_under_attack(mnist: DataSet) -> None:
    """The bound is below every margin that an attack finds, and no certified image falls."""
    few, model = mnist.tuning[:IMAGES], ensemble()
    x, y = few.images(), few.labels
    found = certify(model, x, y, eps=EPS)
    assert found.proved.sum() >= IMAGES // 2
    rng = torch.Generator().manual_seed(0)
    for loss in ("margin", "ce"):
        attack = PGD(steps=20, loss=loss)
        x_adv = attack.propose(model, x, y, threat=Linf(EPS), rng=rng)
        assert bool((margin(model, x_adv, y) >= found.margins).all())
        with torch.no_grad():
            assert not bool(is_wrong(model(x_adv), y)[found.proved].any())


def test_bound_is_no_worse_than_the_mean_of_bounds(mnist: DataSet) -> None:
    """The mean of the networks' own bounds is a bound, too; that of the whole is at least as high."""
    few = mnist.tuning[:IMAGES]
    x, y = few.images(), few.labels
    together = certify(ensemble(), x, y, eps=EPS, crown=False).margins
    alone = [
        certify(loading.resolve(name).model, x, y, eps=EPS, crown=False).margins
        for name in ("certified", "certified_mnist")
    ]
    assert bool((together >= torch.stack(alone).mean(0) - 1e-3).all())


def test_undefended_member_takes_the_certificates_away(mnist: DataSet) -> None:
    """An ensemble with an undefended network, whose bounds are wide, proves nothing."""
    few = mnist.tuning[:8]
    found = certify(ensemble(others="baseline"), few.images(), few.labels, eps=EPS)
    assert not bool(found.proved.any())


def test_vote_has_no_certificate(mnist: DataSet) -> None:
    """A vote counts classes, for which there are no bounds: it is refused, not certified."""
    few = mnist.tuning[:4]
    with pytest.raises(NoCertificate):
        certify(ensemble(combine="vote"), few.images(), few.labels, eps=EPS)


def test_row_of_an_ensemble_is_proved(mnist: DataSet) -> None:
    """The measure counts the certificates of the ensemble that a row puts before the model."""
    row = {"threat": {"norm": "linf", "eps": EPS}, "images": IMAGES, "defence": OTHERS}
    context = Context(loading.resolve("certified"), mnist)
    found = take_measurement(context, "certified_accuracy", bind("certified_accuracy", row), 0)
    assert found.value >= 0.8
