"""Triage of a file on disk: read once, judged by its bytes, never run."""

from __future__ import annotations

import errno
from pathlib import Path

from securemnist._util.files import read_at_most
from securemnist._util.hashing import sha256
from securemnist.errors import UsageError
from securemnist.foreign import formats, second_opinion
from securemnist.foreign.outcome import Outcome, Triage, kept, outcome_of, unknown

MAX_BYTES = 512 << 20


def triage(path: Path) -> tuple[Triage, bytes]:
    """The triage of the file at `path`, and its bytes, so that what is read later is what was judged.

    UsageError for a path without a regular file.
    """
    try:
        content = read_at_most(path, MAX_BYTES)
    except OSError as error:
        if error.errno == errno.EFBIG:
            return _too_large(path), b""
        raise UsageError(
            f"{path}: expected a model file, got {error.strerror}; pass another"
        ) from error
    return judge(content, str(path)), content


def judge(content: bytes, name: str = "") -> Triage:
    """The triage of the bytes of a file."""
    kind, reasons = formats.examine(content)
    second = "not asked"
    if outcome_of(reasons) is Outcome.CLEAN:
        second, objections = second_opinion.ask(content, kind)
        reasons += objections
    return Triage(name, kind, sha256(content), len(content), kept(reasons), second)


def _too_large(path: Path) -> Triage:
    reason = unknown(f"has more than {MAX_BYTES} bytes")
    return Triage(str(path), "not read", "", path.stat().st_size, (reason,), "not asked")
