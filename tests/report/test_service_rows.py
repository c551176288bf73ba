"""A row of a service: its checks on the page, and what is wrong in a terminal."""

from __future__ import annotations

import pytest

from securemnist.report.details import first_places
from securemnist.report.figures import exhibits
from securemnist.results.evidence.service import ServiceCheck, ServiceEvidence
from securemnist.results.findings import Finding, Measurement, Requirement

CHECKS = [
    ServiceCheck(name=f"check {k}", expected="401", found="<b>200</b>", holds=k == 0)
    for k in range(6)
]


@pytest.fixture
def finding() -> Finding:
    """A row of which five of six checks do not hold."""
    row = Requirement(
        id="SERVICE-01", measure="service_violations", because="-", at_most=0.0, settings={}
    )
    evidence = ServiceEvidence(checks=CHECKS, control="authentication", subject="our own service")
    numbers = {"value": 5.0, "low": 5.0, "high": 5.0, "n": 6, "seconds": 1.0, "seed": 0}
    return row.judge(
        Measurement(**numbers, unit="count", complete=True, evidence=evidence),
        family="service",
    )


def test_checks_are_a_table(finding: Finding) -> None:
    """Each check is a line, those first that do not hold."""
    (exhibit,) = exhibits(finding)
    assert exhibit.table is not None
    assert [row[-1] for row in exhibit.table.rows] == ["NO"] * 5 + ["yes"]
    assert "our own service" in exhibit.caption


def test_violations_are_named(finding: Finding) -> None:
    """The first checks that do not hold stand below the row, and how many more there are."""
    places = first_places(finding)
    assert places[0] == "check 1: expected 401, got <b>200</b>"
    assert places[-1] == "and 2 more"
