"""Limits and sentences that all formats of models share."""

from __future__ import annotations

from pathlib import Path

from securemnist._util.files import read_or_raise
from securemnist.errors import WeightsError

# Bytes of a model: its file, its external data, and its unpacked tensors, each.
MAX_BYTES = 512 << 20
# Values of one activation of one sample: 64 channels of 512 x 512.
MAX_VALUES = 1 << 24
FACTORY = "pass a factory that returns the network in torch instead"
AGAIN = "export it again"


def content(path: Path) -> bytes:
    """The bytes of a model file; WeightsError where it is no regular file of this size."""
    return read_or_raise(path, MAX_BYTES, "a model file", WeightsError)


def refused(path: Path, expected: str, got: str, advice: str) -> WeightsError:
    """The error of a model file that a check refuses; `got` is cut to 160 characters."""
    return WeightsError(f"{path}: expected {expected}, got {got:.160}; {advice}")
