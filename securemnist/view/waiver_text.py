"""Words about the waiver of a row: what it does, and why it has no effect."""

from __future__ import annotations

from securemnist.results.findings import STOPPED, Finding, Verdict
from securemnist.sanitize import line


def effect(finding: Finding, day: str) -> str:
    """The effect of a waiver on this row on `day`; "" without a waiver, or if the row passed."""
    own = finding.requirement.waiver
    if own is None or finding.passed:
        return ""
    until, reason = line(own.expires, 20), line(own.reason, 400)
    if finding.waived(day):
        return f"waived through {until} (UTC): {reason}"
    if finding.verdict is Verdict.ERROR or finding.reason == STOPPED:
        kind = "an error" if finding.verdict is Verdict.ERROR else "a row that was not reached"
        return f"not waived: {kind} cannot be ({reason})"
    if own.active(day):
        return f"not waived: the waiver {beyond(finding)} ({reason})"
    decides = f"its last day was {until}, and {line(day, 20)} (UTC) decides"
    return f"the waiver has expired: {decides} ({reason})"


def beyond(finding: Finding) -> str:
    """What the waiver of a row permits, and what was measured instead."""
    own, measured = finding.requirement.waiver, finding.measurement
    limit = (
        "any value" if own is None or own.worst is None else f"no value worse than {own.worst:g}"
    )
    got = "no value was measured" if measured is None else f"{measured.value:.4g} was measured"
    return f"permits {limit}, and {got}"
