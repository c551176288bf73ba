"""Where proofs end, and why, in words: what each method proved, what it refused, what stays open."""

from __future__ import annotations

from collections.abc import Iterable

from securemnist.results.evidence import Evidence
from securemnist.results.value_checks import MOST, Malformed, mapping, real, whole
from securemnist.sanitize import line
from securemnist.view.wording import plural

_METHODS = {"intervals": "interval bounds", "CROWN": "CROWN"}


def told(evidence: Evidence) -> str:
    """A few sentences about the certificates of a row; "" where it asked for none."""
    if not evidence.get("certificates"):
        return ""
    try:
        return " ".join(_sentences(mapping(evidence["certificates"], "certificates")))
    except Malformed as error:
        return f"Malformed evidence: {error}."


def _sentences(seen: Evidence) -> Iterable[str]:
    proved = {m: whole(seen[m], "certificates") for m in _METHODS if m in seen}
    if proved:
        yield f"Digits proved: {', '.join(f'{n:,} by {_METHODS[m]}' for m, n in proved.items())}."
    if attacked := whole(seen.get("attacked", 0), "certificates"):
        yield f"The weakest of these proofs, {attacked:,}, were attacked in vain."
    refused = mapping(seen.get("refused", {}), "certificates")
    for method in _METHODS:
        if reason := refused.get(method):
            yield f"No more by {_METHODS[method]}: {line(reason, 300)}."
    yield from _open(mapping(seen.get("open", {}), "certificates"))


def _open(seen: Evidence) -> Iterable[str]:
    """How far the digits without a proof are from one."""
    if not (asked := whole(seen.get("asked", 0), "certificates")):
        return
    marks = (real(seen.get(key), "certificates", low=-MOST) for key in _MARKS)
    closest, median, farthest = (f"{mark:.3g}".replace("-", "\N{MINUS SIGN}") for mark in marks)
    yield (
        f"{plural(asked, 'digit')} without a proof: the lower bound of the margin is {closest} at "
        f"best, {median} in the middle, {farthest} at worst, and would have to be above 0. Such a digit "
        "is not broken by that: its bounds are too loose, or a stronger attack breaks it."
    )


_MARKS = ("closest", "median", "farthest")
