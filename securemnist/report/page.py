"""The report as one self-contained HTML page: no script, no request, nothing executed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from securemnist.report.figures import not_recorded
from securemnist.report.rows import Row, rows
from securemnist.report.sections import sections
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Finding
from securemnist.sanitize import block, line
from securemnist.view import glossary, html, wording
from securemnist.view.count import counts

_TEMPLATES = Path(__file__).parent / "templates"
_ENTRIES = 300  # facts a list shows
_SHORT = 6  # rows that the verdict names at once; the list below it has all
_ALWAYS = ("threshold", "policy", "scope", "tier", "interval", "exit code", "eps", "linf", "waiver")
_CONTROL = "This model was made to be refused. A policy that lets it pass is blind to what ails it."


def render(assessment: Assessment, *, files: Collection[str] = ()) -> bytes:
    """The page; equal assessments give equal bytes. `files`: what lies beside it and can be linked."""
    return html.render(
        "page.html.j2",
        _TEMPLATES,
        subject=_subject(assessment.subject),
        headline=wording.headline(assessment),
        scope=wording.scope(assessment),
        complete=assessment.complete,
        exit_code=assessment.exit_code,
        day=line(assessment.day, 20),
        decided=line(assessment.decided, 20),
        comparison="compare.html" if "compare.html" in files else "",
        stamp=list(_stamp(assessment)),
        absent=not_recorded,
        **_sections(rows(assessment.findings, assessment.decided, files)),
        **_record(assessment),
    )


def _stamp(assessment: Assessment) -> Iterable[tuple[str, str]]:
    """When, on what and how long: what a reader asks first."""
    environment, policy = assessment.environment, assessment.policy
    commit = line(environment.get("commit") or "", 60)
    changed = ", with changes that are not committed" if commit.endswith("+") else ""
    yield "commit", f"{commit.removesuffix('+')[:12]}{changed}" if commit else "none recorded"
    yield "time", line(environment.get("time") or assessment.day, 40).replace("T", " ")
    seen = [finding.measurement for finding in assessment.findings if finding.measurement]
    seconds = sum(measured.seconds for measured in seen)
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
        "seeds": [(row.id, str(row.finding.requirement.seed), _seed(row.finding)) for row in rows],
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


def _record(assessment: Assessment) -> dict[str, Any]:
    """What it takes to repeat the assessment."""
    environment, policy = assessment.environment, assessment.policy
    facts = {k: v or "none recorded" for k, v in environment.items() if k != "packages"}
    return {
        "environment": _facts(facts),
        "packages": _facts(_mapping(environment.get("packages"))),
        "digests": _facts(_digests(assessment)),
        "recipe": _facts(_mapping(assessment.subject.get("recipe"))),
        "policy_path": line(policy.get("path", ""), 300),
        "policy_text": block(policy.get("text", "")),
    }


def _subject(subject: Mapping[str, Any]) -> Mapping[str, str]:
    """Name, what else identifies the model in one line, and what a reference model is for."""
    count, role = subject.get("parameters"), line(subject.get("about") or "", 200)
    data, architecture = _mapping(subject.get("data")), line(subject.get("architecture") or "", 80)
    parts = (
        architecture if len(architecture) > 2 else f"network {architecture}".strip(),
        f"{count:,} parameters" if isinstance(count, int) else "",
        f"on {line(data['name'], 40)}" if data.get("name") else "",
        f"measured on {line(subject['device'], 40)}" if subject.get("device") else "",
    )
    return {
        "name": line(subject.get("name") or "unnamed model", 80),
        "spec": line(subject.get("spec") or "", 160),
        "digest": line(subject.get("digest") or "", 80),
        "about": " · ".join(filter(None, parts)),
        "role": f"Reference model: {role}." if role else "",
        "control": _CONTROL if subject.get("red_control") is True else "",
    }


def _digests(assessment: Assessment) -> Mapping[str, Any]:
    data = _mapping(assessment.subject.get("data"))
    files = _mapping(data.get("digests"))
    return {
        "model, its structure and tensors": assessment.subject.get("digest") or "none recorded",
        "policy": assessment.policy.get("digest") or "none recorded",
        "data, test split": line(data.get("sha256") or "none recorded", 80),
        **{f"data, {name}": digest for name, digest in files.items()},
    }


def _seed(finding: Finding) -> str:
    return wording.NONE if finding.measurement is None else line(finding.measurement.seed, 40)


def _facts(mapping: Mapping[str, Any]) -> list[tuple[str, str]]:
    return list(_flat(mapping))[:_ENTRIES]


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
