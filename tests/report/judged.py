"""Rows, measurements and judgements that the example is put together from."""

from __future__ import annotations

from typing import Any

from securemnist.results.findings import Finding, Measurement, Requirement


def measured(value: float, n: int = 10_000, **more: Any) -> Measurement:
    """A measurement of a share with a plausible interval."""
    half = 1.96 * (max(value * (1 - value), 1e-4) / n) ** 0.5
    fields: dict[str, Any] = {
        "value": value,
        "low": round(max(value - half, 0.0), 4),
        "high": round(min(value + half, 1.0), 4),
        "n": n,
        "complete": n == 10_000,
        "seconds": 12.4,
        "seed": 20_261_121,
    }
    return Measurement(**{**fields, **more})


def row(name: str, measure: str, **more: Any) -> Requirement:
    """A requirement with a reason."""
    return Requirement(
        **{"id": name, "measure": measure, "because": "a release may not fall behind", **more}
    )


def finding(requirement: Requirement, measurement: Measurement, claim: str, family: str) -> Finding:
    """The judgement, with a replay command."""
    judged = requirement.judge(measurement, claim=claim, family=family)
    return with_replay(judged)


def with_replay(judged: Finding) -> Finding:
    """The same with the command that repeats it."""
    name = judged.requirement.id
    command = f"securemnist assess --model postbox.models:reader -k {name} --seed 20261121"
    return Finding(**{**judged.__dict__, "replay": command})
