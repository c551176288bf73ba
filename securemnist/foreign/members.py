"""What a member of an archive is, by its bytes: whether an unpickler could be given it."""

from __future__ import annotations

from securemnist.foreign import numpy_array, pickle_stream
from securemnist.foreign.outcome import Outcome, Reason

_PICKLE_ENDINGS = (
    ".pkl",
    ".pickle",
    ".pk",
    ".p",
    ".joblib",
    ".dat",
    ".data",
    ".bin",
    ".pt",
    ".pth",
)
_PROTOCOLS = tuple(bytes([0x80, version]) for version in range(6))


def reasons(name: str, content: bytes) -> list[Reason]:
    """The reasons of a member that is not part of the format, whatever its name is."""
    if content.startswith(numpy_array.MAGIC):
        return numpy_array.reasons(content, name)
    found = pickle_stream.scan_all(content, name, most=8)
    if name.lower().endswith(_PICKLE_ENDINGS) or content.startswith(_PROTOCOLS):
        return found
    return [reason for reason in found if reason.outcome is Outcome.MALICIOUS]
