"""Attacks by queries alone: no gradient, as many queries as stated, more of them break more."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from securemnist.attacks.active_batch import QueryAttack
from securemnist.attacks.rays import RayS
from securemnist.attacks.sparse_rs import SparseRS
from securemnist.attacks.square import Square
from securemnist.data import DataSet
from securemnist.models.loading import Subject
from securemnist.threats import L0, L1, L2, Linf, Patch, Threat
from tests.attacks.models import Recorder, WithoutGradient, broken, linear, run

SQUARE, RAYS, SPARSE = Square(queries=15), RayS(queries=20), SparseRS(queries=12)
# Each with a threat within which an undefended network is broken.
BALLS = [(SQUARE, Linf(0.25)), (SQUARE, L2(3.0)), (SQUARE, L1(40.0)), (RAYS, Linf(0.2))]
in_balls = pytest.mark.parametrize(("attack", "threat"), BALLS, ids=str)


@in_balls
def test_no_gradient_is_needed(attack: QueryAttack, threat: Threat) -> None:
    """A model without gradients is asked, and gradients are never enabled."""
    x = torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    recorder = Recorder(WithoutGradient())
    x_adv = run(attack, recorder, x, WithoutGradient()(x).argmax(1), threat)
    assert not recorder.gradients
    assert not x_adv.requires_grad


@in_balls
def test_query_count(attack: QueryAttack, threat: Threat) -> None:
    """A surviving sample costs exactly `queries` forward passes."""
    model, x, y, _ = linear(threat.norm)
    recorder = Recorder(model)
    run(dataclasses.replace(attack, queries=7), recorder, x, y, type(threat)(1e-7))
    assert recorder.batches == [len(x)] * 7


@pytest.mark.parametrize(
    ("attack", "threat"), [*BALLS, (SPARSE, L0(12)), (SPARSE, Patch(7))], ids=str
)
def test_more_queries_break_more(
    attack: QueryAttack, threat: Threat, baseline: Subject, mnist: DataSet
) -> None:
    """Ten times the queries break more samples of an undefended network."""
    samples = mnist.tuning[:48]
    data = baseline.model, samples.images(), samples.labels, threat
    few, many = (
        int(broken(dataclasses.replace(attack, queries=k * attack.queries), *data).sum())
        for k in (1, 10)
    )
    assert 0 < few < many
