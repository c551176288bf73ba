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

# Colour types, and how many bytes a pixel of each has.
_GREY, _RGB, _RGBA = 0, 2, 6
_BYTES = {_GREY: 1, _RGB: 3, _RGBA: 4}
_LIGHTER, _DARKER = (217, 119, 6), (59, 108, 201)


def image(shown: Picture) -> str:
    """A picture: one channel as grey, three or four as red, green and blue, two as their mean."""
    values = _values(shown)
    if shown.channels >= _BYTES[_RGB]:
        return _uri(values[..., : _BYTES[_RGB]], _RGB)
    return _uri(values.mean(2).astype(np.uint8), _GREY)


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
    return _uri(np.concatenate([colour, alpha], 2).astype(np.uint8), _RGBA)


def _values(shown: Picture) -> np.ndarray:
    values = np.frombuffer(shown.pixels, np.uint8)
    return values.reshape(shown.height, shown.width, shown.channels)


def picture(pixels: bytes, *, width: int, colour: bool = False) -> bytes:
    """A PNG file of rows of `width` pixels: grey, one byte each, or red, green and blue."""
    return _file(pixels, width, _RGB if colour else _GREY)


def _uri(pixels: np.ndarray, colour: int) -> str:
    """The URI of uint8 (height, width), or (height, width, bytes of a pixel)."""
    content = _file(pixels.tobytes(), pixels.shape[1], colour)
    return "data:image/png;base64," + base64.b64encode(content).decode()


def _file(pixels: bytes, width: int, colour: int) -> bytes:
    stride = width * _BYTES[colour]
    height = len(pixels) // stride
    raw = b"".join(b"\0" + pixels[i * stride : (i + 1) * stride] for i in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    parts = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(raw, 6)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
