"""The section about the weight file: format, provenance and behaviour in one place."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from securemnist._util import resources
from securemnist.models.loading import resolve
from securemnist.report import page, weight_file
from securemnist.report.weight_facts import NOT_CHECKED, NOT_RECORDED, Line
from securemnist.report.weight_file import Section
from securemnist.results.assessment import Assessment
from securemnist.results.evidence.answers import BackdoorEvidence
from securemnist.results.findings import Finding, Verdict
from tests.report import example, hostile
from tests.report.judged import finding, measured, row
from tests.report.made_up import gallery
from tests.report.markup import Markup


def _scan() -> Finding:
    """A scan that found a trigger, with images of it."""
    evidence = {"triggered_gallery": gallery(6, trigger=True), "target": 7, "lift": 0.9}
    measurement = measured(0.9, evidence=BackdoorEvidence.from_json(evidence))
    return finding(row("SCAN", "backdoor_scan", at_most=0.5), measurement, "-", "backdoor")


def _signature(of: str = "subject") -> Finding:
    """A row of signatures that passes."""
    settings = {"of": of}
    measurement = dataclasses.replace(measured(0.0), value=0.0, low=0.0, high=0.0, unit="count")
    signed = row("SIGNED", "unverified_files", at_most=0, settings=settings)
    return finding(signed, measurement, "-", "supply_chain")


def _section(subject: dict[str, Any], *findings: Finding) -> Section:
    return weight_file.of(example.assessment(subject=subject, findings=findings))


def _lines(section: Section) -> dict[str, Line]:
    return {each.topic: each for part in section.parts for each in part.lines}


def _part(html: bytes) -> str:
    """The HTML of the section."""
    return html.decode().partition('<section id="weights"')[2].partition("</section>")[0]


def test_a_found_trigger_is_shown() -> None:
    """The page of a poisoned model has the verdict of the scan and its pictures in the section."""
    subject = resolve("poisoned_dirty").to_json()
    shown = _part(page.render(example.assessment(subject=subject, findings=(_scan(),))))
    assert shown.count("<img ") == 3 * weight_file.PICTURES
    assert "The trigger that the scan found" in shown
    text = Markup(shown).text
    assert "unknown triggers ✗ FAIL SCAN" in text
    assert "safetensors, 1,687,168 bytes" in text
    assert "poison kind dirty_label" in text


def test_what_is_not_known_is_said() -> None:
    """A model without files and rows has no fact, no verdict, and a line for each of the questions."""
    section = _section({"name": "own", "spec": "pkg.module:make", "architecture": "Net"})
    lines = _lines(section)
    assert {each.state for each in lines.values()} == {NOT_CHECKED, NOT_RECORDED}
    recorded = ("manifest", "recipe", "seed", "trained on")
    assert {topic for topic in lines if lines[topic].state == NOT_RECORDED} == {*recorded}
    command = "securemnist measure backdoor_scan --model pkg.module:make"
    assert lines["unknown triggers"].command == command
    assert "PASS" not in section.short
    assert section.witness is None


def test_the_model_of_a_fixture_is_to_be_named() -> None:
    """`measure` reads no fixture: its command has a place for the SPEC, that of `assess` needs none."""
    lines = _lines(_section({"name": "own", "spec": "", "architecture": "Net"}))
    assert lines["unknown triggers"].command == "securemnist measure backdoor_scan --model SPEC"


def test_a_file_without_its_manifest_has_no_origin() -> None:
    """ARCHITECTURE@FILE has format and digest; manifest, recipe, seed and data are not recorded."""
    path = resources.WEIGHTS / "baseline.safetensors"
    lines = _lines(_section(resolve(f"A@{path}").to_json()))
    assert lines["format"].state == ""
    assert f"{path.stat().st_size:,} bytes" in lines["format"].text
    for topic in ("manifest", "recipe", "seed", "trained on"):
        assert lines[topic].state == NOT_RECORDED


def test_digests_of_an_onnx_file_are_no_recipe() -> None:
    """What a subject without a manifest has as its recipe, digests of the files, is not shown as one."""
    subject = {"weight_file": {"format": "ONNX"}, "recipe": {"sha256 of net.onnx": "ab"}}
    assert _lines(_section(subject))["recipe"].state == NOT_RECORDED


def test_the_signature_of_other_files_is_none() -> None:
    """A row about the bundled reference models says nothing of another model's file."""
    other = {"name": "own", "spec": "own.safetensors"}
    assert _lines(_section(other, _signature("reference models")))["signature"].state == NOT_CHECKED
    bundled = {"name": "baseline", "about": "a reference model"}
    for subject, of in ((other, "subject"), (bundled, "reference models")):
        assert _lines(_section(subject, _signature(of)))["signature"].state == "PASS"


def test_a_row_out_of_scope_was_not_checked() -> None:
    """A row that did not run is no verdict; the line has the command that runs it."""
    left_out = dataclasses.replace(
        row("SCAN", "backdoor_scan", at_most=0.5, tier="full").unmeasured(Verdict.NOT_RUN, "-"),
        in_scope=False,
    )
    line = _lines(_section({"spec": "own.onnx"}, left_out))["unknown triggers"]
    assert line.state == NOT_CHECKED
    assert line.command == "securemnist assess --model own.onnx --tier full --row SCAN"


def test_an_import_that_was_not_clean_stands_out() -> None:
    """The triage of the imported file is shown; any other word than clean is marked."""
    for said, state in (("clean", ""), ("malicious", "not clean"), (None, "not clean")):
        imported = {"file": "net.pt", "format": "torch checkpoint", "triage": said}
        line = _lines(_section({"recipe": {"imported": imported}}))["imported from"]
        assert line.state == state
        assert "net.pt, torch checkpoint" in line.text


@pytest.mark.parametrize("text", hostile.TEXTS)
def test_outside_text_is_escaped(text: str) -> None:
    """Names of files, the manifest and the recipe act as text wherever they stand."""
    subject = {
        "name": text,
        "spec": text,
        "files": {text: text},
        "weight_file": {"format": "safetensors", "size": 1, "manifest": text},
        "recipe": {
            text: {text: text},
            "imported": dict.fromkeys(("file", "format", "triage"), text),
        },
        "trained_on": {"name": text, "digests": {text: text}},
    }
    assessment = example.assessment(subject=subject, findings=(_scan(),))
    shown = Markup(_part(page.render(Assessment.from_json(assessment.to_json()))))
    assert "trained on" in shown.text
    assert shown.tags <= {"header", "h2", "p", "div", "h3", "dl", "dt", "dd", "span", "a", "code", "b",
                          "figure", "figcaption", "ul", "li", "img", "details", "summary", "table",
                          "caption", "thead", "tbody", "tr", "th", "td"}  # fmt: skip
    assert not {name for name in shown.attributes if name.startswith("on") or name == "style"}


@pytest.mark.parametrize("entry", [None, 7, {"format": 3}, {"format": "pickle"}, {"more": 1}])
def test_a_malformed_entry_is_not_checked(entry: object) -> None:
    """An entry of another form, or of an unknown format, gives no fact about the format."""
    assert _lines(_section({"weight_file": entry}))["format"].state == NOT_CHECKED
