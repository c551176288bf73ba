"""Static analysis: Bandit and Semgrep, with rules of our own, over source code that is only read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from securemnist.errors import MeasureError
from securemnist.static import bandit, semgrep
from securemnist.static.issue import Issue
from securemnist.static.merging import merge
from securemnist.static.python_files import PythonFiles
from securemnist.static.tool_report import silenced_lines
from securemnist.static.torch_version import default_runs_code

_TOOLS = {"bandit": bandit.scan, "semgrep": semgrep.scan}
# The rule whose severity depends on the version of torch.
_TORCH_DEFAULT = "torch-load-by-default"


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What the tools said of the files, in the files' order, and what was left out, with reasons."""

    files: tuple[str, ...]
    excluded: tuple[str, ...]
    issues: tuple[Issue, ...]


def scan(python_files: PythonFiles, *, tools: Sequence[str]) -> Scan:
    """Have every tool ("bandit", "semgrep") read every file.

    A file that a tool does not read is a finding. Raises MeasureError where there is no file, or where
    a tool is missing, crashes or takes too long: what was not read must not count as clean.
    """
    if python_files.empty:
        raise MeasureError(
            "expected Python files to read, got none; fix `paths` and `exclude` of the row"
        )
    with python_files.scratch_copy() as scratch:
        reports = [_TOOLS[tool](scratch) for tool in tools] if python_files.source_files else []
    unread = {issue.file: issue for report in reports for issue in report.unread}
    issues = merge(issue for report in reports for issue in report.issues)
    if any(issue.rule.endswith(_TORCH_DEFAULT) for issue in issues) and default_runs_code(
        python_files.folder
    ):
        issues = tuple(map(_with_old_torch, issues))
    silenced = [issue for report in reports for issue in report.silenced]
    return Scan(
        files=python_files.files,
        excluded=(*python_files.excluded, *silenced_lines(silenced)),
        issues=tuple(sorted([*python_files.unread, *unread.values(), *issues])),
    )


def _with_old_torch(issue: Issue) -> Issue:
    """Before torch 2.6 a torch.load without weights_only runs code of the file."""
    if not issue.rule.endswith(_TORCH_DEFAULT):
        return issue
    message = f"{issue.message} This project admits only torch before 2.6, which runs such code."
    return replace(issue, severity="high", message=message)


__all__ = ["Issue", "PythonFiles", "Scan", "scan"]
