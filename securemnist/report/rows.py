"""One finding as the page shows it: every text cleaned and cut, nothing left to compute."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from securemnist.findings import Doubt, Finding, Measurement, describe
from securemnist.report import taxonomy, words
from securemnist.report.evidence import quantity
from securemnist.report.gauge import Gauge, gauge
from securemnist.report.places import first_places
from securemnist.report.text import line

Fact = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What the templates read. `kind` is the verdict as a class of the style sheet."""

    anchor: str
    id: str
    kind: str
    symbol: str
    label: str
    waived: bool
    in_scope: bool
    claim: str
    measure: str
    how: str
    tier: str
    value: str
    required: str
    sentence: str
    because: str
    places: tuple[str, ...]
    next_step: str
    waiver: str
    replay: str
    facts: tuple[Fact, ...]
    ids: tuple[Fact, ...]
    doubts: tuple[Doubt, ...]
    gauge: Gauge | None


def rows(findings: Iterable[Finding], day: str) -> list[Row]:
    """A row for each finding, with anchors that no two share."""
    taken: dict[str, int] = {}
    made = []
    for finding in findings:
        slug = re.sub(r"[^A-Za-z0-9_-]+", "-", finding.requirement.id[:60]).strip("-") or "row"
        taken[slug] = taken.get(slug, 0) + 1
        anchor = slug if taken[slug] == 1 else f"{slug}--{taken[slug]}"
        made.append(_row(finding, day, f"row-{anchor}"))
    return made


def _row(finding: Finding, day: str, anchor: str) -> Row:
    requirement, seen = finding.requirement, finding.measurement
    sign = {">=": "≥", "<=": "≤"}[requirement.relation]
    return Row(
        anchor=anchor,
        id=line(requirement.id, 60),
        kind=finding.verdict.value.lower().replace("_", "-"),
        symbol=words.SYMBOLS[finding.verdict],
        label=finding.label,
        waived=finding.in_scope and finding.waived(day),
        in_scope=finding.in_scope,
        claim=line(finding.claim, 300) or line(requirement.measure, 100).replace("_", " "),
        measure=line(requirement.measure, 100),
        how=line(describe(requirement.settings), 160),
        tier=line(requirement.tier, 20),
        value="" if seen is None else words.number(seen.value, seen.unit),
        required=f"{sign} {requirement.threshold:g}",
        sentence=words.sentence(finding),
        because=line(requirement.because, 1200),
        places=first_places(finding),
        next_step=words.next_step(finding),
        waiver=words.waiver(finding, day),
        replay=line(finding.replay, 600),
        facts=tuple(_facts(finding)),
        ids=tuple((line(i, 40), taxonomy.name(i)) for i in map(str, requirement.ids[:30])),
        doubts=() if seen is None else tuple(_doubt(doubt) for doubt in seen.doubts[:20]),
        gauge=None if seen is None else gauge(requirement, seen),
    )


def _facts(finding: Finding) -> Iterable[Fact]:
    """How it was measured and what was seen, in the order of reading."""
    requirement, seen = finding.requirement, finding.measurement
    how = line(describe(requirement.settings), 600)
    measure = line(requirement.measure, 100)
    yield "measured by", f"{measure}: {how}" if how else measure
    if seen is None:
        return
    if seen.unit == "count":
        yield "counted over", f"n = {seen.n:,}"
    else:
        yield "95 % interval", _interval(seen)
    if seen.certified is not None:
        low = "" if seen.certified_low is None else f", lower bound {seen.certified_low:.4f}"
        yield "proved", f"{seen.certified:.4f}{low}"
    yield from _extras(seen)
    yield "seed, time", f"{line(seen.seed, 40)}, {words.number(seen.seconds, '')} s"


def _interval(seen: Measurement) -> str:
    low, high = words.number(seen.low, seen.unit), words.number(seen.high, seen.unit)
    if seen.unit != "share":
        return f"{low} to {high}, n = {seen.n:,}"
    if seen.complete:
        return (
            f"{low} to {high} for new digits; n = {seen.n:,}, the complete set: the count decides"
        )
    return f"{low} to {high}; n = {seen.n:,}, a sample: the bound decides"


def _extras(seen: Measurement) -> Iterable[Fact]:
    """Facts that only some measures leave behind."""
    if seen.sensitivity:
        yield "sensitivity", seen.sensitivity
    for key, name in (
        ("control", "control, clean models"),
        ("lift", "lift over the control"),
        ("microseconds_per_image", "microseconds an image"),
        ("files_scanned", "files scanned"),
        ("accepted", "accepted by the baseline"),
    ):
        if (number := quantity(seen.evidence, key)) is not None:
            yield name, f"{number:,.6g}"
    trigger = seen.evidence.get("trigger")
    if isinstance(trigger, Mapping):
        yield "trigger", line(", ".join(f"{key} {value}" for key, value in trigger.items()), 200)
    stale = seen.evidence.get("stale_baseline")
    if isinstance(stale, list | tuple) and stale:
        yield "stale in the baseline", f"{len(stale):,}; write it again with securemnist accept"
    excluded = seen.evidence.get("excluded")
    if isinstance(excluded, list | tuple):
        yield "excluded", line(", ".join(map(str, excluded[:100])) or "nothing", 400)


def _doubt(doubt: Doubt) -> Doubt:
    return Doubt(
        name=line(doubt.name, 80), reason=line(doubt.reason, 400), advice=line(doubt.advice, 400)
    )
