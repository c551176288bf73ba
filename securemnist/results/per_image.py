"""Per-image integers of evidence: outcome codes, labels, predictions and places in the test set.

In JSON an array is the base64 text of its little-endian integers. numpy only, so that results are
read where torch is not installed.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import numpy as np

# Outcome codes. A code of 0 or more is the index of the stage that broke the image.
MISCLASSIFIED, CERTIFIED, SURVIVED, NOT_ATTEMPTED = -1, -2, -3, -4
# An image that counts for robust accuracy: no attack broke it.
UNBROKEN = (CERTIFIED, SURVIVED)

CLASSES = 10
_MOST = 10**7  # images
_CODE, _PLACE = np.dtype("<i2"), np.dtype("<i4")


def encode(codes: Any) -> str:
    """Base64 of integers (n,) in [-32768, 32767]: outcome codes, labels or predictions."""
    return _encode(codes, _CODE)


def encode_places(places: Any) -> str:
    """Base64 of places (n,) in the test set; the empty text is the order of the file."""
    return _encode(places, _PLACE)


def decode(text: Any, *, low: int = 0, high: int = CLASSES - 1) -> np.ndarray:
    """Int64 (n,) of a text that `encode` wrote, each in [low, high]; ValueError for anything else."""
    return _decode(text, _CODE, low, high)


def decode_places(text: Any) -> np.ndarray:
    """Int64 (n,) of a text that `encode_places` wrote, none negative; ValueError for anything else."""
    return _decode(text, _PLACE, 0, np.iinfo(_PLACE).max)


def decode_outcomes(table: Any) -> tuple[np.ndarray, np.ndarray]:
    """Labels and outcome codes, int64 (n,) each, of a table of outcomes; ValueError where it is odd.

    A code names one of the table's stages or is one of the four constants above.
    """
    stages = table["stages"] if isinstance(table, dict) and "stages" in table else None
    if not isinstance(stages, list | tuple):
        raise ValueError("expected outcomes with their stages")
    labels = decode(table.get("labels"))
    codes = decode(table.get("codes"), low=NOT_ATTEMPTED, high=len(stages) - 1)
    if not len(labels) or len(labels) != len(codes):
        raise ValueError(
            f"expected one label and one code for each image, got {len(labels)} and {len(codes)}"
        )
    return labels, codes


def _encode(values: Any, kind: np.dtype[Any]) -> str:
    whole = np.asarray(values, dtype=np.int64)
    limits = np.iinfo(kind)
    if whole.ndim != 1 or (
        len(whole) and not limits.min <= whole.min() <= whole.max() <= limits.max
    ):
        raise ValueError(f"expected integers (n,) from {limits.min} to {limits.max}")
    return base64.b64encode(whole.astype(kind).tobytes()).decode("ascii")


def _decode(text: Any, kind: np.dtype[Any], low: int, high: int) -> np.ndarray:
    if not isinstance(text, str) or len(text) > 2 * kind.itemsize * _MOST:
        raise ValueError("expected integers in base64")
    try:
        content = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("expected integers in base64") from error
    if len(content) % kind.itemsize:
        raise ValueError(f"expected integers of {kind.itemsize} bytes, got {len(content)} bytes")
    values = np.frombuffer(content, kind).astype(np.int64)
    if len(values) and not low <= values.min() <= values.max() <= high:
        raise ValueError(f"expected integers from {low} to {high}")
    return values
