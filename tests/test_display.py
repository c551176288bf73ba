"""Progress: a bar with the time left on a terminal, plain lines in a pipe, nothing for what is quick."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from securemnist.cli import display


class Clock:
    """A clock that is set by hand."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        patch.setattr("securemnist.cli.display.time.monotonic", lambda: self.now)


class Screen(io.StringIO):
    """What is written to stderr, with or without a person before it."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time stands still but for the test."""
    return Clock(monkeypatch)


def watched(patch: pytest.MonkeyPatch, *, terminal: bool) -> Screen:
    """Standard error as a terminal of 80 columns, or as a pipe."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        patch.delenv(name, raising=False)
    patch.setenv("TERM", "xterm")
    patch.setenv("COLUMNS", "80")
    screen = Screen(terminal=terminal)
    patch.setattr(sys, "stderr", screen)
    return screen


def test_a_pipe_gets_a_plain_line_with_the_time_left(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every ten seconds one line without an escape sequence: what, how much, how long still."""
    screen = watched(monkeypatch, terminal=False)
    with display.progress_bar() as tell:
        for second in range(31):
            clock.now = 100.0 + second
            tell("PGD-40 [bold]", 10 * second, 1_000)
    lines = screen.getvalue().splitlines()
    assert lines == [
        "PGD-40 [bold]: 110 of 1,000, about 89 s left",
        "PGD-40 [bold]: 220 of 1,000, about 78 s left",
    ]


def test_what_is_quick_is_not_spoken_of(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work of less than two seconds shows nothing, on a terminal or in a pipe."""
    for terminal in (False, True):
        screen = watched(monkeypatch, terminal=terminal)
        with display.progress_bar() as tell:
            for done in range(4):
                clock.now += 0.4
                tell("FGSM", done, 3)
        assert "FGSM" not in screen.getvalue()


def test_a_terminal_gets_a_bar_with_the_time_left(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After two seconds of the same work its name and the time left are shown, and then wiped away."""
    screen = watched(monkeypatch, terminal=True)
    columns: list[Any] = []
    real = display.Progress
    monkeypatch.setattr(
        display, "Progress", lambda *given, **more: columns.append(given) or real(*given, **more)
    )
    with display.progress_bar() as tell:
        for second in range(4):
            clock.now = 100.0 + second
            tell("PGD-40", 10 * second, 1_000)
    assert "PGD-40" in screen.getvalue()
    assert any(isinstance(column, display.TimeRemainingColumn) for column in columns[0])
