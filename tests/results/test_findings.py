"""The judging rules: what a measurement makes of a requirement."""

from __future__ import annotations

import datetime
import json
import math
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from securemnist.results.findings import Doubt, Measurement, Requirement, Verdict, Waiver
from securemnist.results.intervals import settling_size, share_interval
from securemnist.results.verdicts import utc_day
from tests.requirement_builders import at_most, measurement_of, row

PASS, FAIL, INCONCLUSIVE, ERROR, NOT_RUN = Verdict
DOUBTS = (
    Doubt(name="weak attack", reason="Square breaks more", advice="take a stronger one"),
    Doubt(name="gradients", reason="they are zero", advice="use another loss"),
)


@pytest.mark.parametrize(
    ("wanted", "value", "verdict"),
    [
        (row(), 0.9, PASS),
        (row(), 0.8999, FAIL),
        (at_most(0.1), 0.1, PASS),
        (at_most(0.1), 0.1001, FAIL),
    ],
)
def test_on_a_complete_set_the_exact_value_decides(
    wanted: Requirement, value: float, verdict: Verdict
) -> None:
    """The complete set leaves no INCONCLUSIVE: its interval, however wide, is only information."""
    assert wanted.judge(measurement_of(value, complete=True)).verdict is verdict


@pytest.mark.parametrize(
    ("wanted", "low", "high", "verdict"),
    [
        (row(), 0.9, 0.99, PASS),
        (row(), 0.8999, 0.99, INCONCLUSIVE),
        (row(), 0.8, 0.9, INCONCLUSIVE),
        (row(), 0.8, 0.8999, FAIL),
        (at_most(0.1), 0.01, 0.1, PASS),
        (at_most(0.1), 0.01, 0.1001, INCONCLUSIVE),
        (at_most(0.1), 0.1, 0.2, INCONCLUSIVE),
        (at_most(0.1), 0.1001, 0.2, FAIL),
    ],
)
def test_on_a_sample_the_bound_decides(
    wanted: Requirement, low: float, high: float, verdict: Verdict
) -> None:
    """A sample passes or fails only where the whole interval lies on one side of the threshold."""
    finding = wanted.judge(measurement_of((low + high) / 2, low, high))
    assert finding.verdict is verdict
    assert bool(finding.reason) is (verdict is INCONCLUSIVE)


def test_a_proof_outweighs_everything() -> None:
    """Certificates that reach the threshold give PASS (proved) in spite of doubts and small samples.

    Not where the number says nothing: a proof about copies of training images is no proof about others.
    """
    proof: dict[str, Any] = {"certified": 0.95, "certified_low": 0.9, "survived": True}
    nothing = row().judge(
        measurement_of(0.95, complete=True, inconclusive="copies of training images", **proof)
    )
    assert (nothing.verdict, nothing.proved) == (INCONCLUSIVE, False)
    finding = row().judge(measurement_of(0.95, doubts=DOUBTS, **proof))
    assert (finding.verdict, finding.proved, finding.label) == (PASS, True, "PASS (proved)")


@pytest.mark.parametrize(
    ("wanted", "certified"),
    [
        (row(), {"certified": 0.95, "certified_low": 0.89}),
        (row(), {"certified": 0.95}),
        (at_most(0.5), {"certified": 0.95, "certified_low": 0.94}),
    ],
    ids=["bound below", "no bound", "at_most"],
)
def test_what_proves_nothing(wanted: Requirement, certified: dict[str, float]) -> None:
    """Only a lower bound of certificates at or above `at_least` proves a row."""
    finding = wanted.judge(measurement_of(0.95, doubts=DOUBTS, survived=True, **certified))
    assert finding.verdict is INCONCLUSIVE
    assert not finding.proved


@pytest.mark.parametrize(
    ("value", "survived", "verdict"),
    [(0.95, True, INCONCLUSIVE), (0.85, True, FAIL), (0.95, False, PASS)],
)
def test_doubts_touch_survival_alone(value: float, survived: bool, verdict: Verdict) -> None:
    """Doubts turn a PASS (survived) into INCONCLUSIVE; a FAIL and a plain PASS stand."""
    finding = row().judge(measurement_of(value, complete=True, survived=survived, doubts=DOUBTS))
    assert finding.verdict is verdict
    assert (finding.reason.count("weak attack, gradients") == 1) is (verdict is INCONCLUSIVE)


def test_a_number_that_cannot_pass() -> None:
    """A measurement that calls itself inconclusive passes nothing; what it saw may still fail."""
    for value, verdict in ((0.1, FAIL), (0.99, INCONCLUSIVE)):
        finding = row().judge(measurement_of(value, complete=True, inconclusive="too few images"))
        assert finding.verdict is verdict
        assert finding.reason == ("too few images" if verdict is INCONCLUSIVE else "")


@pytest.mark.parametrize("field", ["value", "low", "high", "certified", "certified_low"])
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_no_number_is_an_error(field: str, number: float) -> None:
    """NaN and infinity give ERROR, never a verdict, and a finding that JSON can carry."""
    numbers = {"value": 0.95, "low": 0.93, "high": 0.97, field: number}
    finding = row().judge(measurement_of(**numbers))
    assert finding.verdict is ERROR
    assert f"got {number}" in finding.reason
    json.dumps(finding.to_json(), allow_nan=False)


