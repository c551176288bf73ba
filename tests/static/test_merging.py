"""Merging: one fault counts once, though both tools report it."""

from __future__ import annotations

from dataclasses import replace

from securemnist.static.issue import Issue, merge

OURS = Issue(
    file="a.py",
    line=3,
    last=4,
    tool="semgrep",
    rule="pickle-runs-code",
    severity="high",
    message="ours",
    advice="",
    code="pickle.load(f)",
    bandit_rules=("B301", "B302"),
)
BANDIT = replace(
    OURS, tool="bandit", rule="B301", severity="medium", message="theirs", bandit_rules=()
)


def test_merge_joins_equal_faults() -> None:
    """The joined issue names both rules, with severity and message of the Semgrep rule."""
    (joined,) = merge([BANDIT, OURS])
    assert (joined.tool, joined.rule) == ("bandit, semgrep", "B301, pickle-runs-code")
    assert (joined.severity, joined.message) == ("high", "ours")
    assert merge([OURS, replace(BANDIT, line=4)]) == (joined,)


def test_merge_keeps_different_faults() -> None:
    """Another rule, line or file, or a second fault on the line, stays a separate issue."""
    for other in (
        replace(BANDIT, rule="B307"),
        replace(BANDIT, line=5),
        replace(BANDIT, file="b.py"),
    ):
        assert len(merge([OURS, other])) == 2
    assert len(merge([OURS, BANDIT, BANDIT])) == 2
    assert len(merge([OURS, OURS, BANDIT, BANDIT])) == 2
