"""Lines about an endpoint in the terminal of plain pytest, before the first row is measured.

A worker of pytest-xdist has no terminal: it sends the lines with its first finding.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from securemnist.sanitize import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from securemnist.evaluation.context import Context

# Whether the lines are printed, or are printed by a command of ours.
PRINTED = pytest.StashKey[bool]()
_WAITING = pytest.StashKey[list[str]]()


def announce(config: pytest.Config, context: Context, run: Any) -> None:
    """Print what the probe of an endpoint found, and how many queries the selected rows need."""
    if context.subject.remote is None or config.stash.get(PRINTED, False):
        return
    from securemnist.measures.announcement import announcement, queries_of

    rows = [] if run is None else run.policy.requirements
    lines = announcement(context, queries_of(context, [r for r in rows if r.id in run.selected]))
    if not show(config, lines):
        config.stash[_WAITING] = lines


def waiting(config: pytest.Config) -> list[str]:
    """The lines that this process could not print; empty from the second call on."""
    lines = config.stash.get(_WAITING, [])
    config.stash[_WAITING] = []
    return lines


def show(config: pytest.Config, lines: Sequence[str]) -> bool:
    """Print the lines once in a run, past pytest's capture; False where there is no terminal."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return False
    if lines and not config.stash.get(PRINTED, False):
        config.stash[PRINTED] = True
        capture: Any = config.pluginmanager.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            reporter.ensure_newline()
            for text in lines:
                reporter.write_line(terminal(text))
    return True
