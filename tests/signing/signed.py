"""Keys, models and assessments for the tests of signatures."""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from securemnist.errors import SignatureError
from securemnist.results import policy
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Measurement
from securemnist.results.policy import Policy
from securemnist.signing import attestation, bundle, keys, model_signature, statement
from securemnist.signing.keys import PrivateKey
from securemnist.signing.model_signature import PREDICATE, SignedFiles
from tests.error_form import one_sentence

WEIGHTS = {"net.safetensors": b"weights\n", "net.json": b"{}\n"}
DATA = "d" * 64
DAY = "2026-11-21"
ROW = """[[requirement]]
id = "{id}"
measure = "clean_accuracy"
at_least = 0.9
because = "of it"
"""
WAIVER = 'waiver = { reason = "known", expires = 2026-11-30 }\n'


@functools.cache
def key() -> PrivateKey:
    """One key for all tests of a process."""
    return ec.generate_private_key(ec.SECP256R1())


def write_key(path: Path, private: PrivateKey | None = None) -> Path:
    """The private key as a file of mode 0600, beside its public key."""
    private = private or key()
    path.touch(0o600)
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    keys.public_path(path).write_bytes(keys.pem(private.public_key()))
    return path


def opened(content: bytes) -> SignedFiles:
    """A bundle, opened by the key of the tests."""
    return model_signature.read(content, key().public_key())


def refused(content: bytes) -> str:
    """The sentence by which a bundle is refused."""
    with pytest.raises(SignatureError) as error:
        opened(content)
    assert error.value.exit_code == 1
    return one_sentence(error.value)


def write_model(folder: Path) -> Path:
    """A folder with the files of a small model."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in WEIGHTS.items():
        (folder / name).write_bytes(content)
    return folder


def digest(content: bytes) -> str:
    """SHA-256, by the standard library."""
    return hashlib.sha256(content).hexdigest()


FILES = {name: digest(content) for name, content in WEIGHTS.items()}


def predicate(files: Mapping[str, str], **changes: Any) -> dict[str, Any]:
    """The list of files as OpenSSF Model Signing writes it; changes are of `serialization`."""
    how = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, **changes}
    resources = [{"name": n, "algorithm": "sha256", "digest": d} for n, d in files.items()]
    return {"serialization": how, "resources": resources}


def root(files: Mapping[str, str]) -> str:
    """The digest of the list of digests."""
    return digest(b"".join(map(bytes.fromhex, files.values())))


def signed_list(
    table: Mapping[str, Any], subject: Mapping[str, str], kind: str = PREDICATE
) -> bytes:
    """A bundle over any statement, whose signature fits."""
    return bundle.sign(statement.payload(subject, kind, table), key())


def signature_of(files: Mapping[str, str], **changes: Any) -> bytes:
    """A bundle over a list of files, whose signature fits."""
    return signed_list(predicate(files, **changes), {"net": root(files)})


def payload_of(content: bytes) -> Any:
    """The signed statement in a bundle or an envelope."""
    outer = json.loads(content)
    return json.loads(base64.b64decode(outer.get("dsseEnvelope", outer)["payload"]))


def flips(content: bytes) -> Iterator[bytes]:
    """The content with one byte changed: each byte by one of its bits, and by all of them."""
    for place, byte in enumerate(content):
        for bits in (1 << place % 8, 0xFF):
            yield content[:place] + bytes([byte ^ bits]) + content[place + 1 :]


def measured(value: float = 0.95, **changes: Any) -> Measurement:
    """A measurement of a complete set."""
    fields: dict[str, Any] = {"low": value - 0.02, "high": value + 0.02, "n": 100, "complete": True}
    return Measurement(value=value, seconds=1.0, seed=0, **{**fields, **changes})


def rows(*ids: str, waived: str = "") -> Policy:
    """A policy of these rows, of which one may be waived."""
    text = "".join(ROW.format(id=row) + (WAIVER if row == waived else "") for row in ids)
    return policy.parse(text, "thresholds.toml")


def assessment(by: Policy, **changes: Any) -> Assessment:
    """An assessment of the small model in which every row passed."""
    passed = tuple(row.judge(measured(), family="clean") for row in by.requirements)
    fields: dict[str, Any] = {
        "subject": {
            "name": "net",
            "digest": "0" * 64,
            "files": FILES,
            "data": {"name": "MNIST", "sha256": DATA, "digests": {"images": "e" * 64}},
        },
        "scope": {"tier": "standard", "markers": "", "keywords": "", "paths": []},
        "environment": {"python": "3.11"},
        "policy": by.to_json(),
        "findings": passed,
        "day": DAY,
    }
    return Assessment(**{**fields, **changes})


def with_finding(whole: Assessment, row: str, **changes: Any) -> Assessment:
    """The assessment with another finding of this row."""
    found = [
        dataclasses.replace(one, **changes) if one.requirement.id == row else one
        for one in whole.findings
    ]
    return dataclasses.replace(whole, findings=tuple(found))


TWO_ROWS = rows("A-1", "A-2")


def broken(row: str = "A-2", **changes: object) -> Callable[[Assessment], Assessment]:
    """A change of the finding of one row."""
    return lambda whole: with_finding(whole, row, **changes)


def failing(whole: Assessment) -> Assessment:
    """The assessment with a FAIL of its second row."""
    found = whole.findings[1].requirement.judge(measured(0.5), family="clean")
    return dataclasses.replace(whole, findings=(whole.findings[0], found))


def attest(
    whole: Assessment | bytes,
    weights: Path,
    by: Policy = TWO_ROWS,
    *,
    failed: bool = False,
    day: str = DAY,
) -> bytes:
    """The attestation of an assessment by a policy."""
    content = whole if isinstance(whole, bytes) else whole.dumps()
    return attestation.sign(content, by, weights, key(), failed=failed, day=day)[0]
