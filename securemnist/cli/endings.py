"""Endings: the sentence and the exit code of a command that could not do what it was asked for."""

from __future__ import annotations

import traceback
from pathlib import Path

from securemnist.errors import UNDECIDED, USAGE, SecureMnistError, first_line


def ending(error: BaseException) -> tuple[str, int]:
    """What to say of an error, and the exit code; never 1, which is the verdict FAIL."""
    if isinstance(error, SecureMnistError):
        return str(error), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return "interrupted, nothing was decided; run it again", UNDECIDED
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return (
            f"{where}expected a file or folder that can be used, got {error.strerror or error}; fix it "
            "or name another",
            USAGE,
        )
    if isinstance(error, SystemExit):
        # A model that ends the program must not end it with a code that passes.
        return (
            f"expected the model's code to return, it ended the program ({error.code}); nothing was "
            "decided, fix the model",
            UNDECIDED,
        )
    return _unforeseen(error), UNDECIDED


def _unforeseen(error: BaseException) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"expected to end in a verdict or a sentence, got {type(error).__name__} "
        f"({first_line(error)}) in {Path(place.filename).name}:{place.lineno}; an error of ours, "
        "report it"
    )
