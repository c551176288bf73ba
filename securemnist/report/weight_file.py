"""The section about the weight file: its format, its provenance and its behaviour, side by side.

It repeats what the assessment holds, and says of each question without an answer that there is none.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from securemnist.report import gallery
from securemnist.report.rows import Row
from securemnist.report.rows import rows as rows_of
from securemnist.report.weight_facts import (
    NOT_CHECKED,
    NOT_RECORDED,
    Line,
    file_format,
    manifest,
    missing,
)
from securemnist.results.assessment import Assessment
from securemnist.results.evidence.answers import BackdoorEvidence
from securemnist.results.json_model import table
from securemnist.results.weight_file import WeightFile
from securemnist.sanitize import command
from securemnist.view import wording
from securemnist.view.class_names import NUMBERS, ClassNames
from securemnist.view.figure import Exhibit
from securemnist.view.numbers import plural

PICTURES = 4  # images with the trigger that the scan found
BUNDLED = "reference models"  # of a row of signatures: not the files of the subject
_MOST = 12  # rows of a measure that are named
# The question that a measure answers, and the settings that it needs.
_PROVENANCE = {"unknown_provenance": ("origin", ""), "unverified_files": ("signature", "a key")}
_BEHAVIOUR = {
    "backdoor_scan": ("unknown triggers", ""),
    "backdoor_success": ("known triggers", "a trigger"),
    "poisoned_share": ("poisoned images", ""),
}


class Part(NamedTuple):
    """One column of the section."""

    title: str
    lines: tuple[Line, ...]


class Section(NamedTuple):
    """Format, provenance and behaviour; `witness`: images with the trigger that a scan found."""

    parts: tuple[Part, ...]
    witness: Exhibit | None
    witness_row: str

    @property
    def short(self) -> str:
        """The states in one line: `unknown triggers FAIL; origin PASS; not checked: signature`."""
        lines = [each for part in self.parts for each in part.lines]
        words = [f"{each.topic} {each.state}" for each in lines if each.row or each.kind == "fail"]
        for state in (NOT_RECORDED, NOT_CHECKED):
            if topics := [each.topic for each in lines if each.state == state]:
                words.append(f"{state}: {', '.join(topics)}")
        return "; ".join(dict.fromkeys(words))


def section(
    subject: Mapping[str, Any], rows: Sequence[Row], names: ClassNames = NUMBERS
) -> Section:
    """The section of a subject with the rows of its assessment."""
    witness, row = _witness(rows, names)
    described = WeightFile.of(subject)
    parts = (
        Part("Format", tuple(file_format(subject, described))),
        Part("Provenance", (*manifest(subject, described), *_rows(_PROVENANCE, subject, rows))),
        Part("Behaviour", tuple(_rows(_BEHAVIOUR, subject, rows))),
    )
    return Section(parts, witness, row)


def of(assessment: Assessment) -> Section:
    """The section of an assessment, without a page."""
    names = ClassNames.of(assessment.subject)
    shown = rows_of(assessment.findings, assessment.decided, names=names)
    return section(assessment.subject, shown, names)


def _rows(
    measures: Mapping[str, tuple[str, str]], subject: Mapping[str, Any], rows: Sequence[Row]
) -> Iterator[Line]:
    """The rows of these measures, the bad ones first; a measure without one was not checked."""
    for measure, (topic, needs) in measures.items():
        found = [row for row in rows if _concerns(subject, row, measure)]
        inside = [row for row in found if row.finding.in_scope]
        inside.sort(key=lambda row: wording.severity(row.finding))
        note = _data_note(subject) if measure == "poisoned_share" else ""
        yield from (_judged(topic, row, note) for row in inside[:_MOST])
        if inside[_MOST:]:
            yield Line(topic, f"And {plural(len(inside) - _MOST, 'row')} more below.")
        if not inside:
            yield _unmeasured(topic, measure, needs, subject, found)


def _concerns(subject: Mapping[str, Any], row: Row, measure: str) -> bool:
    """Whether a row of this measure is about this model.

    The signature of the bundled models says something of those only, which alone have `about`.
    """
    requirement = row.finding.requirement
    bundled = requirement.settings.get("of") == BUNDLED
    return requirement.measure == measure and (not bundled or "about" in subject)


def _data_note(subject: Mapping[str, Any]) -> str:
    """Whether the images of this run are those that the manifest says the model was trained on."""
    own, used = (table(table(subject.get(key)).get("digests")) for key in ("trained_on", "data"))
    if own and own == used:
        return ". The manifest names the same data."
    return (
        ". These are the data of this run; it is not recorded that the model was trained on them."
    )


def _judged(topic: str, row: Row, note: str) -> Line:
    """The result of a row; one without a number says that nothing was checked."""
    finding = row.finding
    before = "Found" if finding.measurement else "Not checked"
    waived = ", waived" if row.waived else ""
    symbol = wording.SYMBOLS[finding.verdict]
    text = f"Required: {row.claim} {before}: {wording.sentence(finding, 300)}{note}"
    kind = wording.kind(finding.verdict)
    return Line(topic, text, f"{finding.label}{waived}", kind, symbol, row.anchor, row.id)


def _unmeasured(
    topic: str, measure: str, needs: str, subject: Mapping[str, Any], found: Sequence[Row]
) -> Line:
    """What to run for a measure that this run did not take."""
    spec = str(subject.get("spec") or "")
    model = ["--model", spec] if spec else []
    if found:
        own = found[0].finding.requirement
        run = _command("assess", *model, "--tier", own.tier, "--row", own.id)
        return missing(
            topic, NOT_CHECKED, f"Row {found[0].id} was out of the scope of this run.", run
        )
    text = f"The policy has no row of {measure} for this model; add one, "
    if needs:
        return missing(topic, NOT_CHECKED, f"{text}with {needs}.")
    run = _command("measure", measure, "--model", spec or "SPEC")  # it reads no fixture
    return missing(topic, NOT_CHECKED, f"{text}or run it alone.", run)


def _command(name: str, *words: str) -> str:
    return command(shlex.join(["securemnist", name, *words]), ("securemnist", name))


def _witness(rows: Sequence[Row], names: ClassNames) -> tuple[Exhibit | None, str]:
    for row in rows:
        finding, evidence = row.finding, row.finding.evidence
        if finding.requirement.measure != "backdoor_scan" or not finding.in_scope:
            continue
        if isinstance(evidence, BackdoorEvidence) and evidence.triggered_gallery:
            images = evidence.triggered_gallery[:PICTURES]
            title, after = "The trigger that the scan found", "with the trigger"
            return gallery.of_images("witness", title, after, images, names), row.id
    return None, ""
