"""The assessment: its exit code, and what is no assessment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from securemnist.results.assessment import Assessment
from securemnist.results.findings import Verdict
from tests.results.assessments import DAY, OUT, assessment, finding, rich

PASS, FAIL, INCONCLUSIVE, ERROR, NOT_RUN = Verdict


@pytest.mark.parametrize(
    ("notes", "code"),
    [
        ([], 3),
        ([(PASS,)], 0),
        ([(PASS,), (FAIL,)], 1),
        ([(ERROR,), (INCONCLUSIVE,), (FAIL,), (NOT_RUN,)], 1),
        ([(PASS,), (INCONCLUSIVE,)], 3),
        ([(PASS,), (ERROR,)], 3),
        ([(PASS,), (NOT_RUN,)], 3),
        ([(PASS,), (FAIL, "2027-01-01")], 0),
        ([(PASS,), (FAIL, DAY)], 0),
        ([(FAIL, DAY)], 3),
        ([(FAIL, DAY), (PASS, OUT)], 3),
        ([(PASS,), (FAIL, "2026-11-20")], 1),
        ([(PASS,), (INCONCLUSIVE, DAY), (NOT_RUN, DAY)], 0),
        ([(PASS,), (ERROR, "2027-01-01")], 3),
        ([(FAIL, "2027-01-01"), (INCONCLUSIVE,)], 3),
        ([(PASS,), (NOT_RUN, OUT)], 0),
        ([(FAIL,), (NOT_RUN, OUT)], 1),
        ([(NOT_RUN, OUT)], 3),
    ],
)
def test_the_exit_code(notes: list[Any], code: int) -> None:
    """FAIL gives 1 and beats 3, which anything else open gives; waived and out of scope are neutral.

    Where nothing passed, nothing has been shown: waived rows alone give 3.
    """
    assert assessment(*(finding(*note) for note in notes)).exit_code == code


def test_what_is_counted() -> None:
    """Rows out of scope are in no count and make the assessment incomplete."""
    part = assessment(finding(PASS), finding(PASS), finding(FAIL), finding(NOT_RUN, OUT))
    assert part.counts == {"PASS": 2, "FAIL": 1, "INCONCLUSIVE": 0, "ERROR": 0, "NOT_RUN": 0}
    assert not part.complete
    assert assessment(finding(PASS), finding(NOT_RUN)).complete
    assert [f.verdict for f in part.open_findings] == [FAIL]


def test_an_assessment_survives_its_file(tmp_path: Path) -> None:
    """What was written is read back equal, and written again as the same bytes."""
    path = tmp_path / "assessment.json"
    path.write_bytes(rich().dumps())
    again = Assessment.load(path)
    assert again.__dict__ == rich().__dict__
    assert again.dumps() == path.read_bytes()
    derived = json.loads(path.read_bytes())
    assert (derived["exit_code"], derived["counts"]["PASS"]) == (3, 1)
    assert derived["scope"]["complete"] is True
