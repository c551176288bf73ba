"""The progress callback of this process: set by a command, silent under plain pytest."""

from __future__ import annotations

from securemnist.types import Progress, silent

_display: Progress = silent


def show(display: Progress) -> None:
    """Set the callback that receives progress from now on."""
    global _display
    _display = display


def active() -> Progress:
    """The callback that was set last."""
    return _display
