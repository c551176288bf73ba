"""Rows of extraction_agreement through an endpoint."""

from __future__ import annotations

import dataclasses

import pytest

from securemnist import assessing
from securemnist.data import DataSet, Samples
from securemnist.measures import bind, extraction_copy, find
from securemnist.measures.endpoints import expected_queries
from securemnist.results.findings import Verdict
from tests.endpoint.rows import context_of
from tests.endpoint.service import Service
from tests.requirement_builders import row


@pytest.fixture
def halves(images: DataSet) -> DataSet:
    """100 test images, and as many of which the attacker has no labels."""
    train, test = images.test[:100], images.test[100:]
    return dataclasses.replace(images, train=Samples(train.pixels, train.labels), test=test)


@pytest.mark.parametrize("labels", [False, True])
def test_a_service_is_copied_by_its_answers(
    service: Service, halves: DataSet, monkeypatch: pytest.MonkeyPatch, *, labels: bool
) -> None:
    """By scores or by classes; the queries are declared before, and no more are sent."""
    monkeypatch.setattr(extraction_copy, "TAKEN", 10_000)
    context = context_of(service, halves)
    measure, settings = "extraction_agreement", {"queries": 100, "labels_only": labels}
    asked = row(measure=measure, settings=settings, at_least=None, at_most=0.2)
    found = assessing.judge(context, asked)
    assert found.verdict is Verdict.FAIL, str(found)
    assert found.measurement is not None
    assert found.measurement.value > 0.3
    remote = context.subject.remote
    assert remote is not None
    known = find(measure)
    assert known is not None
    most = expected_queries(known, bind(measure, settings), context)
    assert 200 < remote.counts.queries <= most
