"""Doubts of the user's own: `doubts = ["pkg.module:function"]` in [tool.securemnist]."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from securemnist.errors import UsageError
from securemnist.project import imports, settings

Check = Callable[[Any], Any]


def of_project(folder: Path) -> tuple[Check, ...]:
    """The functions that the settings of the project in `folder` name, in their order.

    Each takes a `SearchCase` and returns a Doubt or None. UsageError for a name that is no function.
    """
    return tuple(_function(name) for name in settings.load(folder).doubts)


def _function(name: str) -> Check:
    if not imports.is_code(name):
        raise UsageError(
            f"expected a doubt as pkg.module:function, got {name!r:.80}; fix `doubts` in "
            "[tool.securemnist]"
        )
    found = imports.attribute(name, "fix `doubts` in [tool.securemnist]")
    if not callable(found):
        raise UsageError(
            f"{name}: expected a function of a SearchCase, got {type(found).__name__}; fix `doubts`"
        )
    check: Check = found
    return check
