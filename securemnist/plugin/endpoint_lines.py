"""Lines about an endpoint in the terminal of plain pytest, before the first row is measured.

A worker of pytest-xdist has no terminal: it sends the lines with its first finding.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from securemnist.sanitize import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from securemnist.evaluation.context import Context
    from securemnist.plugin.state import State


def announce(state: State, context: Context) -> None:
    """Print what the probe of an endpoint found, and how many queries the selected rows need."""
    if context.subject.remote is None or state.announced:
        return
    from securemnist.measures.announcement import announcement, queries_of

    run = state.run
    rows = [r for r in run.policy.requirements if r.id in run.selected] if run is not None else []
    lines = announcement(context, queries_of(context, rows))
    if not show(state, lines):
        state.unannounced = lines


def show(state: State, lines: Sequence[str]) -> bool:
    """Print the lines once in a run, past pytest's capture; False where there is no terminal."""
    config = state.config
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return False
    if lines and not state.announced:
        state.announced = True
        capture: Any = config.pluginmanager.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            reporter.ensure_newline()
            for text in lines:
                reporter.write_line(terminal(text))
    return True
