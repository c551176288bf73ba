"""Attestations: a signed statement that files of a model passed a policy on given data.

Format: https://github.com/in-toto/attestation (spec/predicates/test-result.md), version 0.1, in a DSSE
envelope. Each resource of its `configuration` names its role in the annotations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from securemnist import __version__
from securemnist._util.hashing import json_file, sha256
from securemnist.errors import FAILED, SecureMnistError, SignatureError
from securemnist.results.assessment import Assessment
from securemnist.results.json_model import table
from securemnist.results.policy import Policy
from securemnist.signing import assessed, attested_files, dsse, json_form, outcome, statement
from securemnist.signing.json_form import ADVICE, Open
from securemnist.signing.keys import PrivateKey, PublicKey, fingerprint
from securemnist.signing.outcome import Outcome, Word

PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
SUFFIX = ".attestation.json"
POLICY, THREATS, DATA, DATA_FILE, RESULT = ("policy", "threat model", "data", "data file", "result")
_RowIds = Annotated[tuple[str, ...], Field(max_length=20_000, strict=False)]


class _Notes(Open):
    role: str = ""
    day: str = ""
    decided: str = ""
    waived_through: str = ""


class _Resource(Open):
    name: statement.Name
    digest: statement.Digest
    annotations: _Notes


class _Predicate(Open):
    result: Word
    configuration: list[_Resource]
    passed: _RowIds = Field((), alias="passedTests")
    warned: _RowIds = Field((), alias="warnedTests")
    failed: _RowIds = Field((), alias="failedTests")


@dataclass(frozen=True)
class Attestation:
    """What was attested: `files` of the model and digests of what they were judged by.

    `files`: SHA-256 by name. `data`: SHA-256 of the test split. `day`: ISO date (UTC) of the run.
    `waived_through`: the last day of the first waiver to end, "" without one. `threats`: SHA-256 of the
    threat model beside the policy, "" without one.
    """

    files: Mapping[str, str]
    outcome: Outcome
    policy: str
    data: str
    result: str
    day: str
    decided: str
    waived_through: str
    threats: str = ""

    def check_passed(self, today: str) -> None:
        """SignatureError for a result other than PASSED, and for WARNED after a waiver has ended."""
        if self.outcome.result == "FAILED":
            rows = ", ".join(self.outcome.failed[:3]) or "the comparison"
            raise SignatureError(
                f"expected a model that passed its policy, got FAILED ({rows:.100}); assess it again"
            )
        if self.outcome.result == "WARNED" and today > self.waived_through:
            raise SignatureError(
                "expected waivers that have effect, got one that ended on "
                f"{self.waived_through or 'no day'}; assess the model again"
            )


def sign(
    content: bytes, policy: Policy, weights: Path, key: PrivateKey, *, failed: bool, day: str
) -> tuple[bytes, Outcome]:
    """The attestation of an assessment, as the text of its file, and its outcome.

    `content`: the file of the assessment. `weights`: the weight file, beside the model's other files.
    `day`: today (ISO date, UTC), on which waivers are judged. An assessment that does not pass is an
    error with the exit code of its verdicts, or is signed as FAILED where `failed` allows it.
    """
    assessment = assessed.checked(content, policy)
    assessed.check_day(assessment, day)
    assessment = assessment.on(day)
    files = _compared(recorded_files(assessment), weights)
    found = outcome.of(assessment)
    if found.result == "FAILED" and not failed:
        kind = SignatureError if assessment.exit_code == FAILED else SecureMnistError
        raise kind(
            "expected an assessment in which every row of the policy was measured and passed, got "
            f"{outcome.why_not_passed(assessment):.300}; nothing was signed, --failed signs it as FAILED"
        )
    predicate = {
        "result": found.result,
        "configuration": _configuration(assessment, policy, content),
        "passedTests": found.passed,
        "warnedTests": found.warned,
        "failedTests": found.failed,
    }
    payload = statement.payload(files, PREDICATE, predicate)
    envelope = dsse.sign(payload, key, keyid=fingerprint(key.public_key()))
    text = json_file(envelope)
    read(text, key.public_key())  # what the assessment has named may be no digest
    return text, found


def read(content: bytes, key: PublicKey) -> Attestation:
    """What the owner of `key` has attested; SignatureError where the signature does not fit.

    Also for a result that does not follow from its rows.
    """
    envelope = json_form.parsed(content, dsse.Envelope, "the attestation")
    files, content_of = statement.read(dsse.opened(envelope, key), PREDICATE)
    predicate = json_form.validated(content_of, _Predicate, "the attested result")
    found = Outcome(predicate.result, predicate.passed, predicate.warned, predicate.failed)
    if not found.consistent:
        raise SignatureError(
            f"expected a result that follows from its rows, got {found.result}; {ADVICE}"
        )
    roles = {role: _only(predicate, role) for role in (POLICY, DATA, RESULT)}
    if any(one.annotations.role == THREATS for one in predicate.configuration):
        roles[THREATS] = _only(predicate, THREATS)
    notes = roles[RESULT].annotations
    digests = {role: one.digest.sha256 for role, one in roles.items()}
    return Attestation(
        files,
        found,
        digests[POLICY],
        digests[DATA],
        digests[RESULT],
        notes.day,
        notes.decided,
        notes.waived_through,
        digests.get(THREATS, ""),
    )


def check_result(attested: Attestation, content: bytes, policy: Policy | None) -> None:
    """SignatureError where this file of an assessment is not the attested one.

    With its `policy` the result is computed again, too.
    """
    if sha256(content) != attested.result:
        raise _other("assessment", sha256(content), attested.result)
    if policy is not None:
        assessment = assessed.checked(content, policy).on(attested.decided)
        if outcome.of(assessment) != attested.outcome:
            raise SignatureError(
                f"expected the attested result, got another from the assessment; {ADVICE}"
            )


def check_policy(attested: Attestation, policy: Policy) -> None:
    """SignatureError where this is not the policy that the model was judged by.

    Also where the threat model beside it is another one; a policy without one demands none.
    """
    if policy.digest != attested.policy:
        raise _other("policy", policy.digest, attested.policy)
    beside = policy.threat_model
    if beside is not None and (digest := beside.to_json()["digest"]) != attested.threats:
        raise _other("threat model", digest, attested.threats)


def check_data(attested: Attestation, digest: str) -> None:
    """SignatureError where this is not the SHA-256 of the test split that was attested."""
    if digest != attested.data:
        raise _other("data", digest, attested.data)


def _other(what: str, got: str, attested: str) -> SignatureError:
    expected = f"SHA-256 {attested:.12}..." if attested else "none"
    return SignatureError(
        f"expected the attested {what} ({expected}), got another ({got:.12}...); pass the one that the "
        "model was assessed with"
    )


def _compared(recorded: Mapping[str, str], weights: Path) -> dict[str, str]:
    """SHA-256 by name of the files beside `weights`; SignatureError for others than the assessed ones."""
    files = attested_files.beside(weights, recorded)
    for name, digest in recorded.items():
        if files[name] != digest:
            raise SignatureError(
                f"expected {name} as it was assessed (SHA-256 {digest:.12}...), got another "
                f"({files[name]:.12}...); assess the file that you attest"
            )
    return files


def recorded_files(assessment: Assessment) -> dict[str, str]:
    """The files of the assessed model, SHA-256 by name; SignatureError where none are recorded.

    A model built by code, an endpoint, and a model behind a defence of the command line have none.
    """
    files = table(assessment.subject.get("files"))
    if not files or not all(isinstance(text, str) for text in files.values()):
        raise SignatureError(
            "expected an assessment of a model that was loaded from files, got none recorded; assess the "
            "weight file itself, without --defence"
        )
    return dict(files)


def _configuration(assessment: Assessment, policy: Policy, content: bytes) -> list[dict[str, Any]]:
    data = assessed.data_of(assessment)
    found = [statement.descriptor("thresholds.toml", policy.digest, role=POLICY)]
    if policy.threat_model is not None:
        threats = policy.threat_model.to_json()
        found.append(statement.descriptor(threats["path"], threats["digest"], role=THREATS))
    found.append(statement.descriptor(str(data.get("name")), str(data.get("sha256")), role=DATA))
    for name, digest in table(data.get("digests")).items():
        found.append(statement.descriptor(str(name), str(digest), role=DATA_FILE))
    notes = {
        "day": assessment.day,
        "decided": assessment.decided,
        "securemnist": __version__,
        "tier": str(assessment.scope.get("tier")),
        "waived_through": assessment.waived_through,
    }
    return [*found, statement.descriptor("assessment.json", sha256(content), role=RESULT, **notes)]


def _only(predicate: _Predicate, role: str) -> _Resource:
    found = [one for one in predicate.configuration if one.annotations.role == role]
    if len(found) != 1:
        raise SignatureError(
            f"expected an attestation of securemnist with one {role}, got {len(found)}; {ADVICE}"
        )
    return found[0]
