"""in-toto statements: what is said (a predicate) about which files (the subject).

Format: https://github.com/in-toto/attestation, version 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from securemnist.errors import SignatureError
from securemnist.results import value_types
from securemnist.signing.json_form import ADVICE, Open, parsed

TYPE = "https://in-toto.io/Statement/v1"
Name = Annotated[str, Field(min_length=1, max_length=4_096)]


class Digest(Open):
    """The digest of a file; other algorithms beside SHA-256 are ignored."""

    sha256: value_types.Digest


class _Descriptor(Open):
    name: Name
    digest: Digest
    annotations: dict[str, Any] = Field(default_factory=dict)


class _Statement(Open):
    type: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: Annotated[list[_Descriptor], Field(min_length=1)]
    predicate_type: str = Field(alias="predicateType")
    predicate: dict[str, Any]


def descriptor(name: str, sha256: str, **annotations: str) -> dict[str, Any]:
    """The entry of a file or another resource in a statement."""
    notes = {"annotations": annotations} if annotations else {}
    return {"name": name, "digest": {"sha256": sha256}, **notes}


def payload(subject: Mapping[str, str], kind: str, predicate: Mapping[str, Any]) -> bytes:
    """The statement about the files of `subject` (SHA-256 by name), as bytes to sign."""
    statement = {
        "_type": TYPE,
        "subject": [descriptor(name, digest) for name, digest in subject.items()],
        "predicateType": kind,
        "predicate": predicate,
    }
    return json.dumps(statement, indent=1).encode()


def read(content: bytes, kind: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Subject (SHA-256 by name) and predicate of a signed payload; SignatureError for another kind."""
    statement = parsed(content, _Statement, "the signed statement")
    if statement.predicate_type != kind:
        raise SignatureError(
            f"expected a statement of the kind {kind}, got {statement.predicate_type!r:.100}; pass the "
            "file that belongs to this option"
        )
    names = [one.name for one in statement.subject]
    if len(set(names)) != len(names):
        raise SignatureError(
            f"expected each file once in the signed statement, got one twice; {ADVICE}"
        )
    return {one.name: one.digest.sha256 for one in statement.subject}, statement.predicate
