"""The model as a component of a CycloneDX document, with its model card."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from securemnist.errors import DataError
from securemnist.exports.bom_components import TEST_DATA, TRAINING_DATA
from securemnist.exports.bom_parts import digest, files, flattened, props
from securemnist.exports.measured import limits, measured, name, not_measured, settings, slices
from securemnist.input_spec import InputSpec
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Finding
from securemnist.results.json_model import table
from securemnist.results.verdicts import Verdict
from securemnist.sanitize import sentence
from securemnist.view import waiver_text, wording
from securemnist.view.class_names import ClassNames
from securemnist.view.numbers import plural
from securemnist.view.requirement_text import claim

MODEL = "model"


def component(assessment: Assessment) -> dict[str, Any]:
    """The model: digest, files, architecture, recipe, and what was measured of it."""
    subject = assessment.subject
    remote = subject.get("architecture") == "endpoint"
    of = "the description of the endpoint" if remote else "structure and tensors of the model"
    digested = digest(subject.get("digest"), of)
    entries = props({key: subject.get(key) for key in ("spec", "parameters", "device", "about")})
    recipe = flattened(subject.get("recipe") or {}, "recipe")
    parts = files(subject.get("files"), "model:file", "a file of the model")
    return {
        "type": "machine-learning-model",
        "bom-ref": MODEL,
        "name": name(subject.get("name"), "unnamed model"),
        **digested,
        **({"components": parts} if parts else {}),
        "modelCard": _card(assessment),
        "properties": [*digested.get("properties", ()), *entries, *recipe],
    }


def _card(assessment: Assessment) -> dict[str, Any]:
    names = ClassNames.of(assessment.subject)
    metrics = [one for finding in assessment.findings for one in _metrics(finding, names)]
    return {
        "bom-ref": "model:card",
        "modelParameters": _parameters(assessment),
        "quantitativeAnalysis": {"performanceMetrics": metrics},
        "considerations": {"technicalLimitations": list(_limitations(assessment, names))},
        "properties": [
            one for f in assessment.findings for one in _requirement(f, assessment.decided, names)
        ],
    }


def _parameters(assessment: Assessment) -> dict[str, Any]:
    subject = assessment.subject
    data = table(subject.get("data"))
    known = {TEST_DATA: data, TRAINING_DATA: table(subject.get("trained_on"))}
    entry: dict[str, Any] = {"task": "image classification"}
    if subject.get("architecture"):
        entry["modelArchitecture"] = sentence(subject["architecture"], 200)
    if any(known.values()):
        entry["datasets"] = [{"ref": ref} for ref, one in known.items() if one]
    with contextlib.suppress(DataError):  # a malformed specification
        if spec := data.get("spec") and InputSpec.from_json(data["spec"]):
            shape = "x".join(map(str, spec.shape))
            entry["inputs"] = [{"format": f"images {shape}, values in [0, 1]"}]
            entry["outputs"] = [{"format": f"logits of {spec.classes:,} classes"}]
    return entry


def _metrics(finding: Finding, names: ClassNames) -> Iterator[dict[str, Any]]:
    found = measured(finding)
    if found is None:
        return
    measure = name(finding.requirement.measure, "unnamed measure", 120)
    row = f"row {sentence(finding.requirement.id, 64)}"
    mark = "" if finding.verdict is not Verdict.INCONCLUSIVE else " (INCONCLUSIVE)"
    whole = "; ".join(filter(None, (f"{row}{mark}", settings(finding))))
    yield _metric(measure, whole, found.value, found.low, found.high)
    if found.certified is not None:
        yield _metric(f"{measure}: certified", whole, found.certified, found.certified_low)
    for one in slices(finding, names):
        samples = f", {plural(one.n, 'sample')}" if one.n else ""
        where = f"{row}{mark}, {one.name}{samples}"
        yield _metric(one.measure, where, one.value, one.low, one.high)


def _metric(
    kind: str, where: str, value: float, low: float | None = None, high: float | None = None
) -> dict[str, Any]:
    bounds = {"lowerBound": low, "upperBound": high}
    known = {name: _number(bound) for name, bound in bounds.items() if bound is not None}
    interval = {"confidenceInterval": known} if known else {}
    return {"type": kind, "value": _number(value), "slice": where, **interval}


def _number(value: float) -> str:
    """The shortest decimal text of ten significant digits."""
    return f"{value:.10g}"


def _limitations(assessment: Assessment, names: ClassNames) -> Iterator[str]:
    """The whole verdict, then what each number does not say, then what was not measured."""
    head = wording.headline(assessment)
    yield f"{head.answer}: {head.why}. Scope: {wording.scope(assessment)}."
    if assessment.interrupted:
        yield "The run was interrupted: the rows after that were not measured."
    for finding in assessment.findings:
        row = sentence(finding.requirement.id, 64)
        for text in limits(finding):
            yield f"{row}: {text}"
    for finding in assessment.findings:
        if measured(finding) is None:
            row = sentence(finding.requirement.id, 64)
            text = claim(finding, names).removesuffix(".")
            yield f"Not measured: {row} ({text}): {not_measured(finding)}"


def _requirement(finding: Finding, day: str, names: ClassNames) -> Iterator[dict[str, str]]:
    row, found = finding.requirement, measured(finding)
    entries = {
        "verdict": str(finding.verdict) if finding.in_scope else f"{finding.verdict}, out of scope",
        "carried-by": finding.carried_by,
        "measure": row.measure,
        "required": f"{row.relation} {row.threshold:g}",
        "claim": claim(finding, names),
        "settings": settings(finding, 1_000),
        "because": row.because,
        "measured": "true" if found is not None else "false",
        "samples": "" if found is None else f"{found.n}",
        "complete-set": "" if found is None else str(found.complete).lower(),
        "unit": "" if found is None else found.unit,
        "reason": finding.reason,
        "waiver": waiver_text.effect(finding, day),
        "identifiers": ", ".join(row.ids),
    }
    own = sentence(row.id, 64)
    yield from props({f"row:{own}:{key}": value for key, value in entries.items()})
