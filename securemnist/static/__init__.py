"""Static analysis: Bandit and Semgrep, with rules of our own, over source code that is only read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from securemnist.errors import MeasureError
from securemnist.static import bandit, semgrep
from securemnist.static.issue import Notice
from securemnist.static.merging import merge
from securemnist.static.python_files import Sources
from securemnist.static.report import listed
from securemnist.static.torch_version import default_runs_code

_TOOLS = {"bandit": bandit.scan, "semgrep": semgrep.scan}
# The rule whose severity depends on the version of torch.
_TORCH_DEFAULT = "torch-load-by-default"


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What the tools said of the files, in the files' order, and what was left out, with reasons."""

    files: tuple[str, ...]
    excluded: tuple[str, ...]
    notices: tuple[Notice, ...]


def scan(sources: Sources, *, tools: Sequence[str]) -> Scan:
    """Have every tool ("bandit", "semgrep") read every file.

    A file that a tool does not read is a finding. Raises MeasureError where there is no file, or where
    a tool is missing, crashes or takes too long: what was not read must not count as clean.
    """
    if sources.empty:
        raise MeasureError(
            "expected Python files to read, got none; fix `paths` and `exclude` of the row"
        )
    with sources.copied() as copy:
        reports = [_TOOLS[tool](copy) for tool in tools] if sources.scripts else []
    unread = {notice.file: notice for report in reports for notice in report.unread}
    found = merge(notice for report in reports for notice in report.notices)
    if any(notice.rule.endswith(_TORCH_DEFAULT) for notice in found) and default_runs_code(
        sources.folder
    ):
        found = tuple(map(_with_old_torch, found))
    silenced = [notice for report in reports for notice in report.silenced]
    return Scan(
        files=sources.files,
        excluded=(*sources.excluded, *listed(silenced)),
        notices=tuple(sorted([*sources.unread, *unread.values(), *found])),
    )


def _with_old_torch(notice: Notice) -> Notice:
    """Before torch 2.6 a torch.load without weights_only runs code of the file."""
    if not notice.rule.endswith(_TORCH_DEFAULT):
        return notice
    message = f"{notice.message} This project admits only torch before 2.6, which runs such code."
    return replace(notice, severity="high", message=message)


__all__ = ["Notice", "Scan", "Sources", "scan"]
