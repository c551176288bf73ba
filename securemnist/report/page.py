"""The report as one self-contained HTML page: no script, no request, nothing executed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from securemnist.report.details import first_places
from securemnist.report.figures import not_recorded
from securemnist.report.rows import Row, protocol, rows
from securemnist.report.sections import sections
from securemnist.results.assessment import Assessment
from securemnist.sanitize import line
from securemnist.view import glossary, html, wording
from securemnist.view.count import counts
from securemnist.view.interval_bar import of_measurement

_TEMPLATES = Path(__file__).parent / "templates"
_ENTRIES = 300  # facts a list shows
_SHORT = 6  # rows that the verdict names at once; the list below it has all
_ALWAYS = ("threshold", "policy", "scope", "tier", "interval", "exit code", "eps", "linf", "waiver")


def render(assessment: Assessment, *, files: Collection[str] = ()) -> bytes:
    """The page; equal assessments give equal bytes. `files`: what lies beside it and can be linked."""
    environment = assessment.environment
    return html.render(
        "page.html.j2",
        _TEMPLATES,
        assessment=assessment,
        subject=assessment.subject,
        headline=wording.headline(assessment),
        about=_about(assessment.subject),
        comparison="compare.html" if "compare.html" in files else "",
        stamp=list(_stamp(assessment)),
        absent=not_recorded,
        bar=of_measurement,
        places=first_places,
        protocol=protocol,
        digests=_digests(assessment),
        facts=_facts,
        environment={k: v or "none recorded" for k, v in environment.items() if k != "packages"},
        **_sections(rows(assessment.findings, assessment.decided, files)),
    )


def _stamp(assessment: Assessment) -> Iterable[tuple[str, str]]:
    """When, on what and how long: what a reader asks first."""
    environment, policy = assessment.environment, assessment.policy
    commit = line(environment.get("commit") or "", 60)
    changed = ", with changes that are not committed" if commit.endswith("+") else ""
    yield "commit", f"{commit.removesuffix('+')[:12]}{changed}" if commit else "none recorded"
    yield "time", line(environment.get("time") or assessment.day, 40).replace("T", " ")
    seconds = sum(f.measurement.seconds for f in assessment.findings if f.measurement)
    yield "measured for", f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    digest = line(policy.get("digest") or "", 80)
    path = line(policy.get("path") or "a policy without a name", 80)
    yield "policy", f"{path} ({digest[:7]})" if digest else path


def _sections(rows: Sequence[Row]) -> dict[str, Any]:
    """The rows: those in the way, those waived, all by family, those out of scope."""
    inside = [row for row in rows if row.finding.in_scope]
    ranked = sorted(rows, key=lambda row: wording.SEVERITY.index(row.finding.verdict))
    return {
        "counts": counts((row.finding.verdict for row in inside), wording.SYMBOLS),
        "short": _SHORT,
        "blocking": [
            r for r in ranked if r.finding.in_scope and not r.finding.passed and not r.waived
        ],
        "excused": [row for row in ranked if row.waived],
        "families": sections(rows),
        "glossary": list(glossary.entries(_terms(rows))),
        "outside": [row for row in rows if not row.finding.in_scope],
        "rows": rows,
    }


def _terms(rows: Iterable[Row]) -> str:
    """The product's own words on the page, for its glossary; no text from outside."""
    terms = list(_ALWAYS)
    for row in rows:
        terms += [row.finding.label, line(row.finding.requirement.tier, 20), row.measure]
        terms += [name for name, _ in row.facts]
        if row.finding.measurement is not None:
            terms += [line(doubt.name, 80) for doubt in row.finding.measurement.doubts[:20]]
    return " ".join(terms)


def _about(subject: Mapping[str, Any]) -> str:
    """What identifies the model beside its name, in one line."""
    count, data = subject.get("parameters"), _mapping(subject.get("data"))
    architecture = line(subject.get("architecture") or "", 80)
    parts = (
        architecture if len(architecture) > 2 else f"network {architecture}".strip(),
        f"{count:,} parameters" if isinstance(count, int) else "",
        f"on {line(data['name'], 40)}" if data.get("name") else "",
        f"measured on {line(subject['device'], 40)}" if subject.get("device") else "",
    )
    return " · ".join(filter(None, parts))


def _digests(assessment: Assessment) -> Mapping[str, Any]:
    data = _mapping(assessment.subject.get("data"))
    files = _mapping(data.get("digests"))
    return {
        "model, its structure and tensors": assessment.subject.get("digest") or "none recorded",
        "policy": assessment.policy.get("digest") or "none recorded",
        "data, test split": line(data.get("sha256") or "none recorded", 80),
        **{f"data, {name}": digest for name, digest in files.items()},
    }


def _facts(value: Any) -> list[tuple[str, str]]:
    """Names and values of a stored mapping; none of another value."""
    return list(_flat(_mapping(value)))[:_ENTRIES]


def _flat(mapping: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Names and values; a mapping inside becomes `outer inner`."""
    for key, value in mapping.items():
        name = line(f"{prefix}{key}", 100)
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name} ")
        elif isinstance(value, str):
            yield name, line(value, 400)
        elif value is not None:
            yield name, line(json.dumps(value, default=str, ensure_ascii=False), 400)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
