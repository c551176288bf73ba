"""Exhibits: what a finding's evidence shows, each as a picture with its table and its words."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from securemnist.epsilon import epsilon_text, parse_epsilon
from securemnist.report import (
    charts,
    classes,
    coverage,
    false_robustness,
    gallery,
    matrices,
    natural,
    reliability,
    smoothing,
    stages,
    supply_chain,
)
from securemnist.report.charts import Line, lines_of
from securemnist.report.details import place_of
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
from securemnist.results.evidence.service import ServiceEvidence
from securemnist.results.evidence.static import StaticEvidence
from securemnist.results.evidence.supply_chain import SupplyChainEvidence
from securemnist.results.evidence.threats import ThreatEvidence
from securemnist.results.findings import Finding
from securemnist.results.value_types import LARGEST_EPSILON
from securemnist.sanitize import line
from securemnist.view.class_names import NUMBERS, ClassNames
from securemnist.view.figure import Exhibit, Panel, Table, of_total
from securemnist.view.wording import NONE, plural

ENTRIES = 200  # lines a table shows


def exhibits(finding: Finding, names: ClassNames = NUMBERS) -> tuple[Exhibit, ...]:
    """The figures of a finding's evidence, in the order to look at them."""
    if finding.measurement is None:
        return ()
    evidence = finding.measurement.evidence
    figures = (figure(finding, evidence, names) for figure in _FIGURES.get(type(evidence), ()))
    return tuple(exhibit for exhibit in figures if exhibit is not None)


def not_recorded(finding: Finding) -> tuple[str, ...]:
    """Titles of the exhibits that a row of this family could have and this one has not."""
    if finding.measurement is None:
        return ()
    evidence = finding.measurement.evidence
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
    threat = finding.requirement.settings.get("threat")
    eps = _epsilon(threat.get("eps")) if isinstance(threat, Mapping) else None
    at_least = finding.requirement.at_least
    required = None
    if eps is not None and 0 <= eps <= LARGEST_EPSILON and at_least is not None:
        required = (eps, at_least)
    return Exhibit(
        kind="curve",
        title="Robust accuracy vs. epsilon",
        caption=caption,
        panels=(Panel(picture=charts.curve(lines, required, alt=caption)),),
        table=_points(lines),
    )


def _epsilon(value: object) -> float | None:
    """The number of an epsilon as a policy writes it; None of anything else."""
    try:
        return parse_epsilon(value)
    except ValueError:
        return None


def _points(lines: Sequence[Line]) -> Table:
    """A line for each point; with the attack where there are several."""
    several = len({curve.attack for curve in lines}) > 1
    head = ("network", *(["attack"] if several else []), "eps", "accuracy", "proved", "images")
    rows = [
        (
            curve.name,
            *([curve.attack] if several else []),
            epsilon_text(p.eps),
            f"{p.accuracy:.4f}",
            NONE if p.certified is None else f"{p.certified:.4f}",
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
        (
            name,
            str(len(s)),
            *(f"{1000 * t:.4g}" for t in (min(s), statistics.median(s), max(s))),
        )
        for name, s in series
    )
    caption = "Every dot is one timing, spread for visibility; all series were timed in turn."
    return Exhibit(
        kind="times",
        title="Inference time",
        caption=caption,
        panels=(Panel(picture=charts.times(series, alt=caption)),),
        table=Table(head=("series", "timings", "least ms", "median ms", "most ms"), rows=rows),
    )


def _notices(_: Finding, evidence: StaticEvidence, __: ClassNames) -> Exhibit | None:
    if evidence.static is None:
        return None
    issues = evidence.static[:ENTRIES]
    rows = tuple(
        (
            place_of(n),
            line(n.severity, 20),
            f"{line(n.tool, 40)} {line(n.rule, 120)}",
            line(n.message, 400),
            line(n.advice, 400),
        )
        for n in issues
    )
    head = ("place", "severity", "rule", "what is wrong", "what to do")
    table = Table(head=head, rows=rows, prose=True) if rows else None
    caption = of_total(len(issues), len(evidence.static), "place")
    caption = caption if issues else "The tools found nothing."
    return Exhibit(kind="notices", title="Findings in the code", caption=caption, table=table)


def _checks(_: Finding, evidence: ServiceEvidence, __: ClassNames) -> Exhibit | None:
    """The checks of a service, those first that do not hold."""
    if not evidence.checks:
        return None
    ordered = sorted(evidence.checks, key=lambda one: one.holds)[:ENTRIES]
    rows = tuple(
        (line(c.name, 200), line(c.expected, 200), line(c.found, 200), "yes" if c.holds else "NO")
        for c in ordered
    )
    table = Table(head=("check", "expected", "found", "holds"), rows=rows, prose=True)
    caption = f"Asked: {line(evidence.subject, 200)}. "
    caption += of_total(len(ordered), len(evidence.checks), "check")
    return Exhibit(kind="checks", title="Checks of the service", caption=caption, table=table)


def _other(_: Finding, evidence: OtherEvidence, __: ClassNames) -> Exhibit | None:
    """Evidence of a measure of the user's own."""
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
        gallery.adversarial,
        gallery.broken_last,
        matrices.confusion,
    ),
    DefenceEvidence: (false_robustness.both_attacks, stages.table, false_robustness.falsely_robust),
    CertifiedEvidence: (smoothing.by_radius, classes.outcomes, classes.by_class),
    BackdoorEvidence: (classes.by_class, gallery.triggered, matrices.confusion),
    LatencyEvidence: (_times,),
    StaticEvidence: (_notices,),
    ServiceEvidence: (_checks,),
    SupplyChainEvidence: (supply_chain.checks,),
    ThreatEvidence: (coverage.uncovered,),
    OtherEvidence: (_other,),
}
