"""Where proofs end, and why, in words: what each method proved, what it refused, what stays open."""

from __future__ import annotations

from collections.abc import Iterable

from securemnist.report import smoothing
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.evidence.base import Evidence
from securemnist.results.evidence.certificates import (
    Certificates,
    CertifiedEvidence,
    OpenMargins,
    ProofSearch,
)
from securemnist.sanitize import line
from securemnist.view.numbers import plural

_METHODS = {
    "intervals": "interval bounds",
    "CROWN": "CROWN",
    "branch and bound": "branch and bound",
}


def description(evidence: Evidence) -> str:
    """A few sentences about the certificates of a row; "" where it asked for none."""
    if not isinstance(evidence, AttackEvidence | CertifiedEvidence):
        return ""
    if isinstance(evidence, CertifiedEvidence) and evidence.smoothed:
        return smoothing.description(evidence.smoothed)
    return " ".join(_sentences(evidence.certificates)) if evidence.certificates else ""


def _sentences(certificates: Certificates) -> Iterable[str]:
    counts = {method: getattr(certificates, method.replace(" ", "_")) for method in _METHODS}
    proved = [f"{n:,} by {_METHODS[m]}" for m, n in counts.items() if n is not None]
    if proved:
        yield f"Images proved: {', '.join(proved)}."
    if certificates.domains:
        yield _search(certificates.domains, certificates.search)
    if certificates.attacked:
        yield f"The weakest of these proofs, {certificates.attacked:,}, were attacked in vain."
    for method in _METHODS:
        if reason := certificates.refused.get(method):
            yield f"No more by {_METHODS[method]}: {line(reason, 300)}."
    yield from _open(certificates.open)


def _search(domains: int, search: ProofSearch | None) -> str:
    """The work of branch and bound, and its pace."""
    work = f"Branch and bound looked at {domains:,} parts of the threat"
    if search is None or not search.images or not search.seconds:
        return f"{work}."
    pace, each = domains / search.seconds, search.seconds / search.images
    return f"{work}, {pace:,.0f} a second, in {each:.3g} s an image."


def _open(margins: OpenMargins) -> Iterable[str]:
    """How far the images without a proof are from one."""
    if not margins.asked:
        return
    marks = (margins.closest, margins.median, margins.farthest)
    closest, median, farthest = (f"{mark:.3g}".replace("-", "\N{MINUS SIGN}") for mark in marks)
    yield (
        f"{plural(margins.asked, 'image')} without a proof: the lower bound of the margin is "
        f"{closest} at best, {median} in the middle, {farthest} at worst, and would have to be "
        "above 0. Such an image is not broken by that: "
        "its bounds are too loose, or a stronger attack breaks it."
    )
