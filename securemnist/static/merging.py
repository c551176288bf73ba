"""Merging: one fault counts once, though both tools report it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from securemnist.static.issue import Notice


def merge(notices: Iterable[Notice]) -> tuple[Notice, ...]:
    """The notices, sorted; one of Bandit's joins the Semgrep notice of the same fault and place.

    A rule of ours names the rules of Bandit that mean the same in its metadata. A joined notice names
    both rules; its severity is that of our rule, which looks at the arguments of the call.
    """
    ordered = sorted(notices)
    kept = [notice for notice in ordered if notice.tool != "bandit"]
    joined: dict[int, list[str]] = {}
    for notice in ordered:
        if notice.tool != "bandit":
            continue
        for place, other in enumerate(kept):
            if _same(notice, other) and notice.rule not in joined.get(place, []):
                joined.setdefault(place, []).append(notice.rule)
                break
        else:
            kept.append(notice)
    for place, rules in joined.items():
        other = kept[place]
        rule = ", ".join([*sorted(rules), other.rule])
        kept[place] = replace(other, tool="bandit, semgrep", rule=rule)
    return tuple(sorted(kept))


def _same(bandit: Notice, other: Notice) -> bool:
    return (
        other.file == bandit.file
        and bandit.rule in other.same_as
        and other.line <= bandit.line <= max(other.last, other.line)
    )
