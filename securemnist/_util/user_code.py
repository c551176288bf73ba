"""The line of the user's own code at which an error was raised."""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path

# Code of others: this package, Python's library, and what is installed, also in another environment.
_OTHERS = (
    Path(__file__).resolve().parents[1],
    *(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")),
)
_INSTALLED = {"site-packages", "dist-packages"}


def of_measurement(error: BaseException) -> str:
    """`the measurement raised ValueError in nets.py, line 31: its message`, if it has one."""
    message = f": {error}" if str(error) else ""
    return f"the measurement raised {type(error).__name__}{place(error)}{message}"


def place(error: BaseException) -> str:
    """` in nets.py, line 31`: the innermost line that is the user's; empty where there is none."""
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        path = Path(frame.f_code.co_filename)
        others = any(path.is_relative_to(folder) for folder in _OTHERS)
        if path.is_absolute() and not others and _INSTALLED.isdisjoint(path.parts):
            return f" in {_shown(path)}, line {line}"
    return ""


def _shown(path: Path) -> str:
    """A path below the working folder, else the name of the file."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else path.name
