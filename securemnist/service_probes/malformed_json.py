"""Malformed JSON: refused without a guess, and without harm to the service."""

from __future__ import annotations

import json

from securemnist.results.evidence.service import ServiceCheck
from securemnist.service_probes.answers import answered
from securemnist.service_probes.reply import check, refused
from securemnist.service_probes.target import Target

_SECONDS = 2.0


def malformed_json(target: Target) -> list[ServiceCheck]:
    """Bodies that are no JSON, or JSON that parsers read differently."""
    whole = target.body(target.images[:1])
    found = []
    for name, body in _bodies(target, whole).items():
        reply = target.post(body)
        found.append(refused(f"a body of {name}", reply))
        if reply.seconds > _SECONDS:
            found.append(
                check(f"the time of {name}", False, f"{_SECONDS:g} s", f"{reply.seconds:.1f} s")
            )
    # A key that the protocol does not name may be left out of account; it has to break nothing.
    reply = target.post(json.dumps({**json.loads(whole), "__proto__": {"a": 1}}).encode())
    found.append(
        check("a prototype key", reply.accepted or reply.refused, "no status above 499", reply)
    )
    found.append(answered("a well-formed body afterwards", target.post(whole)))
    return found


def _bodies(target: Target, whole: bytes) -> dict[str, bytes]:
    """Malformed bodies by name, most of them changes of a `whole` one."""
    tensor = json.loads(whole)["inputs"][0]
    return {
        "nothing": b"",
        "half of a body": whole[: len(whole) // 2],
        "two bodies": whole * 2,
        "text": b"images",
        "a list": b"[]",
        "null": b"null",
        "bytes that are not UTF-8": b"\xff\xfe" + whole,
        "UTF-16": whole.decode().encode("utf-16"),
        "100,000 brackets": b"[" * 100_000,
        "10,000 nested objects": b'{"a":' * 10_000,
        "a duplicate key": whole[:-1] + b"," + whole[1:],
        "a duplicate shape": whole.replace(b'"shape":', b'"shape": [9], "shape":', 1),
        "NaN": _with_first(tensor, "NaN"),
        "Infinity": _with_first(tensor, "Infinity"),
        "1e999": _with_first(tensor, "1e999"),
        "a number of 5,000 digits": _with_first(tensor, "9" * 5000),
        "a number in hexadecimal": _with_first(tensor, "0x1"),
        "single quotes": whole.replace(b'"', b"'"),
        "a comma at the end": whole[:-1] + b",}",
        "a comment": b"/* */" + whole,
        "an object for the inputs": json.dumps({"inputs": {}}).encode(),
        "a name of 100,000 letters": target.body(target.images[:1], name="a" * 100_000),
    }


def _with_first(tensor: dict[str, object], text: str) -> bytes:
    data = list(tensor["data"]) if isinstance(tensor["data"], list) else []
    data[0] = "FIRST"
    body = json.dumps({"inputs": [{**tensor, "data": data}]})
    return body.replace('"FIRST"', text, 1).encode()
