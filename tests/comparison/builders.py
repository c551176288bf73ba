"""Assessments of two made-up versions, image by image, without a network, and what they come to."""

from __future__ import annotations

import dataclasses
from typing import Any

from securemnist.comparison.change import Change
from securemnist.comparison.comparison import Comparison, compare
from securemnist.data import FILES, PINNED
from securemnist.results.assessment import Assessment
from securemnist.results.evidence.answers import BackdoorEvidence, CleanEvidence
from securemnist.results.findings import Finding, Measurement, Requirement
from tests.outcome_text import encoded, table
from tests.outcome_text import outcomes as outcomes_of

TODAY = "2026-11-21"
LABELS = "0123456789" * 1_000
STAGES = ["FGSM", "PGD-40"]
SETTINGS = {
    "attack": {"use": "PGD", "steps": 40},
    "threat": {"norm": "linf", "eps": 0.3},
    "images": len(LABELS),
}


def codes(broken: range, n: int = len(LABELS)) -> str:
    """Outcome codes in which the images of `broken` fall to the second stage."""
    return "".join("1" if place in broken else "." for place in range(n))


def robust(text: str, *, name: str = "ADV-03", **row: Any) -> Finding:
    """The finding of a robustness row whose images have these codes."""
    attempted = len(text) - text.count("?")
    value = (text.count(".") + text.count("c")) / attempted
    outcomes = table(LABELS[: len(text)], text, STAGES)
    return judged(name, "robust_accuracy", value, outcomes_of(outcomes), n=attempted, **row)


def read_as(text: str, measure: str = "clean_accuracy", **row: Any) -> Finding:
    """The finding of a clean row whose images are read as these."""
    labels = LABELS[: len(text)]
    right = [a == b for a, b in zip(labels, text, strict=True)]
    value = sum(right) / len(right)
    if measure == "worst_class_accuracy":
        value = min(
            sum(r for r, c in zip(right, labels, strict=True) if c == k) / labels.count(k)
            for k in "0123456789"
        )
    answers = {
        "order": f"all {len(text)}",
        "places": "",
        "labels": encoded(labels),
        "read": encoded(text),
    }
    settings = {"images": len(text)}
    worst = 0 if measure == "worst_class_accuracy" else None
    evidence = CleanEvidence.from_json({"answers": answers, "worst_class": worst})
    return judged("CLEAN-01", measure, value, evidence, settings=settings, **row)


def judged(
    name: str,
    measure: str,
    value: float,
    evidence: Any,
    *,
    n: int = len(LABELS),
    measured: dict[str, Any] | None = None,
    **row: Any,
) -> Finding:
    """A finding of this value; `measured` replaces fields of its measurement."""
    fields: dict[str, Any] = {"because": "of it", "at_least": 0.5, "settings": SETTINGS}
    if "at_most" in row:
        del fields["at_least"]
    requirement = Requirement(id=name, measure=measure, **{**fields, **row})
    values = {
        "value": value,
        "low": max(value - 0.01, 0.0),
        "high": min(value + 0.01, 1.0),
        "n": n,
        "complete": n == len(LABELS),
        "seconds": 1.0,
        "seed": 0,
        "survived": measure == "robust_accuracy",
        "evidence": evidence,
    }
    families = {"robust_accuracy": "adversarial", "latency_ratio": "latency"}
    families |= {
        "certified_accuracy": "certified",
        "static_findings": "static",
        "backdoor_success": "backdoor",
    }
    return requirement.judge(
        Measurement(**{**values, **(measured or {})}),
        claim="Images keep their class.",
        family=families.get(measure, "clean"),
    )


def assessment(*findings: Finding, digest: str = "old", **changes: Any) -> Assessment:
    """An assessment with these findings; `digest` is its model's."""
    fields: dict[str, Any] = {
        "subject": {
            "name": f"reader {digest}",
            "spec": f"{digest}.safetensors",
            "digest": digest * 16,
            "architecture": "A",
            "parameters": 1_199_882,
            "device": "cpu",
            "recipe": {"epochs": 5},
            "data": {"name": "MNIST", "digests": {name: PINNED[name] for name in FILES["test"]}},
        },
        "scope": {"tier": "standard", "markers": "", "keywords": "", "paths": []},
        "environment": {
            "python": "3.11",
            "platform": "Linux x86_64",
            "packages": {"securemnist": "0.1.0", "torch": "2.13.0", "semgrep": "1.150.0"},
            "processor": "AVX2",
            "commit": "4c1f0e9b7ad2",
        },
        "policy": {"path": "thresholds.toml", "digest": "71d0", "text": ""},
        "findings": tuple(findings),
        "day": TODAY,
    }
    return Assessment(**{**fields, **changes})


def changed(finding: Finding, **row: Any) -> Finding:
    """The same finding of a row that asks otherwise."""
    return dataclasses.replace(finding, requirement=dataclasses.replace(finding.requirement, **row))


def backdoor(steered: int, target: Any = 7, **row: Any) -> Finding:
    """A backdoor row in which the first images of other classes are read as 7 with the trigger."""
    done = 0
    text = []
    for label in LABELS:
        hit = label != "7" and done < steered
        done += hit
        text.append("7" if hit else label)
    labels = encoded(LABELS)
    answers = {"order": "all", "places": "", "labels": labels, "read": labels}
    answers["triggered"] = encoded("".join(text))
    evidence = BackdoorEvidence.from_json({"answers": answers})
    settings = {"target": target, "images": 10_000}
    fields = {"at_most": 0.5, "settings": settings, "measured": {"complete": False}, **row}
    return judged("BACKDOOR-01", "backdoor_success", steered / 9_000, evidence, **fields)


def latency(value: float) -> Finding:
    """A latency row of this ratio."""
    measured = {
        "low": value - 0.02,
        "high": value + 0.02,
        "unit": "ratio",
        "complete": False,
        "n": 21,
    }
    return judged("LAT-01", "latency_ratio", value, {}, at_most=3.0, settings={}, measured=measured)


OLD = robust(codes(range(700)))
SAME = robust(codes(range(2, 702)))
WORSE = robust(codes(range(900)))
BETTER = robust(codes(range(500)))


def compared(old: Finding, new: Finding, **options: Any) -> Comparison:
    """The comparison of two versions with one row each."""
    return compare(assessment(old), assessment(new, digest="new"), **{"today": TODAY, **options})


def change(old: Finding, new: Finding, **options: Any) -> Change:
    """The one change of two versions."""
    (one,) = compared(old, new, **options).changes
    return one
