"""The report of a pytest run: its folder, its files, and the lines about it in the terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from securemnist import report
from securemnist.errors import UsageError
from securemnist.plugin.session import Run
from securemnist.plugin.state import STATE

FILES = pytest.StashKey[dict[str, bytes]]()  # report files of one row: content by name
_USUAL = "reports"


def folder_of(config: pytest.Config) -> Path | None:
    """--security-report, else the project's `reports` if it contains a report; else None.

    An older report is replaced: it would describe another run than the last one.
    """
    option = config.getoption("--security-report")
    if option:
        return Path(option)
    usual = config.rootpath / _USUAL
    return usual if report.holds_one(usual) else None


def write(session: pytest.Session, run: Run) -> None:
    """Write the report of a run; if that fails, pytest does not exit with 0."""
    config = session.config
    folder = folder_of(config)
    if folder is None:
        return
    assessment = run.assessment(config.rootpath)
    state = config.stash[STATE]
    lines = state.report_lines
    if report.keeps(folder, assessment):
        lines.append(f"{folder}: the run was interrupted; the report of an earlier run is kept")
        return
    try:
        write_files = report.store if state.stored_only else report.write
        write_files(assessment, folder, run.files)
        lines.append(f"report: {folder / 'index.html'}")
    except UsageError as error:
        lines.append(f"no report was written: {error}")
        if session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        if not config.pluginmanager.has_plugin("terminalreporter"):
            print(*lines, sep="\n", file=sys.stderr)
