"""Issue: one place in the source code that a tool reports; the report of a tool; merging of both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

LEVELS = ("low", "medium", "high")
NOT_READ = "not-read"
_INTERNAL = ("code", "last", "bandit_rules")


@dataclass(frozen=True, kw_only=True, order=True)
class Issue:
    """An issue of a tool. Its texts come from outside and have to be sanitised before display.

    `code` is the reported code with its white space folded: moved lines and formatting do not
    change it. `last` is the last line of the place. `bandit_rules` are Bandit's rules for the same
    fault.
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
        """Whether the severity is `level` or higher."""
        return LEVELS.index(self.severity) >= LEVELS.index(level)

    def to_json(self) -> dict[str, Any]:
        """The fields that an assessment records."""
        return {key: value for key, value in self.__dict__.items() if key not in _INTERNAL}

    def __str__(self) -> str:
        """Place, severity, rule and message on one line; control characters are escaped."""
        text = f"{self.file}:{self.line}: {self.severity}: {self.tool} {self.rule}: {self.message}"
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class ToolReport(NamedTuple):
    """Issues of a tool, issues that comments suppress, and issues for unread files."""

    issues: list[Issue]
    silenced: list[Issue]
    unread: list[Issue]


def silenced_lines(silenced: Iterable[Issue]) -> list[str]:
    """One line for each suppressed issue: place, rule, code."""
    return [
        f"{n.file}:{n.line} ({n.tool} {n.rule}, silenced by a comment: {n.code:.80})"
        for n in sorted(silenced)
    ]


def not_read(file: str, reason: str, *, content: str) -> Issue:
    """The issue for a file, or a part of one, that no tool has read.

    It is an issue, not an error: other files are still judged, and a baseline can accept it.
    `content` is the digest of the file, so that an accepted file counts again after a change.
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
    """A tool's severity as a level; an unknown one counts as high, so that no issue is lost."""
    return _WORDS.get(str(word).upper(), "high")


_WORDS = dict.fromkeys(("UNDEFINED", "INFO", "LOW"), "low")
_WORDS |= dict.fromkeys(("WARNING", "MEDIUM"), "medium")


def merge(issues: Iterable[Issue]) -> tuple[Issue, ...]:
    """The sorted issues, where a Bandit issue joins the Semgrep issue of the same fault and place.

    The metadata of a Semgrep rule names the equivalent rules of Bandit. A joined issue names both
    rules and has the severity of the Semgrep rule, which checks the arguments of the call.
    """
    ordered = sorted(issues)
    merged = [issue for issue in ordered if issue.tool != "bandit"]
    joined: dict[int, list[str]] = {}
    for issue in ordered:
        if issue.tool != "bandit":
            continue
        for place, other in enumerate(merged):
            if _same(issue, other) and issue.rule not in joined.get(place, []):
                joined.setdefault(place, []).append(issue.rule)
                break
        else:
            merged.append(issue)
    for place, rules in joined.items():
        other = merged[place]
        rule = ", ".join([*sorted(rules), other.rule])
        merged[place] = replace(other, tool="bandit, semgrep", rule=rule)
    return tuple(sorted(merged))


def _same(bandit: Issue, other: Issue) -> bool:
    return (
        other.file == bandit.file
        and bandit.rule in other.bandit_rules
        and other.line <= bandit.line <= max(other.last, other.line)
    )
