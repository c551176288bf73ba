"""The model card: front matter as Hugging Face documents it, and what was measured as Markdown."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from securemnist.exports import model_card
from securemnist.exports.card_metadata import slug
from securemnist.results.findings import STOPPED, Verdict
from tests.hostile_text import STRINGS, effective
from tests.report import example, hostile

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "model-card.schema.json").read_text())


def front(content: bytes) -> dict[str, Any]:
    """The front matter, read as YAML; ValidationError where it does not fit the schema."""
    parts = re.split(r"^---$", content.decode(), flags=re.MULTILINE)
    read: dict[str, Any] = yaml.safe_load(parts[1])
    jsonschema.validate(read, SCHEMA)
    return read


def metrics(content: bytes) -> dict[str, dict[str, Any]]:
    """The metrics of `model-index` by the id of their row."""
    (model,) = front(content)["model-index"]
    (result,) = model["results"]
    return {one["args"]["row"]: one for one in result["metrics"]}


def markdown(content: bytes) -> str:
    """The text below the front matter."""
    return content.decode().split("\n---\n", 1)[1]


CARD = model_card.render(example.assessment())


def test_each_share_is_a_result_that_is_not_verified() -> None:
    """Every measured share has value, bounds, samples and verdict; counts and ratios have none."""
    expected = {
        f.requirement.id: f.measurement
        for f in example.findings()
        if f.measurement is not None and f.measurement.unit == "share"
    }
    found = metrics(CARD)
    assert set(found) == set(expected)
    for row, measurement in expected.items():
        one = found[row]
        assert one["verified"] is False
        assert (one["value"], one["args"]["low"]) == (measurement.value, measurement.low)
        assert f"({one['args']['verdict']}, required" in one["name"]


def test_the_front_matter_names_data_and_metrics() -> None:
    """Training data is what the model's manifest states; the test data is that of the results."""
    assert "datasets" not in front(CARD)
    first = example.assessment()
    trained = {**first.subject, "trained_on": {"name": "My Digits", "digests": {}}}
    read = front(model_card.render(dataclasses.replace(first, subject=trained)))
    assert read["datasets"] == ["my-digits"]
    assert read["model-index"][0]["results"][0]["dataset"]["type"] == "mnist"
    assert "accuracy" in read["metrics"]
    assert read["license"] == "unknown"


