"""Front matter of a model card: tags, data, metrics and `model-index`, in YAML.

The form is that of Hugging Face: https://github.com/huggingface/hub-docs/blob/main/modelcard.md
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from securemnist.exports.measured import complete, measured, name, settings
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Finding
from securemnist.results.json_model import table
from securemnist.results.measurement import Measurement
from securemnist.sanitize import sentence
from securemnist.view import wording

_TAGS = ("image-classification", "security-assessment", "securemnist")
_NAMES = {"clean_accuracy": "accuracy"}  # what the catalogue of metrics calls it
# Neither signs that an identifier has not, nor two of those that it has, in a row.
_SLUG = re.compile(r"[^a-z0-9]*[^a-z0-9._-][^a-z0-9]*|[._-]{2,}")
_LONGEST_ID = 96


def front_matter(assessment: Assessment, without: frozenset[str] = frozenset()) -> str:
    """The YAML lines; a key of `without` is left out. A key without a value is left out, too."""
    results = _results(assessment)
    trained = table(assessment.subject.get("trained_on"))
    model = name(assessment.subject.get("name"), "unnamed model")
    entries = {
        "tags": list(_TAGS),
        "datasets": [slug(trained["name"])] if trained.get("name") else [],
        "metrics": sorted({one["type"] for result in results for one in result["metrics"]}),
        "security_assessment": _whole(assessment),
        "model-index": [{"name": model, "results": results}] if results else [],
    }
    kept = {key: value for key, value in entries.items() if value and key not in without}
    return "".join(f"{text}\n" for text in _yaml(kept))


def _whole(assessment: Assessment) -> dict[str, Any]:
    """The verdict of the whole run, and whether all rows of the policy were measured."""
    return {
        "verdict": wording.headline(assessment).answer,
        "exit_code": assessment.exit_code,
        "complete": complete(assessment),
        "interrupted": assessment.interrupted,
        "day": sentence(assessment.day, 20),
    }


def slug(title: object) -> str:
    """An identifier of a data set: `my-data` of `My data`."""
    return _SLUG.sub("-", sentence(title, 200).lower())[:_LONGEST_ID].strip("-._") or "unnamed"


def _results(assessment: Assessment) -> list[dict[str, Any]]:
    """One entry with the shares of the test split; [] where none was measured."""
    pairs = [(finding, measured(finding)) for finding in assessment.findings]
    metrics = [_metric(f, m) for f, m in pairs if m is not None and m.unit == "share"]
    data = table(assessment.subject.get("data"))
    of = name(data.get("name"), "unnamed data")
    digest = {"args": {"sha256": sentence(data["sha256"], 100)}} if data.get("sha256") else {}
    entry = {
        "task": {"type": "image-classification", "name": "Image classification"},
        "dataset": {"type": slug(of), "name": of, "split": "test", **digest},
        "metrics": metrics,
    }
    return [entry] if metrics else []


def _metric(finding: Finding, found: Measurement) -> dict[str, Any]:
    row = finding.requirement
    measure = name(row.measure, "unnamed measure", 120)
    words = "; ".join(filter(None, (measure.replace("_", " "), settings(finding, 200))))
    args = {
        "row": sentence(row.id, 64),
        "verdict": str(finding.verdict),
        "required": f"{row.relation} {row.threshold:g}",
        "low": found.low,
        "high": found.high,
        "samples": found.n,
    }
    return {
        "type": _NAMES.get(measure, measure),
        "value": found.value,
        "name": f"{sentence(row.id, 64)}: {words} ({finding.verdict}, required {wording.required(row)})",
        "args": args,
        "verified": False,
    }


def _yaml(value: Any) -> Iterator[str]:
    """Lines of a table or list in block style; each text is a JSON string, which YAML reads as such."""
    pairs = value.items() if isinstance(value, Mapping) else (("-", one) for one in value)
    for key, inner in pairs:
        head = key if key == "-" else f"{key}:"
        if isinstance(inner, Mapping | list | tuple) and inner:
            lines = list(_yaml(inner))
            if key == "-":
                yield f"- {lines[0]}"
                lines = lines[1:]
            else:
                yield head
            yield from (f"  {text}" for text in lines)
        else:
            yield f"{head} {_scalar(inner)}"


def _scalar(value: bool | int | float | str | Sequence[Any]) -> str:
    if isinstance(value, float):  # YAML 1.1 reads a number with an exponent as a text
        return f"{value:.10f}".rstrip("0").ljust(len(f"{int(value)}.") + 1, "0")
    return json.dumps(value, ensure_ascii=False)
