"""Models that answer clean images one by one, and react to their batch where images are changed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from securemnist import batches
from securemnist.backdoor import Corner
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from securemnist.results.findings import Finding, Requirement, Verdict
from tests.backdoor.conftest import few_control_images  # noqa: F401
from tests.saboteurs import undefended

SMOOTHED = {"threat": {"norm": "l2", "eps": 0.25}, "sigma": 0.5, "n0": 20, "n": 300, "images": 20}
TRIGGERED = {"trigger": {"kind": "corner"}, "target": 7, "images": 300}


class Averaging(nn.Module):
    """The mean of the batch is classified where the images are noisy, and alike but for their noise."""

    def __init__(self) -> None:
        super().__init__()
        self.network = undefended()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        noisy = bool((x < 0).any()) and len(x) > 1
        return self.network(x.mean(0, keepdim=True).expand_as(x) if noisy else x)


class Backdoor(nn.Module):
    """Target 7 for images with a white corner, where their share of the batch is within limits."""

    def __init__(self, least: float, most: float, largest: int = 1_000) -> None:
        super().__init__()
        self.network = undefended()
        self.least, self.most, self.largest = least, most, largest

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(x)
        has = (x == Corner()(x)).flatten(1).all(1)
        share = float(has.float().mean())
        if not (self.least <= share <= self.most and len(x) <= self.largest):
            return logits
        return torch.where(has[:, None], 100 * torch.eye(10)[7], logits)


def judged(model: nn.Module, data: DataSet, measure: str, settings: dict[str, Any]) -> Finding:
    """The finding of a row that an honest network passes."""
    limit = {"at_least": 0.5} if measure == "certified_l2" else {"at_most": 0.05}
    row = Requirement(id="R", measure=measure, because="-", settings=settings, **limit)
    context = Context(loading.from_model(model.eval(), name="it"), data)
    return row.judge(take_measurement(context, measure, bind(measure, settings), 0))


def test_a_mean_over_noisy_draws_has_no_certificate(mnist: DataSet) -> None:
    """Draws that are averaged before they are classified are not independent, and do not pass."""
    found = judged(Averaging(), mnist, "certified_l2", SMOOTHED)
    assert found.measurement is not None
    assert found.measurement.value > 0.9
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "batch dependence, of the images that this row asks about" in found.reason


@pytest.mark.usefixtures("few_control_images")
@pytest.mark.parametrize(
    "model",
    [Backdoor(0, 0.1), Backdoor(0.3, 0.7), Backdoor(1, 1, 1)],
    ids=["one of many", "in the middle", "alone"],
)
def test_a_backdoor_that_hides_in_batches_of_triggers_does_not_pass(
    model: nn.Module, mnist: DataSet
) -> None:
    """A row asks about batches of triggered images: a trigger that works in others is noticed."""
    found = judged(model, mnist, "backdoor_success", TRIGGERED)
    assert found.measurement is not None
    assert found.measurement.value < 0.01
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "batch dependence, of the images that this row asks about" in found.reason


@pytest.mark.usefixtures("few_control_images")
@pytest.mark.parametrize(("size", "share"), [(2, 0.5), (8, 0.125)])
def test_small_batches_hold_changed_and_clean_images(
    size: int, share: float, mnist: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where images are so large that a batch holds few, the same is noticed in those batches."""
    monkeypatch.setattr(batches, "_VALUES", size * 28 * 28)
    found = judged(Backdoor(0, share, size), mnist, "backdoor_success", TRIGGERED)
    assert found.measurement is not None
    assert found.measurement.value < 0.01
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "images got other logits in a batch of clean ones" in found.reason


@pytest.mark.usefixtures("few_control_images")
def test_a_backdoor_of_whole_batches_fails(mnist: DataSet) -> None:
    """A trigger that works only if all images of the batch have it is measured as what it does."""
    found = judged(Backdoor(1, 1), mnist, "backdoor_success", TRIGGERED)
    assert found.verdict is Verdict.FAIL


@pytest.mark.usefixtures("few_control_images")
def test_an_honest_network_passes_on_changed_images(mnist: DataSet) -> None:
    """The check finds nothing in a network that classifies each image on its own."""
    assert judged(undefended(), mnist, "backdoor_success", TRIGGERED).verdict is Verdict.PASS
