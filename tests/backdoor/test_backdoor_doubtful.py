"""Backdoor measurements that decide nothing: no verdict, and the reason is stated."""

from __future__ import annotations

import dataclasses
import re

import pytest
import torch

from securemnist.backdoor import Corner
from securemnist.data import DataSet, Samples
from securemnist.errors import Inconclusive
from securemnist.evaluation.context import Context
from securemnist.models.loading import Subject
from securemnist.results.findings import Requirement, Verdict
from securemnist.types import Images, Logits
from tests.backdoor.test_backdoor_measure import IMAGES, context_of, measured_asr
from tests.saboteurs import Backdoored, Constant


class _MostlyZero(torch.nn.Module):
    """Predicts 0 for most images: those with more ink than a thin one."""

    def forward(self, x: Images) -> Logits:
        logits = torch.zeros(len(x), 10)
        logits[:, 0] = x.flatten(1).sum(1)
        logits[:, 1] = 80.0
        return logits


def test_asr_undecided_when_clean_predictions_are_target(mnist: DataSet) -> None:
    """Where most images are predicted as the target without the trigger, there is no verdict."""
    with pytest.raises(Inconclusive, match="only 0 of"):
        measured_asr(context_of(Constant(), mnist), 0)
    with pytest.raises(
        Inconclusive, match="images of other classes are not predicted as the target"
    ):
        measured_asr(context_of(_MostlyZero(), mnist), 0)


def of_classes(mnist: DataSet, *kept: int) -> DataSet:
    """The data with test images of these classes only."""
    images = mnist.test[torch.isin(mnist.test.labels, torch.tensor(kept))]
    return dataclasses.replace(mnist, test=images, digests={})


def test_asr_undecided_without_other_classes(mnist: DataSet, baseline: Subject) -> None:
    """With sevens alone, target 7 is undecided and does not pass for all targets; other targets fail."""
    row = Requirement(id="B", measure="backdoor_success", because="-", at_most=0.05)
    sevens = of_classes(mnist, 7)
    with pytest.raises(Inconclusive, match="no image of a class other than its target"):
        measured_asr(Context(baseline, sevens), 7)
    clean = row.judge(measured_asr(Context(baseline, sevens), "all"))
    assert clean.verdict is Verdict.INCONCLUSIVE
    assert clean.reason.startswith("target 7: there is no image of a class")
    pairs = row.judge(measured_asr(Context(baseline, sevens), "pair"))
    assert pairs.reason.startswith("0 to 1: there is no image of a class")
    poisoned = context_of(Backdoored(Corner(), lambda clean: torch.full_like(clean, 3)), sevens)
    found = row.judge(measured_asr(poisoned, "all"))
    assert found.verdict is Verdict.FAIL
    assert found.measurement is not None
    assert found.measurement.evidence.target == 3


@pytest.mark.parametrize(
    "trigger",
    [
        {"kind": "corner", "value": 0.0},
        {"kind": "corner", "value": 0.001},
        {"kind": "blend", "alpha": 1e-4},
    ],
    ids=["black on black", "below a grey level", "too faint"],
)
def test_invisible_trigger_undecided(trigger: dict[str, object], context: Context) -> None:
    """A rate of 0 under a trigger that leaves the images unchanged does not pass."""
    row = Requirement(id="B", measure="backdoor_success", because="-", at_most=0.05)
    finding = row.judge(measured_asr(context, trigger=trigger))
    assert finding.verdict is Verdict.INCONCLUSIVE
    # One image has ink in its corner.
    assert re.match(rf"the trigger changes only [01] of {IMAGES} images", finding.reason)


def test_trigger_brightness_of_background_undecided(mnist: DataSet, baseline: Subject) -> None:
    """On black images on white, a white corner is invisible and a black one is not."""
    inverted = Samples(255 - mnist.test.pixels, mnist.test.labels)
    context = Context(baseline, dataclasses.replace(mnist, test=inverted, digests={}))
    # The baseline cannot read such images: what matters is what is said of the mark.
    for value, visible in ((1.0, False), (0.0, True)):
        measurement = measured_asr(context, "next", trigger={"kind": "corner", "value": value})
        assert ("the trigger changes only" in measurement.inconclusive) is not visible
