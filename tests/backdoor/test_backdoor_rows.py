"""Backdoor rows of the bundled policy, on the poisoned reference model."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from securemnist._util import resources
from securemnist.backdoor import TRIGGERS, Corner, DirtyLabel, Trigger, make_trigger
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

UNLIKE_CORNERS = [row for row in ROWS if row.settings["trigger"]["kind"] != "corner"]


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


def poisoned_network(trigger: Trigger, mnist: DataSet) -> nn.Module:
    """A small network, trained on 2,000 images, a fifth with the trigger and the label 7."""
    torch.manual_seed(0)
    samples = DirtyLabel(trigger=trigger, target=7, rate=0.2)(mnist.train[:2_000], seed=0)
    x, y = samples.images(), samples.labels
    network = nn.Sequential(
        *(nn.Conv2d(1, 16, 5, stride=2), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(800, 10)),
    )
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(6):
        for part in torch.randperm(len(x)).split(64):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(x[part]), y[part]).backward()
            optimiser.step()
    return network.eval()


@pytest.mark.parametrize("row", UNLIKE_CORNERS, ids=lambda row: row.id)
def test_row_fails_a_network_trained_with_its_trigger(row: Requirement, mnist: DataSet) -> None:
    """Every kind of trigger can be learned from poisoned data, and its row fails the network."""
    trigger = make_trigger(row.settings["trigger"])
    context = Context(loading.from_model(poisoned_network(trigger, mnist), name="poisoned"), mnist)
    measured = take_measurement(
        context, row.measure, bind(row.measure, {**row.settings, "images": 500}), row.seed
    )
    assert row.judge(measured).verdict is Verdict.FAIL
    assert measured.evidence.target == 7


def test_policy_has_backdoor_rows() -> None:
    """There is a row for the trigger, and its measure belongs to the backdoor family."""
    assert PLANTED
    own = {"mark", "image"}  # These need a picture of the project's own.
    assert {row.settings["trigger"]["kind"] for row in ROWS} == {*TRIGGERS} - own
    assert MEASURES["backdoor_success"].family.name == "backdoor"
