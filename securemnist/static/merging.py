"""Merging of issues, so that a fault that both tools report counts once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from securemnist.static.issue import Issue


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
