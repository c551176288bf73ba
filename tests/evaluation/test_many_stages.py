"""Ladders of forty stages: outcome codes from the search to the report."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import pytest
import torch

from securemnist.attacks.base import Attack
from securemnist.comparison.difference import PairedDifference
from securemnist.comparison.paired_difference import paired_difference
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.evaluation.examples import Examples
from securemnist.evaluation.ladder import evaluate
from securemnist.evaluation.replay import Replay
from securemnist.measures.cross_replay import rejudge_with_replay
from securemnist.models.loading import from_model
from securemnist.report.figures import exhibits
from securemnist.results.findings import Finding, Measurement, Requirement
from securemnist.results.per_image import MISCLASSIFIED, SURVIVED
from securemnist.threats import Linf
from tests.stubs import FunctionModel

STAGES = 40
EPS = 1.0


@final
@dataclass(frozen=True, kw_only=True)
class BreaksOne(Attack):
    """Turns the first undecided image black, which the network below classifies differently."""

    keeps_budget: ClassVar[bool] = True

    def propose(self, model: Any, x: torch.Tensor, y: Any, **_: Any) -> torch.Tensor:
        changed = x.clone()
        changed[:1] = 0.0
        return changed

    def passes(self) -> float:
        return 0


def brightness_logits(x: torch.Tensor) -> torch.Tensor:
    """Logits (n, 10): class 1 where the image is brighter than black, else class 0."""
    bright = x.flatten(1).amax(1)
    rest = torch.full((len(x), 8), -1.0)
    return torch.cat([(0.01 - bright)[:, None], (bright - 0.01)[:, None], rest], 1)


@pytest.fixture(scope="module")
def context(mnist: DataSet) -> Context:
    """A network that is right on all ones, on 45 ones and 5 zeros."""
    labels = mnist.test.labels
    chosen = torch.cat([(labels == 1).nonzero()[:45], (labels == 0).nonzero()[:5]]).squeeze(1)
    small = dataclasses.replace(mnist, test=mnist.test[chosen], digests={})
    return Context(from_model(FunctionModel(brightness_logits), name="brightness"), small)


@pytest.fixture(scope="module")
def finding(context: Context) -> Finding:
    """A robustness row of forty stages, each of which breaks one image."""
    found = evaluate(context, context.sample(None, 0), [BreaksOne()] * STAGES, Linf(EPS), 0)
    table = found.outcomes.evidence(**found.sample.record)
    unbroken = found.outcomes.unbroken / 50
    measured = Measurement(
        value=unbroken, low=0.0, high=1.0, n=50, complete=True, seconds=1.0, seed=0,
        survived=True, evidence=table,
    )  # fmt: skip
    settings = {"attack": {"use": "PGD", "steps": 1}, "threat": {"norm": "linf", "eps": EPS}}
    row = Requirement(
        id="R", measure="robust_accuracy", because="-", at_least=0.5, settings=settings
    )
    return row.judge(measured, family="adversarial")


def evidence_of(finding: Finding) -> Any:
    assert finding.measurement is not None
    return finding.measurement.evidence


def test_outcome_code_names_each_of_40_stages(finding: Finding) -> None:
    """Of 45 correct images 40 are broken, each by the stage that its code names."""
    codes = evidence_of(finding).outcomes.codes
    assert sorted(codes[codes >= 0]) == list(range(STAGES))
    assert (codes == SURVIVED).sum() == 5
    assert (codes == MISCLASSIFIED).sum() == 5
    assert finding.measurement is not None
    assert finding.measurement.value == 5 / 50


def test_report_counts_after_40_stages(finding: Finding) -> None:
    """The page counts 40 broken, 5 survived and 5 misclassified images, and none as certified."""
    (outcomes,) = (exhibit for exhibit in exhibits(finding) if exhibit.kind == "outcomes")
    assert "5 survived, 40 broken, 5 misclassified" in outcomes.caption
    assert "proved" not in outcomes.caption


def test_replay_after_40_stages(context: Context, finding: Finding) -> None:
    """Stored examples break two survivors in stage 41, and the value falls by two images."""
    table = evidence_of(finding).outcomes
    codes = table.codes
    survivors = np.flatnonzero(codes == SURVIVED)[:2]
    stored = Examples(survivors, np.zeros((2, 1, 28, 28), np.float32))
    after = rejudge_with_replay(context, finding, Replay((stored,)))
    assert after.measurement is not None
    assert after.measurement.value == 3 / 50
    codes = after.measurement.evidence.outcomes.codes
    assert codes[survivors].tolist() == [STAGES, STAGES]
    (outcomes,) = (exhibit for exhibit in exhibits(after) if exhibit.kind == "outcomes")
    assert "3 survived, 42 broken, 5 misclassified" in outcomes.caption


def test_comparison_counts_each_of_40_stages(context: Context, finding: Finding) -> None:
    """A comparison counts each stage once and names the stage of each broken image."""
    table = evidence_of(finding).outcomes
    better = np.where(table.codes == STAGES - 1, SURVIVED, table.codes)
    changed = dataclasses.replace(table, codes=better)
    kept = dataclasses.replace(evidence_of(finding), outcomes=changed)
    assert finding.measurement is not None
    measured = dataclasses.replace(finding.measurement, value=6 / 50, evidence=kept)
    difference = paired_difference(dataclasses.replace(finding, measurement=measured), finding)
    assert isinstance(difference, PairedDifference)
    assert [stage.old for stage in difference.stages] == [1] * (STAGES - 1) + [0]
    assert [stage.new for stage in difference.stages] == [1] * STAGES
    assert difference.broken is not None
    assert [(turned.label, turned.by) for turned in difference.broken] == [(1, table.stages[-1])]
    assert table.labels.sum() == 45
