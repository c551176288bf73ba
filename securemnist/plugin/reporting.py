"""Reporting: where a pytest run writes its report, and what it says of it at its end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

FILES = pytest.StashKey[dict[str, bytes]]()  # of one row's report: content by name
_TOLD = pytest.StashKey[list[str]]()
_USUAL = "reports"


def folder_of(config: pytest.Config) -> Path | None:
    """The folder that was named; else the project's `reports`, where it holds a report already.

    An older report that stayed would speak of another run than the one that has just ended.
    """
    named = config.getoption("--security-report")
    if named:
        return Path(named)
    from securemnist import report

    usual = config.rootpath / _USUAL
    return usual if report.holds_one(usual) else None


def write(session: pytest.Session, run: Any) -> None:
    """Write the report of a run that judged a row; a run that cannot does not exit 0."""
    from securemnist import report
    from securemnist.errors import UsageError

    config = session.config
    folder = folder_of(config)
    if folder is None:
        return
    made = run.assessment(config.rootpath)
    told = config.stash[_TOLD] = []
    if report.keeps(folder, made):
        told.append(
            f"{folder}: the run was interrupted; the report there is an earlier run's, and stays"
        )
        return
    try:
        report.write(made, folder, run.files)
        told.append(f"report: {folder / 'index.html'}")
    except UsageError as error:
        told.append(f"no report was written: {error}")
        if session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        if not config.pluginmanager.has_plugin("terminalreporter"):
            print(*told, sep="\n", file=sys.stderr)


def told(config: pytest.Config) -> list[str]:
    """The lines about the report, for the end of pytest's output."""
    return config.stash.get(_TOLD, [])
