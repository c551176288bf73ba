"""Error sentence and exit code of a command that failed."""

from __future__ import annotations

import traceback
from pathlib import Path

from securemnist.errors import UNDECIDED, USAGE, SecureMnistError, first_line


def ending(error: BaseException) -> tuple[str, int]:
    """Sentence and exit code for an error; never 1, which means that a requirement failed."""
    if isinstance(error, SecureMnistError):
        return str(error), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return "interrupted, nothing was decided; run it again", UNDECIDED
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return (
            f"{where}expected a usable file or folder, got {error.strerror or error}; fix it or name "
            "another",
            USAGE,
        )
    if isinstance(error, SystemExit):
        # A model that calls sys.exit(0) must not make the command pass.
        return (
            f"expected the model's code to return, got a call of sys.exit({error.code}); nothing was "
            "decided, fix the model",
            UNDECIDED,
        )
    place = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"expected a verdict or an error message, got {type(error).__name__} "
        f"({first_line(error)}) in {Path(place.filename).name}:{place.lineno}; this is a bug in "
        "securemnist, report it",
        UNDECIDED,
    )
