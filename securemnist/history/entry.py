"""Entry: what the record keeps of an assessment or of a benchmark run."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from securemnist._util.hashing import sha256_of_value
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Finding


def of_assessment(made: Assessment) -> dict[str, Any]:
    """Commit, model, exit code, and verdict, value and threshold of every row in scope."""
    return {
        "kind": "assessment",
        "time": _now(),
        "day": made.day,
        "commit": made.environment.get("commit", ""),
        "model": made.subject.get("name", ""),
        "digest": made.subject.get("digest", ""),
        "policy": made.policy.get("digest", ""),
        "exit_code": made.exit_code,
        "waived_through": made.waived_through,
        "complete": made.complete,  # whether every row of the policy was in scope
        "rows": {f.requirement.id: _row(f, made.subject) for f in made.findings if f.in_scope},
    }


def _row(finding: Finding, subject: Mapping[str, Any]) -> dict[str, Any]:
    """What one row came to; `asked` is the same for as long as the numbers may be put on one line."""
    row, seen = finding.requirement, finding.measurement
    data = subject.get("data")
    digests = data.get("digests") if isinstance(data, Mapping) else None
    return {
        "measure": row.measure,
        "asked": sha256_of_value([row.measure, dict(row.settings), row.tier, row.seed, digests])[
            :16
        ],
        "relation": row.relation,
        "threshold": row.threshold,
        "verdict": str(finding.verdict),
        "value": None if seen is None else seen.value,
        "low": None if seen is None else seen.low,
        "high": None if seen is None else seen.high,
    }


def of_bench(figures: Mapping[str, float], commit: str) -> dict[str, Any]:
    """Seconds by name, and the commit that took them."""
    return {"kind": "bench", "time": _now(), "commit": commit, "figures": dict(figures)}


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
