"""The second opinion on a clean file: picklescan, a scanner by a list of dangerous names.

It finds less than an allowlist. Where it finds something in a file that is clean here, one of both is
wrong, and the file is not imported.
"""

from __future__ import annotations

import io
import logging
from importlib import metadata

from securemnist.errors import first_line
from securemnist.foreign import formats
from securemnist.foreign.outcome import Reason, unknown

# The name that picklescan chooses its reader by.
_ENDINGS = {
    formats.TORCH_ZIP: ".pt",
    formats.TORCH_LEGACY: ".pt",
    formats.ARRAYS: ".npz",
    "NumPy array": ".npy",
    formats.PICKLE: ".pkl",
}


def ask(content: bytes, kind: str) -> tuple[str, list[Reason]]:
    """What picklescan says in words, and the reasons that follow; "" for formats without pickles."""
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
