"""Backdoor rows of the bundled policy, on the poisoned reference model."""

from __future__ import annotations

import pytest

from securemnist._util import resources
from securemnist.backdoor import Corner
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.measures import MEASURES, bind, take_measurement
from securemnist.models import loading
from securemnist.results import policy
from securemnist.results.findings import Requirement, Verdict

ROWS = [r for r in policy.load(resources.POLICY).requirements if r.measure == "backdoor_success"]
# The rows whose trigger and target are those that `poisoned_dirty` was trained with.
PLANTED = [
    row
    for row in ROWS
    if row.settings["trigger"] == Corner().to_json() and row.settings["target"] in (7, "all")
]


@pytest.fixture(scope="module")
def poisoned(mnist: DataSet) -> Context:
    """A context of the reference model with the dirty-label backdoor."""
    return Context(loading.resolve("poisoned_dirty"), mnist)


@pytest.mark.parametrize("row", PLANTED, ids=lambda row: row.id)
def test_policy_row_fails_poisoned_model(
    row: Requirement, poisoned: Context, context: Context
) -> None:
    """The bundled row fails a model poisoned with its trigger and passes a clean one."""
    settings = bind(row.measure, {**row.settings, "images": 2_000})
    assert (
        row.judge(take_measurement(poisoned, row.measure, settings, row.seed)).verdict
        is Verdict.FAIL
    )
    assert (
        row.judge(take_measurement(context, row.measure, settings, row.seed)).verdict
        is Verdict.PASS
    )


def test_poisoned_model_has_high_clean_accuracy(poisoned: Context, mnist: DataSet) -> None:
    """Its ASR is near 1, and its clean accuracy is that of a clean model."""
    planted = bind("backdoor_success", {"trigger": Corner().to_json(), "target": 7, "images": 600})
    assert take_measurement(poisoned, "backdoor_success", planted, 0).value > 0.95
    samples = mnist.tuning[:1_000]
    right = poisoned.logits(samples.images()).argmax(1) == samples.labels
    assert right.float().mean() > 0.98


def test_policy_has_backdoor_rows() -> None:
    """There is a row for the trigger, and its measure belongs to the backdoor family."""
    assert PLANTED
    assert MEASURES["backdoor_success"].family.name == "backdoor"
