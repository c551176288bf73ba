"""Keyed hash of an image: with the key it shows whether this image was sent, without it nothing.

Without a key everyone with the log could try out images. BLAKE2b with a key (RFC 7693) of 32
bytes, 32 bytes of output, over `C H W type` and the values: bytes where all values are whole 255ths,
else float32 (little-endian). An image thus has one hash as UINT8, as FP32 and as a PNG file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

KEY_BYTES = 32


def image_hashes(images: npt.NDArray[np.float32], key: bytes) -> Iterator[str]:
    """One hexadecimal hash an image; `images` float32 (n, C, H, W) in [0, 1]."""
    coarse = np.rint(images * np.float32(255)).astype(np.uint8)
    exact = (coarse.astype(np.float32) / np.float32(255) == images).all(axis=(1, 2, 3))
    for few, values, whole in zip(coarse, images, exact, strict=True):
        yield _hash(few if whole else values.astype("<f4"), "u1" if whole else "f4", key)


def _hash(values: npt.NDArray[np.generic], kind: str, key: bytes) -> str:
    shape = " ".join(map(str, values.shape))
    content = f"{shape} {kind}\n".encode() + values.tobytes()
    return hashlib.blake2b(content, digest_size=32, key=key).hexdigest()
