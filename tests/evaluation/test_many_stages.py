"""Ladders of many stages: an outcome keeps its meaning from the search to the page."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import pytest
import torch

from securemnist.attacks.base import Attack
from securemnist.comparison.paired_difference import Sight, together
from securemnist.data import DataSet
from securemnist.evaluation.context import Lab
from securemnist.evaluation.examples import Examples
from securemnist.evaluation.ladder import evaluate
from securemnist.evaluation.replay import Replay
from securemnist.measures.replayed import replayed
from securemnist.models.loading import from_model
from securemnist.results import evidence, per_image
from securemnist.results.findings import Finding, Measurement, Requirement
from securemnist.results.per_image import MISCLASSIFIED, SURVIVED, decode_outcomes
from securemnist.threats import Linf
from tests.odd import Odd

STAGES = 40
EPS = 1.0


@final
@dataclass(frozen=True, kw_only=True)
class BreaksOne(Attack):
    """Turns the first open image black, which the network below reads as another class."""

    keeps_budget: ClassVar[bool] = True

    def propose(self, model: Any, x: torch.Tensor, y: Any, **_: Any) -> torch.Tensor:
        changed = x.clone()
        changed[:1] = 0.0
        return changed

    def passes(self) -> float:
        return 0


def reads_brightness(x: torch.Tensor) -> torch.Tensor:
    """Logits (n, 10): class 1 where the image is brighter than black, else class 0."""
    bright = x.flatten(1).amax(1)
    rest = torch.full((len(x), 8), -1.0)
    return torch.cat([(0.01 - bright)[:, None], (bright - 0.01)[:, None], rest], 1)


@pytest.fixture(scope="module")
def lab(mnist: DataSet) -> Lab:
    """A network that is right on all ones, on 45 ones and 5 zeros."""
    labels = mnist.test.labels
    chosen = torch.cat([(labels == 1).nonzero()[:45], (labels == 0).nonzero()[:5]]).squeeze(1)
    small = dataclasses.replace(mnist, test=mnist.test[chosen], digests={})
    return Lab(from_model(Odd(reads_brightness), name="brightness"), small)


@pytest.fixture(scope="module")
def finding(lab: Lab) -> Finding:
    """A robustness row of forty stages, each of which breaks one image."""
    found = evaluate(lab, lab.sample(None, 0), [BreaksOne()] * STAGES, Linf(EPS), 0)
    table = found.outcomes.evidence()
    table["outcomes"] |= found.sample.record
    standing = found.outcomes.standing / 50
    measured = Measurement(
        value=standing, low=0.0, high=1.0, n=50, complete=True, seconds=1.0, seed=0,
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


def test_each_stage_of_a_ladder_has_its_code(finding: Finding) -> None:
    """Of 45 images that are read right 40 are broken, each by the stage that its code names."""
    _, codes = decode_outcomes(evidence_of(finding)["outcomes"])
    assert sorted(codes[codes >= 0]) == list(range(STAGES))
    assert (codes == SURVIVED).sum() == 5
    assert (codes == MISCLASSIFIED).sum() == 5
    assert finding.measurement is not None
    assert finding.measurement.value == 5 / 50


def test_the_report_draws_no_broken_image_as_certified(finding: Finding) -> None:
    """The page counts 40 broken, 5 survived and 5 misclassified images, and none as certified."""
    fates = evidence.fates(evidence_of(finding))
    assert fates is not None
    assert sum(fate.certified for fate in fates) == 0
    assert (fates[1].broken, fates[1].survived, fates[0].misclassified) == (40, 5, 5)


def test_a_replay_after_forty_stages_counts(lab: Lab, finding: Finding) -> None:
    """Stored examples break two survivors in stage 41, and the value falls by two images."""
    table = evidence_of(finding)["outcomes"]
    _, codes = decode_outcomes(table)
    survivors = np.flatnonzero(codes == SURVIVED)[:2]
    stored = Examples(survivors, np.zeros((2, 1, 28, 28), np.float32))
    after = replayed(lab, finding, Replay((stored,)))
    assert after.measurement is not None
    assert after.measurement.value == 3 / 50
    _, codes = decode_outcomes(after.measurement.evidence["outcomes"])
    assert codes[survivors].tolist() == [STAGES, STAGES]
    fates = evidence.fates(after.measurement.evidence)
    assert fates is not None
    assert (fates[1].broken, fates[1].certified) == (42, 0)


def test_a_comparison_counts_every_stage(lab: Lab, finding: Finding) -> None:
    """Between versions each of 40 stages is counted once, and what a stage broke is named by it."""
    table = evidence_of(finding)["outcomes"]
    labels, codes = decode_outcomes(table)
    better = np.where(codes == STAGES - 1, SURVIVED, codes)
    kept = {**evidence_of(finding), "outcomes": {**table, "codes": per_image.encode(better)}}
    assert finding.measurement is not None
    measured = dataclasses.replace(finding.measurement, value=6 / 50, evidence=kept)
    seen = together(dataclasses.replace(finding, measurement=measured), finding)
    assert isinstance(seen, Sight)
    assert [stage.old for stage in seen.stages] == [1] * (STAGES - 1) + [0]
    assert [stage.new for stage in seen.stages] == [1] * STAGES
    assert seen.broken is not None
    assert [(turned.label, turned.by) for turned in seen.broken] == [(1, table["stages"][-1])]
    assert labels.sum() == 45
