"""A finding's form: the sentence that every output shows, and its way through JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securemnist.results.evidence.base import OtherEvidence
from securemnist.results.findings import (
    TIERS,
    Doubt,
    Finding,
    Measurement,
    Requirement,
    Verdict,
    Waiver,
)
from securemnist.results.verdicts import LARGEST
from tests.requirement_builders import at_most, measurement_of, row


@pytest.mark.parametrize(
    ("finding", "sentence"),
    [
        (
            row(settings={"attack": {"use": "PGD", "steps": 40}, "images": 9}).judge(
                measurement_of(0.95, 0.9, 0.98, survived=True)
            ),
            "R-1 PASS (survived): robust_accuracy 0.9500 >= 0.9 (PGD steps=40; "
            "200 images, sample; 95 % interval for new images 0.9000-0.9800)",
        ),
        (
            row(settings={"threat": {"norm": "l2", "eps": 1.5}}).judge(
                measurement_of(0.5, 0.4, 0.6, n=10_000, complete=True)
            ),
            "R-1 FAIL: robust_accuracy 0.5000 < 0.9 (l2 1.5; "
            "10,000 images, complete set; 95 % interval for new images 0.4000-0.6000)",
        ),
        (  # a count of all images is no estimate, and has no interval
            at_most(0.5).judge(measurement_of(0.0, 0.0, 0.0, n=4_000, complete=True)),
            "R-1 PASS: robust_accuracy 0.0000 <= 0.5 (4,000 images, complete set)",
        ),
        (
            at_most(2.0).judge(measurement_of(3.0, 2.5, 3.5, unit="ratio", n=30)),
            "R-1 FAIL: robust_accuracy 3.0000 > 2",
        ),
        (
            at_most(0).judge(measurement_of(3, 3, 3, unit="count", complete=True)),
            "R-1 FAIL: robust_accuracy 3 > 0",
        ),
        (
            row().judge(measurement_of(1.2, 0.8, 1.5, unit="ratio")),
            "R-1 INCONCLUSIVE: robust_accuracy 1.2000 against 0.9; "
            "the threshold 0.9 lies inside [0.8000, 1.5000]",
        ),
        (
            row().unmeasured(Verdict.NOT_RUN, "no GPU here"),
            "R-1 NOT_RUN: robust_accuracy; no GPU here",
        ),
    ],
)
def test_the_sentence(finding: Finding, sentence: str) -> None:
    """A finding's str and repr are the one sentence that every output shows."""
    assert str(finding) == repr(finding) == sentence


numbers = st.floats(-LARGEST, LARGEST)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
tables = st.dictionaries(st.text(), plain, max_size=3)
measurements = st.builds(
    Measurement,
    value=numbers,
    low=numbers,
    high=numbers,
    n=st.integers(0, 10**6),
    complete=st.booleans(),
    seconds=numbers,
    seed=st.integers(0),
    unit=st.sampled_from(["share", "ratio", "count"]),
    survived=st.booleans(),
    certified=st.none() | numbers,
    certified_low=st.none() | numbers,
    doubts=st.lists(st.builds(Doubt, name=st.text(), reason=st.text(), advice=st.text())).map(
        tuple
    ),
    inconclusive=st.text(),
    evidence=st.builds(OtherEvidence, table=tables),
)
requirements = st.builds(
    Requirement,
    id=st.text(),
    measure=st.text(),
    because=st.text(),
    at_least=numbers,
    tier=st.sampled_from(TIERS),
    seed=st.integers(0),
    ids=st.lists(st.text()).map(tuple),
    settings=tables,
    waiver=st.none() | st.builds(Waiver, reason=st.text(), expires=st.dates().map(str)),
)
findings = st.builds(
    Finding,
    requirement=requirements,
    verdict=st.sampled_from(Verdict),
    measurement=st.none() | measurements,
    proved=st.booleans(),
    reason=st.text(),
    claim=st.text(),
    family=st.text(),
    in_scope=st.booleans(),
    replay=st.text(),
)


@settings(max_examples=60)
@given(finding=findings)
def test_a_finding_survives_json(finding: Finding) -> None:
    """Nothing of a finding is lost or changed on its way through JSON."""
    text = json.dumps(finding.to_json(), allow_nan=False)
    assert Finding.from_json(json.loads(text)).__dict__ == finding.__dict__


@pytest.mark.parametrize("change", [{"verdict": "FINE"}, {"extra": 1}, {"measurement": {}}])
def test_a_finding_of_another_form_is_refused(change: dict[str, Any]) -> None:
    """Unknown verdicts and keys do not make a finding."""
    data = row().judge(measurement_of(0.95, complete=True)).to_json()
    with pytest.raises((TypeError, ValueError, KeyError)):
        Finding.from_json({**data, **change})
