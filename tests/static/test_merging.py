"""One fault counts once, though both tools report it."""

from __future__ import annotations

from dataclasses import replace

from securemnist.static.issue import Issue
from securemnist.static.merging import merge

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


def test_a_place_that_both_report_counts_once() -> None:
    """The joined finding names both rules, with the severity and the words of ours."""
    (joined,) = merge([BANDIT, OURS])
    assert (joined.tool, joined.rule) == ("bandit, semgrep", "B301, pickle-runs-code")
    assert (joined.severity, joined.message) == ("high", "ours")
    assert merge([OURS, replace(BANDIT, line=4)]) == (joined,)


def test_faults_that_differ_stay_apart() -> None:
    """Another rule, line or file is another fault; so is a second one on the same line."""
    for other in (
        replace(BANDIT, rule="B307"),
        replace(BANDIT, line=5),
        replace(BANDIT, file="b.py"),
    ):
        assert len(merge([OURS, other])) == 2
    assert len(merge([OURS, BANDIT, BANDIT])) == 2
    assert len(merge([OURS, OURS, BANDIT, BANDIT])) == 2
