"""Report of one tool: issues, suppressed issues, and unread files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from securemnist.static.issue import Issue


@dataclass(frozen=True)
class ToolReport:
    """Issues of a tool, issues that comments suppress, and issues for unread files."""

    issues: tuple[Issue, ...]
    silenced: tuple[Issue, ...]
    unread: tuple[Issue, ...]

    @classmethod
    def of(
        cls, issues: Iterable[Issue], silenced: Iterable[Issue], unread: Iterable[Issue]
    ) -> ToolReport:
        """A report whose issues exclude the suppressed ones; each unread file has one issue."""
        silenced_counts = Counter(silenced)
        remaining = Counter(issues) - silenced_counts
        by_file = {issue.file: issue for issue in unread}
        return cls(
            tuple(sorted(remaining.elements())),
            tuple(sorted(silenced_counts.elements())),
            tuple(by_file.values()),
        )


def silenced_issues(issues: Iterable[Issue], obedient: Iterable[Issue]) -> list[Issue]:
    """Issues of a run that ignores comments, without those of a run that obeys them."""
    return list((Counter(issues) - Counter(obedient)).elements())


def silenced_lines(silenced: Iterable[Issue]) -> list[str]:
    """One line for each suppressed issue: place, rule, code."""
    return [
        f"{n.file}:{n.line} ({n.tool} {n.rule}, silenced by a comment: {n.code:.80})"
        for n in sorted(silenced)
    ]
