"""The identity of a finding across runs, from names only.

A service follows a finding by it. Numbers, messages and lines change with every run and every edit, so
they are no part of it.
"""

from __future__ import annotations

from securemnist._util.hashing import sha256
from securemnist.results.assessment import Assessment


def of_row(assessment: Assessment, rule: str) -> str:
    """The SHA-256 of a row, or of another rule, for this model."""
    model = sha256(str(assessment.subject.get("name", "")).encode(errors="replace"))
    return digest("row", rule, model)


def of_issue(tool: str, rule: str, file: str, number: int) -> str:
    """The SHA-256 of the issue number `number` (from 1) of a rule in a file."""
    return digest("issue", tool, rule, file, str(number))


def digest(*words: str) -> str:
    """The SHA-256 of several words."""
    return sha256("\0".join(words).encode(errors="replace"))
