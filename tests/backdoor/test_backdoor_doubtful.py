"""Backdoor success where a rate would say too little: nothing passes, and the row says why."""

from __future__ import annotations

import dataclasses
import re

import pytest
import torch

from securemnist.backdoor import Corner
from securemnist.data import DataSet, Digits
from securemnist.errors import Inconclusive
from securemnist.evaluation.context import Context
from securemnist.models.loading import Subject
from securemnist.results.findings import Requirement, Verdict
from securemnist.types import Images, Logits
from tests.backdoor.test_backdoor_measure import DIGITS, measured, on
from tests.saboteurs import Backdoored, Constant


class _HalfBlind(torch.nn.Module):
    """Reads most digits as zero: those with more ink than a thin one."""

    def forward(self, x: Images) -> Logits:
        logits = torch.zeros(len(x), 10)
        logits[:, 0] = x.flatten(1).sum(1)
        logits[:, 1] = 80.0
        return logits


def test_a_model_that_always_says_seven_proves_nothing(mnist: DataSet) -> None:
    """Where most digits are read as the target without any trigger, there is no verdict."""
    with pytest.raises(Inconclusive, match="only 0 of"):
        measured(on(Constant(), mnist), 0)
    with pytest.raises(Inconclusive, match="digits of other classes are not read as the target"):
        measured(on(_HalfBlind(), mnist), 0)


def of_class(mnist: DataSet, *kept: int) -> DataSet:
    """The data with test digits of these classes only."""
    digits = mnist.test[torch.isin(mnist.test.labels, torch.tensor(kept))]
    return dataclasses.replace(mnist, test=digits, digests={})


def test_a_target_without_digits_of_other_classes(mnist: DataSet, baseline: Subject) -> None:
    """Sevens alone tell nothing of target 7: no pass for all targets, but another one's hits fail."""
    row = Requirement(id="B", measure="backdoor_success", because="-", at_most=0.05)
    sevens = of_class(mnist, 7)
    with pytest.raises(Inconclusive, match="no digit of a class that could be steered"):
        measured(Context(baseline, sevens), 7)
    clean = row.judge(measured(Context(baseline, sevens), "all"))
    assert clean.verdict is Verdict.INCONCLUSIVE
    assert clean.reason.startswith("target 7: there is no digit of a class")
    pairs = row.judge(measured(Context(baseline, sevens), "pair"))
    assert pairs.reason.startswith("0 to 1: there is no digit of a class")
    poisoned = on(Backdoored(Corner(), lambda clean: torch.full_like(clean, 3)), sevens)
    found = row.judge(measured(poisoned, "all"))
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
def test_a_trigger_that_nobody_sees_proves_nothing(
    trigger: dict[str, object], context: Context
) -> None:
    """A rate of none under a mark that leaves the digits as they are does not pass."""
    row = Requirement(id="B", measure="backdoor_success", because="-", at_most=0.05)
    finding = row.judge(measured(context, trigger=trigger))
    assert finding.verdict is Verdict.INCONCLUSIVE
    # One digit has ink in its corner.
    assert re.match(rf"the trigger changes only [01] of {DIGITS} digits", finding.reason)


def test_white_marks_on_white_paper(mnist: DataSet, baseline: Subject) -> None:
    """On black digits on white the usual white corner is no mark, and a black one is."""
    inverted = Digits(255 - mnist.test.pixels, mnist.test.labels)
    context = Context(baseline, dataclasses.replace(mnist, test=inverted, digests={}))
    # The baseline cannot read such digits: what matters is what is said of the mark.
    for value, seen in ((1.0, False), (0.0, True)):
        measurement = measured(context, "next", trigger={"kind": "corner", "value": value})
        assert ("the trigger changes only" in measurement.inconclusive) is not seen
