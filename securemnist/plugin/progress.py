"""The progress display of this process: set by a command, silent under plain pytest."""

from __future__ import annotations

from securemnist.types import Progress, silent

_display: Progress = silent


def show(display: Progress) -> None:
    """From now on tell `display` what is being done."""
    global _display
    _display = display


def active() -> Progress:
    """The display that was set last."""
    return _display
