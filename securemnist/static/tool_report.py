"""Report: what one tool said of all files, split by what comments silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from securemnist.static.issue import Issue


@dataclass(frozen=True)
class ToolReport:
    """Findings of a tool, findings that comments silence, and findings for what it did not read."""

    issues: tuple[Issue, ...]
    silenced: tuple[Issue, ...]
    unread: tuple[Issue, ...]

    @classmethod
    def of(
        cls, issues: Iterable[Issue], silenced: Iterable[Issue], unread: Iterable[Issue]
    ) -> ToolReport:
        """Take the silenced findings out of those found; a file is named once as not read."""
        silenced_counts = Counter(silenced)
        remaining = Counter(issues) - silenced_counts
        by_file = {issue.file: issue for issue in unread}
        return cls(
            tuple(sorted(remaining.elements())),
            tuple(sorted(silenced_counts.elements())),
            tuple(by_file.values()),
        )


def silenced_issues(issues: Iterable[Issue], obedient: Iterable[Issue]) -> list[Issue]:
    """What a run that ignores comments found, and one that obeys them did not."""
    return list((Counter(issues) - Counter(obedient)).elements())


def silenced_lines(silenced: Iterable[Issue]) -> list[str]:
    """Each silenced finding in one line: place, rule, code."""
    return [
        f"{n.file}:{n.line} ({n.tool} {n.rule}, silenced by a comment: {n.code:.80})"
        for n in sorted(silenced)
    ]
