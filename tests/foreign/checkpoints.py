"""Checkpoints as torch writes them, and ZIP archives whose bytes are changed."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import torch

from tests.foreign import opcodes as op

WEIGHTS = struct.pack("<4f", 1, 2, 3, 4)
STATE = op.state_dict({"w": op.tensor()})


def saved(value: Any, *, zipped: bool = True, protocol: int = 2) -> bytes:
    """What `torch.save` writes."""
    packed = io.BytesIO()
    torch.save(value, packed, _use_new_zipfile_serialization=zipped, pickle_protocol=protocol)
    return packed.getvalue()


def archive(members: Mapping[str, bytes], *, compressed: bool = False) -> bytes:
    """A ZIP archive of these members."""
    packed = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(packed, "w", method) as file:
        for name, content in members.items():
            file.writestr(zipfile.ZipInfo(name), content, method)
    return packed.getvalue()


def checkpoint(
    state: bytes = STATE, *, weights: bytes = WEIGHTS, compressed: bool = False, **more: bytes
) -> bytes:
    """A checkpoint of one storage; `more` members by name, with `__` for a dot and `_S_` for a slash."""
    others = {name.replace("__", ".").replace("_S_", "/"): each for name, each in more.items()}
    members = {"data.pkl": state, "byteorder": b"little", "data/0": weights, "version": b"3\n"}
    return archive(
        {f"archive/{name}": each for name, each in (members | others).items()},
        compressed=compressed,
    )


def local(content: bytes, name: str) -> int:
    """The byte where the header of a member begins."""
    return content.index(name.encode()) - 30


def directory(content: bytes, name: str) -> int:
    """The byte where the entry of a member in the directory begins."""
    return content.rindex(name.encode()) - 46


def patched(content: bytes, place: int, new: bytes) -> bytes:
    """The bytes with others at a place."""
    return content[:place] + new + content[place + len(new) :]


def change(place: Callable[[bytes, str], int], offset: int, new: bytes) -> Callable[[bytes], bytes]:
    """A change of a field of the header or the entry of `data.pkl`."""
    return lambda content: patched(content, place(content, "archive/data.pkl") + offset, new)
