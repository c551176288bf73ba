"""CycloneDX 1.6 ML-BOM of an assessment: environment, model, data sets, and a metric for each number.

https://cyclonedx.org/docs/1.6/json/ (ECMA-424). A row without a number has no metric: it is listed
under the technical limitations as not measured.
"""

from __future__ import annotations

import uuid
from typing import Any

from securemnist import __version__
from securemnist._util.hashing import json_file
from securemnist.exports import bom_components, bom_model
from securemnist.results.assessment import Assessment

FILE = "bom.cdx.json"
SPEC_VERSION = "1.6"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "assessment.securemnist.invalid")


def document(assessment: Assessment) -> dict[str, Any]:
    """The document; equal assessments give equal documents."""
    data = bom_components.data_sets(assessment)
    model = bom_model.component(assessment)
    components = [model, *data, *bom_components.environment(assessment)]
    time = assessment.made
    ours = {"type": "application", "name": "securemnist", "version": __version__}
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        # A UUID (version 5) of the assessment: another assessment has another one.
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, assessment.dumps().decode())}",
        "version": 1,
        "metadata": {
            **({"timestamp": time} if time else {}),
            "tools": {"components": [ours]},
            "properties": bom_components.facts(assessment),
        },
        "components": components,
        "dependencies": [
            {"ref": bom_model.MODEL, "dependsOn": [one["bom-ref"] for one in data]},
            *({"ref": one["bom-ref"]} for one in components[1:]),
        ],
        # The environment lists only packages whose version can change a number.
        "compositions": [
            {"aggregate": "incomplete", "assemblies": [one["bom-ref"] for one in components]}
        ],
    }


def render(assessment: Assessment) -> bytes:
    """The document as JSON; equal assessments give equal bytes."""
    return json_file(document(assessment), ensure_ascii=False)
