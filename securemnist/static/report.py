"""Report: what one tool said of all files, split by what comments silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from securemnist.static.issue import Notice


@dataclass(frozen=True)
class Report:
    """Findings of a tool, findings that comments silence, and findings for what it did not read."""

    notices: tuple[Notice, ...]
    silenced: tuple[Notice, ...]
    unread: tuple[Notice, ...]

    @classmethod
    def of(
        cls, found: Iterable[Notice], silenced: Iterable[Notice], unread: Iterable[Notice]
    ) -> Report:
        """Take the silenced findings out of those found; a file is named once as not read."""
        gone = Counter(silenced)
        left = Counter(found) - gone
        by_file = {notice.file: notice for notice in unread}
        return cls(
            tuple(sorted(left.elements())), tuple(sorted(gone.elements())), tuple(by_file.values())
        )


def silence(found: Iterable[Notice], obeying: Iterable[Notice]) -> list[Notice]:
    """What a run that ignores comments found, and one that obeys them did not."""
    return list((Counter(found) - Counter(obeying)).elements())


def listed(silenced: Iterable[Notice]) -> list[str]:
    """Each silenced finding in one line: place, rule, code."""
    return [
        f"{n.file}:{n.line} ({n.tool} {n.rule}, silenced by a comment: {n.code:.80})"
        for n in sorted(silenced)
    ]
