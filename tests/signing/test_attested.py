"""Verification of attestations: damaged, hostile, or about something else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from securemnist.errors import SecureMnistError, SignatureError, UsageError
from securemnist.results import policy
from securemnist.signing import attestation, attested_files, dsse, statement
from securemnist.signing.attestation import PREDICATE, Attestation
from tests.error_form import one_sentence
from tests.signing.signed import (
    DAY,
    FILES,
    assessment,
    flips,
    key,
    payload_of,
    rows,
    signature_of,
)

POLICY = rows("A-1")
RESULT = assessment(POLICY).dumps()


@pytest.fixture
def good(weights: Path) -> bytes:
    """The attestation of the small model."""
    return attestation.sign(RESULT, POLICY, weights, key(), failed=False, day=DAY)[0]


def read(content: bytes) -> Attestation:
    """An attestation, opened by the key of the tests."""
    return attestation.read(content, key().public_key())


def test_each_flipped_byte_of_an_attestation_is_refused(good: bytes) -> None:
    """No byte of an attestation can be changed, and none cut off."""
    for wrong in (*flips(good), *(good[:end] for end in range(len(good) - 1))):
        with pytest.raises(SignatureError):
            read(wrong)


def test_each_flipped_byte_of_policy_and_result_is_refused(good: bytes) -> None:
    """A policy or an assessment with another byte is not the attested one."""
    attested = read(good)
    attestation.check_result(attested, RESULT, POLICY)
    for wrong in flips(RESULT):
        with pytest.raises(SignatureError, match="attested assessment"):
            attestation.check_result(attested, wrong, None)
    for wrong in flips(POLICY.text.encode()):
        with pytest.raises((SignatureError, UsageError, UnicodeDecodeError)):
            attestation.check_policy(attested, policy.parse(wrong.decode(), "thresholds.toml"))


def test_each_flipped_byte_of_weights_is_refused(good: bytes, weights: Path) -> None:
    """Weights and manifest with another byte are not the attested ones; nor is a missing manifest."""
    attested = read(good)
    for path in (weights, weights.with_name("net.json")):
        right = path.read_bytes()
        for wrong in (*flips(right), right + b"\0"):
            path.write_bytes(wrong)
            with pytest.raises(SignatureError, match="the file that was assessed") as error:
                attested_files.check(weights, attested.files)
        one_sentence(error.value)
        path.write_bytes(right)
    weights.with_name("net.json").unlink()
    with pytest.raises(UsageError, match="No such file"):
        attested_files.check(weights, attested.files)


def test_other_data_and_another_result_are_refused(good: bytes) -> None:
    """The digest of other data, and a result that a checked assessment does not give, are refused."""
    attested = read(good)
    with pytest.raises(SignatureError, match="attested data") as error:
        attestation.check_data(attested, "0" * 64)
    one_sentence(error.value)
    other = payload_of(good)
    other["predicate"]["passedTests"] = ["A-1", "B-1"]
    lied = read(resigned(other))
    with pytest.raises(SignatureError, match="another from the assessment"):
        attestation.check_result(lied, RESULT, POLICY)


def resigned(table: dict[str, Any], kind: str = PREDICATE) -> bytes:
    """A statement with a signature that fits."""
    files = {one["name"]: one["digest"]["sha256"] for one in table["subject"]}
    return json.dumps(dsse.sign(statement.payload(files, kind, table["predicate"]), key())).encode()


def resource(table: dict[str, Any], role: str) -> dict[str, Any]:
    """The entry of this role."""
    found: list[dict[str, Any]] = table["predicate"]["configuration"]
    return next(one for one in found if one["annotations"]["role"] == role)


def result(table: dict[str, Any], word: str, **groups: list[str]) -> None:
    table["predicate"] |= {"result": word, **groups}


SIGNED: dict[str, Callable[[dict[str, Any]], object]] = {
    "PASSED with a failed row": lambda t: result(t, "PASSED", failedTests=["B-1"]),
    "PASSED with a waived row": lambda t: result(t, "PASSED", warnedTests=["B-1"]),
    "PASSED without a row": lambda t: result(t, "PASSED", passedTests=[]),
    "PASSED without lists": lambda t: t["predicate"].pop("passedTests"),
    "WARNED without a waived row": lambda t: result(t, "WARNED"),
    "WARNED with a failed row": lambda t: result(t, "WARNED", warnedTests=["B"], failedTests=["C"]),
    "another word": lambda t: result(t, "passed"),
    "rows as text": lambda t: result(t, "PASSED", passedTests="A-1"),  # type: ignore[arg-type]
    "no result": lambda t: t["predicate"].pop("result"),
    "no policy": lambda t: resource(t, "policy")["annotations"].update(role="other"),
    "two policies": lambda t: resource(t, "data")["annotations"].update(role="policy"),
    "no digest": lambda t: resource(t, "result").update(digest={"sha512": "0" * 128}),
    "short digest": lambda t: resource(t, "result").update(digest={"sha256": "0"}),
    "no annotations": lambda t: resource(t, "result").pop("annotations"),
}


@pytest.mark.parametrize("name", SIGNED)
def test_signed_results_of_another_form_are_refused(name: str, good: bytes) -> None:
    """A signature that fits is no excuse: the result has to follow from the rows, the roles be clear."""
    table = payload_of(good)
    read(resigned(table))
    SIGNED[name](table)
    with pytest.raises(SignatureError) as error:
        read(resigned(table))
    one_sentence(error.value)


def test_other_statements_are_refused(good: bytes) -> None:
    """A signature over files is no attestation, an attestation no signature; nor is another kind."""
    kind = "https://slsa.dev/verification_summary/v1"
    for content in (signature_of(FILES), resigned(payload_of(good), kind)):
        with pytest.raises(SignatureError) as error:
            read(content)
        one_sentence(error.value)


@pytest.mark.parametrize("name", ["..", "a/b", "/etc/passwd", "."])
def test_attested_names_stay_in_the_folder(name: str, weights: Path) -> None:
    """A signed name that leads out of the folder is refused before a file is opened."""
    with pytest.raises(SignatureError, match="names of files in one folder") as error:
        attested_files.check(weights, {**FILES, name: "0" * 64})
    one_sentence(error.value)


def test_a_file_under_another_name_is_refused(weights: Path) -> None:
    """The weight file that is passed has to be one of the attested files."""
    other = weights.rename(weights.with_name("other.safetensors"))
    with pytest.raises(SignatureError, match="a file of the assessed model") as error:
        attested_files.check(other, FILES)
    one_sentence(error.value)


@pytest.mark.parametrize("text", [b"", b"[]", b"{" * 2_000, b'{"payload": 1, "payload": 2}'])
def test_what_is_no_attestation_is_refused(text: bytes) -> None:
    """Other texts are refused in a sentence; so is an assessment that is no JSON."""
    with pytest.raises(SignatureError) as error:
        read(text)
    one_sentence(error.value)
    with pytest.raises(SecureMnistError):
        attestation.sign(text, POLICY, Path("x"), key(), failed=True, day=DAY)
