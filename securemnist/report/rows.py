"""One finding as the page shows it: every text cleaned and cut, nothing left to compute."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from securemnist.report.details import Fact, facts
from securemnist.report.static_issues import first_places
from securemnist.results.findings import Doubt, Finding, describe
from securemnist.sanitize import line
from securemnist.view import requirement_text, taxonomy, wording
from securemnist.view.interval_bar import Gauge, gauge

_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")  # a row's id as the name of a file


@dataclass(frozen=True, kw_only=True)
class Identifier:
    """An entry of a public catalogue: its name and its official page, "" where they are unknown."""

    id: str
    name: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """What the templates read. `kind` is the verdict as a class of the style sheet.

    `protocol` is attack, threat and trigger in a few words. `files` are the files of its adversarial
    examples that lie beside the page.
    """

    anchor: str
    id: str
    kind: str
    symbol: str
    label: str
    waived: bool
    in_scope: bool
    claim: str
    protocol: str
    measure: str
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
    ids: tuple[Identifier, ...]
    files: tuple[Fact, ...]
    doubts: tuple[Doubt, ...]
    gauge: Gauge | None


def rows(findings: Iterable[Finding], day: str, files: Collection[str] = ()) -> list[Row]:
    """A row for each finding, with anchors that no two share. `files`: what lies beside the page."""
    taken: dict[str, int] = {}
    made = []
    for finding in findings:
        slug = re.sub(r"[^A-Za-z0-9_-]+", "-", finding.requirement.id[:60]).strip("-") or "row"
        taken[slug] = taken.get(slug, 0) + 1
        anchor = slug if taken[slug] == 1 else f"{slug}--{taken[slug]}"
        made.append(_row(finding, day, f"row-{anchor}", files))
    return made


def _row(finding: Finding, day: str, anchor: str, files: Collection[str]) -> Row:
    requirement, seen = finding.requirement, finding.measurement
    sign = {">=": "≥", "<=": "≤"}[requirement.relation]
    return Row(
        anchor=anchor,
        id=line(requirement.id, 60),
        kind=finding.verdict.value.lower().replace("_", "-"),
        symbol=wording.SYMBOLS[finding.verdict],
        label=finding.label,
        waived=finding.in_scope and finding.waived(day),
        in_scope=finding.in_scope,
        claim=requirement_text.claim(finding),
        protocol=_protocol(requirement.settings),
        measure=line(requirement.measure, 100),
        tier=line(requirement.tier, 20),
        value="" if seen is None else wording.number(seen.value, seen.unit),
        required=f"{sign} {requirement.threshold:g}",
        sentence=wording.sentence(finding),
        because=line(requirement.because, 1200),
        places=first_places(finding),
        next_step=wording.next_step(finding),
        waiver=wording.waiver(finding, day),
        replay=wording.repeat(finding),
        facts=tuple(facts(finding)),
        ids=tuple(
            Identifier(id=line(i, 40), name=taxonomy.name(i), url=taxonomy.url(i))
            for i in map(str, requirement.ids[:30])
        ),
        files=tuple(_files(requirement.id, files)),
        doubts=() if seen is None else tuple(_doubt(doubt) for doubt in seen.doubts[:20]),
        gauge=None if seen is None else gauge(requirement, seen),
    )


def _protocol(settings: Mapping[str, Any]) -> str:
    chosen = {key: settings[key] for key in ("attack", "threat", "trigger") if key in settings}
    try:
        return line(describe(chosen), 120)
    except (TypeError, ValueError):  # settings of another form than those of the bundled measures
        return ""


def _files(row: str, files: Collection[str]) -> Iterable[Fact]:
    """Label and name of the files of a row's adversarial examples."""
    for kind, label in (("png", "pictures (PNG)"), ("csv", "table (CSV)"), ("npz", "arrays (npz)")):
        if _FILE.fullmatch(row) and (name := f"adversarial/{row}.{kind}") in files:
            yield label, name


def _doubt(doubt: Doubt) -> Doubt:
    return Doubt(
        name=line(doubt.name, 80), reason=line(doubt.reason, 400), advice=line(doubt.advice, 400)
    )
