"""Texts and identifiers that several exports share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from securemnist.threat_model.elements import Mitigation
from securemnist.threat_model.status import Judged, Status, worst

_WEAKNESS = re.compile(r"CWE-[1-9][0-9]{0,5}")


def mitigations(judged: Sequence[Judged]) -> Iterator[tuple[str, Judged, Mitigation]]:
    """Each mitigation with an id of its own (`s-01-m2`) and its threat."""
    for one in judged:
        for number, mitigation in enumerate(one.threat.mitigations, 1):
            yield f"{one.threat.id.lower()}-m{number}", one, mitigation


def state_of(judged: Judged, mitigation: Mitigation, *, none: str, covered: str, other: str) -> str:
    """The word for a mitigation that no row tests, whose rows all passed, or another one."""
    if not mitigation.requirements:
        return none
    status = worst(judged.rows[row] for row in mitigation.requirements)
    return covered if status is Status.COVERED else other


def tested_by(mitigation: Mitigation) -> str:
    """`tested by SERVICE-01, SERVICE-02`, or that no row tests it."""
    rows = ", ".join(mitigation.requirements)
    return f"tested by {rows}" if rows else "no row tests it"


def weaknesses(judged: Judged) -> list[str]:
    """The CWE identifiers of a threat, `CWE-502`."""
    return list(filter(_WEAKNESS.fullmatch, judged.threat.ids))
