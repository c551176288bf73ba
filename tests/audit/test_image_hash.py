"""Keyed hashes of images."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from securemnist.audit.image_hash import image_hashes

KEY = bytes(range(32))


def test_hash_is_that_of_the_documented_bytes() -> None:
    """The hash is BLAKE2b over the text and the values that the documentation names."""
    import hashlib

    images = np.zeros((1, 1, 2, 3), np.float32)
    images[0, 0, 1, 2] = 1
    expected = hashlib.blake2b(
        b"1 2 3 u1\n" + bytes([0, 0, 0, 0, 0, 255]), digest_size=32, key=KEY
    ).hexdigest()
    assert list(image_hashes(images, KEY)) == [expected]


@given(st.lists(st.integers(0, 255), min_size=12, max_size=12))
def test_all_forms_of_an_image_have_one_hash(values: list[int]) -> None:
    """Bytes scaled in float32 and in float64 have one hash, whatever else is in the batch."""
    pixels = np.array(values, np.uint8).reshape(1, 3, 2, 2)
    single = pixels.astype(np.float32) / np.float32(255)
    double = (pixels / 255.0).astype(np.float32)
    other = np.full_like(single, 0.1)
    (expected,) = image_hashes(single, KEY)
    assert list(image_hashes(np.concatenate([other, double]), KEY))[1] == expected


@given(st.integers(0, 11), st.integers(0, 31))
def test_another_image_or_key_has_another_hash(place: int, key_place: int) -> None:
    """One step of one value, another shape and another key each give another hash."""
    images = np.full((1, 3, 2, 2), 100 / 255, np.float32)
    (expected,) = image_hashes(images, KEY)
    near = images.copy()
    near.reshape(-1)[place] = np.nextafter(near.reshape(-1)[place], 1, dtype=np.float32)
    step = images.copy()
    step.reshape(-1)[place] = np.float32(101 / 255)
    key = bytearray(KEY)
    key[key_place] ^= 1
    others = [
        *image_hashes(near, KEY),
        *image_hashes(step, KEY),
        *image_hashes(images.reshape(1, 3, 4, 1), KEY),
        *image_hashes(images, bytes(key)),
    ]
    assert len({expected, *others}) == 5
