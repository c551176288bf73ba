"""Line: canonical JSON with its number, the digest of the line before, and at its end its own digest.

`{"kind":...,"number":7,"previous":"<hex>",...,"digest":"<hex>"}`. The digest is the SHA-256 of the
line without `,"digest":"<hex>"`. A line has one form only: sorted keys, no spaces, ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from securemnist._util.hashing import canonical_json, sha256
from securemnist._util.parsing import json_object
from securemnist.audit.settings import LONGEST_LINE
from securemnist.errors import ParseError

BEGINNING = "0" * 64  # what the first line has as the digest of the line before
# The writer began, began a file, an answer, counted requests, a line that was not completed, a signature,
# the writer ended.
KINDS = ("start", "segment", "answer", "counts", "torn", "checkpoint", "stop")
_END = re.compile(rb',"digest":"([0-9a-f]{64})"\}')
_END_LENGTH = 77
_HEX = re.compile(r"[0-9a-f]{64}")
_MOST_VALUES, _DEEPEST = 50_000, 4


@dataclass(frozen=True)
class Line:
    """One line of the log. `content`: its other keys. `text`: its bytes without the line break."""

    kind: str
    number: int
    previous: str
    digest: str
    content: Mapping[str, Any]
    text: bytes


def build(kind: str, number: int, previous: str, content: Mapping[str, Any]) -> Line:
    """The line with this content; ValueError where it would be longer than a line may be."""
    body = canonical_json({**content, "kind": kind, "number": number, "previous": previous})
    digest = sha256(body.encode())
    text = f'{body[:-1]},"digest":"{digest}"}}'.encode()
    if len(text) >= LONGEST_LINE:
        raise ValueError(f"expected a line below {LONGEST_LINE} bytes, got {len(text)}")
    return Line(kind, number, previous, digest, content, text)


def parse(text: bytes) -> Line:
    """The line in `text`, without its line break; ParseError where any byte is not as written."""
    end = _END.fullmatch(text, max(0, len(text) - _END_LENGTH))
    if end is None or len(text) >= LONGEST_LINE:
        raise ParseError("no line of an audit log")
    body, digest = text[:-_END_LENGTH] + b"}", end[1].decode()
    if sha256(body) != digest:
        raise ParseError("a line that does not fit its own digest")
    content = json_object(body, values=_MOST_VALUES, depth=_DEEPEST)
    if canonical_json(content).encode() != body:
        raise ParseError("JSON in another form than the log's")
    kind, number, previous = (content.pop(key, None) for key in ("kind", "number", "previous"))
    numbered = kind in KINDS and type(number) is int and number > 0
    valid = numbered and isinstance(previous, str) and _HEX.fullmatch(previous)
    if not valid or "digest" in content:
        raise ParseError("a line without a known kind, number and digest of the line before")
    return Line(kind, number, previous, digest, content, text)
