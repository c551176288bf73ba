"""Edited assessments: what does not belong together is not attested."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from securemnist.errors import SignatureError, UsageError
from securemnist.results import policy
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Verdict
from tests.error_form import one_sentence
from tests.signing.signed import (
    FILES,
    TWO_ROWS,
    assessment,
    attest,
    broken,
    failing,
    measured,
    with_finding,
)

POLICY = TWO_ROWS


def edited(**changes: object) -> Callable[[Assessment], Assessment]:
    return lambda whole: dataclasses.replace(whole, **changes)


def easier(whole: Assessment) -> Assessment:
    row = dataclasses.replace(whole.findings[1].requirement, at_least=0.1)
    return with_finding(whole, "A-2", requirement=row)


def subject(**changes: object) -> Callable[[Assessment], Assessment]:
    return lambda whole: dataclasses.replace(whole, subject={**whole.subject, **changes})


def hidden_failure(whole: Assessment) -> Assessment:
    """A row that failed is left out, and the policy's text with it."""
    return dataclasses.replace(whole, findings=whole.findings[:1])


OTHER_TEXT = POLICY.text.replace("0.9", "0.1")
EDITED: dict[str, tuple[Callable[[Assessment], Assessment], str]] = {
    "a day that is to come": (edited(day="2026-11-22"), "2026-11-21 or before"),
    "no day": (edited(day="21 November"), "2026-11-21 or before"),
    "waivers of a day that is to come": (edited(decided="2027-01-01"), "2026-11-21 or before"),
    "lower threshold in a row": (easier, "assessment of other rows"),
    "a row left out": (hidden_failure, "assessment of other rows"),
    "rows in another order": (
        lambda whole: dataclasses.replace(whole, findings=whole.findings[::-1]),
        "assessment of other rows",
    ),
    "another text of the policy": (
        edited(policy={**POLICY.to_json(), "text": OTHER_TEXT}),
        "got one by another",
    ),
    "another digest of the policy": (
        edited(policy={**POLICY.to_json(), "digest": "0" * 64}),
        "got one by another",
    ),
    "a threat model": (
        edited(threat_model={"path": "threats.toml", "digest": "0" * 64, "text": ""}),
        "the threat model beside",
    ),
    "a FAIL that its number does not give": (broken(verdict=Verdict.FAIL), "numbers give PASS"),
    "another file": (subject(files={**FILES, "net.json": "0" * 64}), "expected net.json as it was"),
    "a file less": (subject(files={"net.json": FILES["net.json"]}), "a file of the assessed model"),
    "no files": (subject(files={}), "got none recorded"),
    "files as text": (subject(files="net.safetensors"), "got none recorded"),
    "a digest as number": (subject(files={"net.safetensors": 1}), "got none recorded"),
    "a path": (subject(files={**FILES, "../x": "0" * 64}), "names of files in one folder"),
    "no data": (subject(data=None), "names its data"),
    "data without a digest": (subject(data={"name": "MNIST"}), "configuration"),
}


@pytest.mark.parametrize("name", EDITED)
def test_edited_assessments_are_not_signed(name: str, weights: Path) -> None:
    """What does not belong together is not signed, not even as FAILED."""
    change, text = EDITED[name]
    whole = change(assessment(POLICY))
    for failed in (False, True):
        with pytest.raises(SignatureError, match=text) as error:
            attest(whole, weights, failed=failed)
        assert error.value.exit_code == 1
        one_sentence(error.value)


RAW: dict[str, tuple[bytes, bytes]] = {
    "verdict": (b'"verdict": "FAIL"', b'"verdict": "PASS"'),
    "exit code": (b'"exit_code": 1', b'"exit_code": 0'),
    "counts": (b'"FAIL": 1', b'"FAIL": 0'),
    "completeness": (b'"complete": true,\n  "keywords"', b'"complete": false,\n  "keywords"'),
    "line break": (b"\n}", b"\n }"),
}


@pytest.mark.parametrize("name", RAW)
def test_edited_files_are_not_signed(name: str, weights: Path) -> None:
    """A file that is not what `assess` writes for its rows is refused: other readers may read it so."""
    before, after = RAW[name]
    good = failing(assessment(POLICY)).dumps()
    assert before in good
    attest(good, weights, failed=True)
    with pytest.raises((SignatureError, UsageError)) as error:
        attest(good.replace(before, after, 1), weights, failed=True)
    one_sentence(error.value)


def test_whole_numbers_of_own_measures_are_signed(weights: Path) -> None:
    """A measure that gives 1 and not 1.0 leads to an assessment that can be attested."""
    found = POLICY.requirements[1].judge(measured(1, low=1, high=1), family="clean")
    whole = assessment(POLICY)
    whole = dataclasses.replace(whole, findings=(whole.findings[0], found))
    assert b'"value": 1\n' in whole.dumps()
    attest(whole, weights)


def test_data_of_another_policy_is_refused(weights: Path) -> None:
    """Where the policy names its data, an assessment on other data is not signed."""
    text = f'data = {{ name = "MNIST", sha256 = "{"c" * 64}" }}\n{POLICY.text}'
    by = policy.parse(text, "thresholds.toml")
    with pytest.raises(UsageError, match="expected the data it was written for"):
        attest(assessment(by), weights, by)


def test_the_weights_have_to_be_the_measured_ones(weights: Path) -> None:
    """Weights that were swapped after the run are not attested; nor are others, folders and links."""
    weights.write_bytes(b"swapped")
    with pytest.raises(SignatureError, match=r"net\.safetensors as it was assessed"):
        attest(assessment(POLICY), weights)
    with pytest.raises(UsageError, match="got a folder"):
        attest(assessment(POLICY), weights.parent)
    weights.unlink()
    weights.symlink_to(weights.with_name("net.json"))
    with pytest.raises(UsageError, match="a symbolic link"):
        attest(assessment(POLICY), weights)
