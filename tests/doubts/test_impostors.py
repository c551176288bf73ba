"""Every impostor is doubted by the right doubt, and no honest network is doubted at all."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from securemnist import subjects
from securemnist.data import DataSet
from securemnist.evaluation.lab import Lab
from securemnist.findings import Measurement, Requirement, Verdict
from securemnist.measures import bind, take
from tests.doubts.impostors import IMPOSTORS, Around

DIGITS = 48
ATTACKS: dict[str, dict[str, Any]] = {
    "PGD": {"use": "PGD", "steps": 10},
    "Square": {"use": "Square", "queries": 20},
}


def measured(model: nn.Module | str, mnist: DataSet, eps: float, attack: str) -> Measurement:
    """The robust accuracy of a model under one attack, on a few digits."""
    resolve = subjects.resolve
    subject = resolve(model) if isinstance(model, str) else subjects.from_model(model, name="it")
    row = {
        "attack": ATTACKS[attack],
        "threat": {"norm": "linf", "eps": eps},
        "digits": DIGITS,
    }
    return take(Lab(subject, mnist), "robust_accuracy", bind("robust_accuracy", row), 0)


@pytest.mark.parametrize("kind", IMPOSTORS, ids=lambda kind: kind.__name__)
def test_an_impostor_is_doubted(kind: type[Around], mnist: DataSet) -> None:
    """A network that only looks robust is INCONCLUSIVE, by the doubt that knows its trick."""
    doubt, attack = IMPOSTORS[kind]
    seen = measured(kind(subjects.resolve("baseline").model), mnist, 0.15, attack)
    raised = {found.name: found for found in seen.doubts}
    assert doubt in raised
    assert raised[doubt].advice.endswith(".")
    low = Requirement(id="X-01", measure="robust_accuracy", because="", at_least=0.01)
    assert low.judge(seen).verdict is Verdict.INCONCLUSIVE
    assert doubt in low.judge(seen).reason


@pytest.mark.parametrize(
    ("model", "eps"),
    [("baseline", 0.1), ("network_c", 0.1), ("network_d", 0.1), ("hardened", 0.3)],
)
def test_an_honest_network_is_not_doubted(model: str, eps: float, mnist: DataSet) -> None:
    """No doubt falls on the reference models, dropout layers in eval mode included."""
    seen = measured(model, mnist, eps, "PGD")
    assert seen.value > 0.5
    assert seen.doubts == ()
    planted = seen.evidence["sensitivity"]
    assert planted["found"] >= 0.95 * planted["planted"] > 55
