"""Evidence becomes pictures with tables; what is missing or malformed says so."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import math
import sys
from typing import Any

import pytest

from securemnist.errors import UsageError
from securemnist.report.figures import _FIGURES, exhibits, not_recorded
from securemnist.results import per_image
from securemnist.results.assessment import Assessment
from securemnist.results.evidence.latency import LatencyEvidence
from securemnist.results.findings import Finding
from tests.error_form import one_sentence
from tests.outcome_text import table
from tests.report import example, hostile, made_up
from tests.report.figure_rows import ROBUST, with_evidence
from tests.report.markup import Markup

NAN = math.nan
_DRAWN = {
    *("viewbox", "width", "height", "role", "aria-label", "class", "d", "x", "y", "cx", "cy", "r"),
    *("fill", "opacity", "stroke-width", "stroke-dasharray", "font-size", "font-weight"),
    "text-anchor",
}
SMOOTHED = {"sigma": 0.5, "draws": 100, "choice": 10, "alpha": 0.001}
ODD: dict[str, list[Any]] = {
    "per_class": [[0.5], ["a"] * 10, [NAN] * 10, [2.0] * 10, 3],
    "outcomes": [
        [],
        table("12", "x"),
        table("1", "0"),
        {**table("1", "x"), "labels": per_image.encode([1000])},
        {**table("1", "x"), "labels": "a"},
        {**table("1", "x"), "labels": "\N{GREEK SMALL LETTER ALPHA}AA="},
        {**table("1", "x"), "codes": per_image.encode([per_image.NOT_ATTEMPTED - 1])},
        table("", ""),
        {"labels": per_image.encode([1]), "codes": per_image.encode([-1])},
        {"labels": 1, "codes": 2, "stages": ["a"]},
    ],
    "norms": ["x", [1], [{"threat": "l2 1"}], [{"threat": "l2 1", "images": -1}]],
    "waterfall": [
        "x",
        [1],
        [{}],
        [{"stage": "a", "entered": 1, "fell": 2}],
        [{"stage": "a", "entered": 10**400, "fell": 0}],
        [{"stage": "a", "entered": 1, "fell": 0, "seconds": "long"}],
        [{"stage": "a", "entered": 3, "fell": 2, "proved": 2}],
    ],
    "curve": [
        "x",
        [{}],
        [{"eps": NAN, "accuracy": 0.5}],
        [{"eps": 0.1, "accuracy": 1.1}],
        [{"eps": 0.1, "accuracy": 0.5, "certified": "all"}],
        [{"eps": 0.1, "accuracy": 0.5, "attack": str(number)} for number in range(13)],
    ],
    "certificates": ["x", {"search": {"images": 1, "seconds": NAN}}],
    "smoothed": [
        "x",
        {},
        {**SMOOTHED, "alpha": 0.0},
        {**SMOOTHED, "alpha": 1},
        {**SMOOTHED, "sigma": NAN},
        {**SMOOTHED, "draws": 1.5},
        {**SMOOTHED, "curve": [{"radius": -1.0, "certified": 0.5}]},
        {**SMOOTHED, "curve": [{"radius": 1.0, "certified": 1.5}]},
    ],
    "hardest": [
        "x",
        [{}],
        [{**made_up.hardest(1)[0], "margin": NAN}],
        [{**made_up.hardest(1)[0], "clean": made_up.picture(bytes(784)) | {"pixels": "AAAA"}}],
    ],
    "last_to_fall": ["x", [1], [{**made_up.gallery(1)[0], "prediction": "7"}]],
    "gallery": [
        "x",
        [{}],
        [{**made_up.gallery(1)[0], "clean": made_up.picture(bytes(784)) | {"pixels": "!!"}}],
        [{**made_up.gallery(1)[0], "adversarial": made_up.picture(bytes(2), 1, 2)}],
        [{**made_up.gallery(1)[0], "label": 1000}],
        [{**made_up.gallery(1)[0], "confidence": math.inf}],
        [{**made_up.gallery(1)[0], "index": "7"}],
    ],
    "samples": ["x", {"model": []}, {"model": [NAN]}, {str(i): [1.0] for i in range(9)}],
    "static": ["x", [1], {"tool": "bandit"}],
    "checks": [
        "x",
        [1],
        [{"name": "a"}],
        [{"name": "a", "expected": "b", "found": "c", "holds": 1}],
    ],
    "threats": [
        "x",
        [1],
        [{"id": "T-01"}],
        [{"id": 1, "category": "T", "on": ["a"], "title": "b"}],
        [{"id": "T-01", "category": "T", "on": "a", "title": "b"}],
    ],
    "corruptions": [
        "x",
        [1],
        [{"kind": "fog"}],
        [{"kind": "fog", "accuracy": []}],
        [{"kind": "fog", "accuracy": [2.0]}],
        [{"kind": "fog", "accuracy": [0.5, 0.5]}],
        [{"kind": "fog", "accuracy": [0.5], "pictures": [{}]}],
        [{"kind": "fog", "accuracy": [0.5]}] * 41,
    ],
    "benchmark": [1],
    "severities": ["x", [], [0], [6], [1] * 6],
    "picture": [-1, "7"],
    "left_out": ["x", {"fog": 1}],
    "worst": [1],
    "against": [1],
    "attack": [3, ["a"]],
    "areas": ["x", {"margin": 1.1}, {"margin": NAN}],
    "agreements": ["x", {"scores": 1.1}, {"scores": NAN}],
    **dict.fromkeys(("clean", "found", "ece", "brier", "eps"), ("a", -0.1, NAN)),
    **dict.fromkeys(("naive_accuracy", "adaptive_accuracy"), ("a", -0.1, 1.1)),
    **dict.fromkeys(("reference", "chance", "on_errors", "accuracy"), ("a", -0.1, 1.1)),
    **dict.fromkeys(("copy_accuracy", "transferred"), ("a", -0.1, 1.1)),
    **dict.fromkeys(("queries", "errors"), ("x", -1, 0.5)),
    "inside": ["x", [0.0], [NAN] * 21],
    "outside": ["x", [0.0], ["a"] * 21],
    "examples": ["x", [{}]],
    "reliability": ["x", [1], [{"confidence": 0.5, "accuracy": 1.5, "n": 1}]],
    "rotation_curve": ["x", [1], [{"degrees": NAN, "accuracy": 1.0}], [{"degrees": 1.0}]],
    "posed_gallery": ["x", [{**made_up.gallery(1)[0], "prediction": "7"}]],
    "poses": [-1, "7"],
    "about": [1],
    "reviewed": [1],
    "naive": [1],
    "false_gallery": ["x", [{**made_up.gallery(1)[0], "prediction": "7"}]],
    "subject": [1],
    "reference_curves": ["x", [{"model": "a", "points": "x"}]],
    "per_class_asr": [[2.0] * 10, ["a"] * 10],
    "triggered_gallery": ["x", [{**made_up.gallery(1)[0], "prediction": "7"}]],
    "worst_class": ["x", -1],
    "table": ["x", 1],
    "target": [[1]],
}
KINDS = {field.name: kind for kind in _FIGURES for field in dataclasses.fields(kind)}


def test_every_drawn_field_has_malformed_examples() -> None:
    """Each field of the evidence that a figure draws is among those that are tested malformed."""
    modules = {sys.modules[draw.__module__] for draws in _FIGURES.values() for draw in draws}
    trees = [ast.parse(inspect.getsource(module)) for module in modules]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    drawn = {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "evidence"
    }
    drawn |= {
        node.value for node in nodes if isinstance(node, ast.Constant) and node.value in KINDS
    }
    assert set(ODD) <= set(KINDS)
    assert drawn & set(KINDS) <= set(ODD)


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in ODD.items() for value in values]
)
def test_an_assessment_with_malformed_evidence_is_refused(key: str, value: Any) -> None:
    """A file whose evidence has another form is refused in one sentence, and nothing is drawn."""
    data = example.assessment(findings=(ROBUST,)).to_json()
    evidence = {"kind": KINDS[key].kind}
    data["findings"][0]["measurement"]["evidence"] = evidence
    assert Assessment.from_json(data).findings[0].measurement is not None
    evidence[key] = value
    with pytest.raises(UsageError) as caught:
        Assessment.from_json(data)
    assert key in one_sentence(caught.value)


def test_evidence_of_a_measure_of_ones_own_is_a_table() -> None:
    """What a measure of the user's own records stands on the page by name, cleaned."""
    assert ROBUST.measurement is not None
    own: Any = {"b": [1, {"c": None}], "a<i>": "\u202ex"}
    measurement = dataclasses.replace(ROBUST.measurement, evidence=own)
    (exhibit,) = exhibits(dataclasses.replace(ROBUST, measurement=measurement))
    assert exhibit.table is not None
    assert exhibit.table.rows == (("a<i>", "<U+202E>x"), ("b", '[1, {"c": null}]'))


