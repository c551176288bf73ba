"""Thumbnails: small PNG files that hold what went into them."""

from __future__ import annotations

import struct
import zlib
from base64 import b64decode

from securemnist.view import png


def test_a_thumbnail_is_a_png_of_its_pixels() -> None:
    """The bytes that go into a thumbnail come out of it."""
    pixels = bytes(range(256)) * 3 + bytes(16)
    content = b64decode(png.grey(pixels).removeprefix("data:image/png;base64,"))
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", content[16:24]) == (28, 28)
    length = struct.unpack(">I", content[33:37])[0]
    raw = zlib.decompress(content[41 : 41 + length])
    assert b"".join(raw[i * 29 + 1 : (i + 1) * 29] for i in range(28)) == pixels


def test_equal_pictures_have_an_empty_difference() -> None:
    """Where nothing changed, the difference is clear."""
    content = b64decode(png.difference(bytes(784), bytes(784)).partition(",")[2])
    length = struct.unpack(">I", content[33:37])[0]
    raw = zlib.decompress(content[41 : 41 + length])
    assert all(raw[i * 113 + 4 * j] == 0 for i in range(28) for j in range(1, 29))
