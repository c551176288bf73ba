"""Triage of a file on disk: read once, judged by its bytes, never run."""

from __future__ import annotations

import errno
import io
import logging
from importlib import metadata
from pathlib import Path

from securemnist._util.files import read_at_most
from securemnist._util.hashing import sha256
from securemnist.errors import UsageError, first_line
from securemnist.foreign import formats
from securemnist.foreign.outcome import Outcome, Reason, Triage, kept, outcome_of, unknown

MAX_BYTES = 512 << 20
# The name that picklescan chooses its reader by.
_ENDINGS = {
    formats.TORCH_ZIP: ".pt",
    formats.TORCH_LEGACY: ".pt",
    formats.ARRAYS: ".npz",
    "NumPy array": ".npy",
    formats.PICKLE: ".pkl",
}


def triage(path: Path) -> tuple[Triage, bytes]:
    """The triage of the file at `path`, and its bytes, so that what is read later is what was judged.

    UsageError for a path without a regular file.
    """
    try:
        content = read_at_most(path, MAX_BYTES)
    except OSError as error:
        if error.errno == errno.EFBIG:
            reason, size = unknown(f"has more than {MAX_BYTES} bytes"), path.stat().st_size
            return Triage(str(path), "not read", "", size, (reason,), "not asked"), b""
        raise UsageError(
            f"{path}: expected a model file, got {error.strerror}; pass another"
        ) from error
    return judge(content, str(path)), content


def judge(content: bytes, name: str = "") -> Triage:
    kind, reasons = formats.examine(content)
    second = "not asked"
    if outcome_of(reasons) is Outcome.CLEAN:
        second, objections = _second_opinion(content, kind)
        reasons += objections
    return Triage(name, kind, sha256(content), len(content), kept(reasons), second)


def _second_opinion(content: bytes, kind: str) -> tuple[str, list[Reason]]:
    """What picklescan says in words, and the reasons that follow; "" for formats without pickles.

    It knows a list of dangerous names, and finds less than an allowlist. Where it finds something in a
    file that is clean here, one of both is wrong, and the file is not imported.
    """
    if kind not in _ENDINGS:
        return "", []
    from picklescan import scanner  # nosec B403 # lists instructions, builds nothing

    # It logs what it returns; a logger without handlers would print that.
    logging.getLogger("picklescan").addHandler(logging.NullHandler())
    version = f"picklescan {metadata.version('picklescan')}"
    try:
        result = scanner.scan_bytes(io.BytesIO(content), "file", _ENDINGS[kind])
    except Exception as error:  # any error of a scanner means that it could not scan
        text = f"could not be scanned by {version}: {first_line(error):.120}"
        return f"{version}: failed", [unknown(text)]
    if result.issues_count or result.scan_err:
        names = ", ".join(sorted(f"{each.module}.{each.name}" for each in result.globals))
        text = f"is clean here, and {version} objects to it ({names or 'an error'!s:.120})"
        return f"{version}: objects", [unknown(text)]
    return f"{version}: no objection", []