def test_how_many_images_would_settle_it() -> None:
    """An open row names the sample size whose exact interval at this share decides it."""
    finding = row().judge(measurement_of(0.92, 0.87, 0.95))
    assert "about 875 images would settle it" in finding.reason
    low = [share_interval(0.92 * n, n)[0] for n in (874, 875)]
    assert low[0] < row().threshold <= low[1]
    assert settling_size(0.0, 0.05, most=1000) == 72  # a share of 0 has a variance of 0


@pytest.mark.parametrize(
    ("measurement", "words"),
    [
        (measurement_of(0.9, 0.8, 0.95), "no sample would settle it, measure the complete set"),
        (measurement_of(0.9001, 0.8, 0.95), "no sample would settle it, measure the complete set"),
        (
            measurement_of(0.9, 0.8, 2, unit="ratio"),
            "the threshold 0.9 lies inside [0.8000, 2.0000]",
        ),
    ],
)
def test_what_no_sample_settles(measurement: Measurement, words: str) -> None:
    """A value on the threshold asks for the complete set, and a ratio for no images at all."""
    assert row().judge(measurement).reason.endswith(words)


@example(hits=57, n=300, threshold=0.1875)  # the normal approximation asks for a larger sample
@given(hits=st.integers(0, 300), n=st.integers(300, 3_000), threshold=st.floats(0.01, 0.99))
def test_the_sample_that_settles_it_is_larger(hits: int, n: int, threshold: float) -> None:
    """The sample size named is larger than the one taken, and its interval excludes the threshold."""
    value = hits / n
    finding = row(at_least=threshold).judge(measurement_of(value, 0.0, 1.0, n=n))
    named = re.search(r"about ([\d,]+) images", finding.reason)
    if named is None:
        assert abs(value - threshold) < 0.002
        return
    needed = int(named[1].replace(",", ""))
    assert needed > n
    low, high = share_interval(value * needed, needed)
    assert not low <= threshold <= high


@pytest.mark.parametrize(
    ("verdict", "expires", "waived"),
    [
        (FAIL, "2027-01-01", True),
        (INCONCLUSIVE, "2027-01-01", True),
        (NOT_RUN, "2027-01-01", True),
        (ERROR, "2027-01-01", False),
        (PASS, "2027-01-01", False),
        (FAIL, "2026-11-21", True),
        (FAIL, "2026-11-20", False),
        (FAIL, None, False),
    ],
)
def test_waivers(verdict: Verdict, expires: str | None, waived: bool) -> None:
    """A waiver holds through its last day, for anything but an ERROR, and changes no verdict."""
    waiver = None if expires is None else Waiver(reason="known", expires=expires)
    finding = row(waiver=waiver).unmeasured(verdict, "")
    assert finding.waived("2026-11-21") is waived
    assert finding.verdict is verdict


@pytest.mark.parametrize(
    ("sides", "value", "waived"),
    [
        ({"at_least": 0.9, "at_most": None}, 0.8, True),
        ({"at_least": 0.9, "at_most": None}, 0.79, False),
        ({"at_least": None, "at_most": 0.1}, 0.8, True),
        ({"at_least": None, "at_most": 0.1}, 0.81, False),
    ],
)
def test_waivers_have_a_worst_value(sides: dict[str, Any], value: float, waived: bool) -> None:
    """A waiver permits no value that is worse than its own, and no row without a value."""
    waiver = Waiver(reason="known", expires="2026-12-31", worst=0.8)
    judged = row(waiver=waiver, **sides).judge(measurement_of(value, complete=True))
    assert judged.verdict is FAIL
    assert judged.waived("2026-11-21") is waived
    assert not row(waiver=waiver, **sides).unmeasured(NOT_RUN, "").waived("2026-11-21")


@pytest.fixture(params=["XXX-14", "XXX+12"])
def far_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A time zone 14 hours ahead of UTC, then one 12 hours behind: one of them has another date."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_zone")
def test_waivers_end_by_the_day_in_utc() -> None:
    """The zone of the machine does not prolong a waiver."""
    before = datetime.datetime.now(datetime.UTC).date().isoformat()
    today = utc_day()
    assert before <= today <= datetime.datetime.now(datetime.UTC).date().isoformat()
    waived = row(waiver=Waiver(reason="known", expires=before)).unmeasured(Verdict.NOT_RUN, "")
    assert waived.waived(today) is (today == before)


@pytest.mark.parametrize("verdict", Verdict)
def test_only_pass_passes(verdict: Verdict) -> None:
    """Of the five verdicts one passes."""
    assert row().unmeasured(verdict, "").passed is (verdict is PASS)


def test_a_row_without_a_threshold_cannot_be_judged() -> None:
    """A requirement that was built without a bound raises instead of passing."""
    with pytest.raises(ValueError, match="expected at_least or at_most"):
        row(at_least=None).judge(measurement_of(1.0))
