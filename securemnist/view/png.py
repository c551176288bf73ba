"""PNG files: thumbnails as data URIs, and sheets; equal pixels give equal bytes.

Written by hand (https://www.w3.org/TR/png-3/): a dozen lines against an image library, whose
output changes with its version.
"""

from __future__ import annotations

import base64
import struct
import zlib

_GREY, _RGBA = 0, 6
_LIGHTER, _DARKER = (217, 119, 6), (59, 108, 201)


def grey(pixels: bytes, side: int = 28) -> str:
    """A square grey picture."""
    return _uri(pixels, side, _GREY, 1)


def change(before: bytes, after: bytes) -> tuple[str, str, str]:
    """Three pictures: before, after, and the difference."""
    return grey(before), grey(after), difference(before, after)


def difference(before: bytes, after: bytes, side: int = 28) -> str:
    """What changed, magnified to full strength: orange lighter, blue darker, nothing clear."""
    changes = [b - a for a, b in zip(before, after, strict=True)]
    most = max(map(abs, changes)) or 1
    pixels = bytearray()
    for change in changes:
        pixels += bytes(_LIGHTER if change > 0 else _DARKER)
        pixels.append(abs(change) * 255 // most)
    return _uri(bytes(pixels), side, _RGBA, 4)


def picture(pixels: bytes, *, width: int) -> bytes:
    """A grey PNG file of rows of `width` pixels, one byte each."""
    return _file(pixels, width, _GREY, 1)


def _uri(pixels: bytes, side: int, colour: int, depth: int) -> str:
    content = _file(pixels, side, colour, depth)
    return "data:image/png;base64," + base64.b64encode(content).decode()


def _file(pixels: bytes, width: int, colour: int, depth: int) -> bytes:
    stride = width * depth
    height = len(pixels) // stride
    lines = (pixels[i * stride : (i + 1) * stride] for i in range(height))
    raw = b"".join(b"\0" + row for row in lines)
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    parts = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(raw, 9)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
