"""Thumbnails: small PNG files that hold what went into them."""

from __future__ import annotations

import struct
import zlib
from base64 import b64decode

import pytest

from securemnist.results.evidence.images import Picture
from securemnist.view import png


def unpacked(uri: str) -> tuple[tuple[int, ...], bytes]:
    """Width, height, depth and colour type of a data URI, and its rows with their filter bytes."""
    content = b64decode(uri.removeprefix("data:image/png;base64,"))
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    length = struct.unpack(">I", content[33:37])[0]
    return struct.unpack(">IIBB", content[16:26]), zlib.decompress(content[41 : 41 + length])


@pytest.mark.parametrize(("channels", "kind"), [(1, 0), (3, 2)])
def test_a_thumbnail_is_a_png_of_its_pixels(channels: int, kind: int) -> None:
    """The bytes that go into a thumbnail of any form come out of it, in grey or in colour."""
    pixels = bytes(k % 256 for k in range(12 * 20 * channels))
    shown = Picture(height=12, width=20, channels=channels, pixels=pixels)
    head, raw = unpacked(png.image(shown))
    assert head == (20, 12, 8, kind)
    row = 20 * channels
    assert b"".join(raw[i * (row + 1) + 1 : (i + 1) * (row + 1)] for i in range(12)) == pixels


def test_equal_pictures_have_an_empty_difference() -> None:
    """Where nothing changed, the difference is clear."""
    shown = Picture(height=28, width=28, channels=1, pixels=bytes(784))
    _, raw = unpacked(png.difference(shown, shown))
    assert all(raw[i * 113 + 4 * j] == 0 for i in range(28) for j in range(1, 29))
