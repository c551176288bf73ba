"""Components of a CycloneDX document: the environment of the measurement and the data sets."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from securemnist.exports.bom_parts import digest, files, props
from securemnist.exports.measured import complete
from securemnist.exports.measured import name as named
from securemnist.results.assessment import Assessment
from securemnist.results.json_model import table
from securemnist.sanitize import sentence

TEST_DATA, TRAINING_DATA = "data:test", "data:training"
_DISTRIBUTION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?", re.ASCII)
_VERSION = re.compile(r"[0-9][A-Za-z0-9.+!_-]{0,98}", re.ASCII)
_ABSENT, _OURS = "not installed", "securemnist"
_MOST_PACKAGES = 500
# What was measured with is no part of the model that is delivered.
_OUTSIDE = {"scope": "excluded"}


def environment(assessment: Assessment) -> list[dict[str, Any]]:
    """Interpreter, system, processor, packages, and the user's own code that rows name."""
    known = assessment.environment
    processor = known.get("processor")
    found = [
        _plain("platform", "environment:python", "Python", known.get("python")),
        _plain("operating-system", "environment:system", known.get("platform")),
        _plain("device", "environment:processor", processor and f"processor: {processor}"),
    ]
    packages = list(table(known.get("packages")).items())[:_MOST_PACKAGES]
    for number, (name, version) in enumerate(packages, 1):
        if version != _ABSENT:
            library = _plain("library", f"environment:package:{number}", name, version)
            found.append(library and {**library, **_purl(name, version)})
    code = files(known.get("code"), "environment:code", "the file of the project's own code")
    return [one for one in [*found, *({**file, **_OUTSIDE} for file in code)] if one]


def _plain(kind: str, ref: str, name: object, version: object = "") -> dict[str, Any]:
    """A component; empty without a name."""
    if not name:
        return {}
    version = {"version": sentence(version, 100)} if version else {}
    return {"type": kind, "bom-ref": ref, "name": named(name, "unnamed"), **version, **_OUTSIDE}


def _purl(name: object, version: object) -> dict[str, str]:
    """The package URL of a package of the Python Package Index; nothing for this one and other names.

    https://github.com/package-url/purl-spec: lower case, `-` for `_`, the version in percent code.
    """
    if not isinstance(name, str) or not isinstance(version, str) or name == _OURS:
        return {}
    if not _DISTRIBUTION.fullmatch(name) or not _VERSION.fullmatch(version):
        return {}
    return {"purl": f"pkg:pypi/{name.lower().replace('_', '-')}@{quote(version, safe='')}"}


def data_sets(assessment: Assessment) -> list[dict[str, Any]]:
    """The data that was measured on, and the training data where the model's manifest states it."""
    measured = table(assessment.subject.get("data"))
    trained = table(assessment.subject.get("trained_on"))
    found = []
    if measured:
        digested = digest(measured.get("sha256"), "images and labels of the test split")
        found.append(_data(TEST_DATA, measured, "test data: what was measured on", digested))
    if trained:
        found.append(_data(TRAINING_DATA, trained, "training data, as the model's manifest states"))
    return found


def _data(ref: str, entry: Any, description: str, digested: Any = None) -> dict[str, Any]:
    name = named(entry.get("name"), "unnamed data")
    parts = files(entry.get("digests"), ref, "a file or split of the data")
    return {
        "type": "data",
        "bom-ref": ref,
        "name": name,
        **(digested or {}),
        "data": [{"type": "dataset", "name": name, "description": description}],
        **({"components": parts} if parts else {}),
    }


def facts(assessment: Assessment) -> list[dict[str, str]]:
    """Properties of the whole run: what decided, on what day, and whether all of it was measured."""
    policy, older = assessment.policy, assessment.against
    counts = ", ".join(f"{number} {verdict}" for verdict, number in assessment.counts.items())
    return props(
        {
            "exit-code": assessment.exit_code,
            "complete": str(complete(assessment)).lower(),
            "interrupted": str(assessment.interrupted).lower(),
            "verdicts": counts,
            "tier": assessment.scope.get("tier"),
            "day": assessment.day,
            "waivers-judged-on": assessment.decided,
            "policy": policy.get("path"),
            "policy-sha256": policy.get("digest"),
            "threat-model-sha256": assessment.threat_model.get("digest"),
            "commit": assessment.environment.get("commit"),
            "compared-with": "" if older is None else older.name,
            "comparison": "" if older is None else older.why,
        }
    )
