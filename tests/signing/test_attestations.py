"""Attestations: what is signed as passed, and what is not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from securemnist.errors import FAILED, UNDECIDED, SecureMnistError, SignatureError
from securemnist.results.assessment import Against, Assessment
from securemnist.results.findings import STOPPED, Verdict
from securemnist.signing import attestation, attested_files
from tests.error_form import one_sentence
from tests.signing.signed import (
    DATA,
    DAY,
    FILES,
    TWO_ROWS,
    assessment,
    attest,
    broken,
    digest,
    failing,
    key,
    payload_of,
    rows,
    with_finding,
)

POLICY = TWO_ROWS


def read(content: bytes) -> attestation.Attestation:
    """An attestation, opened by the key of the tests."""
    return attestation.read(content, key().public_key())


def test_a_pass_binds_all_that_led_to_it(weights: Path) -> None:
    """The statement names weights, policy, data and assessment by digest, and each row that passed."""
    whole = assessment(POLICY)
    content = attest(whole, weights)
    statement = payload_of(content)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert {one["name"]: one["digest"]["sha256"] for one in statement["subject"]} == FILES
    predicate = statement["predicate"]
    assert (predicate["result"], predicate["passedTests"]) == ("PASSED", ["A-1", "A-2"])
    assert (predicate["warnedTests"], predicate["failedTests"]) == ([], [])
    named = {
        one["annotations"]["role"]: one["digest"]["sha256"] for one in predicate["configuration"]
    }
    assert named == {
        "policy": digest(POLICY.text.encode()),
        "data": DATA,
        "data file": "e" * 64,
        "result": digest(whole.dumps()),
    }
    attested = read(content)
    attested.check_passed(DAY)
    attested_files.check(weights, attested.files)
    attestation.check_policy(attested, POLICY)
    attestation.check_data(attested, DATA)
    attestation.check_result(attested, whole.dumps(), POLICY)


def behind(whole: Assessment) -> Assessment:
    older = Against(name="old", commit="", digest="0" * 64, exit_code=1, why="it is worse")
    return dataclasses.replace(whole, against=older)


def test_a_row_that_is_worse_by_a_waiver_is_a_warning(weights: Path) -> None:
    """The comparison rests on a waiver, so the attestation ends with it."""
    older = Against(
        name="old", commit="", digest="0" * 64, exit_code=0, why="1 worse", waived=("A-2",),
        waived_through="2026-11-30",
    )  # fmt: skip
    attested = read(attest(dataclasses.replace(assessment(POLICY), against=older), weights))
    assert (attested.outcome.result, attested.outcome.warned) == ("WARNED", ("A-2",))
    attested.check_passed("2026-11-30")
    with pytest.raises(SecureMnistError, match="2026-11-30"):
        attested.check_passed("2026-12-01")


NOT_PASSED: dict[str, tuple[Callable[[Assessment], Assessment], str, int]] = {
    "a row failed": (failing, "A-2 is FAIL", FAILED),
    "a row is undecided": (
        broken(verdict=Verdict.INCONCLUSIVE, measurement=None),
        "A-2 is INCONCLUSIVE",
        UNDECIDED,
    ),
    "an error": (broken(verdict=Verdict.ERROR, measurement=None), "A-2 is ERROR", UNDECIDED),
    "not applicable": (
        broken(verdict=Verdict.NOT_RUN, measurement=None),
        "A-2 is NOT_RUN",
        UNDECIDED,
    ),
    "stopped early": (
        broken(verdict=Verdict.NOT_RUN, measurement=None, reason=STOPPED),
        "A-2 is NOT_RUN",
        UNDECIDED,
    ),
    "a row of a higher tier": (
        broken(verdict=Verdict.NOT_RUN, measurement=None, in_scope=False, reason="out of scope"),
        "A-2 is out of the run's scope",
        UNDECIDED,
    ),
    "a passed row out of scope": (broken(in_scope=False), "out of the run's scope", UNDECIDED),
    "worse than the older version": (behind, "the comparison with the older version", FAILED),
}


@pytest.mark.parametrize("name", NOT_PASSED)
def test_what_did_not_pass_is_not_signed_as_passed(name: str, weights: Path) -> None:
    """A failed, undecided, partial or stopped run is refused; `failed` signs it as FAILED only."""
    change, text, code = NOT_PASSED[name]
    whole = change(assessment(POLICY))
    with pytest.raises(SecureMnistError, match=text) as error:
        attest(whole, weights)
    assert error.value.exit_code == code
    one_sentence(error.value)
    content = attest(whole, weights, failed=True)
    assert payload_of(content)["predicate"]["result"] == "FAILED"
    with pytest.raises(SignatureError, match="got FAILED") as refusal:
        read(content).check_passed(DAY)
    one_sentence(refusal.value)


def test_a_waived_row_is_a_warning_for_a_time(weights: Path) -> None:
    """With a waived row the result is WARNED, accepted up to the last day of the waiver."""
    by = rows("A-1", "A-2", waived="A-2")
    content = attest(failing(assessment(by)), weights, by)
    predicate = payload_of(content)["predicate"]
    assert (predicate["result"], predicate["warnedTests"]) == ("WARNED", ["A-2"])
    attested = read(content)
    attested.check_passed("2026-11-30")
    with pytest.raises(SignatureError, match="one that ended on 2026-11-30") as error:
        attested.check_passed("2026-12-01")
    one_sentence(error.value)
    with pytest.raises(SignatureError, match="A-2 is FAIL"):
        attest(failing(assessment(by)), weights, by, day="2026-12-01")


def test_waived_rows_alone_are_no_pass(weights: Path) -> None:
    """Where every row is waived, nothing passed, and nothing is signed."""
    by = rows("A-1", waived="A-1")
    whole = with_finding(assessment(by), "A-1", verdict=Verdict.INCONCLUSIVE, measurement=None)
    with pytest.raises(SecureMnistError, match="no row passed"):
        attest(whole, weights, by)
