"""Thumbnails: small PNG files that hold what went into them."""

from __future__ import annotations

import struct
import zlib
from base64 import b64decode

import numpy as np

from securemnist.results.evidence.images import Picture
from securemnist.view import png


def test_a_thumbnail_is_a_png_of_its_pixels() -> None:
    """The bytes that go into a thumbnail come out of it."""
    pixels = bytes(range(256)) * 3 + bytes(16)
    grey = Picture(height=28, width=28, channels=1, pixels=pixels)
    content = b64decode(png.image(grey).removeprefix("data:image/png;base64,"))
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", content[16:24]) == (28, 28)
    length = struct.unpack(">I", content[33:37])[0]
    raw = zlib.decompress(content[41 : 41 + length])
    assert b"".join(raw[i * 29 + 1 : (i + 1) * 29] for i in range(28)) == pixels


def test_equal_pictures_have_an_empty_difference() -> None:
    """Where nothing changed, the difference is clear."""
    black = Picture(height=28, width=28, channels=1, pixels=bytes(784))
    content = b64decode(png.difference(black, black).partition(",")[2])
    length = struct.unpack(">I", content[33:37])[0]
    raw = zlib.decompress(content[41 : 41 + length])
    assert all(raw[i * 113 + 4 * j] == 0 for i in range(28) for j in range(1, 29))


def decoded(uri: str) -> np.ndarray:
    """Rows of the bytes of a PNG picture, without the filter of each row."""
    content = b64decode(uri.partition(",")[2])
    width, height = struct.unpack(">II", content[16:24])
    length = struct.unpack(">I", content[33:37])[0]
    raw = np.frombuffer(zlib.decompress(content[41 : 41 + length]), np.uint8)
    return raw.reshape(height, -1)[:, 1:].reshape(height, width, -1)


def test_a_colour_picture_keeps_its_colours_and_proportions() -> None:
    """Three channels are red, green and blue; a picture of 4x2 pixels is one of 4x2."""
    pixels = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
    picture = Picture(height=4, width=2, channels=3, pixels=pixels.tobytes())
    assert np.array_equal(decoded(png.image(picture)), pixels)
    lighter = Picture(height=4, width=2, channels=3, pixels=(pixels + 5).tobytes())
    difference = decoded(png.difference(picture, lighter))
    assert difference.shape == (4, 2, 4)
    assert (difference[..., 3] == 255).all()
