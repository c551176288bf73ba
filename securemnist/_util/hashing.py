"""JSON texts and SHA-256 digests; stable between processes, machines and versions."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, without spaces and NaN; equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def sha256(content: bytes) -> str:
    """Hexadecimal SHA-256 of `content`."""
    return hashlib.sha256(content).hexdigest()


def sha256_of_file(descriptor: int) -> str:
    """Hexadecimal SHA-256 of an open file, read in parts."""
    with open(descriptor, "rb", closefd=False) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def shortened(digest: str) -> str:
    """The first 16 digits, as tables show a digest; comparisons use all of them."""
    return digest if len(digest) <= 16 else f"{digest[:16]}..."


def sha256_of_value(value: Any) -> str:
    """SHA-256 of the canonical JSON of a value."""
    return sha256(canonical_json(value).encode())


def seed_from(*parts: Any) -> int:
    """A 63-bit seed that depends on every part, so that no two rows share random numbers."""
    return int(sha256_of_value(list(parts))[:16], 16) >> 1


def json_file(value: Any, *, sort_keys: bool = False, ensure_ascii: bool = True) -> bytes:
    """The content of a file that people read, too: indented; ValueError for NaN and infinities."""
    text = json.dumps(
        value, indent=1, sort_keys=sort_keys, ensure_ascii=ensure_ascii, allow_nan=False
    )
    return f"{text}\n".encode()