@pytest.mark.parametrize(
    ("key", "value"),
    [("model-index", []), ("model-index", [{"name": "a"}]), ("datasets", ["a b"]), ("tags", "x")],
)
def test_the_schema_refuses_another_form(key: str, value: Any) -> None:
    """A list without results, an identifier with a blank, a text for a list: the schema does check."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**front(CARD), key: value}, SCHEMA)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.5, 1e-9, 1 / 3, 0.9999])
def test_numbers_are_numbers_of_yaml(value: float) -> None:
    """A share is read back as a number, however small."""
    first = example.findings()[0]
    assert first.measurement is not None
    changed = dataclasses.replace(first.measurement, value=value, low=0.0, high=1.0)
    finding = dataclasses.replace(first, verdict=Verdict.FAIL, measurement=changed)
    read = metrics(model_card.render(example.assessment(findings=(finding,))))["CLEAN-01"]["value"]
    assert isinstance(read, float)
    assert read == pytest.approx(value, abs=1e-9)


def test_nothing_measured_is_no_result() -> None:
    """Without a number there is no `model-index`, and the text says that nothing was measured."""
    left = example.findings()[0].requirement.unmeasured(Verdict.NOT_RUN, STOPPED)
    card = model_card.render(example.assessment(findings=(left,)))
    assert not {"model-index", "metrics"} & set(front(card))
    whole = front(card)["security_assessment"]
    assert (whole["exit_code"], whole["complete"], whole["interrupted"]) == (3, False, True)
    assert "**The run was interrupted:**" in markdown(card)
    assert "Nothing was measured." in markdown(card)


def test_the_text_has_every_row_once() -> None:
    """A row stands under what was measured, or under what was not; doubts have a section."""
    text = markdown(CARD).replace("\\", "")
    assert "✗ **Do not merge**: 2 requirements failed" in text
    parts = dict(
        zip(*[iter(re.split(r"^### (.*)$", text, flags=re.MULTILINE)[1:])] * 2, strict=True)
    )
    for finding in example.findings():
        row = f"**{finding.requirement.id}**"
        where = "Measured" if finding.measurement is not None else "Not measured"
        assert row in parts[where]
        assert row not in parts["Not measured" if where == "Measured" else "Measured"]
    assert "**ADV-03** weak attack" in parts["What the numbers do not say"]
    assert "| **ADV-02** | class 7 | 0.7600 |" in parts["Worst parts"]
    assert "5 of 18 rows of the policy have no number" in text


def test_a_run_in_which_all_was_measured_does_not_look_incomplete() -> None:
    """No word of missing rows stands in the card of a complete run."""
    passed = tuple(f for f in example.findings() if f.passed)
    card = model_card.render(example.assessment(findings=passed))
    assert front(card)["security_assessment"]["complete"] is True
    assert "Not measured" not in markdown(card)
    assert "Not all was measured" not in markdown(card)


@pytest.mark.parametrize("text", hostile.TEXTS, ids=lambda text: ascii(text[:12]))
def test_hostile_text_is_inert(text: str) -> None:
    """No outside text becomes a tag, a link, a mention, a table cell, or a key of the front matter."""
    tame, hostile_card = (front(c) for c in (CARD, model_card.render(hostile.assessment(text))))
    assert set(hostile_card) == set(tame)
    shown = markdown(model_card.render(hostile.assessment(text)))
    assert effective(shown) == []
    lines, others = shown.splitlines(), markdown(CARD).splitlines()
    for line in lines:
        bare = line.replace("&#8203;", "\u200b")
        assert set(re.findall(r"<[^>]*>", bare)) <= {
            "<br>", "<!-- securemnist:begin -->", "<!-- securemnist:end -->"
        }  # fmt: skip
        if not line.startswith("#"):
            assert not re.search(r"[@#]\w|(?<!\\)\[|(?<!\\)\$|(?<!\\)~|(?<!\\)://|www\.", bare)
    cells = [[len(re.findall(r"(?<!\\)\|", line)) for line in both] for both in (lines, others)]
    assert sorted(set(cells[0])) == sorted(set(cells[1]))


def test_every_hostile_string_is_a_name() -> None:
    """A model, data and a measure of any hostile name give front matter that fits the schema."""
    first, (row, *_) = example.assessment(), example.findings()
    for text in (*STRINGS.values(), ""):
        requirement = dataclasses.replace(row.requirement, measure=text)
        finding = dataclasses.replace(row, requirement=requirement)
        named = {"name": text, "data": {"name": text}, "trained_on": {"name": text}}
        card = model_card.render(dataclasses.replace(first, subject=named, findings=(finding,)))
        assert front(card)["model-index"][0]["name"]
        assert effective(card.decode()) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [("My Data", "my-data"), ("a--b..c", "a-b-c"), ("../../x", "x"), ("日本", "unnamed"),
     ("_a_", "a"), ("A" * 300, "a" * 96)],
)  # fmt: skip
def test_an_identifier_of_data_is_one(name: str, expected: str) -> None:
    """Letters, digits, and single points, dashes or underscores between them; at most 96."""
    assert slug(name) == expected


@pytest.mark.parametrize("table", [None, 7, "text", [], {"securemnist": []}])
def test_facts_of_another_form_are_no_error(table: Any) -> None:
    """Where a table of the assessment has another form, the card is written without it."""
    first = example.assessment()
    subject = dict.fromkeys(("data", "trained_on", "files", "architecture"), table)
    environment = {"packages": table}
    front(model_card.render(dataclasses.replace(first, subject=subject, environment=environment)))
