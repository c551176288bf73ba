"""Bandit, with all of its rules: no setting of the project, and no comment, leaves any of them out."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Collection
from typing import Any

from securemnist.errors import MeasureError
from securemnist.static.issue import Issue, not_read, severity
from securemnist.static.process import run_for_json
from securemnist.static.python_files import ScratchCopy
from securemnist.static.tool_report import ToolReport, silenced_issues

# More than Bandit obeys: a file without this text holds no comment that silences it.
_MARKER = re.compile("nosec", re.IGNORECASE)
# Bandit goes on after a rule of its own has crashed, and only says so.
_CRASH = "Bandit internal error"


def scan(copy: ScratchCopy) -> ToolReport:
    """Bandit's findings, which of them a comment silences, and what it could not read.

    Bandit runs without obeying comments. It runs again, obeying them, on the files in which something
    was found and a comment may silence it. What only the first run finds was silenced.
    """
    if importlib.util.find_spec("bandit") is None:
        raise MeasureError("expected Bandit beside Python, got none; pip install bandit")
    report = _run(copy, copy.source_files, "--ignore-nosec")
    unread = [_unread(problem, copy) for problem in report["errors"]]
    read_files = {os.path.normpath(name) for name in report["metrics"]}
    unread += [
        not_read(source_file.name, "Bandit passed over it", content=source_file.digest)
        for name, source_file in copy.source_files.items()
        if name not in read_files
    ]
    issues = [_issue(entry, copy) for entry in report["results"]]
    files_with_issues = {os.path.normpath(entry["filename"]) for entry in report["results"]}
    with_marker = [
        name for name in sorted(files_with_issues) if _MARKER.search(copy.source_files[name].text)
    ]
    obedient_results = _run(copy, with_marker)["results"] if with_marker else []
    obedient_issues = [_issue(entry, copy) for entry in obedient_results]
    marked_names = {copy.source_files[name].name for name in with_marker}
    silenced = silenced_issues([n for n in issues if n.file in marked_names], obedient_issues)
    return ToolReport.of(issues, silenced, unread)


def _run(copy: ScratchCopy, names: Collection[str], *options: str) -> dict[str, Any]:
    arguments = ["--quiet", "--format", "json", "--exit-zero", "--exclude", "", *options]
    files = [os.path.join(".", name) for name in names]
    return run_for_json(
        [sys.executable, "-m", "bandit", *arguments, "--", *files],
        folder=copy.folder,
        tool="bandit",
        environment={},
        refused=_CRASH,
    )


def _unread(problem: dict[str, Any], copy: ScratchCopy) -> Issue:
    source_file = copy.source_files[os.path.normpath(problem["filename"])]
    return not_read(
        source_file.name, f"Bandit cannot read it ({problem['reason']})", content=source_file.digest
    )


def _issue(entry: dict[str, Any], copy: ScratchCopy) -> Issue:
    source_file = copy.source_files[os.path.normpath(entry["filename"])]
    line = entry["line_number"]
    lines = entry["line_range"] or [line]
    return Issue(
        file=source_file.name,
        line=line,
        tool="bandit",
        rule=entry["test_id"],
        severity=severity(entry["issue_severity"]),
        message=entry["issue_text"] + source_file.place(line),
        advice=f"read {entry['more_info']}",
        code=source_file.code(min(lines), max(lines)),
        last=max(lines),
    )
