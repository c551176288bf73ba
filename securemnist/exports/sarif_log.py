"""The parts of a SARIF 2.1.0 log that all our SARIF files share.

Source: OASIS, Static Analysis Results Interchange Format 2.1.0,
https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html, and what GitHub documents of its own
reading of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from securemnist._util.hashing import json_file
from securemnist.exports import identity
from securemnist.exports.places import Place
from securemnist.results.assessment import Assessment
from securemnist.results.json_model import table
from securemnist.sanitize import line, sentence

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MAX_RESULTS = 25_000  # GitHub refuses a run with more
MAX_TAGS = 10  # GitHub shows no more
_ROOT = "%SRCROOT%"
_LONGEST = 1_000  # GitHub cuts descriptions at 1,024 characters


def dumps(
    driver: Mapping[str, Any],
    rules: Mapping[str, Mapping[str, Any]],
    results: Iterable[tuple[str, Mapping[str, Any]]],
    invocation: Mapping[str, Any],
    category: str,
    properties: Mapping[str, Any],
) -> bytes:
    """A log of one run; equal arguments give equal bytes. `results`: each with the key of its rule."""
    index = {key: number for number, key in enumerate(rules)}
    numbered = [
        {"ruleId": rules[key]["id"], "ruleIndex": index[key], **one} for key, one in results
    ]
    run = {
        "tool": {"driver": {**driver, "rules": list(rules.values())}},
        "automationDetails": {"id": f"{category}/"},
        "invocations": [invocation],
        "originalUriBaseIds": {_ROOT: {"description": text("The root of the repository.")}},
        "columnKind": "unicodeCodePoints",
        "results": numbered,
        "properties": properties,
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json_file(log, ensure_ascii=False)


def driver(assessment: Assessment, name: str, package: str) -> dict[str, str]:
    """The tool, with the version of its package that the assessment records; "unknown" without one."""
    version = table(assessment.environment.get("packages")).get(package) or "unknown"
    return {"name": name, "version": line(version, 60)}


def result(
    level: str,
    message: object,
    place: Place,
    digest: str,
    accepted: tuple[str, str] | None,
    kind: str = "fail",
) -> dict[str, Any]:
    """A result. `digest`: its identity. `accepted`: by what it does not count, as kind and reason."""
    suppressions = []
    if accepted is not None:
        why = line(accepted[1], 1_000)
        suppressions = [{"kind": accepted[0], "status": "accepted", "justification": why}]
    return {
        "kind": kind,
        "level": level if kind == "fail" else "none",  # section 3.27.10
        "message": text(message),
        "locations": [_location(place)],
        # GitHub reads only `primaryLocationLineHash`, which others compute from the line.
        "partialFingerprints": {
            "primaryLocationLineHash": f"{digest[:16]}:1",
            "securemnist/v1": digest,
        },
        "suppressions": suppressions,
    }


def errors(words: Iterable[object]) -> list[dict[str, Any]]:
    """Notifications of an invocation: what kept it from doing all."""
    return [{"level": "error", "message": text(one)} for one in words]


def text(words: object, limit: int = _LONGEST) -> dict[str, str]:
    """A message without links: `[words](address)` would be one (section 3.11.6)."""
    return {"text": sentence(words, limit).replace("](", "] (") or "(no text)"}


def _location(place: Place) -> dict[str, Any]:
    """The whole line of a place; to the end of the line where its width is not known."""
    region = {"startLine": place.line, "startColumn": 1, "endLine": place.line}
    if place.width:
        region["endColumn"] = place.width + 1
    artifact = {"uri": place.uri, "uriBaseId": _ROOT}
    return {"physicalLocation": {"artifactLocation": artifact, "region": region}}


def tags(ids: Sequence[str]) -> list[str]:
    """`security`, the CWE in the form that GitHub links, and the other identifiers as they are."""
    found = (line(one, 60) for one in ids)
    named = [f"external/cwe/{one.lower()}" if _CWE.fullmatch(one) else one for one in found]
    return list(dict.fromkeys(["security", *filter(None, named)]))[:MAX_TAGS]


_CWE = re.compile(r"CWE-[1-9][0-9]{0,5}", re.ASCII)


def category(tool: str, *names: str) -> str:
    """The name of an analysis: the tool, and what it was about.

    A service closes the findings of an earlier analysis of this name that the next one lacks. So an
    analysis of other rows, or of another model, has to have another name.
    """
    own = identity.digest(*names)[:8]
    words = [re.sub(r"[^A-Za-z0-9]+", "-", name[:40]).strip("-") for name in names[:2]]
    return f"{tool}/{'-'.join(filter(None, [*words, own]))}"
