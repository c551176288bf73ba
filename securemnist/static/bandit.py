"""Bandit, with the project's own [tool.bandit] where it has one."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Any

from securemnist.errors import MeasureError, ParseError
from securemnist.settings import project_table
from securemnist.static.notice import Notice, severity
from securemnist.static.process import run_for_json
from securemnist.static.sources import Sources


def scan(sources: Sources) -> tuple[list[Notice], list[str]]:
    """Bandit's notices, and what the project's configuration leaves out of it."""
    if importlib.util.find_spec("bandit") is None:
        raise MeasureError("expected Bandit beside Python, got none; pip install bandit")
    configured = _configured(sources)
    options = ["--quiet", "--format", "json", "--exit-zero", "--exclude", ""]
    if configured is not None:
        options += ["--configfile", "pyproject.toml"]
    # As in a run over the whole folder, so that exclude_dirs means here what it means there.
    files = [os.path.join(".", name) for name in sources.files]
    report = run_for_json(
        [sys.executable, "-m", "bandit", *options, "--", *files],
        folder=sources.folder,
        tool="bandit",
        environment={},
    )
    read = {os.path.normpath(name) for name in report["metrics"]}
    left_out = [name for name in sources.files if name not in read]
    _check(report, sources, left_out)
    told = [f"{name} (bandit: exclude_dirs of pyproject.toml)" for name in left_out]
    skips = (configured or {}).get("skips") or []
    told += [f"{rule} (bandit: skips of pyproject.toml)" for rule in skips]
    return [_notice(entry, sources) for entry in report["results"]], told


def _configured(sources: Sources) -> dict[str, Any] | None:
    """The table [tool.bandit] of the project, if it has one."""
    try:
        table = project_table(sources.folder).get("tool", {}).get("bandit")
    except (OSError, ParseError, AttributeError) as error:
        raise MeasureError(f"pyproject.toml: expected TOML, got {error!s:.300}; fix it") from error
    return table if isinstance(table, dict) else None


def _check(report: dict[str, Any], sources: Sources, left_out: list[str]) -> None:
    for problem in report["errors"]:
        raise MeasureError(
            f"{os.path.normpath(problem['filename'])!r}: expected a file that Bandit can read, got "
            f"{problem['reason']!r}; mend the file or exclude it"
        )
    if len(left_out) == len(sources.files):
        raise MeasureError(
            f"expected Bandit to read {len(left_out)} files, got none read; mend exclude_dirs in "
            "[tool.bandit] of pyproject.toml"
        )


def _notice(entry: dict[str, Any], sources: Sources) -> Notice:
    name = os.path.normpath(entry["filename"])
    lines = entry["line_range"] or [entry["line_number"]]
    return Notice(
        file=name,
        line=entry["line_number"],
        tool="bandit",
        rule=entry["test_id"],
        severity=severity(entry["issue_severity"]),
        message=entry["issue_text"],
        advice=f"read {entry['more_info']}",
        code=sources.code(name, min(lines), max(lines)),
    )
