"""Reading of a CycloneDX document in tests: the official schema, properties, metrics."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import jsonschema
from referencing import Registry, Resource

from securemnist.exports import cyclonedx
from securemnist.results.assessment import Assessment

_SCHEMAS = Path(__file__).parent / "schemas"
_NAMES = ("cyclonedx-1.6", "cyclonedx-spdx", "cyclonedx-jsf-0.82")


@functools.cache
def validator() -> Any:
    """The official schema with those that it refers to."""
    main, *others = (json.loads((_SCHEMAS / f"{n}.schema.json").read_text()) for n in _NAMES)
    jsonschema.Draft7Validator.check_schema(main)
    resources = [(one["$id"], Resource.from_contents(one)) for one in (main, *others)]
    registry: Registry[Any] = Registry().with_resources(resources)
    formats = jsonschema.Draft7Validator.FORMAT_CHECKER
    return jsonschema.Draft7Validator(main, registry=registry, format_checker=formats)


def valid(assessment: Assessment) -> dict[str, Any]:
    """The document of an assessment, read back from its bytes; ValidationError if it does not fit."""
    document: dict[str, Any] = json.loads(cyclonedx.render(assessment))
    validator().validate(document)
    return document


def component(document: dict[str, Any], ref: str) -> dict[str, Any]:
    """The component with this reference, at any depth."""
    return {one["bom-ref"]: one for one in components(document)}[ref]


def components(parent: dict[str, Any]) -> list[dict[str, Any]]:
    """All components below one, at any depth."""
    inner = parent.get("components", [])
    return [*inner, *(deeper for one in inner for deeper in components(one))]


def card(document: dict[str, Any]) -> dict[str, Any]:
    """The model card."""
    found: dict[str, Any] = component(document, "model")["modelCard"]
    return found


def metrics(document: dict[str, Any], row: str) -> list[dict[str, Any]]:
    """The metrics of a row: of the whole, and of its slices."""
    every = card(document)["quantitativeAnalysis"]["performanceMetrics"]
    return [one for one in every if f"row {row}" in one["slice"]]


def properties(holder: dict[str, Any]) -> dict[str, str]:
    """The properties by name, without the namespace."""
    return {one["name"].removeprefix("securemnist:"): one["value"] for one in holder["properties"]}


def limitations(document: dict[str, Any]) -> list[str]:
    """The technical limitations."""
    found: list[str] = card(document)["considerations"]["technicalLimitations"]
    return found
