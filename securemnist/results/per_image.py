"""Per-image integers of evidence: outcome codes, labels, predictions, sets, and places in the test set.

In JSON an array is the base64 text of its little-endian integers. numpy only, so that results are
read where torch is not installed.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from securemnist.input_spec import MOST_CLASSES

# Outcome codes. A code of 0 or more is the index of the stage that broke the image.
MISCLASSIFIED, CERTIFIED, SURVIVED, NOT_ATTEMPTED = -1, -2, -3, -4
# An image that counts for robust accuracy: no attack broke it.
UNBROKEN = (CERTIFIED, SURVIVED)

CODE, PLACE, SMALL = np.dtype("<i2"), np.dtype("<i4"), np.dtype("<u1")
_MOST = 10**7  # images


def encode(values: Any, kind: np.dtype[Any] = CODE) -> str:
    """Base64 of integers (n,) in the range of `kind`."""
    whole = np.asarray(values, dtype=np.int64)
    limits = np.iinfo(kind)
    if whole.ndim != 1 or (
        len(whole) and not limits.min <= whole.min() <= whole.max() <= limits.max
    ):
        raise ValueError(f"expected integers (n,) from {limits.min} to {limits.max}")
    return base64.b64encode(whole.astype(kind).tobytes()).decode("ascii")


def decode(
    text: Any, kind: np.dtype[Any] = CODE, *, low: int = 0, high: int = MOST_CLASSES - 1
) -> np.ndarray:
    """Int64 (n,) of a text that `encode` wrote, each in [low, high]; ValueError for anything else."""
    if not isinstance(text, str) or len(text) > 2 * kind.itemsize * _MOST:
        raise ValueError("expected integers in base64")
    try:
        content = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError as error:  # also of the base64, and of the text as ASCII
        raise ValueError("expected integers in base64") from error
    if len(content) % kind.itemsize:
        raise ValueError(f"expected integers of {kind.itemsize} bytes, got {len(content)} bytes")
    values = np.frombuffer(content, kind).astype(np.int64)
    if len(values) and not low <= values.min() <= values.max() <= high:
        raise ValueError(f"expected integers from {low} to {high}")
    return values
