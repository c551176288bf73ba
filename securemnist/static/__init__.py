"""Static analysis: Bandit and Semgrep on source code, which is read and never run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from securemnist.errors import MeasureError
from securemnist.static import bandit, semgrep
from securemnist.static.issue import Issue, merge, silenced_lines
from securemnist.static.python_files import PythonFiles
from securemnist.static.torch_version import default_runs_code

_TOOLS = {"bandit": bandit.scan, "semgrep": semgrep.scan}
# Rule whose severity depends on the version of torch.
_TORCH_DEFAULT = "torch-load-by-default"


@dataclass(frozen=True, kw_only=True)
class Scan:
    """Files that were read, what was left out (with reasons), and the issues found.

    `silenced`: issues that a comment in the source suppresses.
    """

    files: tuple[str, ...]
    excluded: tuple[str, ...]
    issues: tuple[Issue, ...]
    silenced: tuple[Issue, ...] = ()


def scan(python_files: PythonFiles, *, tools: Sequence[str]) -> Scan:
    """Issues of every tool ("bandit", "semgrep") in every file.

    A file that a tool cannot read is an issue. Raises MeasureError where there is no file, or where
    a tool is missing, crashes or takes too long: unread code must not count as clean.
    """
    if python_files.empty:
        raise MeasureError(
            "expected Python files to read, got none; fix `paths` and `exclude` of the row"
        )
    with python_files.scratch_copy() as scratch:
        reports = [_TOOLS[tool](scratch) for tool in tools] if python_files.source_files else []
    unread = {issue.file: issue for report in reports for issue in report.unread}
    issues = merge(issue for report in reports for issue in report.issues)
    concerned = any(issue.rule.endswith(_TORCH_DEFAULT) for issue in issues)
    if concerned and default_runs_code(python_files.folder):
        issues = tuple(map(_with_old_torch, issues))
    silenced = [issue for report in reports for issue in report.silenced]
    return Scan(
        files=python_files.files,
        excluded=(*python_files.excluded, *silenced_lines(silenced)),
        issues=tuple(sorted([*python_files.unread, *unread.values(), *issues])),
        silenced=tuple(sorted(silenced)),
    )


def _with_old_torch(issue: Issue) -> Issue:
    """The issue at high severity: before torch 2.6, torch.load without weights_only runs code."""
    if not issue.rule.endswith(_TORCH_DEFAULT):
        return issue
    message = f"{issue.message} This project admits only torch before 2.6, which runs such code."
    return replace(issue, severity="high", message=message)


__all__ = ["Issue", "PythonFiles", "Scan", "scan"]
