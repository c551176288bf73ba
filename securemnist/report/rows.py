"""One finding as the page shows it: what the templates do not take from the finding itself."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from securemnist.report.details import Fact, facts
from securemnist.results.findings import Finding
from securemnist.results.settings_text import describe
from securemnist.sanitize import line
from securemnist.view import requirement_text, waiver_text
from securemnist.view.class_names import NUMBERS, ClassNames

_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")  # a row's id as the name of a file


@dataclass(frozen=True, kw_only=True)
class Row:
    """A finding with its anchor and with texts that are cleaned and cut.

    `files` are the files of its adversarial examples that lie beside the page.
    """

    finding: Finding
    anchor: str
    id: str
    waived: bool
    claim: str
    measure: str
    waiver: str
    facts: tuple[Fact, ...]
    files: tuple[Fact, ...]


def rows(
    findings: Iterable[Finding],
    day: str,
    files: Collection[str] = (),
    names: ClassNames = NUMBERS,
) -> list[Row]:
    """A row for each finding, with anchors that no two share. `files`: what lies beside the page."""
    taken: dict[str, int] = {}
    rows = []
    for finding in findings:
        slug = re.sub(r"[^A-Za-z0-9_-]+", "-", finding.requirement.id[:60]).strip("-") or "row"
        taken[slug] = taken.get(slug, 0) + 1
        anchor = slug if taken[slug] == 1 else f"{slug}.{taken[slug]}"  # no slug has a point
        rows.append(_row(finding, day, f"row-{anchor}", files, names))
    return rows


def _row(finding: Finding, day: str, anchor: str, files: Collection[str], names: ClassNames) -> Row:
    requirement = finding.requirement
    return Row(
        finding=finding,
        anchor=anchor,
        id=line(requirement.id, 60),
        waived=finding.in_scope and finding.waived(day),
        claim=requirement_text.claim(finding, names),
        measure=line(requirement.measure, 100),
        waiver=waiver_text.effect(finding, day),
        facts=tuple(facts(finding, names)),
        files=tuple(_files(requirement.id, files)),
    )


def protocol(finding: Finding) -> str:
    """Attack, threat and trigger in a few words."""
    shown = ("attack", "threat", "threats", "trigger")
    chosen = {key: value for key, value in finding.requirement.settings.items() if key in shown}
    try:
        return line(describe(chosen), 120)
    except (TypeError, ValueError):  # settings of another form than those of the bundled measures
        return ""


def _files(row: str, files: Collection[str]) -> Iterable[Fact]:
    for kind, label in (("png", "pictures (PNG)"), ("csv", "table (CSV)"), ("npz", "arrays (npz)")):
        if _FILE.fullmatch(row) and (name := f"adversarial/{row}.{kind}") in files:
            yield label, name
