"""Notice: one place that a static tool complains about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LEVELS = ("low", "medium", "high")


@dataclass(frozen=True, kw_only=True, order=True)
class Notice:
    """What a tool says of a place in a file. Its texts are others' data: show them, never run them.

    `code` is the text that is complained about, its white space folded: it stays the same when lines
    above it are added or the file is formatted anew.
    """

    file: str
    line: int
    tool: str
    rule: str
    severity: str
    message: str
    advice: str
    code: str

    def at_least(self, level: str) -> bool:
        """Whether the severity is `level` or worse."""
        return LEVELS.index(self.severity) >= LEVELS.index(level)

    def to_json(self) -> dict[str, Any]:
        """What an assessment records of it."""
        return {key: value for key, value in self.__dict__.items() if key != "code"}

    def __str__(self) -> str:
        """One line: place, severity, rule, what is wrong; control characters are shown escaped."""
        text = f"{self.file}:{self.line}: {self.severity}: {self.tool} {self.rule}: {self.message}"
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def severity(word: object) -> str:
    """A tool's own word as a level; one that is not known counts as high, so that nothing slips by."""
    return _WORDS.get(str(word).upper(), "high")


_WORDS = {
    "UNDEFINED": "low",
    "INFO": "low",
    "LOW": "low",
    "WARNING": "medium",
    "MEDIUM": "medium",
}
