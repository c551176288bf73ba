"""Merging: one fault counts once, though both tools report it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from securemnist.static.issue import Issue


def merge(issues: Iterable[Issue]) -> tuple[Issue, ...]:
    """The notices, sorted; one of Bandit's joins the Semgrep notice of the same fault and place.

    A rule of ours names the rules of Bandit that mean the same in its metadata. A joined notice names
    both rules; its severity is that of our rule, which looks at the arguments of the call.
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
