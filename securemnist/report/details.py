"""Facts of a row beside its sentence: its protocol, its evidence, how far proofs go, places in code."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from securemnist.report import certificate_text
from securemnist.results.evidence.answers import BackdoorEvidence
from securemnist.results.evidence.attack import AttackEvidence, BrokenWithin
from securemnist.results.evidence.latency import LatencyEvidence
from securemnist.results.evidence.service import ServiceEvidence
from securemnist.results.evidence.static import StaticEvidence, StaticIssue
from securemnist.results.evidence.supply_chain import SupplyChainEvidence, SupplyCheck
from securemnist.results.evidence.threats import ThreatEvidence
from securemnist.results.findings import Finding, Measurement
from securemnist.results.settings_text import describe
from securemnist.sanitize import line
from securemnist.view.class_names import NUMBERS, ClassNames
from securemnist.view.numbers import number
from securemnist.view.requirement_text import named

Fact = tuple[str, str]
FIRST = 3  # places of a static row, where there is no room for all


def facts(finding: Finding, names: ClassNames = NUMBERS) -> Iterable[Fact]:
    """The protocol and the evidence, in the order of reading."""
    requirement, measurement = finding.requirement, finding.measurement
    how = line(describe(named(requirement, names).settings), 600)
    measure = line(requirement.measure, 100)
    if finding.claim:
        yield "the suite's claim", line(finding.claim, 300)
    yield "measured by", f"{measure}: {how}" if how else measure
    if measurement is None:
        return
    if measurement.unit == "count" or not measurement.has_interval:
        yield "counted over", f"n = {measurement.n:,}"
    else:
        yield "95 % interval", _interval(measurement)
    if measurement.certified is not None:
        low = measurement.certified_low
        bound = "" if low is None else f", lower bound {low:.4f}"
        yield "proved", f"{measurement.certified:.4f}{bound}"
    if ends := certificate_text.description(measurement.evidence):
        yield "where proofs end", ends
    yield from _extras(measurement, names)
    yield "seed, time", f"{line(measurement.seed, 40)}, {number(measurement.seconds, '')} s"


def _interval(measurement: Measurement) -> str:
    n, ends = measurement.n, (measurement.low, measurement.high)
    low, high = (number(end, measurement.unit) for end in ends)
    if measurement.unit != "share":
        return f"{low} to {high}, n = {n:,}"
    if measurement.complete:
        return f"{low} to {high} for new images; n = {n:,}, the complete set: the count decides"
    return f"{low} to {high}; n = {n:,}, a sample: the bound decides"


def _extras(measurement: Measurement, names: ClassNames) -> Iterable[Fact]:
    if measurement.sensitivity:
        yield "sensitivity", measurement.sensitivity
    if measurement.settled:
        yield "gradients", measurement.settled
    if measurement.stopped:
        yield "ended early", "the verdict was certain; later stages can only lower the number"
    evidence = measurement.evidence
    if isinstance(evidence, AttackEvidence) and evidence.norms:
        yield "broken within", _by_threat(evidence.norms, measurement.n)
    if isinstance(evidence, AttackEvidence) and (examples := evidence.adversarial_examples):
        digest = f"SHA-256 {line(examples.sha256, 64)}"
        yield "adversarial examples", f"{examples.images} in {line(examples.file, 100)}, {digest}"
    elif isinstance(evidence, BackdoorEvidence):
        yield from _of_backdoor(evidence, names)
    elif isinstance(evidence, LatencyEvidence):
        yield from _numbers(("microseconds an image", evidence.microseconds_per_image))
        if published := _published(evidence):
            yield "published elsewhere", published
    elif isinstance(evidence, StaticEvidence):
        yield from _of_static(evidence)


def _by_threat(norms: Sequence[BrokenWithin], n: int) -> str:
    """`linf 0.1: 12 (6.0 %), l2 1: 3 (1.5 %)`; each threat met what the ones before it left."""
    parts = (
        f"{line(one.threat, 40)}: {one.images:,} ({100 * one.images / n:.1f} %)" for one in norms
    )
    return f"{', '.join(parts)}; each threat met the images that those before it left"


def _numbers(*named: tuple[str, float | None]) -> Iterable[Fact]:
    for name, value in named:
        if value is not None:
            yield name, f"{value:,.6g}"


def _of_backdoor(evidence: BackdoorEvidence, names: ClassNames) -> Iterable[Fact]:
    lift = ("lift over the control", evidence.lift)
    yield from _numbers(("control, clean models", evidence.control), lift)
    if evidence.trigger:
        yield "trigger", line(", ".join(f"{k} {v}" for k, v in evidence.trigger.items()), 200)
    if evidence.source is not None:
        yield "worst pair", f"{names[evidence.source]} to {names[evidence.target]}"
    elif evidence.per_target_asr is not None:
        yield f"worst of {len(evidence.per_target_asr):,} targets", names[evidence.target]


def _of_static(evidence: StaticEvidence) -> Iterable[Fact]:
    accepted = ("accepted by the baseline", evidence.accepted)
    yield from _numbers(("files scanned", evidence.files_scanned), accepted)
    if evidence.stale_baseline:
        detail = f"{len(evidence.stale_baseline):,}; write it again with securemnist accept"
        yield "stale in the baseline", detail
    if evidence.excluded is not None:
        yield "excluded", line(", ".join(evidence.excluded[:100]) or "nothing", 400)


def _published(evidence: LatencyEvidence) -> str:
    """Microseconds an image that the source systems report: to look at, not to compare with."""
    if not evidence.published:
        return ""
    detail = ", ".join(
        f"system {line(entry.system, 20)} {entry.microseconds:g} us"
        f"{'' if entry.batch is None else f' (batch {entry.batch:,})'}"
        for entry in evidence.published
    )
    return f"{detail}: single runs on other machines, information and no comparison"


def place_of(issue: StaticIssue) -> str:
    """`file:line`."""
    return f"{line(issue.file, 200)}:{issue.line}"


def first_places(finding: Finding) -> tuple[str, ...]:
    """What is wrong where, at most FIRST of them, and how many more there are.

    Places in source code, checks of a service or of the supply chain, or threats without a row.
    """
    evidence = finding.evidence
    if finding.passed:
        return ()
    wrong: list[str] = []
    if isinstance(evidence, StaticEvidence):
        wrong = [f"{place_of(n)}: {line(n.message, 400)}" for n in evidence.static or ()]
    elif isinstance(evidence, ServiceEvidence | SupplyChainEvidence):
        for one in evidence.checks or ():
            if not one.holds:
                place = f" ({one.place})" if isinstance(one, SupplyCheck) else ""
                wrong.append(f"{one.name}{place}: expected {one.expected}, got {one.found}")
    elif isinstance(evidence, ThreatEvidence):
        wrong = [f"{n.id}: {n.title}" for n in evidence.threats or ()]
    detail = [line(text, 160) for text in wrong[:FIRST]]
    if len(wrong) > FIRST:
        detail.append(f"and {len(wrong) - FIRST:,} more")
    return tuple(detail)


def flattened(mapping: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Names and values of a stored mapping; a mapping inside becomes `outer inner`."""
    for key, value in mapping.items():
        name = line(f"{prefix}{key}", 100)
        if isinstance(value, Mapping):
            yield from flattened(value, f"{name} ")
        elif isinstance(value, str):
            yield name, line(value, 400)
        elif value is not None:
            yield name, line(json.dumps(value, default=str, ensure_ascii=False), 400)
