"""How a run ends: pytest exits with 0 only where rows were measured and none of them is open."""

from __future__ import annotations

import pytest

from securemnist.plugin import options
from securemnist.plugin.narrowing import by_environment
from securemnist.plugin.state import State


def exit_status(state: State, status: int) -> int:
    """The exit status of pytest; never 0 where the gate measured nothing or is not green.

    Nothing measured: 5, as for no test. The user's own -k, -m or choice of files may leave every row out
    beside tests of theirs; a variable in the environment may not.
    """
    config, run = state.config, state.run
    if status != pytest.ExitCode.OK:
        return status
    if config.getoption("collectonly") and not by_environment(config):
        return status
    asked = options.on_command_line(config)
    if run is None or not run.judged:
        reached = run is not None and bool(run.reached)
        narrowed = run is not None and bool(run.collected) and by_environment(config)
        return pytest.ExitCode.NO_TESTS_COLLECTED if asked or reached or narrowed else status
    return pytest.ExitCode.TESTS_FAILED if run.open_rows() else status


def sentences(state: State, *, failed: bool) -> list[str]:
    """What the terminal says beside the table: nothing measured, what left rows out.

    Where no test has `failed` it also names the rows that let the run fail nevertheless.
    """
    run = state.run
    if run is None or not (run.collected or run.findings):
        return []
    rows = len(run.policy.requirements)
    found = []
    if not run.judged:
        found.append(f"no row was measured: {len(run.selected)} of {rows} rows were selected")
    elif not failed and run.open_rows():
        found.append(f"not passed, so this run fails: {', '.join(run.open_rows())}")
    narrowed = [*(f"{o} {v}" for o, v in _chosen(state) if v), *run.scope.narrowed]
    if narrowed and len(run.reached) < rows:
        found.append(f"rows may be left out by: {', '.join(narrowed)}")
    return found


def _chosen(state: State) -> list[tuple[str, str]]:
    """The user's own -k and -m, where `narrowed` does not name them already."""
    scope = state.run.scope if state.run is not None else None
    if scope is None:
        return []
    pairs = [("-k", scope.keywords), ("-m", scope.markers)]
    return [p for p in pairs if not any(word.startswith(f"{p[0]} ") for word in scope.narrowed)]
