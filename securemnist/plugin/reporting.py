"""The report of a pytest run: its folder, its files, and the lines about it in the terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from securemnist import report
from securemnist.errors import UsageError

# Whether another process makes the report: `assess` reads the assessment, and may compare it.
STORED_ONLY = pytest.StashKey[bool]()
FILES = pytest.StashKey[dict[str, bytes]]()  # report files of one row: content by name
_LINES = pytest.StashKey[list[str]]()
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


def write(session: pytest.Session, run: Any) -> None:
    """Write the report of a run; if that fails, pytest does not exit with 0."""
    config = session.config
    folder = folder_of(config)
    if folder is None:
        return
    assessment = run.assessment(config.rootpath)
    lines = config.stash[_LINES] = []
    if report.keeps(folder, assessment):
        lines.append(f"{folder}: the run was interrupted; the report of an earlier run is kept")
        return
    try:
        write_files = report.store if config.stash.get(STORED_ONLY, False) else report.write
        write_files(assessment, folder, run.files)
        lines.append(f"report: {folder / 'index.html'}")
    except UsageError as error:
        lines.append(f"no report was written: {error}")
        if session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        if not config.pluginmanager.has_plugin("terminalreporter"):
            print(*lines, sep="\n", file=sys.stderr)


def report_lines(config: pytest.Config) -> list[str]:
    """Lines about the report, for the end of pytest's output."""
    return config.stash.get(_LINES, [])
