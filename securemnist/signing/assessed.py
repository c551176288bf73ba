"""Checks of a stored assessment before it is attested: the file may have been edited.

What can be computed again is: the form of the file, its derived facts, the policy's rows, and the
verdict of each number. The numbers themselves are what the run has measured.
"""

from __future__ import annotations

import datetime

from securemnist._util.hashing import canonical_json, json_file
from securemnist._util.parsing import json_value
from securemnist.errors import ParseError, SignatureError, UsageError
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Finding
from securemnist.results.policy import Policy
from securemnist.results.verdicts import Verdict

_ADVICE = "assess the model again"


def checked(content: bytes, policy: Policy) -> Assessment:
    """The assessment in `content`, which belongs to this policy; SignatureError where it does not.

    UsageError where it is no assessment of this version.
    """
    try:
        stored = json_value(content)
        assessment = Assessment.from_json(stored)
    except ParseError as error:
        raise UsageError(
            f"expected an assessment in JSON, got {error}; name another file"
        ) from error
    as_written = json_file(stored, sort_keys=True) == content  # one text for each value
    if not as_written or not _same(stored, json_value(assessment.dumps())):
        raise SignatureError(
            "expected an assessment as `securemnist assess` has written it, got one that was edited or "
            f"is of another version; {_ADVICE}"
        )
    _check_policy(assessment, policy)
    for finding in assessment.findings:
        _check_verdict(finding)
    return assessment


def _same(one: object, other: object) -> bool:
    """Whether two JSON values are equal; 1 and 1.0 are, 1 and true are not.

    A measure of the user's own may have given a whole number, which is read as a float.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _check_policy(assessment: Assessment, policy: Policy) -> None:
    """SignatureError for another policy, another threat model, other rows or other data."""
    stored = assessment.policy
    if (stored.get("digest"), stored.get("text")) != (policy.digest, policy.text):
        raise SignatureError(
            f"expected an assessment by {policy.path} (SHA-256 {policy.digest:.12}...), got one by "
            f"another ({stored.get('digest')!s:.12}...); name its policy with --policy, or {_ADVICE}"
        )
    threats = {} if policy.threat_model is None else policy.threat_model.to_json()
    if dict(assessment.threat_model) != threats:
        raise SignatureError(
            f"expected the threat model beside {policy.path}, got another in the assessment; {_ADVICE}"
        )
    measured = [finding.requirement.to_json() for finding in assessment.findings]
    if canonical_json(measured) != canonical_json([row.to_json() for row in policy.requirements]):
        raise SignatureError(
            f"expected the rows of {policy.path}, got an assessment of other rows; {_ADVICE}"
        )
    data = data_of(assessment)
    policy.refuse_other_data(str(data.get("name")), str(data.get("sha256")))


def check_day(assessment: Assessment, today: str) -> None:
    """SignatureError for an assessment whose day is no ISO date, or is after `today`."""
    try:
        plain = datetime.date.fromisoformat(assessment.day).isoformat() == assessment.day
    except ValueError:
        plain = False
    if not plain or assessment.decided > today:
        raise SignatureError(
            f"expected an assessment of {today} or before, got one of {assessment.decided!r:.40}; "
            f"{_ADVICE}, and check the clock"
        )


def data_of(assessment: Assessment) -> dict[str, object]:
    """The entry of the data in an assessment; SignatureError where it has none."""
    data = assessment.subject.get("data")
    if not isinstance(data, dict):
        raise SignatureError(f"expected an assessment that names its data, got none; {_ADVICE}")
    return data


def _check_verdict(finding: Finding) -> None:
    """SignatureError for a FAIL that the stored numbers do not give; reading has checked every PASS."""
    if finding.verdict is not Verdict.FAIL or finding.measurement is None:
        return
    judged = finding.requirement.judge(finding.measurement)
    if judged.verdict is not Verdict.FAIL:
        raise SignatureError(
            f"expected verdicts that follow from the numbers, got {finding.verdict} for "
            f"{finding.requirement.id}, whose numbers give {judged.verdict}; {_ADVICE}"
        )
