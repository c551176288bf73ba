"""Entries of the record: one assessment or one benchmark run each."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any

from securemnist._util.hashing import sha256_of_value
from securemnist.input_spec import MNIST
from securemnist.project import code_digests, imports
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Finding
from securemnist.results.json_model import table

_TO_THE_SECOND = len("2026-11-29T14:00:00")
_TIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d)?", re.ASCII)


def assessment_entry(assessment: Assessment) -> dict[str, Any]:
    """Commit, model, exit code, and verdict, value and threshold of every row in scope.

    `made`: when it was made; `time`: when it was recorded.
    """
    return {
        "kind": "assessment",
        "time": _now(),
        "made": assessment.made,
        "day": assessment.day,
        "commit": assessment.environment.get("commit", ""),
        "model": assessment.subject.get("name", ""),
        "digest": assessment.subject.get("digest", ""),
        "policy": assessment.policy.get("digest", ""),
        "exit_code": assessment.exit_code,
        "waived_through": assessment.waived_through,
        "complete": assessment.complete,  # whether every row of the policy was in scope
        "rows": {f.requirement.id: _row(f, assessment) for f in assessment.findings_in_scope},
    }


def _row(finding: Finding, assessment: Assessment) -> dict[str, Any]:
    """Result of one row; numbers with equal `asked` are comparable and share a line in the chart."""
    row, measurement = finding.requirement, finding.measurement
    data = table(assessment.subject.get("data"))
    asked = [row.measure, dict(row.settings), row.tier, row.seed, data.get("digests")]
    if (spec := data.get("spec")) not in (None, MNIST.to_json()):  # entries without one are MNIST's
        asked.append(spec)
    names, code = imports.named_in(row.measure, row.settings), assessment.environment.get("code")
    if own := [code_digests.of_name(name, table(code)) for name in names.values()]:
        asked.append({"code": own})
    if measurement is not None and measurement.inputs:
        asked.append(dict(measurement.inputs))
    if measurement is not None and measurement.survived and (limits := data.get("calibration")):
        asked.append({"calibration": limits})
    return {
        "measure": row.measure,
        "asked": sha256_of_value(asked)[:16],
        "relation": row.relation,
        "threshold": row.threshold,
        "verdict": str(finding.verdict),
        **{key: getattr(measurement, key, None) for key in ("value", "low", "high")},
    }


def benchmark_entry(figures: Mapping[str, float], commit: str) -> dict[str, Any]:
    """Seconds by name, and the commit they were measured on."""
    return {"kind": "bench", "time": _now(), "commit": commit, "figures": dict(figures)}


def when(entry: Mapping[str, Any]) -> str:
    """When what is recorded was made, in UTC to the second; "" where the entry has no valid time.

    Nothing is made after it was recorded. Older entries have a day; the day is the one of recording, or
    earlier.
    """
    recorded = str(entry.get("time", ""))[:_TO_THE_SECOND]
    for text in (entry.get("made"), entry.get("day")):
        made = str(text)[:_TO_THE_SECOND]
        if _TIME.fullmatch(made) and not recorded.startswith(made):
            return min(made, recorded) if _TIME.fullmatch(recorded) else made
    return recorded if _TIME.fullmatch(recorded) else ""


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
