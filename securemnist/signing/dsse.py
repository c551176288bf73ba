"""DSSE: an envelope that holds a payload and a signature over its type and its bytes.

Format: https://github.com/secure-systems-lab/dsse, version 1.0. The signature is ECDSA with SHA-256.
"""

from __future__ import annotations

from typing import Annotated, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from pydantic import Field

from securemnist.errors import SignatureError
from securemnist.signing.json_form import ADVICE, Closed, decoded, encoded
from securemnist.signing.keys import PrivateKey, PublicKey, fingerprint

PAYLOAD_TYPE: Literal["application/vnd.in-toto+json"] = "application/vnd.in-toto+json"
_ALGORITHM = ec.ECDSA(SHA256())


class Signature(Closed):
    """One signature. `keyid` names the key and proves nothing."""

    sig: str
    keyid: str | None = None


class Envelope(Closed):
    """A payload in base64 with exactly one signature."""

    payload: str
    payload_type: Literal["application/vnd.in-toto+json"] = Field(alias="payloadType")
    signatures: Annotated[list[Signature], Field(min_length=1, max_length=1)]


def encoding(payload: bytes) -> bytes:
    """What is signed of a payload: lengths, type and bytes (PAE in the text of DSSE)."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def sign(payload: bytes, key: PrivateKey, *, keyid: str = "") -> dict[str, object]:
    """The envelope of a payload, as JSON."""
    signature = encoded(key.sign(encoding(payload), _ALGORITHM))
    return {
        "payload": encoded(payload),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"sig": signature, "keyid": keyid}],
    }


def opened(envelope: Envelope, key: PublicKey) -> bytes:
    """The payload of an envelope that the owner of `key` signed; SignatureError otherwise.

    A signature has one form: DER without anything that could be left out or added.
    """
    (signature,) = envelope.signatures
    if signature.keyid not in (None, "", fingerprint(key)):
        raise SignatureError(
            "expected a signature by the public key that was given, got one that names another key; "
            "check which key the signer has published"
        )
    payload = decoded(envelope.payload, "a payload")
    try:
        raw = decoded(signature.sig, "a signature")
        if encode_dss_signature(*decode_dss_signature(raw)) != raw:
            raise ValueError("not DER")
        key.verify(raw, encoding(payload), _ALGORITHM)
    except (InvalidSignature, ValueError) as error:
        raise SignatureError(
            "expected a signature by the public key that was given, got another signature or another "
            f"content; {ADVICE}"
        ) from error
    return payload
