"""Pickles inside the texts and bytes of a pickle: plain, as base64 or as hexadecimal digits.

They run only where something unpickles them. No state dict has them, so that they are found and judged.
"""

from __future__ import annotations

import base64
import binascii
import re

_PROTOCOL = re.compile(rb"\x80[\x00-\x05]")
# Protocols 0 and 1 have no mark of their own: an import as the first instruction.
_OLD = re.compile(rb"[(\]})]{0,4}[ci][A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n")
_HEX = re.compile(r"80(?:0[0-5])(?:[0-9a-fA-F]{2})+")
_LEAST, _MOST = 4, 1 << 24


def pickle_in(value: object) -> bytes | None:
    """The pickle that a text or bytes holds, or None."""
    if isinstance(value, bytes | bytearray):
        return _pickle(bytes(value)) or _encoded(bytes(value).decode("latin-1"))
    if isinstance(value, str):
        return _pickle(value.encode("latin-1", "replace")) or _encoded(value)
    return None


def _pickle(content: bytes) -> bytes | None:
    if not _LEAST <= len(content) <= _MOST:
        return None
    marked = _PROTOCOL.match(content) and content.rstrip().endswith(b".")
    return content if marked or _OLD.match(content) else None


def _encoded(text: str) -> bytes | None:
    if not _LEAST <= len(text) <= _MOST:
        return None
    try:
        if text.startswith("gA"):  # 0x80, and a protocol below 16
            return _pickle(base64.b64decode(text.strip(), validate=True))
        if text.startswith("80") and _HEX.fullmatch(text.strip()):
            return _pickle(bytes.fromhex(text))
        if text.startswith(("Y", "K", "X", "f")):  # c, (, ] and } of the older protocols
            content = base64.b64decode(text.strip(), validate=True)
            return content if _OLD.match(content) else None
    except (binascii.Error, ValueError):
        return None
    return None
