"""The status of a threat is the worst verdict of its rows."""

from __future__ import annotations

import pytest

from securemnist.results.findings import Verdict
from securemnist.threat_model import Status, judge
from securemnist.threat_model.status import matrix
from tests.threat_model.models import judged, model, threat

ROWS = (
    judged("GOOD-1", Verdict.PASS),
    judged("GOOD-2", Verdict.PASS),
    judged("RED-1", Verdict.FAIL),
    judged("OPEN-1", Verdict.INCONCLUSIVE),
    judged("ERROR-1", Verdict.ERROR),
    judged("ERROR-2", Verdict.ERROR, waived=True),
    judged("SKIP-1", Verdict.NOT_RUN),
    judged("OUT-1", Verdict.NOT_RUN, in_scope=False),
    judged("OUT-2", Verdict.NOT_RUN, in_scope=False, waived=True),
    judged("WAIVED-1", Verdict.FAIL, waived=True),
)
EXPECTED = {
    ("GOOD-1", "GOOD-2"): Status.COVERED,
    ("GOOD-1", "RED-1"): Status.FAILING,
    ("OPEN-1", "RED-1"): Status.FAILING,
    ("GONE-1", "RED-1"): Status.FAILING,
    ("GOOD-1", "OPEN-1"): Status.UNDECIDED,
    ("ERROR-1",): Status.UNDECIDED,
    ("ERROR-2",): Status.UNDECIDED,
    ("GOOD-1", "SKIP-1"): Status.NOT_RUN,
    ("GOOD-1", "OUT-1"): Status.NOT_RUN,
    ("GOOD-1", "OUT-2"): Status.NOT_RUN,
    ("GOOD-1", "WAIVED-1"): Status.WAIVED,
    ("WAIVED-1", "OUT-1"): Status.NOT_RUN,
    (): Status.UNCOVERED,
    ("GONE-1",): Status.UNCOVERED,
    ("GOOD-1", "GONE-1"): Status.UNCOVERED,
}


@pytest.mark.parametrize("rows", EXPECTED, ids=lambda rows: "+".join(rows) or "none")
def test_status_is_that_of_the_worst_row(rows: tuple[str, ...]) -> None:
    """Covered needs rows that all passed; one that the policy lacks never covers."""
    (one,) = judge(model(threat("T-01", *rows)), ROWS, "2026-11-21")
    assert one.status is EXPECTED[rows]
    assert tuple(one.rows) == rows


def test_an_expired_waiver_waives_nothing() -> None:
    """After its last day the row fails, and with it the threat."""
    (one,) = judge(model(threat("T-01", "WAIVED-1")), ROWS, "3000-01-01")
    assert one.status is Status.FAILING


def test_a_cell_of_the_matrix_shows_its_worst_threat() -> None:
    """A cell has its number of threats and the worst status; a flow with a threat has a line."""
    read = model(
        threat("T-01", "GOOD-1"),
        threat("T-02", "RED-1"),
        threat("S-01", "GOOD-1", category="S", on="ask"),
    )
    lines = {line.id: line for line in matrix(read, judge(read, ROWS, "2026-11-21"))}
    assert list(lines) == ["client", "service", "weights", "ask"]
    tampering = lines["service"].cells[1]
    assert tampering is not None
    assert (len(tampering.threats), tampering.status) == (2, Status.FAILING)
    assert tampering.threats[0].threat.id == "T-02"
    spoofing = lines["ask"].cells[0]
    assert spoofing is not None
    assert spoofing.status is Status.COVERED
    assert set(lines["weights"].cells) == {None}
