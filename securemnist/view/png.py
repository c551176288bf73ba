"""PNG files: thumbnails as data URIs, and sheets; equal pixels give equal bytes.

Written by hand (https://www.w3.org/TR/png-3/): a dozen lines against an image library, whose
output changes with its version.
"""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

from securemnist.results.evidence.images import Picture

_GREY, _RGB, _RGBA = 0, 2, 6
_COLOURS = 3
_LIGHTER, _DARKER = (217, 119, 6), (59, 108, 201)


def image(shown: Picture) -> str:
    """A picture: one channel as grey, three or four as red, green and blue, two as their mean."""
    values = _values(shown)
    if shown.channels >= _COLOURS:
        return _uri(values[..., :_COLOURS].tobytes(), shown.width, _RGB, 3)
    return _uri(values.mean(2).astype(np.uint8).tobytes(), shown.width, _GREY, 1)


def change(before: Picture, after: Picture) -> tuple[str, str, str]:
    """Three pictures: before, after, and the difference."""
    return image(before), image(after), difference(before, after)


def difference(before: Picture, after: Picture) -> str:
    """What changed, magnified to full strength: orange lighter, blue darker, nothing clear.

    Of several channels the sum of the changes.
    """
    changes = (_values(after).astype(np.int64) - _values(before)).sum(2)
    most = int(np.abs(changes).max()) or 1
    colour = np.where(changes[..., None] > 0, _LIGHTER, _DARKER)
    alpha = np.abs(changes)[..., None] * 255 // most
    pixels = np.concatenate([colour, alpha], 2).astype(np.uint8)
    return _uri(pixels.tobytes(), before.width, _RGBA, 4)


def _values(shown: Picture) -> np.ndarray:
    values = np.frombuffer(shown.pixels, np.uint8)
    return values.reshape(shown.height, shown.width, shown.channels)


def picture(pixels: bytes, *, width: int, colour: bool = False) -> bytes:
    """A PNG file of rows of `width` pixels: grey, one byte each, or red, green and blue."""
    return _file(pixels, width, _RGB, 3) if colour else _file(pixels, width, _GREY, 1)


def _uri(pixels: bytes, width: int, colour: int, depth: int) -> str:
    content = _file(pixels, width, colour, depth)
    return "data:image/png;base64," + base64.b64encode(content).decode()


def _file(pixels: bytes, width: int, colour: int, depth: int) -> bytes:
    stride = width * depth
    height = len(pixels) // stride
    lines = (pixels[i * stride : (i + 1) * stride] for i in range(height))
    raw = b"".join(b"\0" + row for row in lines)
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    parts = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(raw, 6)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
