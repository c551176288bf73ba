"""Notice: one place that a static tool complains about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LEVELS = ("low", "medium", "high")
NOT_READ = "not-read"
_INTERNAL = ("code", "last", "bandit_rules")


@dataclass(frozen=True, kw_only=True, order=True)
class Issue:
    """What a tool says of a place in a file. Its texts are others' data: show them, never run them.

    `code` is the text that is complained about, its white space folded: it stays the same when lines
    above it are added or the file is formatted anew. `last` is the last line of the place, `bandit_rules`
    the rules of Bandit that report the same fault.
    """

    file: str
    line: int
    tool: str
    rule: str
    severity: str
    message: str
    advice: str
    code: str
    last: int = 0
    bandit_rules: tuple[str, ...] = ()

    def at_least(self, level: str) -> bool:
        """Whether the severity is `level` or worse."""
        return LEVELS.index(self.severity) >= LEVELS.index(level)

    def to_json(self) -> dict[str, Any]:
        """What an assessment records of it."""
        return {key: value for key, value in self.__dict__.items() if key not in _INTERNAL}

    def __str__(self) -> str:
        """One line: place, severity, rule, what is wrong; control characters are shown escaped."""
        text = f"{self.file}:{self.line}: {self.severity}: {self.tool} {self.rule}: {self.message}"
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def not_read(file: str, reason: str, *, content: str) -> Issue:
    """The finding that stands for a file, or a part of one, which no tool has read.

    A finding, not an error: the other files are still judged, and a baseline can accept it. `content`
    is the digest of the file, so that an accepted file counts again when it changes.
    """
    return Issue(
        file=file.encode(errors="backslashreplace").decode(),
        line=1,
        tool="securemnist",
        rule=NOT_READ,
        severity="high",
        message=f"not read: {reason}",
        advice="fix or remove the file, or review it by hand and accept it in the baseline of the row",
        code=content,
    )


def severity(word: object) -> str:
    """A tool's own word as a level; an unknown one counts as high, so that no finding is lost."""
    return _WORDS.get(str(word).upper(), "high")


_WORDS = {
    "UNDEFINED": "low",
    "INFO": "low",
    "LOW": "low",
    "WARNING": "medium",
    "MEDIUM": "medium",
}
