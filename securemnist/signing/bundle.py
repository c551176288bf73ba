"""Sigstore bundles: the file format of OpenSSF Model Signing, signed by a key.

Format: https://docs.sigstore.dev/about/bundle/, version 0.3. Nothing of a transparency log is read.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from securemnist._util.hashing import json_file
from securemnist.errors import SignatureError
from securemnist.signing import dsse
from securemnist.signing.json_form import Closed, parsed
from securemnist.signing.keys import PrivateKey, PublicKey, fingerprint

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_NAME = "the signature"


class _PublicKey(Closed):
    hint: str


class _Material(Closed):
    public_key: _PublicKey = Field(alias="publicKey")
    entries: Annotated[list[object], Field(max_length=0)] = Field(
        default_factory=list, alias="tlogEntries"
    )


class Bundle(Closed):
    """The file: one envelope, and the name of the key."""

    media_type: Literal["application/vnd.dev.sigstore.bundle.v0.3+json"] = Field(alias="mediaType")
    material: _Material = Field(alias="verificationMaterial")
    envelope: dsse.Envelope = Field(alias="dsseEnvelope")


def sign(payload: bytes, key: PrivateKey) -> bytes:
    """The bundle of a payload, as the text of its file."""
    bundle = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {
            "publicKey": {"hint": fingerprint(key.public_key())},
            "tlogEntries": [],
        },
        "dsseEnvelope": dsse.sign(payload, key),
    }
    return json_file(bundle)


def opened(content: bytes, key: PublicKey) -> bytes:
    """The payload of a bundle that the owner of `key` signed; SignatureError otherwise."""
    bundle = parsed(content, Bundle, _NAME)
    if bundle.material.public_key.hint != fingerprint(key):
        raise SignatureError(
            f"{_NAME}: expected one by the public key that was given, got one that names another key; "
            "check which key the signer has published"
        )
    return dsse.opened(bundle.envelope, key)