def test_missing_evidence_is_named() -> None:
    """A row says which of its family's pictures were not recorded."""
    assert not_recorded(with_evidence({"per_class": [0.5] * 10})) == (
        "images before and after",
        "the stages",
        "the outcome of each image",
    )


def test_a_row_without_a_number_has_no_exhibits() -> None:
    """Without a measurement there is nothing to see and nothing to miss."""
    bare = dataclasses.replace(ROBUST, measurement=None)
    assert exhibits(bare) == ()
    assert not_recorded(bare) == ()


@pytest.mark.parametrize("finding", example.findings(), ids=lambda f: f.requirement.id)
def test_every_picture_has_a_table(finding: Finding) -> None:
    """Whoever cannot see a picture finds its numbers beside it."""
    for exhibit in exhibits(finding):
        assert exhibit.missing or exhibit.table or exhibit.caption == "The tools found nothing."


def test_pictures_are_equal_for_equal_evidence() -> None:
    """Drawing twice gives the same text."""
    assert exhibits(ROBUST) == exhibits(ROBUST)


@pytest.mark.parametrize("text", hostile.TEXTS)
def test_hostile_names_are_only_drawn(text: str) -> None:
    """A stage, attack or series may carry any name; it never becomes markup, maths or an error."""
    evidence = {
        "waterfall": [{"stage": text, "entered": 9, "fell": 1}] * 2,
        "curve": [{"eps": 0.1, "accuracy": 0.5, "n": 1, "attack": text}],
        "reference_curves": [
            {"model": text, "points": [{"eps": 0.1, "accuracy": 0.5, "attack": text}]}
        ],
    }
    times = with_evidence({"samples": {text: [0.1]}}, kind=LatencyEvidence)
    shown = [*exhibits(with_evidence(evidence)), *exhibits(times)]
    assert len(shown) == 3
    for exhibit in shown:
        (panel,) = exhibit.panels
        drawn = Markup(panel.picture)
        assert drawn.tags <= {"svg", "path", "rect", "circle", "text"}
        assert drawn.attributes <= _DRAWN


def test_pictures_leave_style_to_the_page() -> None:
    """An embedded picture has no style, no id, no link and no colour of its own."""
    shown = exhibits(ROBUST)
    assert sum(len(exhibit.panels) for exhibit in shown) == 8
    for exhibit in shown:
        for panel in exhibit.panels:
            assert Markup(panel.picture).attributes <= _DRAWN
            assert "#" not in panel.picture
