"""Annotations of a GitHub job: a line in its log that GitHub shows at a line of a file.

Workflow commands are documented at
https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from securemnist.exports.problems import Level, Problem, problems
from securemnist.results.assessment import Assessment
from securemnist.sanitize import sentence

# GitHub shows ten of each kind a step, and drops the others without a word.
_MOST = 10
_COMMANDS: dict[Level, str] = {"error": "error", "warning": "warning", "note": "notice"}


def in_github_job() -> bool:
    """Whether this process runs in a job of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def lines(assessment: Assessment) -> list[str]:
    """A command for each problem, at most ten of each kind; the last says how many are left out."""
    found = problems(assessment)
    return [text for level in _COMMANDS for text in _of_level(found, level)]


def _of_level(every: list[Problem], level: Level) -> Iterator[str]:
    found = [problem for problem in every if problem.level == level]
    shown = found if len(found) <= _MOST else found[: _MOST - 1]
    for problem in shown:
        title = _property(problem.title)
        place = f"file={_property(problem.place.path)},line={problem.place.line}"
        yield f"::{_COMMANDS[level]} {place},title={title}::{_data(problem.message)}"
    if left := len(found) - len(shown):
        yield f"::{_COMMANDS[level]} title=securemnist::{left:,} more; see the summary of the job"


def _data(words: str) -> str:
    """The message of a command: one line, without commands of other services."""
    clean = sentence(words, 1_000)
    return clean.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(words: str) -> str:
    """A property of a command, which a colon or a comma would end."""
    return _data(words).replace(":", "%3A").replace(",", "%2C")
