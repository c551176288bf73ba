"""The row that bounds the number of uncovered threats."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from securemnist import threat_model
from securemnist._util import resources
from securemnist.comparison.difference import PairedDifference
from securemnist.comparison.paired_difference import paired_difference
from securemnist.data import DataSet
from securemnist.errors import MeasureError, NotApplicable, PolicyError
from securemnist.evaluation.context import Context
from securemnist.measures import bind, check_policy, take_measurement
from securemnist.models import loading
from securemnist.report.details import first_places
from securemnist.report.figures import exhibits
from securemnist.results import policy
from securemnist.results.evidence.threats import ThreatEvidence
from securemnist.results.findings import Finding, Verdict
from securemnist.results.policy import Policy
from securemnist.results.threat_file import ThreatFile
from tests.threat_model.models import HEAD, threat

BUNDLED = policy.load(resources.POLICY)
(ROW,) = BUNDLED.rows("uncovered_threats")


@pytest.fixture(scope="module")
def context(mnist: DataSet) -> Context:
    """A context without a policy; the network is not used."""
    return Context(loading.resolve("baseline"), mnist)


def judge(context: Context, rows: Policy) -> Finding:
    """The bundled row under this policy."""
    settings = bind(ROW.measure, ROW.settings)
    asked = dataclasses.replace(context, policy=rows)
    return ROW.judge(take_measurement(asked, ROW.measure, settings, ROW.seed))


def without(*ids: str) -> Policy:
    """The bundled policy without these rows."""
    left = tuple(row for row in BUNDLED.requirements if row.id not in ids)
    return dataclasses.replace(BUNDLED, requirements=left)


def test_the_bundled_policy_passes_at_its_bound(context: Context) -> None:
    """The bundled row has no slack: one more uncovered threat fails it."""
    found = judge(context, BUNDLED)
    assert found.verdict is Verdict.PASS
    assert found.measurement is not None
    assert found.measurement.value == ROW.threshold


def test_a_deleted_requirement_uncovers_its_threat(context: Context) -> None:
    """The saboteur: without SERVICE-07 nothing tests the log, the count rises and the row fails."""
    found = judge(context, without("SERVICE-07"))
    assert found.verdict is Verdict.FAIL
    assert found.measurement is not None
    assert found.measurement.value == ROW.threshold + 1
    evidence = found.measurement.evidence
    assert isinstance(evidence, ThreatEvidence)
    missing = {threat.id: threat.missing for threat in evidence.threats or ()}
    assert missing["R-01"] == ["SERVICE-07"]
    assert missing["T-04"] == []


def test_a_missing_model_never_passes(context: Context) -> None:
    """Without a policy the row does not apply; without threats.toml it is an error."""
    with pytest.raises(NotApplicable, match="rows of a policy"):
        take_measurement(context, ROW.measure, bind(ROW.measure, {}), 0)
    with pytest.raises(MeasureError, match=r"expected a threat model \(threats\.toml\)"):
        judge(context, dataclasses.replace(BUNDLED, threat_model=None))


def test_a_row_that_counts_threats_covers_none(context: Context) -> None:
    """A threat that names the counting row only stays uncovered, in the count and in its status."""
    text = HEAD + threat("T-01", ROW.id) + threat("T-02", "CLEAN-01")
    rows = dataclasses.replace(BUNDLED, threat_model=ThreatFile("threats.toml", text))
    found = judge(context, rows)
    assert found.measurement is not None
    assert found.measurement.value == 1
    first, _ = threat_model.judge(threat_model.parse(text, "p"), [found], "2026-11-21")
    assert first.status is threat_model.Status.UNCOVERED


def test_a_bound_that_no_model_exceeds_is_refused() -> None:
    """A bound of as many threats as there are could never fail."""
    text = HEAD + "".join(threat(f"T-{n}") for n in range(5))
    rows = dataclasses.replace(BUNDLED, threat_model=ThreatFile("threats.toml", text))
    with pytest.raises(
        PolicyError, match="row THREATS-01: expected at_most below 5, the number of"
    ):
        check_policy(rows)


def test_a_wrong_model_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    """The check of a policy reads the threat model beside it."""
    shutil.copy(resources.POLICY, tmp_path)
    (tmp_path / "threats.toml").write_text('title = "half"')
    with pytest.raises(PolicyError, match=r"threats\.toml: expected 'description', got nothing"):
        check_policy(policy.load(tmp_path / "thresholds.toml"))
    (tmp_path / "threats.toml").write_bytes(b"\xff")
    with pytest.raises(PolicyError, match="expected UTF-8 text"):
        policy.load(tmp_path / "thresholds.toml")


def test_the_report_lists_the_uncovered_threats(context: Context) -> None:
    """The row names its threats in the table of the page and as the first places of a failure."""
    found = judge(context, without("SERVICE-07"))
    (exhibit,) = exhibits(found)
    assert exhibit.table is not None
    assert (
        "R-01",
        "A client denies a request",
        "clients, audit-log",
        "SERVICE-07",
    ) in exhibit.table.rows
    assert exhibit.caption.startswith("6 of 23 threats; reviewed on ")
    assert first_places(found)[0] == "T-04: Evaluation scripts misreport"
    assert first_places(found)[-1] == "and 3 more"


def test_a_comparison_names_threats_that_lost_their_row(context: Context) -> None:
    """What is uncovered in the new version only counts as newly broken, by its id."""
    compared = paired_difference(judge(context, BUNDLED), judge(context, without("SERVICE-07")))
    assert isinstance(compared, PairedDifference)
    assert [one.by for one in compared.broken] == ["R-01: A client denies a request"]
    assert not compared.safe
