"""Exports: what other tools read fits their schemas, and carries the statuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from securemnist._util import resources
from securemnist.errors import UsageError
from securemnist.results import policy
from securemnist.results.findings import Verdict
from securemnist.threat_model import Judged, ThreatModel, judge, load
from securemnist.threat_model.exports import FORMATS, export
from securemnist.view import taxonomy
from tests.threat_model.models import SCOPE, judged, model, threat

SCHEMAS = {
    "otm": "open-threat-model",
    "tm-bom": "threat-model",
    "atlas-layer": "navigator-layer",
}
DAY = "2026-11-21"
ROWS = (judged("GOOD-1", Verdict.PASS), judged("RED-1", Verdict.FAIL))
SMALL = model(
    SCOPE,
    threat("T-01", "GOOD-1"),
    threat("T-02", "GOOD-1", "RED-1", on="ask"),
    threat("T-03"),
)


def schema(name: str) -> Any:
    """The schema of a format."""
    path = Path(__file__).parent / "schemas" / f"{SCHEMAS[name]}.schema.json"
    return json.loads(path.read_text())


def bundled() -> tuple[ThreatModel, list[Judged]]:
    """The bundled model, with one failing row."""
    read = load(resources.THREATS)
    rows = policy.load(resources.POLICY).requirements
    findings = [
        judged(row.id, Verdict.FAIL if row.id == "SERVICE-07" else Verdict.PASS) for row in rows
    ]
    return read, judge(read, findings, DAY)


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_fits_its_schema(name: str) -> None:
    """The bundled model and a small one are what the official schema of the format says."""
    jsonschema.validators.validator_for(schema(name)).check_schema(schema(name))
    for read, statuses in (bundled(), (SMALL, judge(SMALL, ROWS, DAY))):
        content = export(name, read, statuses)
        assert content == export(name, read, statuses)
        jsonschema.validate(json.loads(content), schema(name))


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("otm", ("threats", 0, "risk")),
        ("tm-bom", ("risks", 0, "score")),
        ("atlas-layer", ("name",)),
    ],
)
def test_a_schema_refuses_an_export_with_a_gap(name: str, place: tuple[Any, ...]) -> None:
    """Without one required field the document does not fit: the schemas do check."""
    document = json.loads(export(name, *bundled()))
    *outer, last = place
    table = document
    for step in outer:
        table = table[step]
    del table[last]
    with pytest.raises(jsonschema.ValidationError, match=str(last)):
        jsonschema.validate(document, schema(name))


def test_otm_carries_the_statuses() -> None:
    """A threat is mitigated only where it is covered; references point to entries of the document."""
    document = json.loads(export("otm", SMALL, judge(SMALL, ROWS, DAY)))
    status = {one["id"]: one["attributes"]["status"] for one in document["threats"]}
    assert status == {"T-01": "covered", "T-02": "failing", "T-03": "uncovered"}
    (service,) = [one for one in document["components"] if one["id"] == "service"]
    states = {one["threat"]: one["state"] for one in service["threats"]}
    assert states == {"T-01": "mitigated", "T-03": "exposed"}
    (ask,) = document["dataflows"]
    ((red,),) = [one["mitigations"] for one in ask["threats"]]
    assert red["state"] == "required"
    assert red["mitigation"] in {one["id"] for one in document["mitigations"]}


def test_tm_bom_carries_the_statuses() -> None:
    """Controls are active, under review or suggested; every reference has a target."""
    document = json.loads(export("tm-bom", SMALL, judge(SMALL, ROWS, DAY)))
    states = {one["threats"][0]: one["status"] for one in document["controls"]}
    assert states == {"t-01": "active", "t-02": "under_review", "t-03": "suggested"}
    (status,) = document["extensions"].values()
    assert {one["threat"]: one["status"] for one in status}["t-02"] == "failing"
    names = {one["symbolic_name"] for one in document["threats"]}
    personas = {one["symbolic_name"] for one in document["threat_personas"]}
    assert {name for risk in document["risks"] for name in risk["threats"]} == names
    assert {one["threat_persona"] for one in document["threats"]} <= personas
    ends = [flow[end] for flow in document["data_flows"] for end in ("source", "destination")]
    assert ends == [
        {"type": "actor", "object": "client"},
        {"type": "component", "object": "service"},
    ]


def test_tm_bom_invents_no_scope() -> None:
    """Without the table that the schema needs nothing is written."""
    bare = model(threat("T-01"))
    with pytest.raises(UsageError, match=r"expected a table \[scope\]"):
        export("tm-bom", bare, judge(bare, ROWS, DAY))


def test_the_layer_scores_techniques_by_the_worst_threat() -> None:
    """0 for failing or uncovered, 100 for covered; each technique is one that ATLAS has."""
    covered = model(threat("T-01", "GOOD-1"))
    for read, expected in ((covered, 100), (SMALL, 0)):
        document = json.loads(export("atlas-layer", read, judge(read, ROWS, DAY)))
        scores = {one["techniqueID"]: one.get("score") for one in document["techniques"]}
        assert scores == {"AML.T0043.000": expected, "AML.T0043": None}
    document = json.loads(export("atlas-layer", *bundled()))
    assert document["domain"] == "atlas-atlas"
    assert document["versions"] == {"layer": "4.3", "navigator": "4.6.4"}
    for one in document["techniques"]:
        assert taxonomy.name(one["techniqueID"])


@pytest.mark.parametrize("name", FORMATS)
def test_identifiers_of_no_catalogue_stay_out_of_its_fields(name: str) -> None:
    """What only looks like a technique or a weakness is no entry of the export."""
    odd = ["AML.T0043.1", "AML.T", "AML.Tx", "502", "CWE-٣", "CWE-0"]
    listed = "".join(f'"{one}", ' for one in odd)
    read = model(SCOPE, threat("T-01", "GOOD-1").replace("\nids = [", f"\nids = [{listed}"))
    assert set(odd) < set(read.threats[0].ids)
    document = json.loads(export(name, read, judge(read, ROWS, DAY)))
    jsonschema.validate(document, schema(name))
    if name == "atlas-layer":
        assert [one["techniqueID"] for one in document["techniques"]] == [
            "AML.T0043.000",
            "AML.T0043",
        ]
    elif name == "otm":
        assert document["threats"][0]["cwes"] == ["CWE-1039"]
    else:
        assert [one["cwe_id"] for one in document["threats"][0]["weaknesses"]] == [1039]
