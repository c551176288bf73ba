"""The comparison in a JUnit file: one more suite, so that the file fails where the comparison does."""

from __future__ import annotations

from typing import Literal

from securemnist.comparison import wording
from securemnist.comparison.change import Change
from securemnist.comparison.comparison import Comparison
from securemnist.exports import junit
from securemnist.exports.junit import Case
from securemnist.results.findings import Verdict


def added(content: bytes, comparison: Comparison) -> bytes:
    """A JUnit file, as pytest wrote it, with a test case for each row in scope of the comparison."""
    cases = [_change(change) for change in comparison.changes_in_scope]
    if comparison.exit_code and not any(case.outcome for case in cases):
        # Its own rows or an empty scope stand against the new version, and no change does.
        cases.append(Case("verdict", "error", wording.headline(comparison).why))
    suite = "comparison with an older version"
    return junit.added(content, suite, "securemnist.comparison", cases)


def _change(change: Change) -> Case:
    if not change.blocks:
        return Case(change.id, "", "")
    outcome: Literal["failure", "error"] = "failure" if change.verdict is Verdict.FAIL else "error"
    return Case(change.id, outcome, wording.sentence(change))
