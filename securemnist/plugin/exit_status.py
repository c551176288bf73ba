"""Exit status of pytest: 0 only if rows were measured and every one passed or is waived."""

from __future__ import annotations

import pytest

from securemnist.plugin import options
from securemnist.plugin.narrowing import by_environment
from securemnist.plugin.state import State

_NO_SUITE = (
    "no security suite was collected, so nothing was assessed: add its folder to `testpaths`, or run: "
    "pytest security_tests"
)


def exit_status(state: State, status: int) -> int:
    """The exit status of pytest; never 0 if a selected row did not pass, or if no row was measured.

    No row measured: 5, as for no test. Only the user's own -k, -m or choice of files may deselect every
    row in favour of other tests; an environment variable may not.
    """
    config, run = state.config, state.run
    if status != pytest.ExitCode.OK:
        return status
    if config.getoption("collectonly") and not by_environment(config):
        return status
    requested = options.on_command_line(config)
    if run is None or not run.judged:
        reached = run is not None and bool(run.reached)
        narrowed = run is not None and bool(run.collected) and by_environment(config)
        return pytest.ExitCode.NO_TESTS_COLLECTED if requested or reached or narrowed else status
    return pytest.ExitCode.TESTS_FAILED if run.blocking_rows() else status


def sentences(state: State, *, failed: bool) -> list[str]:
    """Notes in the terminal beside the table: no row measured, options that deselected rows.

    If no test has `failed`, also the rows that make the run fail.
    """
    run, config = state.run, state.config
    if run is None or not (run.collected or run.findings):
        asked = options.on_command_line(config) and not config.getoption("collectonly")
        return [_NO_SUITE] if run is not None and asked else []
    rows = len(run.policy.requirements)
    notes = []
    if not run.judged:
        notes.append(f"no row was measured: {len(run.selected)} of {rows} rows were selected")
    elif not failed and run.blocking_rows():
        notes.append(f"not passed, so this run fails: {', '.join(run.blocking_rows())}")
    if run.judged:  # the table has its scope
        return notes
    # The user's own -k and -m, unless `narrowed` contains them.
    narrowed = [
        f"{option} {value}"
        for option, value in (("-k", run.scope.keywords), ("-m", run.scope.markers))
        if value and not any(word.startswith(f"{option} ") for word in run.narrowed)
    ]
    narrowed += run.narrowed
    if narrowed and len(run.reached) < rows:
        notes.append(f"rows may be left out by: {', '.join(narrowed)}")
    return notes
