"""Exhibits: what a finding's evidence shows, each as a picture with its table and its words."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from securemnist.epsilon import epsilon_text
from securemnist.report import (
    charts,
    classes,
    gallery,
    listed,
    matrices,
    natural,
    privacy,
    proofs,
    reliability,
    smoothing,
    stages,
)
from securemnist.report.charts import Line, lines_of
from securemnist.results.evidence.answers import BackdoorEvidence, CleanEvidence
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.evidence.base import Evidence, OtherEvidence
from securemnist.results.evidence.certificates import CertifiedEvidence
from securemnist.results.evidence.defence import DefenceEvidence
from securemnist.results.evidence.latency import LatencyEvidence
from securemnist.results.evidence.natural import (
    CalibrationEvidence,
    CorruptionEvidence,
    OutlierEvidence,
    SpatialEvidence,
)
from securemnist.results.evidence.privacy import ExtractionEvidence, MembershipEvidence
from securemnist.results.evidence.service import ServiceEvidence
from securemnist.results.evidence.static import StaticEvidence
from securemnist.results.evidence.supply_chain import SupplyChainEvidence
from securemnist.results.evidence.threats import ThreatEvidence
from securemnist.results.findings import Finding
from securemnist.sanitize import line
from securemnist.view.class_names import NUMBERS, ClassNames
from securemnist.view.figure import Exhibit, Table, of_total
from securemnist.view.numbers import plural, share

ENTRIES = 200  # lines a table shows


def exhibits(finding: Finding, names: ClassNames = NUMBERS) -> tuple[Exhibit, ...]:
    """The figures of a finding's evidence, in the order to look at them."""
    evidence = finding.evidence
    if evidence is None:
        return ()
    figures = (figure(finding, evidence, names) for figure in _FIGURES.get(type(evidence), ()))
    return tuple(exhibit for exhibit in figures if exhibit is not None)


def not_recorded(finding: Finding) -> tuple[str, ...]:
    """Titles of the exhibits that a row of this family could have and this one has not."""
    evidence = finding.evidence
    if evidence is None:
        return ()
    expected = finding.family.figures
    present = evidence.table if isinstance(evidence, OtherEvidence) else vars(evidence)
    return tuple(line(title, 60) for key, title in expected.items() if present.get(key) is None)


def _curve(finding: Finding, evidence: AttackEvidence, _: ClassNames) -> Exhibit | None:
    lines = lines_of(evidence)
    if not lines:
        return None
    beside = sum(curve.reference for curve in lines)
    attack = lines[0].attack
    attack = f"the {attack}" if attack.startswith("ladder") else attack
    caption = f"Accuracy under {attack}, by epsilon."
    own = (curve for curve in lines if not curve.reference)
    if any(p.certified is not None for curve in own for p in curve.points):
        caption += " Shaded: robust accuracy lies between proved and survived."
    if beside:
        caption += f" Thin: {plural(beside, 'reference model')}, measured in the same way."
    picture = charts.curve(lines, charts.required(finding), alt=caption)
    table = _points(lines)
    return Exhibit.drawn("curve", "Robust accuracy vs. epsilon", caption, picture, table)


def _points(lines: Sequence[Line]) -> Table:
    """A line for each point; with the attack where there are several."""
    several = len({curve.attack for curve in lines}) > 1
    head = ("network", *(["attack"] if several else []), "eps", "accuracy", "proved", "images")
    rows = [
        (
            curve.name,
            *([curve.attack] if several else []),
            epsilon_text(p.eps),
            share(p.accuracy),
            share(p.certified),
            f"{p.n:,}",
        )
        for curve in lines
        for p in curve.points
    ]
    return Table(head=head, rows=tuple(rows[:ENTRIES]))


def _times(_: Finding, evidence: LatencyEvidence, __: ClassNames) -> Exhibit | None:
    if not evidence.samples:
        return None
    series = [(line(name, 24), seconds) for name, seconds in evidence.samples.items()]
    rows = tuple(
        (name, str(len(s)), *(f"{1000 * f(s):.4g}" for f in (min, statistics.median, max)))
        for name, s in series
    )
    caption = "Every dot is one timing, spread for visibility; all series were timed in turn."
    picture = charts.times(series, alt=caption)
    table = Table(head=("series", "timings", "least ms", "median ms", "most ms"), rows=rows)
    return Exhibit.drawn("times", "Inference time", caption, picture, table)


def _other(_: Finding, evidence: OtherEvidence, __: ClassNames) -> Exhibit | None:
    if not evidence.table:
        return None
    names = sorted(evidence.table)[:ENTRIES]
    rows = tuple((line(name, 60), line(_json(evidence.table[name]), 400)) for name in names)
    caption = of_total(len(names), len(evidence.table), "value")
    table = Table(head=("name", "value"), rows=rows, prose=True)
    return Exhibit(kind="other", title="Evidence", caption=caption, table=table)


def _json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# The figures of each kind of evidence, in the order to look at them.
_FIGURES: Mapping[
    type[Evidence], Sequence[Callable[[Finding, Any, ClassNames], Exhibit | None]]
] = {
    CleanEvidence: (classes.by_class, matrices.confusion, gallery.hardest),
    CorruptionEvidence: (natural.corruptions,),
    CalibrationEvidence: (reliability.reliability,),
    OutlierEvidence: (reliability.scores,),
    SpatialEvidence: (natural.rotations, gallery.posed),
    AttackEvidence: (
        _curve,
        classes.outcomes,
        classes.by_class,
        stages.table,
        proofs.over_time,
        gallery.adversarial,
        gallery.broken_last,
        matrices.confusion,
    ),
    DefenceEvidence: (stages.both_attacks, stages.table, gallery.falsely_robust),
    CertifiedEvidence: (
        smoothing.by_radius,
        proofs.over_time,
        classes.outcomes,
        classes.by_class,
    ),
    BackdoorEvidence: (classes.by_class, gallery.triggered, matrices.confusion),
    MembershipEvidence: (privacy.scores,),
    ExtractionEvidence: (privacy.copies,),
    LatencyEvidence: (_times,),
    StaticEvidence: (listed.static_issues,),
    ServiceEvidence: (listed.service_checks,),
    SupplyChainEvidence: (listed.supply_checks,),
    ThreatEvidence: (listed.uncovered,),
    OtherEvidence: (_other,),
}
