"""Checkpoint: a line whose signature covers its place in the chain, and so every line before it.

The signature is Ed25519 (RFC 8032) over five lines, each with a line break: `securemnist audit
checkpoint 1`, the log's id, the number of the line, the digest of the line before, and the time.
"""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from securemnist.audit.keys import fits
from securemnist.audit.line import Line
from securemnist.audit.settings import FORMAT


def sign(key: Ed25519PrivateKey, log: str, number: int, previous: str, time: str) -> dict[str, Any]:
    """The content of the checkpoint with this number, behind the line with digest `previous`."""
    signature = key.sign(_message(log, number, previous, time)).hex()
    return {"time": time, "signature": signature}


def signed(line: Line, log: str, key: str) -> bool:
    """Whether a line is a checkpoint of this log, signed by the owner of the public key."""
    signature, time = line.content.get("signature"), line.content.get("time")
    if line.kind != "checkpoint" or not isinstance(signature, str) or not isinstance(time, str):
        return False
    return fits(signature, _message(log, line.number, line.previous, time), key)


def _message(log: str, number: int, previous: str, time: str) -> bytes:
    head = f"securemnist audit checkpoint {FORMAT}"
    return "".join(f"{part}\n" for part in (head, log, number, previous, time)).encode()
