"""Pickles put together instruction by instruction, so that hostile ones need no hostile object."""

from __future__ import annotations

import struct
from collections.abc import Sequence

STOP, MARK, REDUCE, BUILD, POP = b".", b"(", b"R", b"b", b"0"
EMPTY_DICT, EMPTY_LIST, EMPTY_TUPLE, TUPLE, TUPLE1, NONE = b"}", b"]", b")", b"t", b"\x85", b"N"
NEWOBJ, NEWOBJ_EX, OBJ, STACK_GLOBAL, MEMOIZE = b"\x81", b"\x92", b"o", b"\x93", b"\x94"


def proto(version: int) -> bytes:
    """The first instruction of a pickle of this protocol."""
    return bytes([0x80, version])


def name(module: str, attribute: str) -> bytes:
    """GLOBAL: import a name."""
    return f"c{module}\n{attribute}\n".encode()


def text(value: str) -> bytes:
    """BINUNICODE: a text."""
    content = value.encode()
    return b"X" + struct.pack("<I", len(content)) + content


def short(value: str) -> bytes:
    """SHORT_BINUNICODE: a text of protocol 4."""
    content = value.encode()
    return b"\x8c" + bytes([len(content)]) + content


def data(content: bytes) -> bytes:
    """BINBYTES: bytes."""
    return b"B" + struct.pack("<I", len(content)) + content


def call(module: str, attribute: str, *arguments: bytes) -> bytes:
    """Import a name and call it with arguments that are on the stack by then."""
    return name(module, attribute) + MARK + b"".join(arguments) + TUPLE + REDUCE


def pickled(*parts: bytes, version: int = 2) -> bytes:
    """A whole pickle."""
    return proto(version) + b"".join(parts) + STOP


def state_dict(tensors: dict[str, bytes]) -> bytes:
    """The pickle of an OrderedDict of these values."""
    items = b"".join(text(key) + value for key, value in tensors.items())
    return pickled(name("collections", "OrderedDict"), EMPTY_TUPLE, REDUCE, MARK, items, b"u")


def number(value: int) -> bytes:
    """BININT, or LONG1 for a number of more than 31 bits."""
    if -(1 << 31) <= value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    content = value.to_bytes(9, "little", signed=True)
    return b"\x8a" + bytes([len(content)]) + content


def numbers(values: Sequence[int]) -> bytes:
    """A tuple of numbers."""
    return MARK + b"".join(map(number, values)) + TUPLE


def storage(key: str = "0", count: int = 4, kind: str = "FloatStorage") -> bytes:
    """A storage by its persistent identifier."""
    parts = text("storage") + name("torch", kind) + text(key) + text("cpu") + number(count)
    return MARK + parts + TUPLE + b"Q"


def tensor(
    stored: bytes | None = None,
    *,
    offset: int = 0,
    sizes: Sequence[int] = (4,),
    strides: Sequence[int] = (1,),
    attributes: bytes = b"",
) -> bytes:
    """A call that builds a tensor."""
    hooks = name("collections", "OrderedDict") + EMPTY_TUPLE + REDUCE
    kept = storage() if stored is None else stored
    parts = (kept, number(offset), numbers(sizes), numbers(strides), b"\x89", hooks, attributes)
    return call("torch._utils", "_rebuild_tensor_v2", *parts)
