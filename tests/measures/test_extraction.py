"""Rows of extraction_agreement: how far a copy agrees that learned the model's answers."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch
from torch import nn

from securemnist.data import DataSet
from securemnist.errors import Inconclusive
from securemnist.evaluation.context import Context
from securemnist.measures import bind, extraction_copy, take_measurement
from securemnist.measures.extraction_copy import targets
from securemnist.models import loading
from securemnist.report.figures import exhibits
from securemnist.results.evidence.privacy import ExtractionEvidence
from securemnist.results.findings import Measurement, Requirement, Verdict
from tests.report.figure_rows import with_evidence
from tests.saboteurs import Constant, undefended

ROW = Requirement(id="P", measure="extraction_agreement", because="-", at_most=0.9)


class Hashed(nn.Module):
    """The baseline; on a share of the images, by their pixels, another class of its own choice."""

    def __init__(self, share: float, wrong: int = 10) -> None:
        super().__init__()
        self.network, self.share, self.wrong = undefended(), share, wrong

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        number = (x.flatten(1).double() * (1 + torch.arange(x[0].numel()) % 97)).sum(1) * 255
        number = (number.round().long() * 2654435761) % 1_000_003
        other = nn.functional.one_hot(number % self.wrong, 10) * 20.0
        chosen = number / 1_000_003 < self.share
        return torch.where(chosen[:, None], other, self.network(x))


@pytest.fixture(scope="module")
def few(mnist: DataSet) -> DataSet:
    """MNIST with 2,500 training images."""
    return dataclasses.replace(mnist, train=mnist.train[:2500])


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies see fewer images: enough for 90 % agreement."""
    monkeypatch.setattr(extraction_copy, "TAKEN", 6_000)


CONTROLS: dict[object, object] = {}


def measured(model: nn.Module, data: DataSet, **settings: object) -> Measurement:
    """The measurement of a network, 1,000 queries and 1,000 test images; controls are trained once."""
    context = Context(loading.from_model(model, name="network"), data)
    context.cache.update(CONTROLS)
    bound = bind("extraction_agreement", {"queries": 1000, "images": 1000, **settings})
    found = take_measurement(context, "extraction_agreement", bound, 0)
    CONTROLS.update({k: v for k, v in context.cache.items() if k[0] == "copy of a reference"})
    return found


def shown(found: Measurement) -> ExtractionEvidence:
    """Its evidence."""
    assert isinstance(found.evidence, ExtractionEvidence)
    return found.evidence


def test_an_undefended_network_is_copied(few: DataSet) -> None:
    """The row fails, whatever the doubts; the evidence says what the copy is worth."""
    found = measured(undefended(), few, queries=1000)
    evidence = shown(found)
    print(found)
    assert found.value > 0.93
    assert ROW.judge(found).verdict is Verdict.FAIL
    assert 0.09 < (evidence.chance or 0) < 0.15
    assert (evidence.control or 0) > 0.9
    assert (evidence.transferred or 0) > 0.4
    assert Measurement.from_json(json.loads(json.dumps(found.to_json()))) == found
    (figure,) = exhibits(with_evidence(evidence.to_json(), kind=ExtractionEvidence))
    assert "1,000 answers" in figure.caption
    state = torch.random.get_rng_state()
    assert torch.equal(torch.random.get_rng_state(), state)
