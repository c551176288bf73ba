"""Bandit with all its rules; neither the project's settings nor comments disable any."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections import Counter
from collections.abc import Collection
from typing import Any

from securemnist.errors import MeasureError
from securemnist.static.issue import Issue, ToolReport, severity
from securemnist.static.process import run_for_json
from securemnist.static.python_files import ScratchCopy

# Matches more than Bandit's own pattern: a file without this text has no suppressing comment.
_MARKER = re.compile("nosec", re.IGNORECASE)
# Bandit continues after a crash of a rule and only reports this text.
_CRASH = "Bandit internal error"


def scan(copy: ScratchCopy) -> ToolReport:
    """Bandit's issues, which of them a comment suppresses, and files that it could not read.

    Bandit runs without regard to comments. It runs again, with regard to them, on files with both
    an issue and a possible suppressing comment. Issues of the first run only are suppressed ones.
    """
    if importlib.util.find_spec("bandit") is None:
        raise MeasureError("expected Bandit beside Python, got none; pip install bandit")
    report = _run(copy, copy.source_files, "--ignore-nosec")
    unread = [
        copy.unread(problem["filename"], f"Bandit cannot read it ({problem['reason']})")
        for problem in report["errors"]
    ]
    unread += copy.passed_over("Bandit", report["metrics"])
    issues = [_issue(entry, copy) for entry in report["results"]]
    names = sorted({os.path.normpath(entry["filename"]) for entry in report["results"]})
    with_marker = [name for name in names if _MARKER.search(copy.source_files[name].text)]
    obedient_results = _run(copy, with_marker)["results"] if with_marker else []
    marked_names = {copy.source_files[name].name for name in with_marker}
    silenced = Counter(issue for issue in issues if issue.file in marked_names)
    silenced -= Counter(_issue(entry, copy) for entry in obedient_results)
    remaining = Counter(issues) - silenced
    return ToolReport(list(remaining.elements()), list(silenced.elements()), unread)


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
