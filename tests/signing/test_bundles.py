"""Bundles from outside: damaged or hostile."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from securemnist.errors import SignatureError, UsageError
from securemnist.signing import json_form, model_signature
from securemnist.signing.keys import fingerprint
from tests.error_form import one_sentence
from tests.signing.signed import (
    FILES,
    flips,
    key,
    opened,
    refused,
    signature_of,
    write_model,
)

ORDER_OF_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def test_each_flipped_byte_of_a_bundle_is_refused() -> None:
    """No byte of a bundle can be changed, in no bit of its own and in all bits, and none cut off."""
    good = signature_of({"net.json": FILES["net.json"]})
    opened(good)
    for wrong in flips(good):
        with pytest.raises(SignatureError):
            opened(wrong)
    for end in range(len(good) - 1):  # the last byte is a line break
        with pytest.raises(SignatureError):
            opened(good[:end])


def outer(change: Callable[[dict[str, Any]], object]) -> bytes:
    """A good bundle whose outer JSON is changed."""
    bundle = json.loads(signature_of(FILES))
    change(bundle)
    return json.dumps(bundle).encode()


def der(change: Callable[[bytes], bytes]) -> Callable[[dict[str, Any]], object]:
    """A change of the bytes of the signature."""

    def apply(bundle: dict[str, Any]) -> None:
        (one,) = bundle["dsseEnvelope"]["signatures"]
        one["sig"] = base64.b64encode(change(base64.b64decode(one["sig"]))).decode()

    return apply


def long_form(signature: bytes) -> bytes:
    """The same numbers with a length of two bytes (BER)."""
    return signature[:1] + b"\x81" + signature[1:]


OUTER: dict[str, Callable[[dict[str, Any]], object]] = {
    "media type": lambda b: b.update(mediaType="application/vnd.dev.sigstore.bundle.v0.2+json"),
    "no material": lambda b: b.pop("verificationMaterial"),
    "certificate": lambda b: b["verificationMaterial"].update(certificate={"rawBytes": "AA=="}),
    "log entry": lambda b: b["verificationMaterial"].update(tlogEntries=[{}]),
    "unknown key": lambda b: b.update(note="x"),
    "payload type": lambda b: b["dsseEnvelope"].update(payloadType="text/plain"),
    "two signatures": lambda b: b["dsseEnvelope"].update(
        signatures=b["dsseEnvelope"]["signatures"] * 2
    ),
    "no signature": lambda b: b["dsseEnvelope"].update(signatures=[]),
    "empty signature": der(lambda _: b""),
    "other key id": lambda b: b["dsseEnvelope"]["signatures"][0].update(keyid="0" * 64),
    "URL-safe base64": lambda b: b["dsseEnvelope"].update(
        payload=b["dsseEnvelope"]["payload"].rstrip("=") + "-_"
    ),
    "payload without padding": lambda b: b["dsseEnvelope"].update(
        payload=base64.b64encode(b"{}").decode().rstrip("=")
    ),
    "base64 with a line break": lambda b: b["dsseEnvelope"].update(
        payload=b["dsseEnvelope"]["payload"] + "\n"
    ),
    "trailing byte in DER": der(lambda raw: raw + b"\0"),
    "long form in DER": der(long_form),
    "numbers without DER": der(
        lambda raw: b"".join(n.to_bytes(32, "big") for n in decode_dss_signature(raw))
    ),
    "zeros": der(lambda _: encode_dss_signature(0, 0)),
    "negative": der(lambda _: b"\x30\x06\x02\x01\xff\x02\x01\xff"),
    "s above the order": der(
        lambda raw: encode_dss_signature(
            decode_dss_signature(raw)[0], decode_dss_signature(raw)[1] + ORDER_OF_P256
        )
    ),
}


@pytest.mark.parametrize("name", OUTER)
def test_changed_bundles_are_refused(name: str) -> None:
    """A bundle of another form, with more or fewer parts, or with a signature in another form."""
    refused(outer(OUTER[name]))


@pytest.mark.parametrize("kind", ["absent", "null", "empty", "fingerprint"])
def test_key_id_may_be_left_out(kind: str) -> None:
    """The id of the key may be absent, null, empty, or the fingerprint of the key."""
    ids = {"null": None, "empty": "", "fingerprint": fingerprint(key().public_key())}

    def change(content: dict[str, Any]) -> None:
        (signature,) = content["dsseEnvelope"]["signatures"]
        del signature["keyid"]
        if kind in ids:
            signature["keyid"] = ids[kind]

    assert opened(outer(change)).files == FILES


def test_the_other_s_is_a_signature_over_the_same_content() -> None:
    """ECDSA has two signatures (r, s) and (r, n - s); both cover these very files and no others."""

    def other(raw: bytes) -> bytes:
        r, s = decode_dss_signature(raw)
        return encode_dss_signature(r, ORDER_OF_P256 - s)

    assert opened(outer(der(other))).files == FILES


HUGE = "9" * 100_000
TEXTS = {
    "empty": b"",
    "list": b"[]",
    "null": b"null",
    "deep list": b"[" * 5_000 + b"]" * 5_000,
    "deep table": b'{"a":' * 500 + b"1" + b"}" * 500,
    "duplicate key": signature_of(FILES).replace(b'{\n "media', b'{"mediaType": 1,\n "media'),
    "number": f'{{"mediaType": {HUGE}}}'.encode(),
    "many values": b'{"a": [' + b"1," * 300_000 + b"1]}",
    "UTF-16": signature_of(FILES).decode().encode("utf-16"),
    "NaN": b'{"mediaType": NaN}',
    "pickle": b"\x80\x04K\x01.",
    "second bundle": signature_of(FILES) * 2,
}


@pytest.mark.flaky(reruns=2)  # a busy machine can exceed the limit
@pytest.mark.parametrize("name", TEXTS)
def test_texts_that_are_no_bundle_are_refused(name: str) -> None:
    """Deep, huge, repeated and other texts are refused in a sentence, and within a second."""
    began = time.perf_counter()
    refused(TEXTS[name])
    assert time.perf_counter() - began < 1


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    """A bundle above the limit of bytes is refused before it is read."""
    model = write_model(tmp_path / "net")
    with (tmp_path / "net.sig").open("wb") as file:
        file.truncate(json_form.MAX_BYTES + 1)
    with pytest.raises(UsageError, match="more than") as error:
        model_signature.verify(model, tmp_path / "net.sig", key().public_key())
    one_sentence(error.value)
