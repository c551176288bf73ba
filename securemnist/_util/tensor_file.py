"""safetensors bytes from outside, checked before a tensor is built.

The header has to match the expected names, dtypes and shapes, with contiguous offsets up to the end
of the file. Every tensor has to be finite.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

import safetensors.torch
import torch

from securemnist._util.parsing import json_object
from securemnist.errors import ParseError

MAX_HEADER = 1 << 20
_DATA_PARALLEL = "module."
_DTYPES = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64", torch.uint8: "U8"}


class Expected(NamedTuple):
    """Dtype (in safetensors' notation) and shape of a tensor."""

    dtype: str | None
    shape: list[int]

    @classmethod
    def like(cls, tensor: torch.Tensor) -> Expected:
        return cls(_DTYPES.get(tensor.dtype), list(tensor.shape))

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}"


class Header(NamedTuple):
    """The header as JSON, and the number of bytes before the tensors."""

    entries: dict[str, Any]
    length: int


def read_header(content: bytes) -> Header:
    """The header; ParseError, with the expected and the found value, where it is malformed."""
    if len(content) < 8:
        raise ParseError(f"expected a safetensors header, got {len(content)} bytes")
    (length,) = struct.unpack("<Q", content[:8])
    if length > MAX_HEADER or 8 + length > len(content):
        raise ParseError(
            f"expected a header inside the file, got a length of {length} bytes (is this a pickle, or "
            "truncated?)"
        )
    try:
        return Header(json_object(content[8 : 8 + length]), 8 + length)
    except ParseError as error:
        raise ParseError(f"expected JSON, got {error}") from error


def metadata(header: Header) -> Mapping[str, Any]:
    """The free texts of the file; empty where it has none."""
    found = header.entries.get("__metadata__", {})
    return found if isinstance(found, dict) else {}


def read_tensors(
    content: bytes, header: Header, expected: Mapping[str, Expected], owner: str
) -> dict[str, torch.Tensor]:
    """The tensors of a file that holds exactly the `expected` ones; ParseError otherwise.

    Names may all have the prefix of torch's DataParallel, which is removed.

    `owner` names what they belong to in the message: "the architecture".
    """
    entries = {key: value for key, value in header.entries.items() if key != "__metadata__"}
    prefix = _prefix(entries, expected)
    expected = {f"{prefix}{name}": entry for name, entry in expected.items()}
    if set(entries) != set(expected):
        differing = ", ".join(sorted(set(entries) ^ set(expected))[:4])
        raise ParseError(f"expected the tensors of {owner}, differs in {differing:.80}")
    spans = [_span(name, entries[name], entry) for name, entry in expected.items()]
    end = 0
    for start, stop in sorted(spans):
        if start != end or stop < start:
            raise ParseError(
                f"expected contiguous tensors, got a gap or an overlap at byte {start}"
            )
        end = stop
    if header.length + end != len(content):
        raise ParseError(
            f"expected {header.length + end} bytes, got {len(content)} (truncated, or bytes added)"
        )
    try:
        tensors = safetensors.torch.load(content)
    except Exception as error:  # any error of the parser means that the file is malformed
        raise ParseError(f"expected safetensors, got {error!s:.200}") from error
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise ParseError(f"expected finite weights, got NaN or inf in {name!r:.80}")
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}


def _prefix(entries: Mapping[str, Any], expected: Mapping[str, Expected]) -> str:
    """The prefix that torch's DataParallel has put before every name, or nothing."""
    added = {f"{_DATA_PARALLEL}{name}" for name in expected}
    return _DATA_PARALLEL if added == set(entries) else ""


def _span(name: str, entry: Any, expected: Expected) -> tuple[int, int]:
    """First and last offset of a tensor; ParseError for another dtype or shape."""
    found = (entry.get("dtype"), entry.get("shape")) if isinstance(entry, dict) else entry
    if found != tuple(expected):
        raise ParseError(f"expected {name!r} as {expected}, got {found!s:.80}")
    span = entry.get("data_offsets")
    if not (isinstance(span, list) and len(span) == 2 and all(type(v) is int for v in span)):
        raise ParseError(f"expected two offsets, got {span!r:.40}")
    return span[0], span[1]
