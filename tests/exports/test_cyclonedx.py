"""The CycloneDX document: it fits the official schema, and says what was measured and what was not."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import jsonschema
import pytest

from securemnist.exports import cyclonedx
from securemnist.results.assessment import Assessment
from securemnist.results.findings import STOPPED, Finding, Verdict
from tests.exports.bom import (
    card,
    component,
    components,
    limitations,
    metrics,
    properties,
    valid,
    validator,
)
from tests.report import example

DIGEST = "0f" * 32


def with_subject(**changes: Any) -> Assessment:
    """The example with changed facts about its model."""
    first = example.assessment()
    return dataclasses.replace(first, subject={**first.subject, **changes})


def found(row: str) -> Finding:
    """The finding of a row of the example."""
    return next(f for f in example.findings() if f.requirement.id == row)


def test_the_document_fits_the_official_schema() -> None:
    """Every kind of row, verdict and component is as CycloneDX 1.6 wants it, references included."""
    document = valid(example.assessment())
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    references = [one["bom-ref"] for one in components(document)]
    assert len(references) == len(set(references))
    assert card(document)["bom-ref"] not in references
    for entry in document["dependencies"]:
        assert {entry["ref"], *entry.get("dependsOn", ())} <= set(references)
    for entry in card(document)["modelParameters"]["datasets"]:
        assert entry["ref"] in references


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("bomFormat",), "SPDX"),
        (("components", 0, "type"), "model"),
        (("components", 0, "modelCard", "verdict"), "PASS"),
        (("components", 0, "hashes", 0, "content"), "none"),
        (("components", 0, "licenses"), [{"license": {"id": "my licence"}}]),
    ],
    ids=lambda value: str(value[-1]) if isinstance(value, tuple) else "",
)
def test_the_schema_refuses_another_form(place: tuple[Any, ...], value: Any) -> None:
    """A wrong word, an unknown key, a digest that is none: the schema does check."""
    document = valid(example.assessment())
    *outer, last = place
    table: Any = document
    for step in outer:
        table = table[step]
    table[last] = value
    with pytest.raises(jsonschema.ValidationError):
        validator().validate(document)


def test_each_number_is_a_metric_with_its_interval() -> None:
    """Value and bounds of each measured row are those of the assessment."""
    document = valid(example.assessment())
    for finding in example.findings():
        row, measurement = finding.requirement, finding.measurement
        of_row = metrics(document, row.id)
        if measurement is None:
            assert of_row == []
            continue
        whole = of_row[0]
        bounds = whole["confidenceInterval"]
        assert whole["type"] == row.measure
        numbers = whole["value"], bounds["lowerBound"], bounds["upperBound"]
        assert [*map(float, numbers)] == [measurement.value, measurement.low, measurement.high]
        assert properties(card(document))[f"row:{row.id}:required"].endswith(f"{row.threshold:g}")


def test_a_certified_share_is_a_metric_of_its_own() -> None:
    """What is proved stands beside what survived, with its lower bound."""
    survived, proved, *_ = metrics(valid(example.assessment()), "ADV-02")
    assert survived["value"] == "0.8127"
    assert proved["type"] == "robust_accuracy: certified"
    assert (proved["value"], proved["confidenceInterval"]) == ("0.701", {"lowerBound": "0.692"})


@pytest.mark.parametrize(
    ("row", "reason"), [("BACK-02", "ERROR: the reconstruction"), ("ADV-08", "out of scope")]
)
def test_a_row_without_a_number_is_listed_as_not_measured(row: str, reason: str) -> None:
    """It has no metric; a property and a limitation say that and why."""
    document = valid(example.assessment())
    assert metrics(document, row) == []
    assert properties(card(document))[f"row:{row}:measured"] == "false"
    (text,) = [one for one in limitations(document) if one.startswith(f"Not measured: {row}")]
    assert reason in text


def test_a_number_under_another_verdict_is_no_metric() -> None:
    """A stored row that was not run, or an impossible number, gives no metric whatever it holds."""
    first = found("CLEAN-01")
    assert first.measurement is not None
    impossible = dataclasses.replace(first.measurement, value=2.0)
    for changed in (
        dataclasses.replace(first, verdict=Verdict.NOT_RUN),
        dataclasses.replace(first, in_scope=False),
        dataclasses.replace(first, verdict=Verdict.FAIL, measurement=impossible),
    ):
        document = valid(example.assessment(findings=(changed,)))
        assert metrics(document, "CLEAN-01") == []
        assert properties(document["metadata"])["complete"] == "false"


def test_doubts_are_limitations() -> None:
    """A row in doubt is marked in its metric, and its doubt is a technical limitation."""
    document = valid(example.assessment())
    assert "(INCONCLUSIVE)" in metrics(document, "ADV-03")[0]["slice"]
    assert any(text.startswith("ADV-03: weak attack: Square") for text in limitations(document))
    assert "INCONCLUSIVE" not in metrics(document, "ADV-02")[0]["slice"]


def test_the_whole_verdict_comes_first() -> None:
    """The first limitation answers for the run; an interrupted run says so, a complete one does not."""
    passed = tuple(finding for finding in example.findings() if finding.passed)
    left = found("ADV-01").requirement.unmeasured(Verdict.NOT_RUN, STOPPED)
    stopped = valid(example.assessment(findings=(*passed[:1], left)))
    assert limitations(stopped)[0].startswith("Do not merge yet: 1 requirement undecided")
    assert limitations(stopped)[1].startswith("The run was interrupted")
    facts = properties(stopped["metadata"])
    assert (facts["complete"], facts["interrupted"], facts["exit-code"]) == ("false", "true", "3")
    whole = valid(example.assessment(findings=passed))
    facts = properties(whole["metadata"])
    assert (facts["complete"], facts["interrupted"], facts["exit-code"]) == ("true", "false", "0")


def test_model_and_data_have_their_digests() -> None:
    """Hashes say what they are of: model, its files, test data and training data."""
    document = valid(
        with_subject(
            digest=DIGEST,
            files={"net.safetensors": "1" * 64},
            data={"name": "MNIST", "sha256": "2" * 64, "digests": {"images": "3" * 64}},
            trained_on={"name": "More digits", "digests": {"train": "4" * 64}},
        )
    )
    expected = {
        "model": DIGEST, "model:file:1": "1" * 64, "data:test": "2" * 64, "data:test:1": "3" * 64,
        "data:training:1": "4" * 64,
    }  # fmt: skip
    for ref, content in expected.items():
        one = component(document, ref)
        assert one["hashes"] == [{"alg": "SHA-256", "content": content}]
        assert "digest-of" in properties(one)
    assert component(document, "data:training")["name"] == "More digits"
    assert document["dependencies"][0]["dependsOn"] == ["data:test", "data:training"]


def test_a_digest_that_is_none_is_no_hash() -> None:
    """A text in the place of a SHA-256 is kept as a property and called no hash."""
    model = component(valid(with_subject(digest="unknown")), "model")
    assert "hashes" not in model
    assert properties(model)["digest"] == "unknown"


def test_the_recipe_is_flattened_and_bounded() -> None:
    """Each setting is a property; a huge recipe ends with the number of settings that are shown."""
    model = component(valid(example.assessment()), "model")
    assert properties(model)["recipe:optimiser:name"] == "Adam"
    huge = component(valid(with_subject(recipe={str(n): n for n in range(5_000)})), "model")
    assert properties(huge)["recipe:0"] == "0"
    assert properties(huge)["recipe"].startswith("more than 200 entries")
    assert len(huge["properties"]) < 220


def test_the_environment_is_what_was_measured_with() -> None:
    """Versions of interpreter, system and packages are components; what is not installed is none."""
    first = example.assessment()
    packages = {"torch": "2.13.0+cpu", "bandit": "not installed", "My_Pack": "1.0", "a b": "1"}
    code = {"own.attacks:Mine": "5" * 64}
    known = {**first.environment, "packages": packages, "processor": "a processor", "code": code}
    document = valid(dataclasses.replace(first, environment=known))
    named = {one["name"]: one for one in document["components"]}
    assert named["Python"]["version"] == "3.11.7"
    assert named["torch"]["purl"] == "pkg:pypi/torch@2.13.0%2Bcpu"
    assert named["My_Pack"]["purl"] == "pkg:pypi/my-pack@1.0"
    assert "purl" not in named["a b"]
    assert "bandit" not in named
    assert named["own.attacks:Mine"]["hashes"][0]["content"] == "5" * 64
    outside = [one for one in document["components"] if one["bom-ref"].startswith("environment")]
    assert {one["scope"] for one in outside} == {"excluded"}
    assert document["compositions"][0]["aggregate"] == "incomplete"


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2026-11-21T08:30:00+02:00", "2026-11-21T06:30:00Z"),
        ("yesterday", "2026-11-21T00:00:00Z"),
        (None, "2026-11-21T00:00:00Z"),
    ],
)
def test_the_time_is_that_of_the_assessment(time: str | None, expected: str) -> None:
    """The time is in UTC; without one it is the day of the assessment."""
    first = example.assessment()
    timed = dataclasses.replace(first, environment={**first.environment, "time": time})
    assert valid(timed)["metadata"]["timestamp"] == expected


def test_another_assessment_has_another_serial_number() -> None:
    """The serial number follows from the assessment, so that a document made again is the same one."""
    first, other = example.assessment(), with_subject(name="another")
    stored = Assessment.from_json(json.loads(first.dumps()))
    again = Assessment.from_json(json.loads(stored.dumps()))
    assert cyclonedx.render(stored) == cyclonedx.render(again)
    assert valid(first)["serialNumber"] != valid(other)["serialNumber"]
